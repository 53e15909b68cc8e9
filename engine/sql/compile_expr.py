"""The row gear's expressions: a bound expression becomes a Python closure over a row (a tuple).

    Column 3 + Const 5      ->   a closure that reads row[i], passes NULL on, and calls the operator

`layout` says where in the row each column stands; a column that is not in it belongs to an enclosing query, and its
value is in `Runtime.outer` when the closure runs. Closures belong to one Runtime and are not shared between threads.
"""

from __future__ import annotations

import datetime
import operator
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from engine.base.errors import DataError, InternalError, StatementInterrupted
from engine.record.types import NUMERIC, Type
from engine.sql import operators as op
from engine.sql.binder import LITERAL_SLOT
from engine.sql.expr import Call, Case, Column, Const, Expr, InItems, Logic, Param, SubqueryExpr, walk

if TYPE_CHECKING:
    from engine.sql.profile import Profile

Row = tuple[Any, ...]
Closure = Callable[[Row], Any]
Layout = dict[int, int]
MEMO_MAX = 20_000


class Runtime:
    """What a compiled statement needs while it runs; filled in anew for each execution."""

    __slots__ = (
        "early",
        "flag",
        "forced",
        "hoisted",
        "literals",
        "memo",
        "now",
        "outer",
        "params",
        "profile",
        "session",
        "txn",
        "working",
    )

    def __init__(self) -> None:
        self.txn: Any = None
        self.params: Sequence[Any] = ()
        self.literals: tuple[Any, ...] = ()
        self.early: list[Closure] = []
        self.hoisted: list[Any] = []
        self.outer: dict[int, Any] = {}
        self.memo: dict[object, Any] = {}
        self.working: dict[int, list[Row]] = {}
        self.now: datetime.datetime | None = None
        self.profile: Profile | None = None
        self.session: Any = None
        self.forced = False  # whether the column gear runs where it would not pay
        self.flag: list[Any] = [False, interrupted, 0, 0]

    def begin(self, txn: Any, session: Any, flag: list[Any]) -> None:
        """Ready for one execution, but for its parameters."""
        self.txn, self.session, self.flag = txn, session, flag
        self.now = None

    def bind(self, params: Sequence[Any], literals: tuple[Any, ...] = ()) -> None:
        """Take the parameters and compute what depends on nothing else. Raises DataError: 'soon' for a DATE."""
        self.params, self.literals = params, literals
        self.memo = {}
        if self.early:
            self.hoisted = [closure(()) for closure in self.early]

    def start(self, txn: Any, session: Any, flag: list[Any], params: Sequence[Any], literals: tuple[Any, ...]) -> None:
        """begin and bind."""
        self.txn, self.session, self.flag = txn, session, flag
        self.now = None
        self.params, self.literals = params, literals
        self.memo = {}
        if self.early:
            self.hoisted = [closure(()) for closure in self.early]

    def catch_up(self) -> None:
        """Compute what was compiled after `bind`."""
        self.hoisted += [closure(()) for closure in self.early[len(self.hoisted) :]]

    def end(self) -> None:
        """Let go of everything an execution held; the closures stay ready for the next one."""
        self.txn = self.session = None
        self.params = self.literals = ()
        self.memo, self.working, self.hoisted = {}, {}, []

    def moment(self) -> datetime.datetime:
        """The time of the statement (UTC), the same wherever it looks."""
        if self.now is None:
            self.now = datetime.datetime.now(datetime.UTC).replace(tzinfo=None)
        return self.now

    def check(self) -> None:
        """Raises StatementInterrupted when the statement was cancelled."""
        if self.flag[0]:
            self.flag[1]()


def interrupted() -> None:
    """Ends the statement."""
    raise StatementInterrupted("the statement was interrupted")


def compile_expr(expr: Expr, layout: Layout, rt: Runtime) -> Closure:
    """The closure of an expression."""
    handler = _COMPILERS.get(type(expr))
    if handler is None:
        raise InternalError(f"{type(expr).__name__} cannot be computed for a row")
    return handler(expr, layout, rt)


def compile_condition(expr: Expr, layout: Layout, rt: Runtime) -> Closure:
    """The closure of a condition: what it gives is true exactly where the condition is."""
    closure = compile_expr(expr, layout, rt)
    if expr.type in NUMERIC or expr.type is Type.NULL:
        return closure
    truth = op.truth
    return lambda row: truth(closure(row))


def _const(expr: Any, layout: Layout, rt: Runtime) -> Closure:
    value = expr.value
    return lambda row: value


def _param(expr: Any, layout: Layout, rt: Runtime) -> Closure:
    slot = expr.slot
    if slot >= LITERAL_SLOT:
        slot -= LITERAL_SLOT
        return lambda row: rt.literals[slot]
    if slot >= 0:
        return lambda row: rt.params[slot]
    if slot == -1:
        return lambda row: rt.moment()
    if slot == -2:
        return lambda row: rt.moment().date()
    return lambda row: rt.moment().strftime("%H:%M:%S")


def _column(expr: Any, layout: Layout, rt: Runtime) -> Closure:
    place = layout.get(expr.id)
    if place is None:
        number, outer = expr.id, rt.outer
        return lambda row: outer[number]
    return lambda row: row[place]


def _call(expr: Any, layout: Layout, rt: Runtime) -> Closure:
    args = expr.args
    if len(args) == 1 and isinstance(args[0], Param) and args[0].slot >= 0 and expr.function.constant:
        place = len(rt.early)
        rt.early.append(_apply(expr, [_param(args[0], layout, rt)], layout, rt))
        return lambda row: rt.hoisted[place]
    if len(args) == 2 and isinstance(args[0], Call) and len(args[0].args) == 2:
        return _chain(expr, layout, rt)
    return _apply(expr, [compile_expr(arg, layout, rt) for arg in args], layout, rt)


def _chain(expr: Call, layout: Layout, rt: Runtime) -> Closure:
    """A chain of binary operators leaning left, built from the inside out."""
    nodes = [expr]
    while len(nodes[-1].args) == 2 and isinstance(nodes[-1].args[0], Call) and len(nodes[-1].args[0].args) == 2:
        nodes.append(nodes[-1].args[0])
    innermost = nodes.pop()
    closure = _apply(innermost, [compile_expr(arg, layout, rt) for arg in innermost.args], layout, rt)
    for node in reversed(nodes):
        closure = _apply(node, [closure, compile_expr(node.args[1], layout, rt)], layout, rt)
    return closure


def _apply(expr: Call, args: list[Closure], layout: Layout, rt: Runtime) -> Closure:
    body = expr.function.implementation
    if expr.function.name == "coalesce":
        return _coalesce(args)
    if expr.function.null_aware:
        if len(args) == 1:
            only = args[0]
            if expr.function.name == "NOT" and expr.args[0].type is Type.BOOLEAN:
                return _unary(operator.not_, only)
            return lambda row: body(only(row))
        if len(args) == 2:
            one, two = args
            return lambda row: body(one(row), two(row))
        return lambda row: body(*[arg(row) for arg in args])
    if len(args) == 1:
        return _unary(body, args[0])
    if len(args) == 2:
        return _binary(expr, body, args, layout, rt)

    def call(row: Row) -> Any:
        values = [arg(row) for arg in args]
        return None if None in values else body(*values)

    return call


def _coalesce(args: list[Closure]) -> Closure:
    def coalesce(row: Row) -> Any:
        for arg in args:
            value = arg(row)
            if value is not None:
                return value
        return None

    return coalesce


def _unary(body: Callable[[Any], Any], arg: Closure) -> Closure:
    def unary(row: Row) -> Any:
        value = arg(row)
        return None if value is None else body(value)

    return unary


def _binary(expr: Call, body: Callable[[Any, Any], Any], args: list[Closure], layout: Layout, rt: Runtime) -> Closure:
    """Of two arguments; the usual shapes column op constant and column op column have closures of their own."""
    left, right = args
    a, b = expr.args
    place = layout.get(a.id) if isinstance(a, Column) else None
    if place is not None and isinstance(b, Param) and b.slot >= LITERAL_SLOT:
        slot = b.slot - LITERAL_SLOT

        def with_literal(row: Row) -> Any:
            value = row[place]
            return None if value is None else body(value, rt.literals[slot])  # which is not NULL

        return with_literal
    if place is not None and isinstance(b, Const) and b.value is not None:
        constant = b.value

        def with_constant(row: Row) -> Any:
            value = row[place]
            return None if value is None else body(value, constant)

        return with_constant
    other = layout.get(b.id) if isinstance(b, Column) else None
    if place is not None and other is not None:

        def of_columns(row: Row) -> Any:
            first, second = row[place], row[other]
            return None if first is None or second is None else body(first, second)

        return of_columns
    if place is not None:

        def with_computed(row: Row) -> Any:
            first = row[place]
            if first is None:
                return None
            second = right(row)
            return None if second is None else body(first, second)

        return with_computed

    def binary(row: Row) -> Any:
        first = left(row)
        if first is None:
            return None
        second = right(row)
        return None if second is None else body(first, second)

    return binary


def _logic(expr: Any, layout: Layout, rt: Runtime) -> Closure:
    operands = [compile_condition(operand, layout, rt) for operand in expr.operands]
    return _and(operands) if expr.op == "AND" else _or(operands)


def _and(operands: list[Closure]) -> Closure:
    if len(operands) == 2:
        one, two = operands

        def both(row: Row) -> bool | None:
            first = one(row)
            if first is not None and not first:
                return False
            second = two(row)
            if second is not None and not second:
                return False
            return None if first is None or second is None else True

        return both

    def conjunction(row: Row) -> bool | None:
        unknown = False
        for operand in operands:
            value = operand(row)
            if value is None:
                unknown = True
            elif not value:
                return False
        return None if unknown else True

    return conjunction


def _or(operands: list[Closure]) -> Closure:
    if len(operands) == 2:
        one, two = operands

        def either(row: Row) -> bool | None:
            first = one(row)
            if first:
                return True
            second = two(row)
            if second:
                return True
            return None if first is None or second is None else False

        return either

    def disjunction(row: Row) -> bool | None:
        unknown = False
        for operand in operands:
            value = operand(row)
            if value is None:
                unknown = True
            elif value:
                return True
        return None if unknown else False

    return disjunction


def _case(expr: Any, layout: Layout, rt: Runtime) -> Closure:
    whens = [(compile_condition(a, layout, rt), compile_expr(b, layout, rt)) for a, b in expr.whens]
    default = None if expr.default is None else compile_expr(expr.default, layout, rt)

    def case(row: Row) -> Any:
        for condition, result in whens:
            if condition(row):
                return result(row)
        return None if default is None else default(row)

    return case


def _in_items(expr: Any, layout: Layout, rt: Runtime) -> Closure:
    operand = compile_expr(expr.operand, layout, rt)
    negated = expr.negated
    if all(isinstance(item, Const) for item in expr.items):
        values = [item.value for item in expr.items]
        unknown = None in values
        known = frozenset(value for value in values if value is not None)
        if not values:
            return lambda row: negated
        return lambda row: _member(operand(row), known, unknown, negated)
    items = [compile_expr(item, layout, rt) for item in expr.items]
    if len(items) > 3 and not any(isinstance(part, (Column, SubqueryExpr)) for i in expr.items for part in walk(i)):
        return _in_computed(operand, items, negated, rt)

    def among(row: Row) -> bool | None:
        value = operand(row)
        if value is None:
            return None
        unknown = False
        for item in items:
            other = item(row)
            if other is None:
                unknown = True
            elif other == value:
                return not negated
        return None if unknown else negated

    return among


def _in_computed(operand: Closure, items: list[Closure], negated: bool, rt: Runtime) -> Closure:
    """IN of parameters: their set is made once an execution."""
    key = object()

    def among(row: Row) -> bool | None:
        known = rt.memo.get(key)
        if known is None:
            values = [item(()) for item in items]
            known = rt.memo[key] = (frozenset(v for v in values if v is not None), None in values)
        return _member(operand(row), known[0], known[1], negated)

    return among


def _member(value: Any, known: Any, unknown: bool, negated: bool) -> bool | None:
    """value [NOT] IN a set that is not empty, where `unknown` says whether it held a NULL."""
    if value is None:
        return None
    if value in known:
        return not negated
    return None if unknown else negated


def _subquery(expr: Any, layout: Layout, rt: Runtime) -> Closure:
    from engine.sql.execute import compile_plan
    from engine.sql.scan import compile_probe

    if expr.kind == "exists" and rt.profile is None:
        probe = compile_probe(expr, [compile_expr(arg, layout, rt) for arg in expr.args], rt)
        if probe is not None:
            return probe
    run = compile_plan(expr.plan, rt)
    numbers = [column.id for column in expr.outer]
    args = [compile_expr(arg, layout, rt) for arg in expr.args]
    operands = [compile_expr(operand, layout, rt) for operand in expr.operands]
    key = object()
    consume = {"scalar": _scalar, "row": _row, "exists": _exists, "in": _collect}[expr.kind]

    def value_once(row: Row) -> Any:
        """The outcome of a query that looks at nothing outside: the same for every row."""
        try:
            return rt.memo[key]
        except KeyError:
            rt.memo[key] = outcome = consume(run())
            return outcome

    def value_for(row: Row) -> Any:
        """The query's outcome for the outer values of this row, computed once for equal ones."""
        memo = rt.memo.setdefault(key, {})
        values = tuple([arg(row) for arg in args])
        known = (values, tuple(map(type, values)))
        try:
            return memo[known]
        except KeyError:
            pass
        rt.check()
        for number, value in zip(numbers, values, strict=True):
            rt.outer[number] = value
        outcome = consume(run())
        if len(memo) >= MEMO_MAX:
            memo.clear()
        memo[known] = outcome
        return outcome

    outcome = value_for if args else value_once
    return outcome if expr.kind != "in" else _in_query(expr, operands, outcome)


def _scalar(rows: Any) -> Any:
    first = next(rows, None)
    if first is None:
        return None
    if next(rows, None) is not None:
        raise DataError("a query used as a value gave more than one row")
    return first[0]


def _row(rows: Any) -> Any:
    first = next(rows, None)
    if first is not None and next(rows, None) is not None:
        raise DataError("a query used as a row of values gave more than one row")
    return first


def _exists(rows: Any) -> bool:
    return next(rows, None) is not None


def _collect(rows: Any) -> tuple[set[Any], bool, list[Row]]:
    """The rows of an IN query: those without NULL as a set, and those with one."""
    known: set[Any] = set()
    partial: list[Row] = []
    for row in rows:
        if None in row:
            partial.append(row)
        else:
            known.add(row[0] if len(row) == 1 else row)
    return known, bool(partial), partial


def _in_query(expr: SubqueryExpr, operands: list[Closure], outcome: Closure) -> Closure:
    negated = expr.negated
    if len(operands) == 1:
        operand = operands[0]

        def among(row: Row) -> bool | None:
            known, unknown, _ = outcome(row)
            if not known and not unknown:
                return negated
            return _member(operand(row), known, unknown, negated)

        return among

    def rows_among(row: Row) -> bool | None:
        known, _, partial = outcome(row)
        value = tuple([operand(row) for operand in operands])
        if None not in value and value in known:
            return not negated
        candidates = partial if None not in value else [*partial, *known]
        for other in candidates:
            if all(a is None or b is None or a == b for a, b in zip(value, other, strict=True)):
                return None
        return negated

    return rows_among


_COMPILERS: dict[type[Expr], Callable[[Any, Layout, Runtime], Closure]] = {
    Const: _const,
    Param: _param,
    Column: _column,
    Call: _call,
    Logic: _logic,
    Case: _case,
    InItems: _in_items,
    SubqueryExpr: _subquery,
}
