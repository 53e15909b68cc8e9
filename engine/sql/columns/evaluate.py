"""Expressions over a batch: an array, or a scalar where the value is the same for all rows.

Types are those of the arrays at hand, so that parameters, whose types nobody knows before, need no form of their own. A
function without a form, or whose form does not fit these types, has its implementation called for each different value.
All branches of a CASE and all operands of AND are computed for all rows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from engine.base.errors import DataError
from engine.record.types import Type
from engine.sql.columns import arrow
from engine.sql.columns.arrow import NoForm, is_array, kind_of, repeated
from engine.sql.columns.batch import Batch
from engine.sql.columns.codes import encode
from engine.sql.compile_expr import Runtime, compile_expr
from engine.sql.expr import Call, Case, Column, Const, Expr, InItems, Logic, Param, SubqueryExpr
from engine.sql.kernels import call, compare, truth

Outcome = Callable[[Batch], Any]


class Evaluator:
    """Computes the expressions of one part of a plan. subqueries: how each of them is computed (subquery.py)."""

    def __init__(self, rt: Runtime):
        self.rt = rt
        self.subqueries: dict[int, tuple[SubqueryExpr, Outcome]] = {}
        self._handlers: dict[type, Callable[[Any, Batch], Any]] = {
            Const: lambda expr, batch: arrow.scalar(expr.value),
            Param: lambda expr, batch: arrow.scalar(compile_expr(expr, {}, rt)(())),
            Column: self._column,
            Call: self._call,
            Logic: self._logic,
            Case: self._case,
            InItems: self._in_items,
            SubqueryExpr: lambda expr, batch: self.subqueries[id(expr)][1](batch),
        }

    def value(self, expr: Expr, batch: Batch) -> Any:
        """The value for each row."""
        handler = self._handlers.get(type(expr))
        if handler is None:
            raise NoForm(type(expr).__name__)
        return handler(expr, batch)

    def array(self, expr: Expr, batch: Batch) -> Any:
        """The value for each row, as an array."""
        found = repeated(self.value(expr, batch), batch.rows)
        if found.type == arrow.pa.null() and expr.type in arrow.TYPES:
            return found.cast(arrow.TYPES[expr.type])
        return found

    def condition(self, expr: Expr, batch: Batch) -> Any:
        """Whether it is true, for each row: TRUE, FALSE or NULL."""
        return truth(self.value(expr, batch))

    def constant(self, expr: Expr) -> Any:
        """The Python value of an expression without columns."""
        return compile_expr(expr, {}, self.rt)(())

    def _column(self, expr: Column, batch: Batch) -> Any:
        place = batch.places.get(expr.id)
        if place is None:
            return arrow.scalar(self.rt.outer[expr.id])
        return batch.arrays[place]

    def _call(self, expr: Call, batch: Batch) -> Any:
        chain = [expr]
        while len(chain[-1].args) == 2 and isinstance(chain[-1].args[0], Call) and len(chain[-1].args[0].args) == 2:
            chain.append(chain[-1].args[0])
        innermost = chain.pop()
        value = self._apply(innermost, [self.value(arg, batch) for arg in innermost.args])
        for node in reversed(chain):
            value = self._apply(node, [value, self.value(node.args[1], batch)])
        return value

    def _apply(self, expr: Call, args: list[Any]) -> Any:
        function = expr.function
        if not function.null_aware and any(kind_of(arg) is Type.NULL for arg in args):
            rows = next((len(arg) for arg in args if is_array(arg)), None)
            return arrow.scalar(None) if rows is None else arrow.pa.nulls(rows)
        if function.columns is not None:
            try:
                return function.columns(*args)
            except (NoForm, arrow.pa.ArrowNotImplementedError):
                pass
        return by_value(function, args, expr.type)

    def _logic(self, expr: Logic, batch: Batch) -> Any:
        kernel = "and_kleene" if expr.op == "AND" else "or_kleene"
        found = self.condition(expr.operands[0], batch)
        for operand in expr.operands[1:]:
            found = call(kernel, found, self.condition(operand, batch))
        return found

    def _case(self, expr: Case, batch: Batch) -> Any:
        no = arrow.scalar(False)
        conditions = [call("coalesce", self.condition(when, batch), no) for when, _ in expr.whens]
        values = [self.value(value, batch) for _, value in expr.whens]
        values.append(arrow.scalar(None) if expr.default is None else self.value(expr.default, batch))
        kinds = {kind_of(value) for value in values} - {Type.NULL}
        if len(kinds) > 1:
            raise NoForm("CASE of several types")
        if not kinds:
            return arrow.scalar(None)
        kind = arrow.TYPES[kinds.pop()]
        values = [value if value.type == kind else value.cast(kind) for value in values]
        found = values.pop()
        for condition, value in zip(reversed(conditions), reversed(values), strict=True):
            found = call("if_else", condition, value, found)
        return found

    def _in_items(self, expr: InItems, batch: Batch) -> Any:
        operand = self.value(expr.operand, batch)
        if not expr.items:
            return arrow.scalar(expr.negated)
        if all(isinstance(item, (Const, Param)) for item in expr.items):
            return among(operand, [self.constant(item) for item in expr.items], expr.negated)
        equal = compare("equal")
        found = arrow.pa.scalar(False)
        for item in expr.items:
            other = self.value(item, batch)
            if Type.NULL in (kind_of(other), kind_of(operand)):
                same = arrow.pa.scalar(None, arrow.pa.bool_())
            else:
                same = equal(operand, other)
            found = call("or_kleene", found, same)
        return call("invert", found) if expr.negated else found


def among(operand: Any, values: Iterable[Any], negated: bool) -> Any:
    """operand [NOT] IN values, which are not nothing."""
    values = list(values)
    kind = kind_of(operand)
    if kind is Type.NULL:
        return arrow.pa.scalar(None, arrow.pa.bool_())
    if kind in (Type.INTEGER, Type.REAL, Type.BOOLEAN):
        wanted = [_as_number(value, kind) for value in values if isinstance(value, (int, float))]
    else:
        wanted = [value for value in values if value is not None and kind_of(arrow.scalar(value)) is kind]
    known = arrow.pa.array([value for value in wanted if value is not None], arrow.TYPES[kind])
    return among_array(operand, known, None in values, negated)


def _as_number(value: Any, kind: Type) -> Any:
    """A number as a value of a kind equal to it, or None."""
    if kind is Type.INTEGER:
        same = int(value) if value == value and abs(value) < 2**64 and value == int(value) else None
        return None if same is None or not -(2**63) <= same < 2**63 else same
    if kind is Type.REAL:
        return float(value) if abs(value) <= 2**53 or isinstance(value, float) else _exact(value)
    return bool(value) if value in (0, 1) else None


def _exact(value: int) -> float | None:
    number = float(value)
    return number if number == value else None


def among_array(operand: Any, known: Any, unknown: bool, negated: bool) -> Any:
    """operand [NOT] IN an array of the same type without NULL; unknown: there is a NULL beside it."""
    if known.type == arrow.TYPES[Type.REAL]:
        zero = arrow.scalar(0.0)
        known, operand = call("add", known, zero), call("add", operand, zero)
    options = arrow.pc.SetLookupOptions(value_set=known)
    found = call("is_in", operand, options=options)
    nothing = arrow.pa.scalar(None, arrow.pa.bool_())
    if unknown:
        found = call("if_else", found, found, nothing)
    found = call("if_else", call("is_valid", operand), found, nothing)
    return call("invert", found) if negated else found


def by_value(function: Any, args: list[Any], kind: Type) -> Any:
    """A function applied to each different combination of values."""
    body, aware = function.implementation, function.null_aware
    if getattr(body, "several_types", False):
        raise NoForm("values of several types")

    def one(values: tuple[Any, ...]) -> Any:
        return None if not aware and None in values else body(*values)

    arrays = [place for place, arg in enumerate(args) if is_array(arg)]
    values = [None if is_array(arg) else arg.as_py() for arg in args]
    try:
        if not arrays:
            return arrow.scalar(one(tuple(values)))
        codes = encode([args[place] for place in arrays])
        found = []
        for row in zip(*map(arrow.python_values, codes.uniques), strict=True):
            for place, value in zip(arrays, row, strict=True):
                values[place] = value
            found.append(one(tuple(values)))
    except DataError as error:  # perhaps of a row the row gear never comes to
        raise NoForm(str(error)) from None
    return arrow.array_of(found, kind).take(codes.codes)
