"""Grouping of the row gear: a dictionary from group key to the states of its aggregates."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any

from engine.sql.aggregates import Aggregator, Count
from engine.sql.compile_expr import Closure, Row, Runtime, compile_condition, compile_expr
from engine.sql.expr import Aggregate
from engine.sql.plan import Group, SortKey

Run = Callable[[], Iterator[Row]]
Step = Callable[[Any, Row], None]
PORTION = 256
"""Rows that are taken in together where there is one group."""


class Distinct(Aggregator):
    """Passes each value on once."""

    __slots__ = ("inner", "seen")

    def __init__(self, inner: Aggregator):
        self.inner = inner
        self.seen: set[Any] = set()

    def step(self, *values: Any) -> None:
        if values[0] not in self.seen:
            self.seen.add(values[0])
            self.inner.step(*values)

    def result(self) -> Any:
        return self.inner.result()


class Ordered(Aggregator):
    """Keeps the rows and passes their values on in order."""

    __slots__ = ("inner", "keys", "rows", "width")

    def __init__(self, inner: Aggregator, width: int, keys: list[SortKey]):
        self.inner = inner
        self.width = width
        self.keys = keys
        self.rows: list[Row] = []

    def step(self, *values: Any) -> None:
        self.rows.append(values)

    def result(self) -> Any:
        from engine.sql.sorting import sort_rows

        ways = [(_pick(self.width + i), key) for i, key in enumerate(self.keys)]
        for row in sort_rows(self.rows, ways):
            self.inner.step(*row[: self.width])
        return self.inner.result()


def _pick(place: int) -> Closure:
    return lambda row: row[place]


def _maker(call: Aggregate) -> Callable[[], Aggregator]:
    """A function that makes the state of an aggregate for a new group."""
    make: Callable[[], Aggregator] = call.function.implementation
    if call.distinct:
        plain = make
        make = lambda: Distinct(plain())  # noqa: E731
    if call.order_by:
        inner = make
        keys = [SortKey(expr, descending, last) for expr, descending, last in call.order_by]
        make = lambda: Ordered(inner(), len(call.args), keys)  # noqa: E731
    return make


def _stepper(call: Aggregate, layout: dict[int, int], rt: Runtime) -> Step:
    """A function that takes a row into a state."""
    condition = None if call.filter is None else compile_condition(call.filter, layout, rt)
    exprs = [*call.args, *(key for key, _, _ in call.order_by)]
    args = [compile_expr(expr, layout, rt) for expr in exprs]
    if not call.args:

        def count(state: Any, row: Row) -> None:
            if condition is None or condition(row):
                state.step()

        return count
    if len(args) == 1 and condition is None:
        (only,) = args

        def step_one(state: Any, row: Row) -> None:
            value = only(row)
            if value is not None:
                state.step(value)

        return step_one

    def step(state: Any, row: Row) -> None:
        if condition is None or condition(row):
            values = [arg(row) for arg in args]
            if values[0] is not None:
                state.step(*values)

    return step


def _taker(call: Aggregate, layout: dict[int, int], rt: Runtime) -> Callable[[Any, list[Row]], None]:
    """A function that takes many rows into a state."""
    if call.filter is None and not call.order_by and len(call.args) == 1:
        only = compile_expr(call.args[0], layout, rt)

        def take(state: Any, rows: list[Row]) -> None:
            state.step_all([value for value in map(only, rows) if value is not None])

        return take
    if call.filter is None and not call.args:
        return lambda state, rows: state.step_all(rows)
    step = _stepper(call, layout, rt)

    def take_each(state: Any, rows: list[Row]) -> None:
        for row in rows:
            step(state, row)

    return take_each


def compile_group(plan: Group, rt: Runtime) -> Run:
    """The function that gives a row a group: its keys, then its aggregates."""
    from engine.sql.execute import compile_plan

    below = compile_plan(plan.input, rt)
    layout = {column.id: place for place, column in enumerate(plan.input.columns)}
    keys = [compile_expr(key, layout, rt) for key in plan.keys]
    makers = [_maker(call) for call in plan.aggregates]
    if not keys:
        takers = [_taker(call, layout, rt) for call in plan.aggregates]
    else:
        steps = [_stepper(call, layout, rt) for call in plan.aggregates]

    def whole() -> Iterator[Row]:
        states = [make() for make in makers]
        rows = iter(below())
        while portion := list(islice(rows, PORTION)):
            for take, state in zip(takers, states, strict=True):
                take(state, portion)
        yield tuple([state.result() for state in states])

    def grouped() -> Iterator[Row]:
        groups: dict[Any, list[Aggregator]] = {}
        one = keys[0] if len(keys) == 1 else None
        for row in below():
            key = one(row) if one is not None else tuple([part(row) for part in keys])
            states = groups.get(key)
            if states is None:
                states = groups[key] = [make() for make in makers]
            for step, state in zip(steps, states, strict=True):
                step(state, row)
        for key, states in groups.items():
            head = (key,) if one is not None else key
            yield (*head, *[state.result() for state in states])

    def counted() -> Iterator[Row]:
        """GROUP BY one key with count(*) alone."""
        counts: dict[Any, int] = {}
        one = keys[0]
        for row in below():
            key = one(row)
            counts[key] = counts.get(key, 0) + 1
        return iter(counts.items())

    if not keys:
        return whole
    bare = [c.function.implementation is Count and not c.args and c.filter is None for c in plan.aggregates]
    return counted if len(keys) == 1 and bare == [True] else grouped
