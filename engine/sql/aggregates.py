"""Aggregate functions: an object a group, `step` for each row's values, `result` at the end.

Rows whose (first) argument is NULL are passed over before `step` is called, but by count(*).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from engine.base.errors import DataError
from engine.record.types import INTEGER_MAX, INTEGER_MIN, Type, describe, text_of
from engine.sql import operators as op


class Aggregator:
    """The state of one aggregate over one group."""

    __slots__ = ()

    def step(self, *values: Any) -> None:
        """Take in one row."""
        raise NotImplementedError

    def step_all(self, values: list[Any]) -> None:
        """Take in many rows of one value each."""
        for value in values:
            self.step(value)

    def result(self) -> Any:
        """The value for the rows taken in."""
        raise NotImplementedError


class Count(Aggregator):
    """count(*) and count(x)."""

    __slots__ = ("count",)

    def __init__(self) -> None:
        self.count = 0

    def step(self, *values: Any) -> None:
        self.count += 1

    def step_all(self, values: list[Any]) -> None:
        self.count += len(values)

    def result(self) -> int:
        return self.count


class Sum(Aggregator):
    """sum(x): NULL of nothing, INTEGER of integers (overflow is an error), else REAL."""

    __slots__ = ("reals", "total")

    def __init__(self) -> None:
        self.total: Any = None
        self.reals: list[float] | None = None

    def step(self, *values: Any) -> None:
        value = values[0]
        if not isinstance(value, (int, float)):
            raise DataError(f"sum needs numbers, not {describe(value)}")
        if self.total is None:
            self.total = 0
        if isinstance(value, float):
            if self.reals is None:
                self.reals = []
            self.reals.append(value)
            if len(self.reals) > 4096:
                self.reals = [_fsum(self.reals)]
        else:
            self.total += value

    def step_all(self, values: list[Any]) -> None:
        if values and type(self) is Sum and set(map(type, values)) == {int}:
            self.total = (self.total or 0) + sum(values)
        else:
            super().step_all(values)

    def result(self) -> Any:
        if self.reals is not None:
            total = _fsum([*self.reals, float(self.total)])
            return total if total == total else None
        if self.total is not None and not INTEGER_MIN <= self.total <= INTEGER_MAX:
            raise DataError("integer overflow in sum")
        return self.total


def _fsum(values: list[float]) -> float:
    try:
        return math.fsum(values)
    except (OverflowError, ValueError):
        return sum(values)


class Total(Sum):
    """total(x): as sum, but always REAL, 0.0 of nothing."""

    __slots__ = ()

    def result(self) -> float:
        value = _fsum([*(self.reals or ()), float(self.total or 0)])
        return value


class Average(Sum):
    """avg(x): REAL, NULL of nothing."""

    __slots__ = ("count",)

    def __init__(self) -> None:
        super().__init__()
        self.count = 0

    def step(self, *values: Any) -> None:
        super().step(*values)
        self.count += 1

    def result(self) -> float | None:
        if not self.count:
            return None
        total = _fsum([*self.reals, float(self.total)]) if self.reals is not None else self.total
        return total / self.count


class Extreme(Aggregator):
    """min(x) and max(x)."""

    __slots__ = ("best",)
    better: Callable[[Any, Any], bool] = staticmethod(op.ANY_COMPARISONS["<"])
    best_of: Any = staticmethod(min)

    def __init__(self) -> None:
        self.best: Any = None

    def step(self, *values: Any) -> None:
        if self.best is None or self.better(values[0], self.best):
            self.best = values[0]

    def step_all(self, values: list[Any]) -> None:
        if len(set(map(type, values))) == 1:  # Python's order is then that of the language
            self.step(self.best_of(values))
        else:
            super().step_all(values)

    def result(self) -> Any:
        return self.best


class Maximum(Extreme):
    """max(x)."""

    __slots__ = ()
    better = staticmethod(op.ANY_COMPARISONS[">"])
    best_of = staticmethod(max)


class Join(Aggregator):
    """group_concat(x, separator): the texts in a row."""

    __slots__ = ("parts",)

    def __init__(self) -> None:
        self.parts: list[str] = []

    def step(self, *values: Any) -> None:
        if self.parts:
            self.parts.append(text_of(values[1]) if len(values) > 1 and values[1] is not None else ",")
        self.parts.append(text_of(values[0]))

    def result(self) -> str | None:
        return "".join(self.parts) if self.parts else None


class Truth(Aggregator):
    """bool_and(x), bool_or(x)."""

    __slots__ = ("value",)
    stops_at = False

    def __init__(self) -> None:
        self.value: bool | None = None

    def step(self, *values: Any) -> None:
        if self.value is not self.stops_at:
            self.value = op.truth(values[0])

    def result(self) -> bool | None:
        return self.value


class AnyTruth(Truth):
    """bool_or(x)."""

    __slots__ = ()
    stops_at = True


class Variance(Aggregator):
    """Sample variance and standard deviation, by Welford's method."""

    __slots__ = ("count", "mean", "squares")
    sample = 1
    root = False

    def __init__(self) -> None:
        self.count = 0
        self.mean = self.squares = 0.0

    def step(self, *values: Any) -> None:
        self.count += 1
        delta = values[0] - self.mean
        self.mean += delta / self.count
        self.squares += delta * (values[0] - self.mean)

    def result(self) -> float | None:
        if self.count <= self.sample:
            return None if self.count < 1 or self.sample else 0.0
        value = self.squares / (self.count - self.sample)
        return math.sqrt(value) if self.root else value


class Deviation(Variance):
    """stddev(x)."""

    __slots__ = ()
    root = True


class PopulationVariance(Variance):
    """var_pop(x)."""

    __slots__ = ()
    sample = 0


class PopulationDeviation(Deviation):
    """stddev_pop(x)."""

    __slots__ = ()
    sample = 0


def _same(types: tuple[Type, ...]) -> Type:
    return types[0]


def _sum_type(types: tuple[Type, ...]) -> Type:
    return Type.INTEGER if types[0] is Type.BOOLEAN else types[0]


# name: least and most arguments, whether numbers are needed, result type, class
AGGREGATES: dict[str, tuple[int, int, bool, Any, type[Aggregator]]] = {
    "count": (0, 1, False, Type.INTEGER, Count),
    "sum": (1, 1, True, _sum_type, Sum),
    "total": (1, 1, True, Type.REAL, Total),
    "avg": (1, 1, True, Type.REAL, Average),
    "min": (1, 1, False, _same, Extreme),
    "max": (1, 1, False, _same, Maximum),
    "group_concat": (1, 2, False, Type.TEXT, Join),
    "string_agg": (2, 2, False, Type.TEXT, Join),
    "bool_and": (1, 1, False, Type.BOOLEAN, Truth),
    "every": (1, 1, False, Type.BOOLEAN, Truth),
    "bool_or": (1, 1, False, Type.BOOLEAN, AnyTruth),
    "variance": (1, 1, True, Type.REAL, Variance),
    "var_samp": (1, 1, True, Type.REAL, Variance),
    "var_pop": (1, 1, True, Type.REAL, PopulationVariance),
    "stddev": (1, 1, True, Type.REAL, Deviation),
    "stddev_samp": (1, 1, True, Type.REAL, Deviation),
    "stddev_pop": (1, 1, True, Type.REAL, PopulationDeviation),
}
