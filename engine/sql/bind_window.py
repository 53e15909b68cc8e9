"""Window functions of the syntax tree to bound calls, and the plan nodes that compute them."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from engine.record.types import NUMERIC, Type
from engine.sql import functions as fn
from engine.sql.bind_expr import ExprBinder, nulls_last
from engine.sql.collation import keyed
from engine.sql.declaration import Function
from engine.sql.expr import Column, Const, Expr, Frame, WindowCall
from engine.sql.plan import Plan, Window
from engine.sql.scope import Scope, suggestion
from grammar import ast

if TYPE_CHECKING:
    from engine.sql.binder import Binder

_MOVING = (Type.INTEGER, Type.REAL, Type.DATE, Type.TIMESTAMP, Type.ANY, Type.NULL)


class Windows:
    """What one SELECT knows of windows: the definitions of its WINDOW clause, and the calls found so far."""

    def __init__(self, binder: Binder, definitions: tuple[ast.NamedWindow, ...]):
        self.binder = binder
        self.calls: dict[WindowCall, Column] = {}
        self.named: dict[str, ast.Window] = {}
        for item in definitions:
            if item.name.lower() in self.named:
                raise binder.fail(item, f"the window {item.name} is defined twice")
            self.named[item.name.lower()] = self.resolved(item.window)

    def resolved(self, node: ast.Window) -> ast.Window:
        """A window with what it takes over from the window it names."""
        if node.base is None:
            return node
        base = self.named.get(node.base.lower())
        if base is None:
            close = suggestion(node.base, self.named)
            raise self.binder.fail(node, f"no such window: {node.base}", f"did you mean {close}?" if close else None)
        if node.bare:
            return base
        if node.partition_by:
            raise self.binder.fail(node, f"a window that extends {node.base} cannot have PARTITION BY")
        if node.order_by and base.order_by:
            raise self.binder.fail(node, f"the window {node.base} has an ORDER BY already")
        if base.frame is not None:
            raise self.binder.fail(
                node, f"the window {node.base} has a frame and cannot be extended; write OVER {node.base}"
            )
        return ast.Window(None, base.partition_by, node.order_by or base.order_by, node.frame, span=node.span)

    def bind(self, outer: ExprBinder, node: ast.FunctionCall) -> Expr:
        """A call with OVER, as the column its value will stand in."""
        fail = outer.fail
        assert node.over is not None
        window = self.resolved(node.over)
        inner = ExprBinder(self.binder, outer.scope, outer.aggregates, "inside a window function")
        function = self._function(outer, node)
        if node.distinct:
            raise fail(node, "DISTINCT is not supported in a window function")
        if node.order_by:
            raise fail(node, "ORDER BY among the arguments is not supported in a window function", "put it into OVER")
        if node.filter is not None and not function.aggregate:
            raise fail(node, f"FILTER needs an aggregate function, and {function.name} is none")
        args = tuple(inner.bind(arg) for arg in node.args)
        least = max(function.least, 0 if node.star or not function.aggregate else 1)
        outer.check_arguments(function, least, args, node)
        partition = tuple(
            key for key in (keyed(inner.bind(part)) for part in window.partition_by) if not isinstance(key, Const)
        )
        order_binder = ExprBinder(self.binder, outer.scope, outer.aggregates, "in ORDER BY")
        order = tuple((keyed(order_binder.bind(i.expr)), i.descending, nulls_last(i)) for i in window.order_by)
        frame = self._frame(outer, window, tuple(key.type for key, _, _ in order))
        condition = None if node.filter is None else inner.condition(node.filter)
        kind = function.result_type(tuple(arg.type for arg in args) or (Type.ANY,))
        call = WindowCall(kind, function, args, condition, partition, order, frame)
        if call not in self.calls:
            self.calls[call] = self.binder.new_column(function.name, kind)
        return self.calls[call]

    def _function(self, outer: ExprBinder, node: ast.FunctionCall) -> Function:
        from engine.sql.window_functions import WINDOW_FUNCTIONS

        function = WINDOW_FUNCTIONS.get(node.name.lower())
        if function is not None:
            if node.star:
                raise outer.fail(node, f"only count takes *, not {node.name}")
            return function
        found = self.binder.functions.get(node.name.lower()) or fn.find(node.name, len(node.args), node.star)
        if found is None:
            close = suggestion(node.name, fn.names())
            hint = f"did you mean {close}?" if close else None
            raise outer.fail(node, f"no such window function: {node.name}", hint)
        if not found.aggregate:
            raise outer.fail(node, f"{node.name} is neither an aggregate nor a window function")
        if node.star and found.name != "count":
            raise outer.fail(node, f"only count takes *, not {node.name}")
        return found

    def _frame(self, outer: ExprBinder, window: ast.Window, order: tuple[Type, ...]) -> Frame:
        node = window.frame
        if node is None:
            return Frame()
        start, end = node.start.kind, "CURRENT ROW" if node.end is None else node.end.kind
        if start == "UNBOUNDED FOLLOWING" or end == "UNBOUNDED PRECEDING" or _PLACES[start] > _PLACES[end]:
            raise outer.fail(node, f"a frame cannot go from {start} to {end}")
        offsets = [bound.offset for bound in (node.start, node.end) if bound is not None and bound.offset is not None]
        if node.unit == "RANGE" and offsets:
            if len(order) != 1:
                raise outer.fail(node, "RANGE with an offset needs exactly one expression in ORDER BY")
            if order[0] not in _MOVING:
                raise outer.fail(
                    node, f"RANGE with an offset needs numbers or moments in ORDER BY, not {order[0].name}"
                )
        if node.unit == "GROUPS" and not order:
            raise outer.fail(node, "GROUPS needs an ORDER BY")
        bound = [self._offset(b.offset) if b is not None else None for b in (node.start, node.end)]
        exclude = None if node.exclude == "NO OTHERS" else node.exclude
        return Frame(node.unit, start, bound[0], end, bound[1], exclude)

    def _offset(self, node: ast.Expr | None) -> Expr | None:
        """An offset; the same for all rows, so it looks at no column."""
        if node is None:
            return None
        expr = ExprBinder(self.binder, Scope(), place="in a frame").bind(node)
        if expr.type not in (*NUMERIC, Type.ANY, Type.NULL):
            raise self.binder.fail(node, f"the offset of a frame is a number, not {expr.type.name}")
        return expr

    def plan(self, plan: Plan, over: Callable[[Expr], Expr]) -> Plan:
        """The plan with the calls computed: a node for each partitioning and order. over: rewrites what stands in calls."""
        nodes: dict[object, list[tuple[WindowCall, Column]]] = {}
        for call, column in self.calls.items():
            changed = call.map(over)
            nodes.setdefault((changed.partition_by, changed.order_by), []).append((changed, column))
        for pairs in nodes.values():
            columns = (*plan.columns, *(column for _, column in pairs))
            plan = Window(columns, plan, tuple(call for call, _ in pairs))
        return plan


_PLACES = {"UNBOUNDED PRECEDING": 0, "PRECEDING": 1, "CURRENT ROW": 2, "FOLLOWING": 3, "UNBOUNDED FOLLOWING": 4}
