"""CREATE and DROP of tables, indexes and views: rows of the catalog, and trees."""

from __future__ import annotations

from typing import Any

from engine.base.errors import DatabaseError, Error, IntegrityError, LimitError, NotSupportedError
from engine.catalog.catalog import RESERVED_SCHEMA, Catalog, Schema
from engine.catalog.objects import Check, Column, Index, IndexColumn, KeyKind, Table, View
from engine.record.types import Type, type_named
from engine.sql.bind_expr import ExprBinder
from engine.sql.binder import Binder
from engine.sql.change import default_expr, table_scope
from engine.sql.plan import SystemTable
from engine.sql.scope import problem, suggestion
from grammar import ast
from grammar.parser import parse_expression

COLUMNS_MAX = 2000
KEY_COLUMNS_MAX = 32


class Definer:
    """Carries out one definition inside a transaction."""

    def __init__(
        self,
        text: str,
        schema: Schema,
        catalog: Catalog,
        txn: Any,
        system_tables: dict[str, SystemTable],
        temporary: dict[str, View],
    ):
        self.text = text
        self.schema = schema
        self.catalog = catalog
        self.txn = txn
        self.system_tables = system_tables
        self.temporary = temporary

    def fail(self, node: ast.Node, message: str, hint: str | None = None) -> DatabaseError:
        """An error at a node."""
        return problem(self.text, node.span, message, hint)

    def unsupported(self, node: ast.Node, what: str) -> DatabaseError:
        """A NotSupportedError at a node."""
        return problem(self.text, node.span, f"{what} is not supported yet", kind=NotSupportedError)

    def run(self, node: ast.Statement) -> bool:
        """Carry out a definition; whether anything changed. Raises ProgrammingError, IntegrityError, NotSupportedError."""
        handler = {
            ast.CreateTable: self.create_table,
            ast.CreateIndex: self.create_index,
            ast.CreateView: self.create_view,
            ast.DropTable: self.drop_table,
            ast.DropIndex: self.drop_index,
            ast.DropView: self.drop_view,
        }.get(type(node))
        if handler is None:
            raise self.unsupported(node, type(node).__name__)
        return handler(node)  # type: ignore[operator, no-any-return]

    def _new_name(self, name: ast.ObjectName, what: str, if_not_exists: bool) -> bool:
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

    # ------------------------------------------------------------------------------------------------- tables

    def create_table(self, node: ast.CreateTable) -> bool:
        """CREATE TABLE."""
        if not self._new_name(node.name, "tables", node.if_not_exists):
            return False
        if node.temporary:
            raise self.unsupported(node, "a temporary table")
        if node.query is not None:
            raise self.unsupported(node, "CREATE TABLE AS")
        if len(node.columns) > COLUMNS_MAX:
            raise problem(self.text, node.span, f"a table has at most {COLUMNS_MAX} columns", kind=LimitError)
        columns = [self._column(column, node) for column in node.columns]
        positions: dict[str, int] = {}
        for i, column in enumerate(columns):
            if positions.setdefault(column.name.lower(), i) != i:
                raise self.fail(node.columns[i], f"the column {column.name} is there twice")
        primary, uniques, checks = self._constraints(node, columns, positions)
        kind = KeyKind.ROWID
        if primary:
            alone = len(primary) == 1 and columns[primary[0].position].type is Type.INTEGER
            kind = KeyKind.ALIAS if alone and not primary[0].descending else KeyKind.COLUMNS
            for key in primary:
                column = columns[key.position]
                columns[key.position] = Column(column.name, column.type, column.declared, True, column.default)
        sql = self.text[node.span[0] : node.span[1]]
        name = node.name.name
        table = Table(name, self.txn.create_tree(), tuple(columns), kind, primary, (), checks, (), sql)
        self._verify(table, node)
        self.catalog.put_table(self.txn, table)
        taken = {name.lower()}
        for unique in uniques:
            if unique == primary:
                continue
            title = self._free_name("_".join([name, *(columns[c.position].name for c in unique), "key"]), taken)
            index = Index(title, name, self.txn.create_tree(), unique, True, "u")
            self.catalog.put_index(self.txn, index)
        return True

    def _free_name(self, wanted: str, taken: set[str]) -> str:
        name, number = wanted, 1
        while self.schema.has(name) or name.lower() in taken:
            number += 1
            name = f"{wanted}{number}"
        taken.add(name.lower())
        return name

    def _column(self, node: ast.ColumnDef, table: ast.CreateTable) -> Column:
        if node.type is None:
            raise self.fail(
                node, f"the column {node.name} needs a type", "INTEGER, REAL, TEXT, BLOB, BOOLEAN, DATE, TIMESTAMP"
            )
        try:
            kind = type_named(node.type.name)
        except Error as error:
            raise self.fail(node.type, str(error)) from None
        not_null, default = False, None
        for constraint in node.constraints:
            if isinstance(constraint, ast.NotNull):
                not_null = not constraint.negated
            elif isinstance(constraint, ast.Default):
                default = self._source(constraint.value)
            elif isinstance(constraint, ast.CollateConstraint):
                if constraint.collation.upper() != "BINARY":
                    raise self.unsupported(constraint, f"COLLATE {constraint.collation}")
            elif isinstance(constraint, ast.Generated):
                raise self.unsupported(constraint, "a generated column")
            elif isinstance(constraint, ast.ForeignKey):
                raise self.unsupported(constraint, "FOREIGN KEY")
        declared = node.type.name
        if node.type.arguments:
            declared += f"({', '.join(map(str, node.type.arguments))})"
        return Column(node.name, kind, declared, not_null, default)

    def _source(self, node: ast.Node) -> str:
        """The text of a node."""
        return self.text[node.span[0] : node.span[1]]

    def _constraints(
        self, node: ast.CreateTable, columns: list[Column], positions: dict[str, int]
    ) -> tuple[tuple[IndexColumn, ...], list[tuple[IndexColumn, ...]], tuple[Check, ...]]:
        """The primary key, the UNIQUE constraints and the CHECKs of a table, wherever they are written."""
        primary: tuple[IndexColumn, ...] = ()
        uniques: list[tuple[IndexColumn, ...]] = []
        checks: list[Check] = []
        placed = [(i, c) for i, column in enumerate(node.columns) for c in column.constraints]
        for position, constraint in [*placed, *((-1, c) for c in node.constraints)]:
            if isinstance(constraint, ast.PrimaryKey):
                if primary:
                    raise self.fail(constraint, "a table has one primary key only")
                if position >= 0:
                    primary = (IndexColumn(position, constraint.descending),)
                else:
                    primary = self._index_columns(constraint.columns, positions, constraint)
            elif isinstance(constraint, ast.Unique):
                if position >= 0:
                    uniques.append((IndexColumn(position),))
                else:
                    uniques.append(self._index_columns(constraint.columns, positions, constraint))
            elif isinstance(constraint, ast.CheckConstraint):
                checks.append(Check(constraint.name, self._source(constraint.expr)))
            elif isinstance(constraint, ast.ForeignKey):
                raise self.unsupported(constraint, "FOREIGN KEY")
        return primary, uniques, tuple(checks)

    def _index_columns(
        self, nodes: tuple[ast.IndexedColumn, ...], positions: dict[str, int], around: ast.Node
    ) -> tuple[IndexColumn, ...]:
        """Columns of a key by position."""
        if len(nodes) > KEY_COLUMNS_MAX:
            raise problem(self.text, around.span, f"a key has at most {KEY_COLUMNS_MAX} columns", kind=LimitError)
        found: list[IndexColumn] = []
        for node in nodes:
            if not isinstance(node.expr, ast.ColumnRef):
                raise self.unsupported(node, "an expression in an index")
            position = positions.get(node.expr.name.lower())
            if position is None:
                close = suggestion(node.expr.name, positions)
                raise self.fail(node, f"no such column: {node.expr.name}", f"did you mean {close}?" if close else None)
            if any(column.position == position for column in found):
                raise self.fail(node, f"the column {node.expr.name} is there twice")
            last = None if node.nulls_first is None else not node.nulls_first
            found.append(IndexColumn(position, node.descending, last))
        return tuple(found)

    def _verify(self, table: Table, node: ast.CreateTable) -> None:
        """CHECKs and DEFAULTs must make sense now, not at the first INSERT."""
        binder = Binder(self.text, self.schema, self.system_tables)
        for check in table.checks:
            scope, _ = table_scope(binder, table, table.name)
            binder.text = check.sql
            ExprBinder(binder, scope, place="in CHECK").condition(parse_expression(check.sql))
        for position in range(len(table.columns)):
            default_expr(binder, table, position)
        binder.text = self.text
        if binder.params.count or binder.params.names:
            raise self.fail(node, "a definition cannot have parameters")

    def drop_table(self, node: ast.DropTable) -> bool:
        """DROP TABLE."""
        changed = False
        for name in node.names:
            table = self.schema.tables.get(name.name.lower())
            if table is None or (name.schema or "main").lower() != "main":
                if node.if_exists and not self.schema.has(name.name):
                    continue
                raise self._missing(name, "table", [t.name for t in self.schema.tables.values()])
            for index in table.indexes:
                self.txn.drop_tree(index.tree)
                self.catalog.remove(self.txn, "index", index.name)
            self.txn.drop_tree(table.tree)
            self.catalog.remove(self.txn, "table", table.name)
            changed = True
        return changed

    def _missing(self, name: ast.ObjectName, what: str, known: list[str]) -> DatabaseError:
        for kind, objects in (
            ("table", self.schema.tables),
            ("view", self.schema.views),
            ("index", self.schema.indexes),
        ):
            if kind != what and name.name.lower() in objects:
                return self.fail(name, f"{name} is a {kind}, not a {what}", f"use DROP {kind.upper()}")
        close = suggestion(name.name, known)
        return self.fail(name, f"no such {what}: {name}", f"did you mean {close}?" if close else None)

    # ------------------------------------------------------------------------------------------------ indexes

    def create_index(self, node: ast.CreateIndex) -> bool:
        """CREATE INDEX: the definition, and an entry for each row there is."""
        table = self.schema.tables.get(node.table.name.lower())
        if table is None:
            raise self._missing(node.table, "table", [t.name for t in self.schema.tables.values()])
        columns = self._index_columns(node.columns, table.positions, node)
        if node.where is not None:
            raise self.unsupported(node.where, "a partial index")
        if node.name is None:
            title = "_".join([table.name, *(table.columns[c.position].name for c in columns), "idx"])
            title = self._free_name(title, set())
        else:
            if not self._new_name(node.name, "indexes", node.if_not_exists):
                return False
            title = node.name.name
        sql = self.text[node.span[0] : node.span[1]]
        index = Index(title, table.name, self.txn.create_tree(), columns, node.unique, "c", sql)
        self._fill(table, index)
        self.catalog.put_index(self.txn, index)
        return True

    def _fill(self, table: Table, index: Index) -> None:
        """Entries in the order of the index, which builds its tree without a split in the middle."""
        positions = [column.position for column in index.columns]
        decoder = table.decoder(positions)
        entries = []
        for key, row in decoder.rows_with_keys(self.txn.scan(table.tree)):
            entries.append(index.entry(list(row), key))
        entries.sort()
        before: bytes | None = None
        for items, value in entries:
            if items == before:
                names = ", ".join(f"{table.name}.{table.columns[p].name}" for p in positions)
                raise IntegrityError(f"UNIQUE constraint failed: {names} (the table holds equal rows)")
            self.txn.put(index.tree, items, value)
            before = items

    def drop_index(self, node: ast.DropIndex) -> bool:
        """DROP INDEX."""
        changed = False
        for name in node.names:
            index = self.schema.indexes.get(name.name.lower())
            if index is None:
                if node.if_exists and not self.schema.has(name.name):
                    continue
                raise self._missing(name, "index", [i.name for i in self.schema.indexes.values()])
            if index.origin == "u":
                raise self.fail(name, f"the index {index.name} serves a UNIQUE constraint of {index.table}")
            self.txn.drop_tree(index.tree)
            self.catalog.remove(self.txn, "index", index.name)
            changed = True
        return changed

    # -------------------------------------------------------------------------------------------------- views

    def create_view(self, node: ast.CreateView) -> bool:
        """CREATE VIEW. The query is bound once, so that a wrong one is refused now. A temporary one is the session's."""
        if node.or_replace and node.name.name.lower() in self.temporary:
            del self.temporary[node.name.name.lower()]
        elif node.or_replace and node.name.name.lower() in self.schema.views:
            self.catalog.remove(self.txn, "view", node.name.name)
        elif not self._new_name(node.name, "views", node.if_not_exists):
            return False
        binder = Binder(self.text, self.schema, self.system_tables)
        binder.rename(binder.query(node.query), node.columns, node)
        if binder.params.count or binder.params.names:
            raise self.fail(node, "a view cannot have parameters")
        sql = self.text[node.query.span[0] : node.query.span[1]]
        view = View(node.name.name, sql, node.columns)
        if node.temporary:
            self.temporary[view.name.lower()] = view
        else:
            self.catalog.put_view(self.txn, view)
        return True

    def drop_view(self, node: ast.DropView) -> bool:
        """DROP VIEW."""
        changed = False
        for name in node.names:
            view = self.schema.views.get(name.name.lower())
            if view is None:
                if node.if_exists and not self.schema.has(name.name):
                    continue
                raise self._missing(name, "view", [v.name for v in self.schema.views.values()])
            if self.temporary.pop(view.name.lower(), None) is None:
                self.catalog.remove(self.txn, "view", view.name)
            changed = True
        return changed


__all__ = ["COLUMNS_MAX", "Definer"]
