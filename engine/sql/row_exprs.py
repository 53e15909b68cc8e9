"""Expressions that belong to a table and look at one of its rows: CHECK, DEFAULT, index expressions and conditions."""

from __future__ import annotations

from functools import lru_cache

from engine.catalog.objects import Table
from engine.record.types import Type
from engine.sql.bind_expr import ExprBinder
from engine.sql.binder import Binder
from engine.sql.expr import Call, Column, Const, Expr, Param, SubqueryExpr, walk
from engine.sql.scope import Entry, Scope, problem
from grammar import ast
from grammar.parser import parse_expression


@lru_cache(maxsize=1024)
def _parsed(sql: str) -> ast.Expr:
    """The tree of a stored expression: a planner looks at those of all indexes again and again, and trees do not change."""
    return parse_expression(sql)


def table_scope(binder: Binder, table: Table, alias: str) -> tuple[Scope, tuple[Column, ...]]:
    """A scope of the table's columns alone, in their order."""
    columns = tuple(binder.new_column(column.name, column.type, column.collation) for column in table.columns)
    entries = [Entry(alias, column.name, column) for column in columns]
    return Scope(entries, tables={alias.lower()}), columns


def bind_row_expr(
    binder: Binder, table: Table, sql: str, place: str, columns: tuple[Column, ...] | None = None
) -> tuple[Expr, tuple[Column, ...]]:
    """An expression over a row of the table, and the columns it speaks of (the given ones, in the table's order)."""
    scope, fresh = table_scope(binder, table, table.name)
    if columns is not None:
        scope = Scope([Entry(table.name, c.name, new) for c, new in zip(table.columns, columns, strict=True)])
    saved, binder.text = binder.text, sql
    try:
        expr_binder = ExprBinder(binder, scope, place=place)
        node = _parsed(sql)
        bound = expr_binder.bind(node)
        if place in ("in CHECK", "in a partial index"):
            bound = expr_binder.as_condition(bound, node)
        return bound, fresh if columns is None else columns
    finally:
        binder.text = saved


def default_expr(binder: Binder, table: Table, position: int) -> Expr:
    """What a column takes when nothing is said."""
    sql = table.columns[position].default
    if sql is None:
        return Const(Type.NULL, None)
    saved, binder.text = binder.text, sql
    try:
        return ExprBinder(binder, Scope(), place="in DEFAULT").bind(parse_expression(sql))
    finally:
        binder.text = saved


def refuse_changing(expr: Expr, text: str, span: tuple[int, int], what: str) -> None:
    """Refuses what does not give the same for the same row for ever. Raises ProgrammingError."""
    for part in walk(expr):
        if isinstance(part, SubqueryExpr):
            raise problem(text, span, f"{what} cannot hold a query")
        if isinstance(part, Param) and part.slot >= 0:
            raise problem(text, span, f"{what} cannot have parameters")
        if isinstance(part, Param) or (isinstance(part, Call) and not part.function.constant):
            raise problem(text, span, f"{what} must always give the same for the same row")


def positions_of(expr: Expr, columns: tuple[Column, ...]) -> set[int]:
    """The table's columns an expression looks at, by position."""
    places = {column.id: position for position, column in enumerate(columns)}
    return {places[part.id] for part in walk(expr) if isinstance(part, Column) and part.id in places}
