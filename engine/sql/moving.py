"""Aggregates over a moving frame: rows come in at its end and go at its beginning, each once.

    running sum, sliding sum      exact sums, from which a row can be taken away again
    min, max                      the rows that can still become the best, best first (a monotonic queue)
    anything else                 computed anew for every frame (Replayed)

A frame is up to three stretches of rows ("parts": EXCLUDE cuts one in pieces), each of which only ever moves forward. So
n rows cost O(n) in all. Real sums are kept as integers over a power of two: nothing is lost when rows go, and the result
is the correctly rounded one, as it is outside of windows.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

from engine.base.errors import DataError
from engine.record.types import INTEGER_MAX, INTEGER_MIN, describe, text_of
from engine.sql import aggregates as agg
from engine.sql import operators as op


class Moving:
    """One aggregate over one partition. values: the argument of each row, None where the row does not count."""

    __slots__ = ("values",)

    def __init__(self, values: Sequence[Any], parts: int):
        self.values = values

    def add(self, part: int, row: int) -> None:
        """The row behind the last one of a part comes in."""
        raise NotImplementedError

    def drop(self, part: int, row: int) -> None:
        """The first row of a part goes."""
        raise NotImplementedError

    def result(self) -> Any:
        """The value over the rows that are in."""
        raise NotImplementedError


class MovingCount(Moving):
    """count(x)."""

    __slots__ = ("count",)

    def __init__(self, values: Sequence[Any], parts: int):
        super().__init__(values, parts)
        self.count = 0

    def add(self, part: int, row: int) -> None:
        if self.values[row] is not None:
            self.count += 1

    def drop(self, part: int, row: int) -> None:
        if self.values[row] is not None:
            self.count -= 1

    def result(self) -> int:
        return self.count


class Exact:
    """A sum of numbers without rounding: `total` over 2 ** scale, beside infinities, which are counted."""

    __slots__ = ("divisor", "high", "low", "scale", "total")

    def __init__(self) -> None:
        self.total = 0
        self.scale = 0
        self.divisor = 1
        self.high = self.low = 0

    def change(self, value: float, sign: int) -> None:
        """Add (sign 1) or take away (sign -1) a value."""
        try:
            numerator, denominator = value.as_integer_ratio()
        except (OverflowError, ValueError):
            if value > 0:
                self.high += sign
            else:
                self.low += sign
            return
        if denominator > self.divisor:
            shift = denominator.bit_length() - 1 - self.scale
            self.total <<= shift
            self.scale += shift
            self.divisor = denominator
        self.total += sign * numerator * (self.divisor // denominator)

    def value(self) -> float | None:
        """The sum, rounded once; None where infinities cancel out."""
        if self.high or self.low:
            return None if self.high and self.low else math.inf if self.high else -math.inf
        try:
            return self.total / self.divisor
        except OverflowError:
            return math.copysign(math.inf, self.total)


class MovingSum(Moving):
    """sum(x)."""

    __slots__ = ("count", "exact", "reals", "total")

    def __init__(self, values: Sequence[Any], parts: int):
        super().__init__(values, parts)
        self.count = self.reals = self.total = 0
        self.exact = Exact()

    def add(self, part: int, row: int) -> None:
        value = self.values[row]
        if value is None:
            return
        self.count += 1
        if isinstance(value, int):
            self.total += value
        elif isinstance(value, float):
            self.reals += 1
            self.exact.change(value, 1)
        else:
            raise DataError(f"sum needs numbers, not {describe(value)}")

    def drop(self, part: int, row: int) -> None:
        value = self.values[row]
        if value is None:
            return
        self.count -= 1
        if isinstance(value, int):
            self.total -= value
        else:
            self.reals -= 1
            self.exact.change(value, -1)

    def _real(self) -> float | None:
        if not self.total:
            return self.exact.value()
        self.exact.change(self.total, 1)
        value = self.exact.value()
        self.exact.change(self.total, -1)
        return value

    def result(self) -> Any:
        if self.reals:
            return self._real()
        if not INTEGER_MIN <= self.total <= INTEGER_MAX:
            raise DataError("integer overflow in sum")
        return self.total if self.count else None


class MovingTotal(MovingSum):
    """total(x)."""

    __slots__ = ()

    def result(self) -> Any:
        return self._real() if self.reals else float(self.total)


class MovingAverage(MovingSum):
    """avg(x)."""

    __slots__ = ()

    def result(self) -> float | None:
        if not self.count:
            return None
        if not self.reals:
            return self.total / self.count
        total = self._real()
        return None if total is None else total / self.count


class MovingExtreme(Moving):
    """min(x): of each part the rows that no later row beats, which are in order from the best to the last."""

    __slots__ = ("queues",)
    better: Callable[[Any, Any], bool] = staticmethod(op.ANY_COMPARISONS["<"])

    def __init__(self, values: Sequence[Any], parts: int):
        super().__init__(values, parts)
        self.queues: list[deque[int]] = [deque() for _ in range(parts)]

    def add(self, part: int, row: int) -> None:
        values, queue = self.values, self.queues[part]
        value = values[row]
        if value is None:
            return
        while queue and self.better(value, values[queue[-1]]):
            queue.pop()
        queue.append(row)

    def drop(self, part: int, row: int) -> None:
        queue = self.queues[part]
        if queue and queue[0] == row:
            queue.popleft()

    def result(self) -> Any:
        best = None
        for queue in self.queues:
            if queue and (best is None or self.better(self.values[queue[0]], best)):
                best = self.values[queue[0]]
        return best


class MovingMaximum(MovingExtreme):
    """max(x)."""

    __slots__ = ()
    better = staticmethod(op.ANY_COMPARISONS[">"])


class MovingTruth(Moving):
    """bool_and(x): whether none is false."""

    __slots__ = ("counts",)

    def __init__(self, values: Sequence[Any], parts: int):
        super().__init__(values, parts)
        self.counts = [0, 0]

    def _change(self, row: int, by: int) -> None:
        value = self.values[row]
        if value is not None:
            self.counts[bool(op.truth(value))] += by

    def add(self, part: int, row: int) -> None:
        self._change(row, 1)

    def drop(self, part: int, row: int) -> None:
        self._change(row, -1)

    def result(self) -> bool | None:
        return not self.counts[0] if any(self.counts) else None


class MovingAnyTruth(MovingTruth):
    """bool_or(x)."""

    __slots__ = ()

    def result(self) -> bool | None:
        return self.counts[1] > 0 if any(self.counts) else None


class MovingVariance(Moving):
    """Variances and standard deviations: from the exact sums of the values and of their squares."""

    __slots__ = ("count", "squares", "sums")
    sample = 1
    root = False

    def __init__(self, values: Sequence[Any], parts: int):
        super().__init__(values, parts)
        self.count = 0
        self.sums, self.squares = Exact(), Exact()

    def _change(self, row: int, sign: int) -> None:
        value = self.values[row]
        if value is None:
            return
        self.count += sign
        self.sums.change(value, sign)
        try:
            numerator, denominator = value.as_integer_ratio()
        except (OverflowError, ValueError):
            return
        squares, square = self.squares, denominator * denominator
        if square > squares.divisor:
            squares.total *= square // squares.divisor
            squares.divisor = square
        squares.total += sign * numerator * numerator * (squares.divisor // square)

    def add(self, part: int, row: int) -> None:
        self._change(row, 1)

    def drop(self, part: int, row: int) -> None:
        self._change(row, -1)

    def result(self) -> float | None:
        n = self.count
        if n <= self.sample:
            return 0.0 if n and not self.sample else None
        sums, squares = self.sums, self.squares
        if sums.high or sums.low:
            return None
        # n * sum(x^2) - sum(x)^2, over one denominator
        over = sums.divisor * sums.divisor
        top = n * squares.total * over - sums.total * sums.total * squares.divisor
        try:
            value = top / (over * squares.divisor * n * (n - self.sample))
        except OverflowError:
            value = math.inf
        return math.sqrt(value) if self.root else value


class MovingDeviation(MovingVariance):
    """stddev(x)."""

    __slots__ = ()
    root = True


class MovingPopulationVariance(MovingVariance):
    """var_pop(x)."""

    __slots__ = ()
    sample = 0


class MovingPopulationDeviation(MovingDeviation):
    """stddev_pop(x)."""

    __slots__ = ()
    sample = 0


class MovingJoin(Moving):
    """group_concat(x, separator); values are (x, separator) where a separator is given."""

    __slots__ = ("texts",)

    def __init__(self, values: Sequence[Any], parts: int):
        super().__init__(values, parts)
        self.texts: list[deque[tuple[str, str]]] = [deque() for _ in range(parts)]

    def add(self, part: int, row: int) -> None:
        value = self.values[row]
        if value is None:
            return
        given, separator = value if isinstance(value, tuple) else (value, ",")
        self.texts[part].append(("," if separator is None else text_of(separator), text_of(given)))

    def drop(self, part: int, row: int) -> None:
        if self.values[row] is not None:
            self.texts[part].popleft()

    def result(self) -> str | None:
        pieces = [piece for texts in self.texts for pair in texts for piece in pair]
        return "".join(pieces[1:]) if pieces else None


class Replayed(Moving):
    """Any aggregate: its rows are kept, and stepped through anew for a result after one of them has gone."""

    __slots__ = ("make", "rows", "state")

    def __init__(self, values: Sequence[Any], parts: int, make: Callable[[], agg.Aggregator]):
        super().__init__(values, parts)
        self.make = make
        self.rows: list[deque[Any]] = [deque() for _ in range(parts)]
        self.state: agg.Aggregator | None = make()

    def _step(self, state: agg.Aggregator, value: Any) -> None:
        if isinstance(value, tuple):
            state.step(*value)
        else:
            state.step(value)

    def add(self, part: int, row: int) -> None:
        value = self.values[row]
        if value is None:
            return
        self.rows[part].append(value)
        if self.state is not None and part == len(self.rows) - 1:
            self._step(self.state, value)
        else:
            self.state = None

    def drop(self, part: int, row: int) -> None:
        if self.values[row] is not None:
            self.rows[part].popleft()
            self.state = None

    def result(self) -> Any:
        if self.state is None:
            self.state = self.make()
            for rows in self.rows:
                for value in rows:
                    self._step(self.state, value)
        return self.state.result()


MOVING: dict[type[agg.Aggregator], type[Moving]] = {
    agg.Count: MovingCount,
    agg.Sum: MovingSum,
    agg.Total: MovingTotal,
    agg.Average: MovingAverage,
    agg.Extreme: MovingExtreme,
    agg.Maximum: MovingMaximum,
    agg.Join: MovingJoin,
    agg.Truth: MovingTruth,
    agg.AnyTruth: MovingAnyTruth,
    agg.Variance: MovingVariance,
    agg.Deviation: MovingDeviation,
    agg.PopulationVariance: MovingPopulationVariance,
    agg.PopulationDeviation: MovingPopulationDeviation,
}


def moving(make: Callable[[], agg.Aggregator], values: Sequence[Any], parts: int) -> Moving:
    """The aggregate `make` (a class of engine.sql.aggregates) over a moving frame."""
    found = MOVING.get(make)  # type: ignore[call-overload]
    return Replayed(values, parts, make) if found is None else found(values, parts)
