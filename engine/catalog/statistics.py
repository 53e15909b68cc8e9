"""Statistics of a table as ANALYZE finds them: what the planner believes about its values.

    most common values, each with its share of the rows          (a value that is not rare)
    bounds of a histogram of all other values, each bucket as full as the next
    the number of distinct values, the share of NULLs

They are estimates and may be old; a plan over wrong ones is slow, never wrong.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from typing import Any

from engine.base.dataclass import dataclass, field
from engine.record.types import Value

COMMON = 32
BUCKETS = 64
TEXT_MAX = 200
"""A text or blob among statistics is cut off here; the order of values stays the same."""


@dataclass(frozen=True)
class ColumnStatistics:
    """Of one column or index expression. distinct: how many different values; nulls: the share of NULLs."""

    distinct: float
    nulls: float = 0.0
    common: tuple[tuple[Value, float], ...] = ()
    bounds: tuple[Value, ...] = ()

    def equal(self, value: Value) -> float:
        """The share of rows with this value."""
        value = _cut(value)
        rest = 1.0 - self.nulls
        for known, share in self.common:
            if known == value and isinstance(known, str) == isinstance(value, str):
                return share
            rest -= share
        others = self.distinct - len(self.common)
        return max(rest, 0.0) / others if others >= 1 else 1e-9

    def average(self) -> float:
        """The share of rows with one value, of which nothing is known."""
        return (1.0 - self.nulls) / max(self.distinct, 1.0)

    def below(self, value: Value, inclusive: bool) -> float | None:
        """The share of rows with a smaller (or, inclusive, equal) value; None where values do not compare."""
        value = _cut(value)
        try:
            share = 0.0
            for known, part in self.common:
                if known < value or (inclusive and known == value):  # type: ignore[operator]
                    share += part
            rest = 1.0 - self.nulls - sum(s for _, s in self.common)
            return share + max(rest, 0.0) * self._place(value, inclusive)
        except TypeError:
            return None

    def _place(self, value: Any, inclusive: bool) -> float:
        """Where a value lies in the histogram, from 0 to 1."""
        bounds: Sequence[Any] = self.bounds
        if len(bounds) < 2:
            return 0.5
        at = (bisect_right if inclusive else bisect_left)(bounds, value)
        if at == 0:
            return 0.0
        if at == len(bounds):
            return 1.0
        low, high = bounds[at - 1], bounds[at]
        within = 0.5
        if (isinstance(low, (int, float)) and isinstance(high, (int, float)) and high > low) or (
            not isinstance(low, (str, bytes, int, float)) and high > low
        ):
            within = (value - low) / (high - low)
        return float((at - 1 + min(max(within, 0.0), 1.0)) / (len(bounds) - 1))

    def beyond(self, value: Value) -> bool:
        """Whether a value is greater than all that were seen."""
        tops = [*(known for known, _ in self.common), *self.bounds[-1:]]
        try:
            return bool(tops) and all(_cut(value) > top for top in tops)  # type: ignore[operator]
        except TypeError:
            return False


@dataclass(frozen=True)
class TableStatistics:
    """Of one table: its rows when they were counted, and its columns by lower-case name (index expressions by their SQL)."""

    rows: int
    columns: dict[str, ColumnStatistics] = field(default_factory=dict)


def _cut(value: Value) -> Value:
    return value[:TEXT_MAX] if isinstance(value, (str, bytes)) else value


def summarise(values: list[Value], total: int) -> ColumnStatistics:
    """The statistics of a column from a sample of `total` rows' values.

    The number of distinct values is Haas and Stokes's estimator Duj1 (1998), as in PostgreSQL.
    """
    count = len(values)
    present: list[Any] = sorted(_cut(value) for value in values if value is not None)
    if not present:
        return ColumnStatistics(0.0, 1.0 if count else 0.0)
    runs: list[tuple[int, Any]] = []
    start = 0
    for i in range(1, len(present) + 1):
        if i == len(present) or present[i] != present[start]:
            runs.append((i - start, present[start]))
            start = i
    seen = len(runs)
    once = sum(1 for size, _ in runs if size == 1)
    rows = total * len(present) / count
    distinct = len(present) * seen / (len(present) - once + once * len(present) / rows) if rows > len(present) else seen
    common: list[tuple[int, Any]] = []
    if seen <= COMMON:
        common = runs
    else:
        typical = len(present) / seen
        common = [run for run in runs if run[0] > max(1.25 * typical, len(present) / 200)]
        common = sorted(common, key=lambda run: -run[0])[:COMMON]
    known = {value for _, value in common}
    others = [value for value in present if value not in known]
    step = max(1.0, (len(others) - 1) / BUCKETS)
    places = sorted({min(round(i * step), len(others) - 1) for i in range(BUCKETS + 1)}) if others else []
    return ColumnStatistics(
        float(min(max(distinct, seen), max(rows, seen))),
        1.0 - len(present) / count,
        tuple((value, size / count) for size, value in common),
        tuple(others[place] for place in places),
    )
