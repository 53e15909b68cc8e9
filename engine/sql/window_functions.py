"""The functions that exist only with OVER: row_number, rank, lag, first_value ...

Two kinds. RANKING look at the whole partition: `implementation(partition, arguments)` gives the values of all rows at once,
where each argument is the list of its values row by row. FRAMED pick a row of the frame: `implementation(parts, row,
arguments)` gives the number of the row wanted, or -1; the value is that row's first argument.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from engine.base.errors import DataError
from engine.record.types import Type, describe
from engine.sql.declaration import Function, common_type
from engine.sql.window_frames import Part, Partition

Arguments = list[list[Any]]


def _row_number(partition: Partition, args: Arguments) -> list[Any]:
    return list(range(1, len(partition) + 1))


def _rank(partition: Partition, args: Arguments) -> list[Any]:
    return [first + 1 for first in partition.peers()[0]]


def _dense_rank(partition: Partition, args: Arguments) -> list[Any]:
    return [number + 1 for number in partition.peers()[2]]


def _percent_rank(partition: Partition, args: Arguments) -> list[Any]:
    others = len(partition) - 1
    return [first / others if others else 0.0 for first in partition.peers()[0]]


def _cume_dist(partition: Partition, args: Arguments) -> list[Any]:
    return [last / len(partition) for last in partition.peers()[1]]


def _positive(value: Any, what: str) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise DataError(f"{what} needs a whole number of 1 or more, not {describe(value)}")
    return value


def _ntile(partition: Partition, args: Arguments) -> list[Any]:
    count = len(partition)
    wanted = args[0][0] if count else 1
    if wanted is None:
        return [None] * count
    buckets = _positive(wanted, "ntile")
    size, larger = divmod(count, buckets)
    edge = larger * (size + 1)
    return [i // (size + 1) + 1 if i < edge else larger + (i - edge) // size + 1 for i in range(count)]


def _shifted(sign: int) -> Callable[[Partition, Arguments], list[Any]]:
    def shift(partition: Partition, args: Arguments) -> list[Any]:
        values, count = args[0], len(partition)
        offsets = args[1] if len(args) > 1 else [1] * count
        others = args[2] if len(args) > 2 else [None] * count
        found: list[Any] = []
        for i, (offset, other) in enumerate(zip(offsets, others, strict=True)):
            if offset is None:
                found.append(None)
                continue
            if not isinstance(offset, int) or isinstance(offset, bool):
                raise DataError(f"lag and lead need a whole number of rows, not {describe(offset)}")
            place = i + sign * offset
            found.append(values[place] if 0 <= place < count else other)
        return found

    return shift


def _first_value(parts: list[Part], row: int, args: Arguments) -> int:
    return next((start[row] for start, end in parts if start[row] < end[row]), -1)


def _last_value(parts: list[Part], row: int, args: Arguments) -> int:
    return next((end[row] - 1 for start, end in reversed(parts) if start[row] < end[row]), -1)


def _nth_value(parts: list[Part], row: int, args: Arguments) -> int:
    wanted = args[1][row]
    if wanted is None:
        return -1
    left = _positive(wanted, "nth_value") - 1
    for start, end in parts:
        size = end[row] - start[row]
        if left < size:
            return start[row] + left
        left -= size
    return -1


def _shifted_type(types: tuple[Type, ...]) -> Type:
    return common_type((types[0], types[2])) if len(types) > 2 else types[0]


def _argument_type(types: tuple[Type, ...]) -> Type:
    return types[0]


def _declared(name: str, least: int, most: int, kinds: str, result: Any, body: Callable[..., Any]) -> Function:
    return Function(name, least, most, tuple(kinds.split()), result, body)


RANKING: dict[str, Function] = {
    f.name: f
    for f in (
        _declared("row_number", 0, 0, "", Type.INTEGER, _row_number),
        _declared("rank", 0, 0, "", Type.INTEGER, _rank),
        _declared("dense_rank", 0, 0, "", Type.INTEGER, _dense_rank),
        _declared("percent_rank", 0, 0, "", Type.REAL, _percent_rank),
        _declared("cume_dist", 0, 0, "", Type.REAL, _cume_dist),
        _declared("ntile", 1, 1, "integer", Type.INTEGER, _ntile),
        _declared("lag", 1, 3, "any integer any", _shifted_type, _shifted(-1)),
        _declared("lead", 1, 3, "any integer any", _shifted_type, _shifted(1)),
    )
}
FRAMED: dict[str, Function] = {
    f.name: f
    for f in (
        _declared("first_value", 1, 1, "any", _argument_type, _first_value),
        _declared("last_value", 1, 1, "any", _argument_type, _last_value),
        _declared("nth_value", 2, 2, "any integer", _argument_type, _nth_value),
    )
}
WINDOW_FUNCTIONS = {**RANKING, **FRAMED}
