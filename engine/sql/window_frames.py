"""Frames: for each row of a partition the stretch of rows its window functions look at.

Rows are numbered from 0 in the order of the window; a stretch is [first, behind the last). With constant offsets both
ends only move forward from row to row, which is what makes sums over them cheap (engine.sql.moving).
"""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from typing import Any

from engine.base.errors import DataError
from engine.record.types import describe
from engine.sql.expr import Frame

Bounds = list[int]
Part = tuple[Bounds, Bounds]


class Partition:
    """The rows of one partition in order. keys: of each row the values of ORDER BY; without one all rows are peers."""

    def __init__(self, rows: Sequence[Any], keys: Sequence[Any] | None):
        self.rows = rows
        self.keys = keys
        self._peers: tuple[Bounds, Bounds, Bounds] | None = None

    def __len__(self) -> int:
        return len(self.rows)

    def peers(self) -> tuple[Bounds, Bounds, Bounds]:
        """For each row: the first row of its peers, the row behind their last, and the number of their group."""
        if self._peers is None:
            self._peers = self._find_peers()
        return self._peers

    def _find_peers(self) -> tuple[Bounds, Bounds, Bounds]:
        count, keys = len(self.rows), self.keys
        if keys is None:
            return [0] * count, [count] * count, [0] * count
        first, last, number = [0] * count, [0] * count, [0] * count
        start = group = 0
        for i in range(1, count + 1):
            if i == count or keys[i] != keys[start]:
                if i == start + 1:
                    first[start], last[start], number[start] = start, i, group
                else:
                    size = i - start
                    first[start:i], last[start:i], number[start:i] = [start] * size, [i] * size, [group] * size
                start, group = i, group + 1
        return first, last, number


def frame_parts(frame: Frame, partition: Partition, offsets: tuple[Any, Any], descending: bool) -> list[Part]:
    """The stretches of each row's frame: one, or several with EXCLUDE. Raises DataError for a bad offset."""
    start, end = (_bound(frame, partition, kind, offset, at_end, descending) for kind, offset, at_end in (
        (frame.start, offsets[0], False), (frame.end, offsets[1], True)))  # fmt: skip
    end = [max(a, b) for a, b in zip(start, end, strict=True)]
    if frame.exclude is None:
        return [(start, end)]
    count = len(partition)
    if frame.exclude == "CURRENT ROW":
        cut_from, cut_to = list(range(count)), list(range(1, count + 1))
    else:
        cut_from, cut_to, _ = partition.peers()
    before = (start, [min(max(a, cut), b) for a, b, cut in zip(start, end, cut_from, strict=True)])
    behind = ([min(max(a, cut), b) for a, b, cut in zip(start, end, cut_to, strict=True)], end)
    if frame.exclude != "TIES":
        return [before, behind]
    own = (
        [min(max(a, i), b) for i, (a, b) in enumerate(zip(start, end, strict=True))],
        [min(max(a, i + 1), b) for i, (a, b) in enumerate(zip(start, end, strict=True))],
    )
    return [before, own, behind]


def _bound(frame: Frame, partition: Partition, kind: str, offset: Any, at_end: bool, descending: bool) -> Bounds:
    """One end of the frame for every row."""
    count = len(partition)
    if kind == "UNBOUNDED PRECEDING":
        return [0] * count
    if kind == "UNBOUNDED FOLLOWING":
        return [count] * count
    if kind == "CURRENT ROW":
        if frame.unit == "ROWS":
            return list(range(1, count + 1)) if at_end else list(range(count))
        return partition.peers()[1 if at_end else 0]
    check_offset(frame.unit, offset)
    backward = kind == "PRECEDING"
    if frame.unit == "ROWS":
        shift = min(offset, count) * (-1 if backward else 1) + at_end
        return [min(max(i + shift, 0), count) for i in range(count)]
    if frame.unit == "GROUPS":
        return _groups(partition, -offset if backward else offset, at_end)
    return _range(partition, offset, backward, at_end, descending)


def check_offset(unit: str, offset: Any) -> None:
    """Refuses an offset that is none."""
    whole = isinstance(offset, int) and not isinstance(offset, bool)
    if unit != "RANGE" and not whole:
        raise DataError(f"{unit} needs a whole number of rows or groups, not {describe(offset)}")
    if not whole and not isinstance(offset, float):
        raise DataError(f"RANGE needs a number as its offset, not {describe(offset)}")
    if offset < 0:
        raise DataError(f"the offset of a frame cannot be negative: {offset}")


def _groups(partition: Partition, shift: int, at_end: bool) -> Bounds:
    first, last, number = partition.peers()
    count = len(partition)
    starts = [i for i in range(count) if first[i] == i]
    bounds = []
    for i in range(count):
        group = number[i] + shift
        if group < 0:
            bounds.append(0)
        elif group >= len(starts):
            bounds.append(count)
        else:
            bounds.append(last[starts[group]] if at_end else starts[group])
    return bounds


def _range(partition: Partition, offset: Any, backward: bool, at_end: bool, descending: bool) -> Bounds:
    """By distance of values. Rows with NULL are each other's frame, and in nobody else's."""
    assert partition.keys is not None
    keys = [key[0] for key in partition.keys]
    first, last, _ = partition.peers()
    count = len(keys)
    low = next((i for i in range(count) if keys[i] is not None), count)
    high = next((i for i in range(count, 0, -1) if keys[i - 1] is not None), low)
    down = backward != descending  # whether the edge lies at a smaller value
    bounds = []
    at = low
    for i in range(count):
        if not low <= i < high:
            bounds.append(last[i] if at_end else first[i])
            continue
        edge = _moved(keys[i], offset, down)
        if descending:
            while at < high and (keys[at] >= edge if at_end else keys[at] > edge):
                at += 1
        else:
            while at < high and (keys[at] <= edge if at_end else keys[at] < edge):
                at += 1
        bounds.append(at)
    return bounds


def _moved(value: Any, offset: Any, down: bool) -> Any:
    """The value so much smaller or greater; a moment by days. At the ends of the calendar it stays there."""
    if isinstance(value, (int, float)):
        return value - offset if down else value + offset
    if not isinstance(value, datetime.date):
        raise DataError(f"RANGE with an offset needs numbers or moments in ORDER BY, not {describe(value)}")
    try:
        distance = datetime.timedelta(days=offset)
        return value - distance if down else value + distance
    except OverflowError:
        return type(value).min if down else type(value).max
