"""Window functions: the rows in order, and for each the places where its partition, its peers and its frame begin and end.

    sort by the order's keys, then (stable) by the partitions' codes     place   0   1   2 | 3   4
    first     of the row's partition, last: behind its last row          first   0   0   0   3   3     last  3 3 3 5 5
    peer, behind: the same of the rows equal in the order                peer    0   1   1   3   4     behind 1 3 3 4 5

Ranks are differences of places; lag and lead take values at other places; sums and counts over a frame are differences of
a running total, which is exact for integers. Running sums of REALs and extremes over moving frames run in the row gear.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from engine.base.errors import LimitError
from engine.record.types import Type
from engine.sql import aggregates as agg
from engine.sql.columns import arrow
from engine.sql.columns.arrow import NoForm, kind_of, repeated
from engine.sql.columns.batch import Batch, together
from engine.sql.columns.codes import Codes, encode, plain
from engine.sql.columns.group import FORMS, Work
from engine.sql.columns.join import numbers
from engine.sql.columns.order import sorted_places
from engine.sql.columns.spill import Spill
from engine.sql.columns.watch import take, watched
from engine.sql.expr import Const, Frame, Param, WindowCall
from engine.sql.kernels import EXACT, call, magnitude, real, whole
from engine.sql.plan import Window

if TYPE_CHECKING:
    from engine.sql.columns.evaluate import Evaluator

SHIFTS = {"lag": -1, "lead": 1}
PLACED = {"row_number", "rank", "dense_rank", "percent_rank", "cume_dist", "first_value", "last_value", *SHIFTS}
_STARTS = ("UNBOUNDED PRECEDING", "PRECEDING", "CURRENT ROW")
_ENDS = ("UNBOUNDED FOLLOWING", "FOLLOWING", "CURRENT ROW")


def has_form(window: WindowCall) -> bool:
    """Whether a call has a column form, as far as can be said before it runs."""
    frame = window.frame
    if frame.exclude or frame.unit == "GROUPS" or frame.start not in _STARTS or frame.end not in _ENDS:
        return False
    if frame.unit == "RANGE" and (frame.start_offset is not None or frame.end_offset is not None):
        return False
    if not all(isinstance(e, (Const, Param, type(None))) for e in (frame.start_offset, frame.end_offset)):
        return False
    if not window.function.aggregate:
        return window.function.name in PLACED and all(isinstance(arg, (Const, Param)) for arg in window.args[1:])
    implementation = window.function.implementation
    if implementation not in FORMS or len(window.args) > 1:
        return False
    return _is_whole(window) or implementation in (agg.Count, agg.Sum, agg.Average)


def _is_whole(window: WindowCall) -> bool:
    """Whether the frame is the partition."""
    frame = window.frame
    if frame.start != "UNBOUNDED PRECEDING":
        return False
    return frame.end == "UNBOUNDED FOLLOWING" or (
        frame.unit == "RANGE" and frame.end == "CURRENT ROW" and not window.order_by
    )


class Places:
    """The places of a sorted batch; see the module. starts: of a new partition; fresh: of new peers."""

    def __init__(self, rows: int, partitions: list[Any], order: list[Any]):
        self.rows = rows
        self.row = numbers(rows)
        self.starts = _changes(partitions, rows)
        fresh = self.starts
        for key in order:
            fresh = call("or", fresh, _changes([key], rows))
        self.fresh = fresh
        self.first, self.last = self._edges(self.starts)
        self.peer, self.behind = (self.first, self.last) if not order else self._edges(fresh)

    def _edges(self, changes: Any) -> tuple[Any, Any]:
        """For each row where its stretch begins, and the place behind its end."""
        pa = arrow.pa
        begins = call("indices_nonzero", changes).cast(pa.int64())
        ends = pa.concat_arrays([begins.slice(1), pa.array([self.rows], pa.int64())])
        number = call("subtract", self._running(changes), pa.scalar(1, pa.int64()))
        return take(begins, number), take(ends, number)

    @staticmethod
    def _running(changes: Any) -> Any:
        return call("cumulative_sum", changes.cast(arrow.pa.int64()))

    def groups(self) -> Codes:
        """The partitions as codes."""
        codes = call("subtract", self._running(self.starts), arrow.pa.scalar(1, arrow.pa.int64()))
        return Codes(codes, [], arrow.pc.sum(self.starts).as_py() or 0)

    def dense(self) -> Any:
        """The number of the row's peers in the partition, from 1."""
        running = self._running(self.fresh)
        return call("add", call("subtract", running, take(running, self.first)), arrow.scalar(1))


def _changes(arrays: list[Any], rows: int) -> Any:
    """Whether a row differs from the one before in one of the arrays; the first one does."""
    pa = arrow.pa
    if not rows:
        return pa.array([], pa.bool_())
    rest = pa.repeat(pa.scalar(False), rows - 1)
    for array in arrays:
        if kind_of(array) is Type.NULL:
            continue
        before, after = array.slice(0, rows - 1), array.slice(1)
        differs = call("not_equal", before, after)
        if array.null_count:
            gone, here = call("is_null", before), call("is_null", after)
            differs = call("coalesce", differs, call("xor", gone, here))
        rest = call("or", rest, differs)
    return arrow.joined([pa.array([True]), rest])


def compile_window(plan: Window, ev: Evaluator) -> Callable[[], Iterator[Batch]]:
    """The function that gives the rows with the values of the plan's window functions behind them."""
    from engine.sql.columns.operators import compile_columns

    below = compile_columns(plan.input, ev)
    window = plan.calls[0]

    def run() -> Iterator[Batch]:
        spill = Spill(ev.rt, plan)
        if window.partition_by:
            parts = spill.grouped(
                plan.input.columns, below(), lambda batch: [ev.array(key, batch) for key in window.partition_by]
            )
            yield from (computed(part) for part in parts if part.rows)
            return
        held, more = spill.gather(below())
        if more:
            raise LimitError(
                f"a window over all rows needs them in memory, and they are more than query_memory = {spill.limit:,} bytes: "
                "give the window a PARTITION BY, or open the database with a larger query_memory"
            )
        whole = together(plan.input.columns, held)
        if whole.rows:
            yield computed(whole)

    def computed(batch: Batch) -> Batch:
        keys = [(ev.array(key, batch), down, last) for key, down, last in window.order_by]
        order = sorted_places(keys, batch.rows)
        codes = None
        if window.partition_by:
            codes = encode([take(ev.array(key, batch), order) for key in window.partition_by]).codes
            step = watched(batch.rows, arrow.pc.array_sort_indices, codes)
            order, codes = take(order, step), take(codes, step)
        batch = batch.take(order)
        ordered = [take(plain(array), order) for array, _, _ in keys]
        places = Places(batch.rows, [] if codes is None else [codes], ordered)
        values = [_value(one, places, batch, ev) for one in plan.calls]
        return Batch(plan.columns, [*batch.arrays, *values], batch.rows)

    return run


def _value(window: WindowCall, places: Places, batch: Batch, ev: Evaluator) -> Any:
    """The call's value for each row."""
    name = window.function.name
    if window.function.aggregate:
        return _aggregate(window, places, batch, ev)
    if name == "row_number":
        return call("add", call("subtract", places.row, places.first), arrow.scalar(1))
    if name == "rank":
        return call("add", call("subtract", places.peer, places.first), arrow.scalar(1))
    if name == "dense_rank":
        return places.dense()
    size = call("subtract", places.last, places.first)
    if name == "percent_rank":
        others = call("subtract", size, arrow.scalar(1))
        share = call("divide", real(call("subtract", places.peer, places.first)), real(others))
        return call("if_else", call("equal", others, arrow.scalar(0)), arrow.scalar(0.0), share)
    if name == "cume_dist":
        return call("divide", real(call("subtract", places.behind, places.first)), real(size))
    array = ev.array(window.args[0], batch)
    if name in SHIFTS:
        return _shift(window, array, places, ev)
    begin, end = _frame(window.frame, places, ev)
    place = begin if name == "first_value" else call("subtract", end, arrow.scalar(1))
    return take(array, _within(place, call("less", begin, end)))


def _within(place: Any, inside: Any) -> Any:
    """Places, NULL where they lie outside."""
    return call("if_else", inside, place, arrow.pa.scalar(None, arrow.pa.int64()))


def _shift(window: WindowCall, array: Any, places: Places, ev: Evaluator) -> Any:
    offset = ev.constant(window.args[1]) if len(window.args) > 1 else 1
    if type(offset) is not int or abs(offset) > 2**40:
        raise NoForm("an offset that is no small integer")
    place = call("add", places.row, arrow.scalar(SHIFTS[window.function.name] * offset))
    inside = call("and", call("greater_equal", place, places.first), call("less", place, places.last))
    found = take(array, _within(place, inside))
    if len(window.args) < 3:
        return found
    other = ev.value(window.args[2], Batch((), [], places.rows))
    if kind_of(other) is Type.NULL:
        return found
    if kind_of(other) is not kind_of(found):
        raise NoForm("another type outside")
    return call("if_else", inside, found, other)


def _frame(frame: Frame, places: Places, ev: Evaluator) -> tuple[Any, Any]:
    """Where each row's frame begins, and the place behind its end; neither outside the partition."""
    rows = frame.unit == "ROWS"
    one = arrow.scalar(1)
    if frame.start == "UNBOUNDED PRECEDING":
        begin = places.first
    elif frame.start == "CURRENT ROW":
        begin = places.row if rows else places.peer
    else:
        begin = call("max_element_wise", call("subtract", places.row, _offset(frame.start_offset, ev)), places.first)
    if frame.end == "UNBOUNDED FOLLOWING":
        end = places.last
    elif frame.end == "CURRENT ROW":
        end = call("add", places.row, one) if rows else places.behind
    else:
        end = call("add", call("add", places.row, one), _offset(frame.end_offset, ev))
        end = call("min_element_wise", end, places.last)
    return begin, end


def _offset(expr: Any, ev: Evaluator) -> Any:
    value = ev.constant(expr)
    if type(value) is not int or not 0 <= value < 2**40:
        raise NoForm("an offset that is no small integer")
    return arrow.scalar(value)


def _aggregate(window: WindowCall, places: Places, batch: Batch, ev: Evaluator) -> Any:
    array = ev.array(window.args[0], batch) if window.args else repeated(arrow.scalar(True), batch.rows)
    if window.filter is not None:
        mask = repeated(ev.condition(window.filter, batch), batch.rows)
        array = call("if_else", call("coalesce", mask, arrow.scalar(False)), array, arrow.pa.scalar(None, array.type))
    implementation = window.function.implementation
    if _is_whole(window):
        groups = places.groups()
        work = Work(groups, batch.rows)
        finish = FORMS[implementation](work, array)
        work.carry_out()
        return take(finish(), groups.codes)
    begin, end = _frame(window.frame, places, ev)
    if kind_of(array) is Type.NULL:
        return repeated(arrow.scalar(0 if implementation is agg.Count else None), batch.rows)
    counts = _between(call("is_valid", array).cast(arrow.pa.int64()), begin, end)
    if implementation is agg.Count:
        return counts
    array = whole(array)
    if magnitude(array) * batch.rows > (EXACT if implementation is agg.Average else 2**62):
        raise NoForm("a sum beyond 64 bits")
    sums = _between(call("coalesce", array, arrow.scalar(0)), begin, end)
    there = call("greater", counts, arrow.scalar(0))
    if implementation is agg.Average:
        sums = call("divide", real(sums), real(counts))
    return call("if_else", there, sums, arrow.pa.scalar(None, sums.type))


def _between(array: Any, begin: Any, end: Any) -> Any:
    """The sums of integers without NULL over stretches; 0 over those that are empty."""
    zero = arrow.pa.array([0], arrow.pa.int64())
    running = arrow.joined([zero, call("cumulative_sum_checked", array)])
    found = call("subtract", take(running, end), take(running, begin))
    return call("if_else", call("less", begin, end), found, arrow.scalar(0))
