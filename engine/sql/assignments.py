"""SET column = value, of UPDATE and of ON CONFLICT DO UPDATE."""

from __future__ import annotations

from engine.catalog.objects import Table
from engine.record.types import Type
from engine.sql.bind_expr import ExprBinder
from engine.sql.binder import Binder
from engine.sql.declaration import Function
from engine.sql.expr import Call, Const, Expr
from engine.sql.row_exprs import default_expr
from engine.sql.scope import Scope, problem, suggestion
from grammar import ast

_ITEM = Function("item", 2, 2, ("any", "integer"), Type.ANY, lambda row, place: row[place])
"""One value of the row a query gives."""


def column_position(binder: Binder, table: Table, node: ast.ColumnRef) -> int:
    """The place of a column that a change names."""
    position = table.positions.get(node.name.lower())
    if position is None:
        close = suggestion(node.name, [column.name for column in table.columns])
        hint = f"did you mean {close}?" if close else None
        raise problem(binder.text, node.span, f"the table {table.name} has no column {node.name}", hint)
    return position


def bind_assignments(binder: Binder, table: Table, nodes: tuple[ast.Assignment, ...], scope: Scope) -> dict[int, Expr]:
    """The new value of each changed column; of a column named twice the last one counts, as in SQLite."""
    expr_binder = ExprBinder(binder, scope, place="in SET")
    changes: dict[int, Expr] = {}
    for node in nodes:
        positions = [column_position(binder, table, column) for column in node.columns]
        for position, expr in zip(positions, _values(binder, expr_binder, table, node, positions), strict=True):
            changes[position] = expr
    return changes


def _values(
    binder: Binder, expr_binder: ExprBinder, table: Table, node: ast.Assignment, positions: list[int]
) -> list[Expr]:
    """The values of one assignment, as many as it has columns."""
    given: tuple[ast.Expr, ...] = (node.value,)
    if len(positions) > 1 and isinstance(node.value, ast.ScalarQuery):
        query = expr_binder.row_query(node.value)
        if len(query.plan.columns) != len(positions):
            raise binder.fail(node, f"{len(query.plan.columns)} values for {len(positions)} columns")
        return [
            Call(column.type, _ITEM, (query, Const(Type.INTEGER, i))) for i, column in enumerate(query.plan.columns)
        ]
    if len(positions) > 1:
        if not isinstance(node.value, ast.RowValue):
            raise binder.fail(node, f"one value for {len(positions)} columns", "(a, b) = (1, 2), or = (SELECT ...)")
        given = node.value.items
    if len(given) != len(positions):
        raise binder.fail(node, f"{len(given)} values for {len(positions)} columns")
    return [
        default_expr(binder, table, position) if isinstance(value, ast.DefaultValue) else expr_binder.bind(value)
        for position, value in zip(positions, given, strict=True)
    ]
