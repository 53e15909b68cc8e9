"""Window functions of the row gear.

    all rows -> in the order of the window -> dealt out to partitions (a dictionary) -> per partition, per call: a value
    for each row -> rows with the values behind them

The rows are held in memory. Partitions come in the order of their first rows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from engine.sql.compile_expr import Closure, Layout, Row, Runtime, compile_condition, compile_expr
from engine.sql.expr import WindowCall
from engine.sql.moving import Moving, moving
from engine.sql.plan import SortKey, Window
from engine.sql.sorting import RUN, held_rows, sort_rows, sorted_rows
from engine.sql.window_frames import Part, Partition, frame_parts
from engine.sql.window_functions import FRAMED, RANKING

Run = Callable[[], Iterator[Row]]
Values = Callable[[Partition], list[Any]]
CHECKED_ROWS = 1023


def compile_window(plan: Window, rt: Runtime) -> Run:
    """The function that gives the rows with the values of the plan's window functions behind them."""
    from engine.sql.execute import compile_plan

    below = compile_plan(plan.input, rt)
    layout = {column.id: place for place, column in enumerate(plan.input.columns)}
    first = plan.calls[0]
    partition_by = [compile_expr(key, layout, rt) for key in first.partition_by]
    order = [
        (compile_expr(key, layout, rt), SortKey(key, descending, last)) for key, descending, last in first.order_by
    ]
    calls = [_compile_call(call, layout, rt) for call in plan.calls]

    def run() -> Iterator[Row]:
        rows = held_rows(below(), rt, "a window")
        if len(rows) > RUN and order:
            rows = list(sorted_rows(rows, order, rt, plan))
        elif order:
            rows = sort_rows(rows, order)
        for group in _partitions(rows, partition_by):
            rt.check()
            keys: list[Row] | None = None
            if len(order) == 1:
                only = order[0][0]
                keys = [(only(row),) for row in group]
            elif order:
                keys = [tuple([closure(row) for closure, _ in order]) for row in group]
            partition = Partition(group, keys)
            columns = [call(partition) for call in calls]
            yield from map(tuple.__add__, group, zip(*columns, strict=True))

    return run


def _partitions(rows: list[Row], keys: list[Closure]) -> Iterator[list[Row]]:
    if not keys:
        return iter([rows] if rows else [])
    found: dict[Any, list[Row]] = {}
    only = keys[0] if len(keys) == 1 else None
    for row in rows:
        key = only(row) if only is not None else tuple([part(row) for part in keys])
        group = found.get(key)
        if group is None:
            found[key] = [row]
        else:
            group.append(row)
    return iter(found.values())


def _compile_call(call: WindowCall, layout: Layout, rt: Runtime) -> Values:
    """A function from a partition to the call's value for each of its rows."""
    args = [compile_expr(arg, layout, rt) for arg in call.args]
    body = call.function.implementation
    if call.function.name in RANKING and not call.function.aggregate:
        return lambda partition: body(partition, [[arg(row) for row in partition.rows] for arg in args])
    frame = _compile_frame(call, rt)
    if call.function.name in FRAMED and not call.function.aggregate:
        return lambda partition: _picked(body, partition, frame(partition), args)
    condition = None if call.filter is None else compile_condition(call.filter, layout, rt)

    def aggregate(partition: Partition) -> list[Any]:
        rows = partition.rows
        if not args:
            values: list[Any] = [True] * len(rows)
        elif len(args) == 1:
            only = args[0]
            values = [only(row) for row in rows]
        else:
            values = [tuple([arg(row) for arg in args]) for row in rows]
            values = [None if value[0] is None else value for value in values]
        if condition is not None:
            values = [value if condition(row) else None for value, row in zip(values, rows, strict=True)]
        return _over_frames(body, values, frame(partition), rt)

    return aggregate


def _compile_frame(call: WindowCall, rt: Runtime) -> Callable[[Partition], list[Part]]:
    frame = call.frame
    offsets = [None if e is None else compile_expr(e, {}, rt) for e in (frame.start_offset, frame.end_offset)]
    descending = bool(call.order_by) and call.order_by[0][1]

    def parts(partition: Partition) -> list[Part]:
        start, end = (None if offset is None else offset(()) for offset in offsets)
        return frame_parts(frame, partition, (start, end), descending)

    return parts


def _picked(body: Callable[..., int], partition: Partition, parts: list[Part], args: list[Closure]) -> list[Any]:
    values = [[arg(row) for row in partition.rows] for arg in args]
    places = [body(parts, row, values) for row in range(len(partition))]
    first = values[0]
    return [first[place] if place >= 0 else None for place in places]


def _over_frames(make: Any, values: list[Any], parts: list[Part], rt: Runtime) -> list[Any]:
    """An aggregate's value over each row's frame."""
    state = moving(make, values, len(parts))
    if len(parts) == 1:
        return _over_stretches(state, *parts[0], rt)
    add, drop, result = state.add, state.drop, state.result
    at = [[0, 0] for _ in parts]
    found: list[Any] = []
    value: Any = None
    for row in range(len(values)):
        if row & CHECKED_ROWS == CHECKED_ROWS:
            rt.check()
        changed = not row
        for number, (start, end) in enumerate(parts):
            window = at[number]
            begin, stop = window
            first, behind = start[row], end[row]
            if stop < behind:
                changed = True
                for i in range(stop, behind):
                    add(number, i)
                window[1] = behind
            if begin < first:
                changed = True
                for i in range(begin, first):
                    drop(number, i)
                window[0] = first
        if changed:
            value = result()
        found.append(value)
    return found


def _over_stretches(state: Moving, starts: list[int], ends: list[int], rt: Runtime) -> list[Any]:
    """The same for frames in one piece, which most are."""
    add, drop, result = state.add, state.drop, state.result
    found: list[Any] = []
    append = found.append
    begin = stop = 0
    value = result()
    for first, behind in zip(starts, ends, strict=True):
        if stop < behind or begin < first:
            while stop < behind:
                add(0, stop)
                stop += 1
            while begin < first:
                drop(0, begin)
                begin += 1
            value = result()
        append(value)
        if not len(found) & CHECKED_ROWS:
            rt.check()
    return found
