"""Definitions: CREATE, DROP and ALTER of tables, indexes and views, carried out inside a transaction.

definition.py   what they share             ddl_indexes.py  CREATE INDEX, DROP INDEX
ddl_tables.py   CREATE TABLE, DROP TABLE    ddl_views.py    CREATE VIEW, DROP VIEW
alter.py        ALTER TABLE
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from engine.catalog.catalog import Catalog, Schema
from engine.catalog.objects import View
from engine.sql.plan import SystemTable
from grammar import ast


def _tables() -> type[Any]:  # a session that defines nothing loads none of them
    from engine.sql.ddl_tables import TableDefinition

    return TableDefinition


def _alterations() -> type[Any]:
    from engine.sql.alter import Alteration

    return Alteration


def _indexes() -> type[Any]:
    from engine.sql.ddl_indexes import IndexDefinition

    return IndexDefinition


def _views() -> type[Any]:
    from engine.sql.ddl_views import ViewDefinition

    return ViewDefinition


_KINDS: dict[type[ast.Statement], tuple[Callable[[], type[Any]], str]] = {
    ast.CreateTable: (_tables, "create_table"),
    ast.DropTable: (_tables, "drop_table"),
    ast.AlterTable: (_alterations, "alter_table"),
    ast.CreateIndex: (_indexes, "create_index"),
    ast.DropIndex: (_indexes, "drop_index"),
    ast.CreateView: (_views, "create_view"),
    ast.DropView: (_views, "drop_view"),
}
DEFINITIONS = tuple(_KINDS)


def define(
    node: ast.Statement,
    text: str,
    schema: Schema,
    catalog: Catalog,
    txn: Any,
    system_tables: dict[str, SystemTable],
    temporary: dict[str, View],
    flag: list[Any] | None = None,
) -> bool:
    """Carry out a definition; whether anything changed. flag: of the session, which may cancel it. Raises ProgrammingError, IntegrityError, NotSupportedError."""
    kind, method = _KINDS[type(node)]
    return bool(getattr(kind()(text, schema, catalog, txn, system_tables, temporary, flag), method)(node))
