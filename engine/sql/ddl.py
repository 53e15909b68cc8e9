"""Definitions: CREATE, DROP and ALTER of tables, indexes and views, carried out inside a transaction.

definition.py   what they share             ddl_indexes.py  CREATE INDEX, DROP INDEX
ddl_tables.py   CREATE TABLE, DROP TABLE    ddl_views.py    CREATE VIEW, DROP VIEW
alter.py        ALTER TABLE
"""

from __future__ import annotations

from typing import Any

from engine.catalog.catalog import Catalog, Schema
from engine.catalog.objects import View
from engine.sql.alter import Alteration
from engine.sql.ddl_indexes import IndexDefinition
from engine.sql.ddl_tables import TableDefinition
from engine.sql.ddl_views import ViewDefinition
from engine.sql.plan import SystemTable
from grammar import ast

_KINDS: dict[type[ast.Statement], tuple[type[Any], str]] = {
    ast.CreateTable: (TableDefinition, "create_table"),
    ast.DropTable: (TableDefinition, "drop_table"),
    ast.AlterTable: (Alteration, "alter_table"),
    ast.CreateIndex: (IndexDefinition, "create_index"),
    ast.DropIndex: (IndexDefinition, "drop_index"),
    ast.CreateView: (ViewDefinition, "create_view"),
    ast.DropView: (ViewDefinition, "drop_view"),
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
) -> bool:
    """Carry out a definition; whether anything changed. Raises ProgrammingError, IntegrityError, NotSupportedError."""
    kind, method = _KINDS[type(node)]
    return bool(getattr(kind(text, schema, catalog, txn, system_tables, temporary), method)(node))
