"""Ranges of keys that a transaction has deleted as a whole: tuples of (start, stop), disjoint, in order; stop None: no end.

A tuple is never changed, so a savepoint keeps one by referring to it.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable

Range = tuple[bytes, bytes | None]
Ranges = tuple[Range, ...]


def _start(item: Range) -> bytes:
    return item[0]


def _meet(a: Range, b: Range) -> bool:
    """Whether two ranges have a key in common."""
    return (b[1] is None or a[0] < b[1]) and (a[1] is None or b[0] < a[1])


def with_range(ranges: Ranges, start: bytes, stop: bytes | None) -> Ranges:
    """The ranges and [start, stop) together; what overlaps or touches becomes one."""
    before: list[Range] = []
    behind: list[Range] = []
    for low, high in ranges:
        if high is not None and high < start:
            before.append((low, high))
        elif stop is not None and low > stop:
            behind.append((low, high))
        else:
            start = min(start, low)
            stop = None if stop is None or high is None else max(stop, high)
    return (*before, (start, stop), *behind)


def covers(ranges: Ranges, key: bytes) -> bool:
    """Whether a key lies in one of the ranges."""
    at = bisect_right(ranges, key, key=_start) - 1
    if at < 0:
        return False
    stop = ranges[at][1]
    return stop is None or key < stop


def covers_any(ranges: Ranges, keys: Iterable[bytes]) -> bool:
    """Whether one of the keys lies in one of the ranges."""
    return any(covers(ranges, key) for key in keys)


def overlap(ranges: Ranges, others: Iterable[tuple[bytes | None, bytes | None]]) -> bool:
    """Whether one of the others, [start, stop) with None for no bound, has a key in common with one of the ranges."""
    return any(_meet(item, (start or b"", stop)) for start, stop in others for item in ranges)


def gaps(ranges: Ranges, start: bytes | None, stop: bytes | None) -> list[tuple[bytes | None, bytes | None]]:
    """The parts of [start, stop) that lie in none of the ranges, in order."""
    found: list[tuple[bytes | None, bytes | None]] = []
    at = start
    for low, high in ranges:
        if high is not None and at is not None and high <= at:
            continue
        if stop is not None and low >= stop:
            break
        if low > (at or b""):
            found.append((at, low))
        if high is None or (stop is not None and high >= stop):
            return found
        at = high
    if stop is None or at is None or at < stop:
        found.append((at, stop))
    return found
