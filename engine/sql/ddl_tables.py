"""CREATE TABLE and DROP TABLE: rows of the catalog, and trees."""

from __future__ import annotations

from engine.base.dataclass import replace
from engine.base.errors import DatabaseError, Error, LimitError
from engine.catalog.objects import Check, Column, ForeignKey, Index, IndexColumn, KeyKind, Table
from engine.record.types import Type, type_named
from engine.sql.collation import BINARY, NOCASE
from engine.sql.definition import Definition, collated
from engine.sql.foreign_keys import make_link
from engine.sql.row_exprs import bind_row_expr, default_expr, refuse_changing
from engine.sql.scope import problem, suggestion
from grammar import ast

COLUMNS_MAX = 2000


class TableDefinition(Definition):
    """CREATE TABLE, DROP TABLE, and what ALTER TABLE needs of them."""

    def create_table(self, node: ast.CreateTable) -> bool:
        """CREATE TABLE."""
        if not self.new_name(node.name, "tables", node.if_not_exists):
            return False
        if node.temporary:
            raise self.unsupported(node, "a temporary table")
        if node.query is not None:
            raise self.unsupported(node, "CREATE TABLE AS")
        if len(node.columns) > COLUMNS_MAX:
            raise problem(self.text, node.span, f"a table has at most {COLUMNS_MAX} columns", kind=LimitError)
        columns = [self.column(column) for column in node.columns]
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
                columns[key.position] = replace(columns[key.position], not_null=True)
        sql = self.text[node.span[0] : node.span[1]]
        name = node.name.name
        table = Table(name, self.txn.create_tree(), tuple(columns), kind, primary, (), checks, (), sql)
        self.verify(table, node)
        taken = {name.lower()}
        uniques = [unique for unique in uniques if unique != primary]
        if any(columns[key.position].collation for key in primary):
            uniques.insert(0, primary)  # its own order is that of bytes, and tells Ann from ann
        indexes = [self._unique_index(table, unique, taken) for unique in uniques]
        table = table.with_indexes(tuple(indexes))
        table = replace(table, foreign_keys=self.foreign_keys(node.columns, node.constraints, table), positions={})
        self.catalog.put_table(self.txn, table)
        for index in indexes:
            self.catalog.put_index(self.txn, index)
        return True

    def _unique_index(self, table: Table, columns: tuple[IndexColumn, ...], taken: set[str]) -> Index:
        """The index of a UNIQUE constraint, empty."""
        names = [table.name, *(table.columns[c.position].name for c in columns), "key"]
        columns = tuple(collated(table, column) for column in columns)
        return Index(self.free_name("_".join(names), taken), table.name, self.txn.create_tree(), columns, True, "u")

    def column(self, node: ast.ColumnDef) -> Column:
        """A column as declared, without the constraints that are the table's."""
        if node.type is None:
            raise self.fail(
                node, f"the column {node.name} needs a type", "INTEGER, REAL, TEXT, BLOB, BOOLEAN, DATE, TIMESTAMP"
            )
        try:
            kind = type_named(node.type.name)
        except Error as error:
            raise self.fail(node.type, str(error)) from None
        not_null, default, collation = False, None, ""
        for constraint in node.constraints:
            if isinstance(constraint, ast.NotNull):
                not_null = not constraint.negated
            elif isinstance(constraint, ast.Default):
                default = self.source(constraint.value)
            elif isinstance(constraint, ast.CollateConstraint):
                collation = constraint.collation.upper()
                if collation != NOCASE and collation not in BINARY:
                    raise self.fail(
                        constraint, f"no such collation: {constraint.collation}", "there are BINARY and NOCASE"
                    )
                if collation == NOCASE and kind is not Type.TEXT:
                    raise self.fail(constraint, f"COLLATE NOCASE is for TEXT, and {node.name} is {kind.name}")
            elif isinstance(constraint, ast.Generated):
                raise self.unsupported(constraint, "a generated column")
        declared = node.type.name
        if node.type.arguments:
            declared += f"({', '.join(map(str, node.type.arguments))})"
        return Column(node.name, kind, declared, not_null, default, collation=NOCASE if collation == NOCASE else "")

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
                    primary = self.key_columns(constraint.columns, positions, constraint)
            elif isinstance(constraint, ast.Unique):
                if position >= 0:
                    uniques.append((IndexColumn(position),))
                else:
                    uniques.append(self.key_columns(constraint.columns, positions, constraint))
            elif isinstance(constraint, ast.CheckConstraint):
                checks.append(Check(constraint.name, self.source(constraint.expr)))
        return primary, uniques, tuple(checks)

    def foreign_keys(
        self, columns: tuple[ast.ColumnDef, ...], constraints: tuple[ast.Constraint, ...], table: Table, shift: int = 0
    ) -> tuple[ForeignKey, ...]:
        """The FOREIGN KEYs among column definitions (of the columns from `shift` on) and constraints of a table."""
        found = []
        placed = [((i + shift,), c) for i, column in enumerate(columns) for c in column.constraints]
        for given, constraint in [*placed, *(((), c) for c in constraints)]:
            if isinstance(constraint, ast.ForeignKey):
                found.append(self.foreign_key(constraint, given, table))
        return tuple(found)

    def foreign_key(self, node: ast.ForeignKey, given: tuple[int, ...], table: Table) -> ForeignKey:
        """One FOREIGN KEY of `table`: its parent must have the key it refers to, with the same types."""
        positions = list(given)
        for column in node.columns:
            position = table.positions.get(column.name.lower())
            if position is None:
                close = suggestion(column.name, table.positions)
                hint = f"did you mean {close}?" if close else None
                raise self.fail(column, f"no such column: {column.name}", hint)
            positions.append(position)
        own = node.table.name.lower() == table.name.lower()
        parent = table if own else self.schema.tables.get(node.table.name.lower())
        if parent is None:
            raise self.missing(node.table, "table", [t.name for t in self.schema.tables.values()])
        for column in node.target_columns:
            if column.name.lower() not in parent.positions:
                close = suggestion(column.name, parent.positions)
                hint = f"did you mean {close}?" if close else None
                raise self.fail(column, f"the table {parent.name} has no column {column.name}", hint)
        key = ForeignKey(
            tuple(positions),
            parent.name,
            tuple(column.name for column in node.target_columns),
            node.on_delete or "NO ACTION",
            node.on_update or "NO ACTION",
            node.name,
            node.initially_deferred,
        )
        link = make_link(self.schema, table, key)
        if link is None:
            raise self._no_target(node, key, parent)
        for position, target in zip(link.key.columns, link.parent_columns, strict=True):
            mine, other = table.columns[position], parent.columns[target]
            if mine.type is not other.type:
                what = f"{mine.name} is {mine.type.name} and {parent.name}.{other.name} is {other.type.name}"
                raise self.fail(node, f"a FOREIGN KEY needs columns of the same types: {what}")
        return key

    def _no_target(self, node: ast.ForeignKey, key: ForeignKey, parent: Table) -> DatabaseError:
        count = len(key.target_columns) or len(parent.primary_key)
        if not count:
            return self.fail(
                node, f"the table {parent.name} has no primary key", "name the columns of a UNIQUE constraint"
            )
        if count != len(key.columns):
            return self.fail(node, f"a FOREIGN KEY of {len(key.columns)} column(s) cannot refer to {count}")
        return self.fail(
            node,
            f"{parent.name} ({', '.join(key.target_columns)}) is neither its primary key nor UNIQUE",
            "a FOREIGN KEY refers to a key",
        )

    def verify(self, table: Table, node: ast.Node) -> None:
        """CHECKs and DEFAULTs must make sense now, not at the first INSERT."""
        binder = self.binder()
        for check in table.checks:
            expr, _ = bind_row_expr(binder, table, check.sql, "in CHECK")
            refuse_changing(expr, self.text, node.span, "a CHECK")
        for position in range(len(table.columns)):
            default_expr(binder, table, position)
        if binder.params.count or binder.params.names:
            raise self.fail(node, "a definition cannot have parameters")

    def drop_table(self, node: ast.DropTable) -> bool:
        """DROP TABLE."""
        changed = False
        going = {name.name.lower() for name in node.names}
        for name in node.names:
            table = self.schema.tables.get(name.name.lower())
            if table is None or (name.schema or "main").lower() != "main":
                if node.if_exists and not self.schema.has(name.name):
                    continue
                raise self.missing(name, "table", [t.name for t in self.schema.tables.values()])
            for other, _ in self.schema.referring.get(table.name.lower(), ()):
                if other.name.lower() not in going:
                    raise self.fail(name, f"the table {other.name} refers to {table.name}", f"drop {other.name} first")
            for index in table.indexes:
                self.txn.drop_tree(index.tree)
                self.catalog.remove(self.txn, "index", index.name)
            self.txn.drop_tree(table.tree)
            self.catalog.remove(self.txn, "table", table.name)
            self.catalog.forget_statistics(self.txn, table.name)
            changed = True
        return changed
