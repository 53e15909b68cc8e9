"""The row gear: a plan becomes a function that gives an iterator of rows, each a tuple in the order of the node's columns.

    compile_plan(plan, runtime) -> run          run() -> iterator of tuples, which reads the transaction as it goes

Operators are generators (a pipeline): a row is read when somebody asks for it. Hash join, grouping, DISTINCT and set
operations hold what they need in memory, a sort beyond query_memory goes to files (engine.sql.sorting). Every loop that can run long without yielding looks at the runtime's flag.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from operator import itemgetter
from typing import Any

from engine.base.errors import DataError, InternalError
from engine.record.types import Type, try_convert
from engine.sql.compile_expr import Closure, Layout, Row, Runtime, compile_condition, compile_expr
from engine.sql.expr import Column, Expr
from engine.sql.plan import (
    Columnar,
    CountRows,
    Distinct,
    Filter,
    Group,
    Hashed,
    Join,
    Kept,
    Limit,
    OneRow,
    Plan,
    Project,
    Recurse,
    Rows,
    Scan,
    SetOp,
    Sort,
    SystemScan,
    Window,
    Working,
)
from engine.sql.sorting import RUN, sorted_rows, top_rows

Run = Callable[[], Iterator[Row]]
RECURSION_MAX = 10_000_000
"""Rows a recursive table may give."""


def compile_plan(plan: Plan, rt: Runtime) -> Run:
    """The function that runs a plan."""
    run = _COMPILERS[type(plan)](plan, rt)
    return run if rt.profile is None else rt.profile.watch(plan, run)


def layout_of(columns: Iterable[Column]) -> Layout:
    """Where each column stands in a row."""
    return {column.id: place for place, column in enumerate(columns)}


def _one_row(plan: OneRow, rt: Runtime) -> Run:
    return lambda: iter(((),))


def _rows(plan: Rows, rt: Runtime) -> Run:
    rows = [[compile_expr(expr, {}, rt) for expr in row] for row in plan.rows]
    return lambda: iter([tuple([closure(()) for closure in row]) for row in rows])


def _system_scan(plan: SystemScan, rt: Runtime) -> Run:
    args = [compile_expr(arg, {}, rt) for arg in plan.args]
    provider = plan.table.provider
    return lambda: map(tuple, provider(tuple([arg(()) for arg in args]), rt.session))


def _filter(plan: Filter, rt: Runtime) -> Run:
    below = compile_plan(plan.input, rt)
    condition = compile_condition(plan.condition, layout_of(plan.input.columns), rt)
    return lambda: filter(condition, below())


def projection(exprs: tuple[Expr, ...], layout: Layout, rt: Runtime) -> Closure | None:
    """A function from a row to the tuple of some expressions; None when that is the row itself."""
    places = [layout.get(expr.id) if isinstance(expr, Column) else None for expr in exprs]
    if None not in places:
        if places == list(range(len(layout))):
            return None
        if len(places) == 1:
            place = places[0] or 0
            return lambda row: (row[place],)
        if places:
            return itemgetter(*places)
    closures = [compile_expr(expr, layout, rt) for expr in exprs]
    if len(closures) == 1:
        (only,) = closures
        return lambda row: (only(row),)
    if len(closures) == 2:
        one, two = closures
        return lambda row: (one(row), two(row))
    return lambda row: tuple([closure(row) for closure in closures])


def _project(plan: Project, rt: Runtime) -> Run:
    below = compile_plan(plan.input, rt)
    make = projection(plan.exprs, layout_of(plan.input.columns), rt)
    return below if make is None else lambda: map(make, below())


def _count_rows(plan: CountRows, rt: Runtime) -> Run:
    tree = plan.table.tree
    return lambda: iter(((rt.txn.count(tree),),))


def _kept(plan: Kept, rt: Runtime) -> Run:
    below = compile_plan(plan.input, rt)
    name = object()

    def run() -> Iterator[Row]:
        rows = rt.memo.get(name)
        if rows is None:
            rows = rt.memo[name] = list(below())
        return iter(rows)

    return run


def _sort(plan: Sort, rt: Runtime) -> Run:
    below = compile_plan(plan.input, rt)
    layout = layout_of(plan.input.columns)
    keys = [(compile_expr(key.expr, layout, rt), key) for key in plan.keys]
    if plan.limit is None:
        return lambda: sorted_rows(below(), keys, rt, plan)
    limit = compile_expr(plan.limit, {}, rt)
    offset = None if plan.offset is None else compile_expr(plan.offset, {}, rt)

    def first_rows() -> Iterator[Row]:
        count = whole_number("LIMIT", limit)
        if count is None or count < 0:
            return sorted_rows(below(), keys, rt, plan)
        count += max(0, whole_number("OFFSET", offset) or 0)
        return iter(top_rows(below(), keys, count)) if count < RUN else sorted_rows(below(), keys, rt, plan)

    return first_rows


def _limit(plan: Limit, rt: Runtime) -> Run:
    below = compile_plan(plan.input, rt)
    limit = None if plan.limit is None else compile_expr(plan.limit, {}, rt)
    offset = None if plan.offset is None else compile_expr(plan.offset, {}, rt)

    def run() -> Iterator[Row]:
        first = whole_number("OFFSET", offset) or 0
        count = whole_number("LIMIT", limit)
        first = max(first, 0)
        return islice(below(), first, None if count is None or count < 0 else first + count)

    return run


def whole_number(what: str, closure: Closure | None) -> int | None:
    """The value of LIMIT or OFFSET. Raises DataError unless it is an integer or NULL."""
    value = None if closure is None else closure(())
    if value is None:
        return None
    number = try_convert(value, Type.INTEGER)
    if not isinstance(number, int):
        raise DataError(f"{what} needs an integer")
    return min(number, 2**62)


def _distinct(plan: Distinct, rt: Runtime) -> Run:
    below = compile_plan(plan.input, rt)
    return lambda: distinct(below())


def distinct(rows: Iterable[Row]) -> Iterator[Row]:
    """Each row once, where it first comes."""
    seen: set[Row] = set()
    add = seen.add
    for row in rows:
        if row not in seen:
            add(row)
            yield row


def _set_op(plan: SetOp, rt: Runtime) -> Run:
    left, right = compile_plan(plan.left, rt), compile_plan(plan.right, rt)

    def union() -> Iterator[Row]:
        yield from left()
        yield from right()

    def counted() -> Iterator[Row]:
        counts = Counter(right())
        intersect = plan.op == "INTERSECT"
        for row in left():
            if counts[row] > 0:
                counts[row] -= 1
                if intersect:
                    yield row
            elif not intersect:
                yield row

    def once() -> Iterator[Row]:
        others = set(right())
        intersect = plan.op == "INTERSECT"
        return distinct(row for row in left() if (row in others) == intersect)

    if plan.op == "UNION":
        return union if plan.all else lambda: distinct(union())
    return counted if plan.all else once


def _recurse(plan: Recurse, rt: Runtime) -> Run:
    first, step = compile_plan(plan.first, rt), compile_plan(plan.step, rt)

    def run() -> Iterator[Row]:
        seen: set[Row] = set()
        total = 0
        rows: Iterable[Row] = first()
        while True:
            fresh = []
            for row in rows:
                if plan.all or row not in seen:
                    if not plan.all:
                        seen.add(row)
                    fresh.append(row)
            if not fresh:
                return
            total += len(fresh)
            if total > RECURSION_MAX:
                raise DataError(f"the recursive table {plan.name} gives more than {RECURSION_MAX:,} rows")
            yield from fresh
            rt.check()
            rt.working[plan.key] = fresh
            rt.memo.clear()
            rows = list(step())

    return run


def _working(plan: Working, rt: Runtime) -> Run:
    return lambda: iter(rt.working[plan.key])


def _scan(plan: Scan, rt: Runtime) -> Run:  # what a plan has not is not loaded
    from engine.sql.scan import compile_scan

    return compile_scan(plan, rt)


def _hashed(plan: Hashed, rt: Runtime) -> Run:
    from engine.sql.join import compile_hashed

    return compile_hashed(plan, rt)


def _columnar(plan: Columnar, rt: Runtime) -> Run:
    from engine.sql.columns.boundary import compile_columnar

    return compile_columnar(plan, rt)


def _join(plan: Join, rt: Runtime) -> Run:
    from engine.sql.join import compile_join

    return compile_join(plan, rt)


def _group(plan: Group, rt: Runtime) -> Run:
    from engine.sql.group import compile_group

    return compile_group(plan, rt)


def _window(plan: Window, rt: Runtime) -> Run:
    from engine.sql.window import compile_window

    return compile_window(plan, rt)


def _unknown(plan: Plan, rt: Runtime) -> Run:
    raise InternalError(f"{type(plan).__name__} cannot be executed")


_COMPILERS: dict[type[Plan], Callable[[Any, Runtime], Run]] = {
    OneRow: _one_row,
    Rows: _rows,
    Scan: _scan,
    SystemScan: _system_scan,
    Filter: _filter,
    Project: _project,
    Hashed: _hashed,
    Kept: _kept,
    Columnar: _columnar,
    Join: _join,
    Group: _group,
    Window: _window,
    CountRows: _count_rows,
    Sort: _sort,
    Limit: _limit,
    Distinct: _distinct,
    SetOp: _set_op,
    Recurse: _recurse,
    Working: _working,
}
