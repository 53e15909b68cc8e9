"""ALTER TABLE: rename, add and drop columns, rename tables, add constraints; all inside the statement's transaction.

What depends on the thing either follows or the statement is refused:

    keys, indexes, CHECKs, FOREIGN KEYs   follow a new name; a column they use is not dropped
    views                                 follow a new name of the table; a column they name is neither renamed nor dropped

A new column costs nothing for the rows there are: they are read with its default. Dropping one writes the table anew.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from engine.base.dataclass import replace
from engine.base.errors import Error, IntegrityError, ProgrammingError
from engine.catalog.objects import Check, Column, Index, IndexColumn, Table, View
from engine.record.types import Value, convert
from engine.sql.compile_expr import Runtime, compile_condition, compile_expr
from engine.sql.ddl_tables import COLUMNS_MAX, TableDefinition
from engine.sql.foreign_keys import check_table, make_link
from engine.sql.renaming import (
    column_renamer,
    qualifier_renamer,
    rewritten_expression,
    rewritten_statement,
    tables_read,
    transformed,
    view_reads,
)
from engine.sql.row_exprs import bind_row_expr, default_expr
from engine.sql.scope import suggestion
from grammar import ast
from grammar.parser import parse, parse_expression


class Alteration(TableDefinition):
    """Carries out one ALTER TABLE."""

    def alter_table(self, node: ast.AlterTable) -> bool:
        """ALTER TABLE."""
        table = self.schema.tables.get(node.table.name.lower())
        if table is None or (node.table.schema or "main").lower() != "main":
            if node.if_exists and not self.schema.has(node.table.name):
                return False
            raise self.missing(node.table, "table", [t.name for t in self.schema.tables.values()])
        action = node.action
        if isinstance(action, ast.RenameTable):
            return self._rename_table(action, table)
        if isinstance(action, ast.RenameColumn):
            return self._rename_column(action, table)
        if isinstance(action, ast.AddColumn):
            return self._add_column(action, table)
        if isinstance(action, ast.DropColumn):
            return self._drop_column(action, table)
        assert isinstance(action, ast.AddConstraint)
        return self._add_constraint(action, table)

    def _position(self, table: Table, node: ast.ColumnRef) -> int:
        position = table.positions.get(node.name.lower())
        if position is None:
            close = suggestion(node.name, [column.name for column in table.columns])
            hint = f"did you mean {close}?" if close else None
            raise self.fail(node, f"the table {table.name} has no column {node.name}", hint)
        return position

    def _store(self, table: Table) -> None:
        self.catalog.put_table(self.txn, table)
        for index in table.indexes:
            self.catalog.put_index(self.txn, index)

    # ----------------------------------------------------------------------------------------------- new names

    def _rename_table(self, node: ast.RenameTable, table: Table) -> bool:
        old, new = table.name, node.name
        if old == new:
            return False
        if old.lower() != new.lower() and self.schema.has(new):
            raise self.fail(node, f"{new} exists already")
        shadowed = [v.name for v in self.schema.views.values() if _defines(parse(v.sql), old)]
        if shadowed:
            raise self.fail(node, f"the view {shadowed[0]} has a WITH table of the name {old}", "drop the view first")
        follow = qualifier_renamer(old, new)
        self.catalog.remove(self.txn, "table", old)
        self._store(self._renamed(table, old, new, follow))
        statistics = self.schema.statistics.get(old.lower())
        if statistics is not None:
            self.catalog.forget_statistics(self.txn, old)
            self.catalog.put_statistics(self.txn, new, statistics)
        for child, _ in self.schema.referring.get(old.lower(), ()):
            if child.name.lower() != old.lower():
                keys = tuple(
                    replace(key, table=new) if key.table.lower() == old.lower() else key for key in child.foreign_keys
                )
                sql = rewritten_statement(child.sql, lambda tree: transformed(tree, _target_renamer(old, new)))
                self.catalog.put_table(self.txn, replace(child, foreign_keys=keys, sql=sql, positions={}))
        for view in self.schema.views.values():
            sql = view_reads(view.sql, old, new)
            if sql != view.sql:
                self._put_view(replace(view, sql=sql))
        return True

    def _renamed(self, table: Table, old: str, new: str, follow: Callable[[ast.Node], ast.Node]) -> Table:
        """The table and its indexes under another name of the table."""

        def definition(tree: Any) -> ast.Node:
            tree = transformed(transformed(tree, follow), _target_renamer(old, new))
            if isinstance(tree, ast.CreateIndex):
                return ast.replace(tree, table=ast.ObjectName(new))
            renamed: ast.Node = ast.replace(tree, name=ast.ObjectName(new))
            return renamed

        indexes = tuple(
            replace(_followed(index, follow), table=new, sql=rewritten_statement(index.sql, definition))
            for index in table.indexes
        )
        return replace(
            table,
            name=new,
            indexes=indexes,
            checks=tuple(replace(c, sql=rewritten_expression(c.sql, follow)) for c in table.checks),
            foreign_keys=tuple(
                replace(key, table=new) if key.table.lower() == old.lower() else key for key in table.foreign_keys
            ),
            sql=rewritten_statement(table.sql, definition),
            positions={},
        )

    def _put_view(self, view: View) -> None:
        if view.name.lower() in self.temporary:
            self.temporary[view.name.lower()] = view
        else:
            self.catalog.put_view(self.txn, view)

    def _rename_column(self, node: ast.RenameColumn, table: Table) -> bool:
        position = self._position(table, node.column)
        old, new = table.columns[position].name, node.name
        if old == new:
            return False
        if table.positions.get(new.lower(), position) != position:
            raise self.fail(node, f"the table {table.name} has a column {new} already")
        self._refuse_views(node, table, old, "renamed")
        follow = column_renamer(table.name, old, new)

        def definition(tree: Any) -> ast.Node:
            renamed: ast.Node = transformed(tree, lambda part: _definition_renamed(part, table.name, old, new))
            return renamed

        columns = list(table.columns)
        columns[position] = replace(columns[position], name=new)
        indexes = tuple(
            replace(
                _followed(index, follow), sql=rewritten_statement(index.sql, lambda tree: transformed(tree, follow))
            )
            for index in table.indexes
        )
        renamed = replace(
            table,
            columns=tuple(columns),
            indexes=indexes,
            checks=tuple(replace(c, sql=rewritten_expression(c.sql, follow)) for c in table.checks),
            foreign_keys=tuple(_target_followed(key, table.name, old, new) for key in table.foreign_keys),
            sql=rewritten_statement(table.sql, definition),
            positions={},
        )
        self._store(renamed)
        for child, _ in self.schema.referring.get(table.name.lower(), ()):
            if child.name.lower() != table.name.lower():
                keys = tuple(_target_followed(key, table.name, old, new) for key in child.foreign_keys)
                sql = rewritten_statement(child.sql, lambda tree: transformed(tree, lambda part: _target_columns_renamed(
                    part, table.name, old, new)))  # fmt: skip
                self.catalog.put_table(self.txn, replace(child, foreign_keys=keys, sql=sql, positions={}))
        self._verify_views(node, table, f"{old} is renamed")
        return True

    # --------------------------------------------------------------------------------------------------- views

    def _dependent_views(self, table: str) -> list[View]:
        """The views that read a table, also through other views."""
        reached = {table.lower()}
        found: list[View] = []
        more = True
        while more:
            more = False
            for view in self.schema.views.values():
                if view in found:
                    continue
                if any(ref.name.name.lower() in reached for ref in tables_read(parse(view.sql))):
                    found.append(view)
                    reached.add(view.name.lower())
                    more = True
        return found

    def _refuse_views(self, node: ast.Node, table: Table, column: str, what: str) -> None:
        """Views that name the column, or join by the names columns happen to have."""
        for view in self._dependent_views(table.name):
            for part in parse(view.sql).walk():
                named = isinstance(part, ast.ColumnRef) and part.name.lower() == column.lower()
                if named or (isinstance(part, ast.Join) and part.natural):
                    how = f"names the column {column}" if named else "has a NATURAL JOIN"
                    message = f"the column {table.name}.{column} cannot be {what}: the view {view.name} {how}"
                    raise self.fail(node, message, f"drop the view {view.name} first")

    def _verify_views(self, node: ast.Node, table: Table, what: str) -> None:
        """Views that read all columns (*) must still mean something afterwards."""
        views = self._dependent_views(table.name)
        if not views:
            return
        after = self.catalog.schema(self.txn, True)
        after = replace(after, views={**after.views, **self.temporary})
        for view in views:
            binder = self.binder()
            binder.schema, binder.text = after, view.sql
            query = parse(view.sql)
            assert isinstance(query, ast.Query)
            try:
                binder.rename(binder.query(query), view.columns, query)
            except Error as error:
                raise self.fail(node, f"the view {view.name} would not work after {what}: {error}") from None

    # ------------------------------------------------------------------------------------------------- columns

    def _add_column(self, node: ast.AddColumn, table: Table) -> bool:
        definition = node.column
        if definition.name.lower() in table.positions:
            if node.if_not_exists:
                return False
            raise self.fail(definition, f"the table {table.name} has a column {definition.name} already")
        if len(table.columns) >= COLUMNS_MAX:
            raise self.fail(definition, f"a table has at most {COLUMNS_MAX} columns")
        if any(isinstance(constraint, ast.PrimaryKey) for constraint in definition.constraints):
            raise self.fail(
                definition, "a primary key cannot be added to a table", "make a new table and copy the rows"
            )
        column = self.column(definition)
        position = len(table.columns)
        checks = tuple(
            Check(c.name, self.source(c.expr)) for c in definition.constraints if isinstance(c, ast.CheckConstraint)
        )
        wider = replace(table, columns=(*table.columns, column), checks=(*table.checks, *checks), positions={})
        missing = self._default(wider, position)
        if column.not_null and missing is None:
            raise self.fail(definition, f"the column {column.name} is NOT NULL and needs a DEFAULT that is not NULL")
        wider = replace(wider, columns=(*table.columns, replace(column, missing=missing)), positions={})
        self.verify(wider, definition)
        uniques: list[Index] = []
        if any(isinstance(constraint, ast.Unique) for constraint in definition.constraints):
            uniques.append(self._unique_index(wider, (IndexColumn(position),), set()))
        wider = replace(wider, indexes=(*table.indexes, *uniques), positions={})
        added = self.foreign_keys((definition,), (), wider, position)
        sql = rewritten_statement(table.sql, lambda tree: ast.replace(tree, columns=(*tree.columns, definition)))
        wider = replace(wider, foreign_keys=(*table.foreign_keys, *added), sql=sql, positions={})
        self._complete(wider, checks, uniques, len(added))
        self._verify_views(node, table, f"{column.name} is added")
        return True

    def _default(self, table: Table, position: int) -> Value:
        """What rows that are there get in a new column: its default as of now."""
        rt = Runtime()
        value = compile_expr(default_expr(self.binder(), table, position), {}, rt)(())
        column = table.columns[position]
        try:
            return None if value is None else convert(value, column.type)
        except Error as error:
            raise ProgrammingError(f"the default of {column.name}: {error}") from None

    def _complete(self, table: Table, checks: tuple[Check, ...], indexes: list[Index], keys: int) -> None:
        """Store a table with new constraints: CHECKs, UNIQUE indexes and the last `keys` FOREIGN KEYs hold for its rows."""
        rt = Runtime()
        rt.txn = self.txn
        for check in checks:
            self._check_rows(table, check, rt)
        for index in indexes:
            self.fill(table, index)
        for key in table.foreign_keys[len(table.foreign_keys) - keys :]:
            link = make_link(self.schema, table, key)
            assert link is not None
            check_table(link, rt)
        self._store(table)

    def _check_rows(self, table: Table, check: Check, rt: Runtime) -> None:
        condition, columns = bind_row_expr(self.binder(), table, check.sql, "in CHECK")
        closure = compile_condition(condition, {column.id: place for place, column in enumerate(columns)}, rt)
        for row in table.decoder(tuple(range(len(table.columns)))).rows(self.txn.scan(table.tree)):
            value = closure(row)
            if value is not None and not value:
                raise IntegrityError(f"CHECK constraint failed: {check.name or check.sql} (the table holds such a row)")

    def _drop_column(self, node: ast.DropColumn, table: Table) -> bool:
        if node.column.name.lower() not in table.positions and node.if_exists:
            return False
        position = self._position(table, node.column)
        column = table.columns[position]
        self._refuse_users(node, table, position)
        self._refuse_views(node, table, column.name, "dropped")
        self._store(self._without(table, position))
        self._verify_views(node, table, f"{column.name} is dropped")
        return True

    def _refuse_users(self, node: ast.DropColumn, table: Table, position: int) -> None:
        """What uses the column and cannot do without it."""
        name = table.columns[position].name

        def refuse(what: str, hint: str | None = None) -> ProgrammingError:
            return self.fail(node, f"the column {table.name}.{name} cannot be dropped: {what}", hint)  # type: ignore[return-value]

        if len(table.columns) == 1:
            raise refuse("it is the only one", f"DROP TABLE {table.name}")
        if any(key.position == position for key in table.primary_key):
            raise refuse("it is part of the primary key")
        for index in table.indexes:
            texts = [*(c.expr for c in index.columns if c.expr), *([index.where] if index.where else [])]
            if any(c.position == position for c in index.columns) or any(_names(text, name) for text in texts):
                if index.origin == "u":
                    raise refuse("a UNIQUE constraint uses it")
                raise refuse(f"the index {index.name} uses it", f"DROP INDEX {index.name} first")
        for check in table.checks:
            if _names(check.sql, name):
                raise refuse(f"the CHECK {check.name or check.sql} uses it")
        if any(position in key.columns for key in table.foreign_keys):
            raise refuse("a FOREIGN KEY uses it")

    def _without(self, table: Table, position: int) -> Table:
        """The table without a column, its rows written anew."""

        def place(old: int) -> int:
            return old - (old > position)

        def moved(columns: tuple[IndexColumn, ...]) -> tuple[IndexColumn, ...]:
            return tuple(replace(c, position=place(c.position)) for c in columns)

        name = table.columns[position].name.lower()

        def definition(tree: Any) -> ast.Node:
            narrower: ast.Node = ast.replace(tree, columns=tuple(c for c in tree.columns if c.name.lower() != name))
            return narrower

        kept = [i for i in range(len(table.columns)) if i != position]
        columns: tuple[Column, ...] = tuple(replace(table.columns[i], missing=None) for i in kept)
        narrow = replace(
            table,
            tree=self.txn.create_tree(),
            columns=columns,
            primary_key=moved(table.primary_key),
            indexes=tuple(replace(index, columns=moved(index.columns)) for index in table.indexes),
            foreign_keys=tuple(replace(k, columns=tuple(map(place, k.columns))) for k in table.foreign_keys),
            sql=rewritten_statement(table.sql, definition),
            positions={},
        )
        encode = narrow.encoder().encode
        for key, row in table.decoder(tuple(kept)).rows_with_keys(self.txn.scan(table.tree)):
            self.txn.put(narrow.tree, key, encode(row))
        self.txn.drop_tree(table.tree)
        return narrow

    # --------------------------------------------------------------------------------------------- constraints

    def _add_constraint(self, node: ast.AddConstraint, table: Table) -> bool:
        constraint = node.constraint
        sql = rewritten_statement(
            table.sql, lambda tree: ast.replace(tree, constraints=(*tree.constraints, constraint))
        )
        altered = replace(table, sql=sql, positions={})
        if isinstance(constraint, ast.CheckConstraint):
            check = Check(constraint.name, self.source(constraint.expr))
            altered = replace(altered, checks=(*table.checks, check), positions={})
            self.verify(altered, constraint)
            self._complete(altered, (check,), [], 0)
        elif isinstance(constraint, ast.Unique):
            columns = self.key_columns(constraint.columns, table.positions, constraint)
            index = self._unique_index(altered, columns, set())
            self._complete(replace(altered, indexes=(*table.indexes, index), positions={}), (), [index], 0)
        elif isinstance(constraint, ast.ForeignKey):
            key = self.foreign_key(constraint, (), altered)
            altered = replace(altered, foreign_keys=(*table.foreign_keys, key), positions={})
            self._complete(altered, (), [], 1)
        else:
            raise self.fail(
                constraint, "a primary key cannot be added to a table", "make a new table and copy the rows"
            )
        return True


def _defines(query: ast.Node, name: str) -> bool:
    """Whether a WITH table of the query has this name."""
    return any(isinstance(part, ast.CommonTable) and part.name.lower() == name.lower() for part in query.walk())


def _names(sql: str, column: str) -> bool:
    """Whether an expression names a column."""
    parts = parse_expression(sql).walk()
    return any(isinstance(part, ast.ColumnRef) and part.name.lower() == column.lower() for part in parts)


def _followed(index: Index, follow: Callable[[ast.Node], ast.Node]) -> Index:
    """An index whose expressions and condition follow a new name."""
    columns = tuple(
        c if c.expr is None else replace(c, expr=rewritten_expression(c.expr, follow)) for c in index.columns
    )
    where = None if index.where is None else rewritten_expression(index.where, follow)
    return replace(index, columns=columns, where=where)


def _target_followed(key: Any, table: str, old: str, new: str) -> Any:
    """A FOREIGN KEY that follows a new name of a column it refers to."""
    if key.table.lower() != table.lower():
        return key
    names = tuple(new if name.lower() == old.lower() else name for name in key.target_columns)
    return replace(key, target_columns=names)


def _target_renamer(old: str, new: str) -> Callable[[ast.Node], ast.Node]:
    def change(part: ast.Node) -> ast.Node:
        if isinstance(part, ast.ForeignKey) and part.table.name.lower() == old.lower():
            return ast.replace(part, table=ast.ObjectName(new))
        return part

    return change


def _target_columns_renamed(part: ast.Node, table: str, old: str, new: str) -> ast.Node:
    if isinstance(part, ast.ForeignKey) and part.table.name.lower() == table.lower():
        return ast.replace(part, target_columns=_refs(part.target_columns, old, new))
    return part


def _definition_renamed(part: ast.Node, table: str, old: str, new: str) -> ast.Node:
    """A part of CREATE TABLE with a column under another name."""
    if isinstance(part, ast.ColumnDef) and part.name.lower() == old.lower():
        return ast.replace(part, name=new)
    if isinstance(part, ast.ForeignKey):
        part = ast.replace(part, columns=_refs(part.columns, old, new))
        return _target_columns_renamed(part, table, old, new)
    if isinstance(part, (ast.PrimaryKey, ast.Unique)):
        columns = tuple(
            ast.replace(c, expr=_refs((c.expr,), old, new)[0]) if isinstance(c.expr, ast.ColumnRef) else c
            for c in part.columns
        )
        return ast.replace(part, columns=columns)
    if isinstance(part, ast.CheckConstraint):
        return transformed(part, column_renamer(table, old, new))
    return part


def _refs(refs: tuple[Any, ...], old: str, new: str) -> tuple[Any, ...]:
    return tuple(ast.replace(ref, name=new) if ref.name.lower() == old.lower() else ref for ref in refs)
