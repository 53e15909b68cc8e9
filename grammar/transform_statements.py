"""All statements but queries: the second part of the Builder (see transform.py)."""

from __future__ import annotations

from typing import Any

from grammar import ast
from grammar.node import Span, replace
from grammar.tokens import Token
from grammar.transform_query import QueryBuilder


class StatementBuilder(QueryBuilder):
    """Changes, definitions, control and inspection."""

    # ------------------------------------------------------------------------------------------------- changes

    def verb(self, span: Span, resolution: str | None) -> str | None:
        return resolution

    def replace_verb(self, span: Span) -> str:
        return "REPLACE"

    def resolution(self, span: Span, _or: Token, action: Token) -> str:
        return action.text.upper()

    def insert(
        self,
        span: Span,
        with_: ast.With | None,
        resolution: str | None,
        table: ast.ObjectName,
        alias: str | None,
        columns: tuple[ast.ColumnRef, ...] | None,
        source: ast.Query | None,
        on_conflict: tuple[ast.OnConflict, ...],
        returning: tuple[ast.SelectItem, ...] | None,
    ) -> ast.Insert:
        return ast.Insert(
            table, columns or (), source, alias, resolution, on_conflict, returning or (), with_, span=span
        )

    def conflict_clauses(self, span: Span, *clauses: ast.OnConflict) -> tuple[ast.OnConflict, ...]:
        return clauses

    def conflict_target(self, span: Span, *parts: Any) -> tuple[tuple[ast.IndexedColumn, ...], ast.Expr | None]:
        return parts[:-1], parts[-1]

    def conflict_nothing(self, span: Span, _on: Token, target: Any) -> ast.OnConflict:
        return ast.OnConflict("NOTHING", *(target or ((), None)), span=span)

    def conflict_update(
        self, span: Span, _on: Token, target: Any, assignments: tuple[ast.Assignment, ...], where: ast.Expr | None
    ) -> ast.OnConflict:
        columns, target_where = target or ((), None)
        return ast.OnConflict("UPDATE", columns, target_where, assignments, where, span=span)

    def returning(self, span: Span, *items: ast.SelectItem) -> tuple[ast.SelectItem, ...]:
        return items

    def update(
        self,
        span: Span,
        with_: ast.With | None,
        resolution: str | None,
        table: ast.ObjectName,
        alias: str | None,
        assignments: tuple[ast.Assignment, ...],
        from_: ast.FromItem | None,
        where: ast.Expr | None,
        returning: tuple[ast.SelectItem, ...] | None,
    ) -> ast.Update:
        return ast.Update(table, assignments, from_, where, alias, resolution, returning or (), with_, span=span)

    def assignments(self, span: Span, *items: ast.Assignment) -> tuple[ast.Assignment, ...]:
        return items

    def assignment(
        self, span: Span, target: ast.ColumnRef | tuple[ast.ColumnRef, ...], value: ast.Expr
    ) -> ast.Assignment:
        return ast.Assignment(target if isinstance(target, tuple) else (target,), value, span=span)

    def delete(
        self,
        span: Span,
        with_: ast.With | None,
        table: ast.ObjectName,
        alias: str | None,
        using: ast.FromItem | None,
        where: ast.Expr | None,
        returning: tuple[ast.SelectItem, ...] | None,
    ) -> ast.Delete:
        return ast.Delete(table, where, alias, using, returning or (), with_, span=span)

    def copy_table(
        self,
        span: Span,
        table: ast.ObjectName,
        columns: tuple[ast.ColumnRef, ...] | None,
        direction: str,
        path: ast.Expr,
        options: tuple[ast.CopyOption, ...] | None,
    ) -> ast.Copy:
        return ast.Copy(direction, path, table, columns or (), None, options or (), span=span)

    def copy_query(
        self,
        span: Span,
        query: ast.Query,
        direction: str,
        path: ast.Expr,
        options: tuple[ast.CopyOption, ...] | None,
    ) -> ast.Copy:
        if direction == "FROM":
            self.fail(span, "a query cannot be copied into", hint="COPY (query) TO 'file', or COPY table FROM 'file'")
        return ast.Copy(direction, path, query=query, options=options or (), span=span)

    def copy_direction(self, span: Span, token: Token) -> str:
        return token.text.upper()

    def copy_options(self, span: Span, *options: ast.CopyOption) -> tuple[ast.CopyOption, ...]:
        return options

    def copy_option_name(self, span: Span, token: Token) -> str:
        return token.text.upper()

    def copy_option(self, span: Span, name: str, value: ast.Literal | str | tuple[str, ...] | None) -> ast.CopyOption:
        return ast.CopyOption(name, value, span=span)

    # --------------------------------------------------------------------------------------------- definitions

    def create_table(
        self,
        span: Span,
        temporary: bool,
        if_not_exists: bool,
        name: ast.ObjectName,
        body: tuple[tuple[ast.ColumnDef, ...], tuple[ast.Constraint, ...]],
        options: tuple[str, ...],
    ) -> ast.CreateTable:
        columns, constraints = body
        return ast.CreateTable(name, columns, constraints, None, if_not_exists, temporary, options, span=span)

    def create_table_as(
        self, span: Span, temporary: bool, if_not_exists: bool, name: ast.ObjectName, query: ast.Query
    ) -> ast.CreateTable:
        return ast.CreateTable(name, (), (), query, if_not_exists, temporary, span=span)

    def table_body(
        self, span: Span, *elements: ast.ColumnDef | ast.Constraint
    ) -> tuple[tuple[ast.ColumnDef, ...], tuple[ast.Constraint, ...]]:
        columns = tuple(element for element in elements if isinstance(element, ast.ColumnDef))
        constraints = tuple(element for element in elements if isinstance(element, ast.Constraint))
        if not columns:
            self.fail(span, "a table needs at least one column")
        return columns, constraints

    def table_options(self, span: Span, *options: str | None) -> tuple[str, ...]:
        return tuple(option for option in options if option is not None)

    def column_def(
        self, span: Span, name: str, type_name: ast.TypeName | None, constraints: tuple[ast.Constraint, ...]
    ) -> ast.ColumnDef:
        return ast.ColumnDef(name, type_name, constraints, span=span)

    def column_constraints(self, span: Span, *constraints: ast.Constraint) -> tuple[ast.Constraint, ...]:
        return constraints

    def named_constraint(self, span: Span, name: str, constraint: ast.Constraint) -> ast.Constraint:
        return replace(constraint, name=name, span=span)

    def not_null(self, span: Span) -> ast.Constraint:
        return ast.NotNull(span=span)

    def nullable(self, span: Span) -> ast.Constraint:
        return ast.NotNull(negated=True, span=span)

    def column_primary_key(self, span: Span, descending: bool, autoincrement: bool) -> ast.Constraint:
        return ast.PrimaryKey((), descending, autoincrement, span=span)

    def primary_key(self, span: Span, *columns: ast.IndexedColumn) -> ast.Constraint:
        return ast.PrimaryKey(columns, span=span)

    def column_unique(self, span: Span) -> ast.Constraint:
        return ast.Unique(span=span)

    def unique(self, span: Span, *columns: ast.IndexedColumn) -> ast.Constraint:
        return ast.Unique(columns, span=span)

    def check_constraint(self, span: Span, expr: ast.Expr) -> ast.Constraint:
        return ast.CheckConstraint(expr, span=span)

    def default(self, span: Span, value: ast.Expr) -> ast.Constraint:
        return ast.Default(value, span=span)

    def collate_constraint(self, span: Span, name: str) -> ast.Constraint:
        return ast.CollateConstraint(name, span=span)

    def generated(self, span: Span, expr: ast.Expr, stored: bool) -> ast.Constraint:
        return ast.Generated(expr, stored, span=span)

    def column_reference(self, span: Span, reference: ast.ForeignKey) -> ast.Constraint:
        return replace(reference, span=span)

    def foreign_key(self, span: Span, columns: tuple[ast.ColumnRef, ...], reference: ast.ForeignKey) -> ast.Constraint:
        return replace(reference, columns=columns, span=span)

    def reference(
        self, span: Span, table: ast.ObjectName, columns: tuple[ast.ColumnRef, ...] | None, *rules: dict[str, Any]
    ) -> ast.ForeignKey:
        options: dict[str, Any] = {}
        for rule in rules:
            options.update(rule)
        return ast.ForeignKey(table, (), columns or (), span=span, **options)

    def on_delete(self, span: Span, action: str) -> dict[str, Any]:
        return {"on_delete": action}

    def on_update(self, span: Span, action: str) -> dict[str, Any]:
        return {"on_update": action}

    def deferrable(self, span: Span, deferred: bool) -> dict[str, Any]:
        return {"deferrable": True, "initially_deferred": deferred}

    def create_index(
        self,
        span: Span,
        unique: bool,
        if_not_exists: bool,
        name: ast.ObjectName | None,
        table: ast.ObjectName,
        *rest: Any,
    ) -> ast.CreateIndex:
        return ast.CreateIndex(table, rest[:-1], name, unique, if_not_exists, rest[-1], span=span)

    def indexed_column(
        self, span: Span, expr: ast.Expr, descending: bool, nulls_first: bool | None
    ) -> ast.IndexedColumn:
        return ast.IndexedColumn(expr, descending, nulls_first, span=span)

    def create_view(
        self,
        span: Span,
        temporary: bool,
        if_not_exists: bool,
        name: ast.ObjectName,
        columns: tuple[str, ...] | None,
        query: ast.Query,
    ) -> ast.CreateView:
        return ast.CreateView(name, query, columns or (), if_not_exists, False, temporary, span=span)

    def replace_view(self, span: Span, *parts: Any) -> ast.CreateView:
        return replace(self.create_view(span, *parts), or_replace=True)

    def drop_table(self, span: Span, if_exists: bool, *rest: Any) -> ast.DropTable:
        return ast.DropTable(rest[:-1], if_exists, rest[-1], span=span)

    def drop_index(self, span: Span, if_exists: bool, *rest: Any) -> ast.DropIndex:
        return ast.DropIndex(rest[:-1], if_exists, rest[-1], span=span)

    def drop_view(self, span: Span, if_exists: bool, *rest: Any) -> ast.DropView:
        return ast.DropView(rest[:-1], if_exists, rest[-1], span=span)

    def drop_checkpoint(self, span: Span, if_exists: bool, name: str) -> ast.DropCheckpoint:
        return ast.DropCheckpoint(name, if_exists, span=span)

    def cascade(self, span: Span) -> str:
        return "CASCADE"

    def restrict(self, span: Span) -> str:
        return "RESTRICT"

    def alter_table(
        self, span: Span, if_exists: bool, table: ast.ObjectName, action: ast.AlterAction
    ) -> ast.AlterTable:
        return ast.AlterTable(table, action, if_exists, span=span)

    def rename_table(self, span: Span, name: str) -> ast.AlterAction:
        return ast.RenameTable(name, span=span)

    def rename_column(self, span: Span, column: ast.ColumnRef, name: str) -> ast.AlterAction:
        return ast.RenameColumn(column, name, span=span)

    def add_column(self, span: Span, if_not_exists: bool, column: ast.ColumnDef) -> ast.AlterAction:
        return ast.AddColumn(column, if_not_exists, span=span)

    def add_constraint(self, span: Span, constraint: ast.Constraint) -> ast.AlterAction:
        return ast.AddConstraint(constraint, span=span)

    def drop_column(self, span: Span, if_exists: bool, column: ast.ColumnRef) -> ast.AlterAction:
        return ast.DropColumn(column, if_exists, span=span)

    # ------------------------------------------------------------------------------------------------- control

    def begin(self, span: Span, modes: dict[str, Any]) -> ast.Begin:
        return ast.Begin(span=span, **modes)

    def begin_modes(self, span: Span, *modes: dict[str, Any] | None) -> dict[str, Any]:
        merged: dict[str, Any] = {}
        for mode in modes:
            for key, value in (mode or {}).items():
                if merged.setdefault(key, value) != value:
                    self.fail(span, "these transaction modes contradict each other")
        return merged

    def read_only(self, span: Span) -> dict[str, Any]:
        return {"readonly": True}

    def read_write(self, span: Span) -> dict[str, Any]:
        return {"readonly": False}

    def begin_mode(self, span: Span, level: str) -> dict[str, Any]:
        # PostgreSQL's REPEATABLE READ is what is called snapshot here.
        return {"isolation": "SNAPSHOT" if level == "REPEATABLE READ" else level}

    def commit(self, span: Span) -> ast.Commit:
        return ast.Commit(span=span)

    def rollback(self, span: Span, savepoint: str | None = None) -> ast.Rollback:
        return ast.Rollback(savepoint, span=span)

    def savepoint(self, span: Span, name: str) -> ast.Savepoint:
        return ast.Savepoint(name, span=span)

    def release(self, span: Span, name: str) -> ast.Release:
        return ast.Release(name, span=span)

    def analyze(self, span: Span, name: ast.ObjectName | None) -> ast.Analyze:
        return ast.Analyze(name, span=span)

    def reindex(self, span: Span, name: ast.ObjectName | None) -> ast.Reindex:
        return ast.Reindex(name, span=span)

    def vacuum(self, span: Span, name: ast.ObjectName | None) -> ast.Vacuum:
        return ast.Vacuum(name, span=span)

    def checkpoint(self, span: Span, name: str | None) -> ast.Checkpoint:
        return ast.Checkpoint(name, span=span)

    # ---------------------------------------------------------------------------------------------- inspection

    def explain(self, span: Span, statement: ast.Statement) -> ast.Explain:
        return ast.Explain(statement, span=span)

    def explain_analyze(self, span: Span, statement: ast.Statement) -> ast.Explain:
        return ast.Explain(statement, True, span=span)

    def trace(self, span: Span, statement: ast.Statement) -> ast.Trace:
        return ast.Trace(statement, span=span)

    def inspect(self, span: Span, what: str) -> ast.Inspect:
        return ast.Inspect(what, span=span)

    def inspect_page(self, span: Span, page: ast.Expr, at_lsn: ast.Expr | None) -> ast.InspectPage:
        return ast.InspectPage(page, at_lsn, span=span)

    def inspect_layout(self, span: Span, kind: str | None) -> ast.InspectLayout:
        return ast.InspectLayout(kind, span=span)

    def inspect_tree(self, span: Span, name: ast.ObjectName, key: ast.Expr | None) -> ast.InspectTree:
        return ast.InspectTree(name, key, span=span)

    def inspect_wal(self, span: Span, *filters: dict[str, Any]) -> ast.InspectWal:
        merged: dict[str, Any] = {}
        for filter_ in filters:
            if merged.keys() & filter_.keys():
                self.fail(span, "FROM, PAGE and TXN can each be given once")
            merged.update(filter_)
        return ast.InspectWal(span=span, **merged)

    def wal_from(self, span: Span, lsn: ast.Expr) -> dict[str, Any]:
        return {"from_lsn": lsn}

    def wal_page(self, span: Span, page: ast.Expr) -> dict[str, Any]:
        return {"page": page}

    def wal_transaction(self, span: Span, transaction: ast.Expr) -> dict[str, Any]:
        return {"transaction": transaction}

    def diff(self, span: Span, page: ast.Expr, low: ast.Expr, high: ast.Expr) -> ast.Diff:
        return ast.Diff(page, low, high, span=span)

    def history_page(self, span: Span, page: ast.Expr) -> ast.HistoryPage:
        return ast.HistoryPage(page, span=span)

    def history_row(self, span: Span, table: ast.ObjectName, key: ast.Expr) -> ast.HistoryRow:
        return ast.HistoryRow(table, key, span=span)

    def check(self, span: Span, name: ast.ObjectName | None) -> ast.Check:
        return ast.Check(name, span=span)
