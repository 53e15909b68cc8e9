"""What all definitions share: the statement, the schema it changes, the names that are free, and the errors."""

from __future__ import annotations

from typing import Any

from engine.base.errors import DatabaseError, IntegrityError, LimitError, NotSupportedError
from engine.catalog.catalog import RESERVED_SCHEMA, Catalog, Schema
from engine.catalog.objects import Index, IndexColumn, Table, View
from engine.record.types import Type
from engine.sql.binder import Binder
from engine.sql.collation import BINARY, NOCASE
from engine.sql.compile_expr import Runtime
from engine.sql.index_entries import compile_entries
from engine.sql.index_fill import fill_index
from engine.sql.plan import SystemTable
from engine.sql.row_exprs import bind_row_expr, refuse_changing
from engine.sql.scope import problem, suggestion
from engine.sql.writer import unique_names
from grammar import ast

KEY_COLUMNS_MAX = 32


class Definition:
    """One definition inside a transaction; subclasses carry out the kinds of them."""

    def __init__(
        self,
        text: str,
        schema: Schema,
        catalog: Catalog,
        txn: Any,
        system_tables: dict[str, SystemTable],
        temporary: dict[str, View],
        flag: list[Any] | None = None,
    ):
        self.text = text
        self.schema = schema
        self.catalog = catalog
        self.txn = txn
        self.system_tables = system_tables
        self.temporary = temporary
        self.flag = flag if flag is not None else Runtime().flag

    def fail(self, node: ast.Node, message: str, hint: str | None = None) -> DatabaseError:
        """An error at a node."""
        return problem(self.text, node.span, message, hint)

    def unsupported(self, node: ast.Node, what: str) -> DatabaseError:
        """A NotSupportedError at a node."""
        return problem(self.text, node.span, f"{what} is not supported yet", kind=NotSupportedError)

    def new_name(self, name: ast.ObjectName, what: str, if_not_exists: bool) -> bool:
        """Whether the name is free; an error when it is taken and that matters."""
        if (name.schema or "main").lower() == RESERVED_SCHEMA:
            raise self.fail(name, "the schema sys is the engine's own")
        if (name.schema or "main").lower() != "main":
            raise self.fail(name, f"no such schema: {name.schema}")
        if not self.schema.has(name.name):
            return True
        same_kind = name.name.lower() in getattr(self.schema, what)
        if if_not_exists and same_kind:
            return False
        raise self.fail(name, f"{name.name} exists already")

    def free_name(self, wanted: str, taken: set[str]) -> str:
        name, number = wanted, 1
        while self.schema.has(name) or name.lower() in taken:
            number += 1
            name = f"{wanted}{number}"
        taken.add(name.lower())
        return name

    def binder(self) -> Binder:
        """A binder over the schema as it was before the statement."""
        return Binder(self.text, self.schema, self.system_tables)

    def source(self, node: ast.Node) -> str:
        """The text of a node."""
        return self.text[node.span[0] : node.span[1]]

    def missing(self, name: ast.ObjectName, what: str, known: list[str]) -> DatabaseError:
        for kind, objects in (
            ("table", self.schema.tables),
            ("view", self.schema.views),
            ("index", self.schema.indexes),
        ):
            if kind != what and name.name.lower() in objects:
                return self.fail(name, f"{name} is a {kind}, not a {what}", f"use DROP {kind.upper()}")
        close = suggestion(name.name, known)
        return self.fail(name, f"no such {what}: {name}", f"did you mean {close}?" if close else None)

    def key_columns(
        self, nodes: tuple[ast.IndexedColumn, ...], table: Table | dict[str, int], around: ast.Node
    ) -> tuple[IndexColumn, ...]:
        """The columns of a key; of an index (a Table is given) also expressions."""
        positions = table.positions if isinstance(table, Table) else table
        if len(nodes) > KEY_COLUMNS_MAX:
            raise problem(self.text, around.span, f"a key has at most {KEY_COLUMNS_MAX} columns", kind=LimitError)
        found: list[IndexColumn] = []
        for node in nodes:
            last = None if node.nulls_first is None else not node.nulls_first
            expr, collation = node.expr, ""
            if isinstance(expr, ast.Collate) and isinstance(expr.operand, ast.ColumnRef):
                collation, expr = expr.collation.upper(), expr.operand
                if collation != NOCASE and collation not in BINARY:
                    raise self.fail(node, f"no such collation: {collation}", "there are BINARY and NOCASE")
            if not isinstance(expr, ast.ColumnRef):
                if not isinstance(table, Table):
                    raise self.fail(node, "a key is made of columns", "CREATE UNIQUE INDEX takes expressions")
                found.append(self._expression_column(node, table, last))
                continue
            position = positions.get(expr.name.lower())
            if position is None:
                close = suggestion(expr.name, positions)
                raise self.fail(node, f"no such column: {expr.name}", f"did you mean {close}?" if close else None)
            column = IndexColumn(position, node.descending, last)
            if isinstance(table, Table) and collation not in BINARY:
                column = collated(table, column, collation)
            elif collation:
                raise self.fail(node, "a key has the collations of its columns", "CREATE UNIQUE INDEX takes others")
            if column in found or any(other.position == position for other in found):
                raise self.fail(node, f"the column {expr.name} is there twice")
            found.append(column)
        return tuple(found)

    def _expression_column(self, node: ast.IndexedColumn, table: Table, last: bool | None) -> IndexColumn:
        sql = self.source(node.expr)
        expr, _ = bind_row_expr(self.binder(), table, sql, "in an index")
        refuse_changing(expr, self.text, node.span, "an index expression")
        if expr.type in (Type.ANY, Type.NULL):
            raise self.fail(node, f"the type of {sql} is not known", "say it: CAST(... AS type)")
        return IndexColumn(-1, node.descending, last, sql, expr.type)

    def fill(self, table: Table, index: Index) -> None:
        """The entries for the rows there are. Raises IntegrityError."""
        rt = Runtime()
        rt.txn = self.txn
        entries = compile_entries(self.binder(), table, index, rt)
        if not fill_index(self.txn, table, index, entries, self.flag):
            names = unique_names(table, index)
            raise IntegrityError(f"UNIQUE constraint failed: {names} (the table holds equal rows)")


def collated(table: Table, column: IndexColumn, collation: str = "") -> IndexColumn:
    """A column of an index as what is compared: nocase(column) where it, or the index, has COLLATE NOCASE."""
    given = table.columns[column.position]
    if (collation or given.collation) != NOCASE or given.type is not Type.TEXT:
        return column
    name = given.name.replace('"', '""')
    return IndexColumn(-1, column.descending, column.nulls_last, f'nocase("{name}")', Type.TEXT)
