"""Rows as numbers: equal rows have equal codes, 0, 1, 2 ... in the order in which they first come.

Grouping, DISTINCT, set operations, joins over several keys and subqueries all ask which rows are equal. One column is
encoded as a dictionary; further ones are joined to it as digits of one number, which is encoded again. NULL equals NULL
here, 0.0 equals -0.0. Each kernel works on one column at a time, which is several times as fast as hashing whole rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from engine.record.types import Type
from engine.sql.columns import arrow
from engine.sql.columns.arrow import NoForm
from engine.sql.columns.watch import dictionary_encode, take
from engine.sql.kernels import call

MOST = 2**62


class Codes:
    """codes: one a row (int64). uniques: for each column the value of each code. count: how many codes there are."""

    __slots__ = ("codes", "count", "uniques")

    def __init__(self, codes: Any, uniques: list[Any], count: int):
        self.codes = codes
        self.uniques = uniques
        self.count = count


def plain(array: Any) -> Any:
    """A column with equal values alike: without -0.0."""
    if array.type == arrow.TYPES[Type.REAL]:
        return call("add", array, arrow.scalar(0.0))
    return array


def _encoded(array: Any) -> tuple[Any, Any]:
    """Codes and values of a column."""
    if array.type == arrow.pa.null():
        count = min(len(array), 1)
        return arrow.pa.repeat(arrow.pa.scalar(0, arrow.pa.int64()), len(array)), arrow.pa.nulls(count)
    found = dictionary_encode(plain(array), null_encoding="encode")
    return found.indices.cast(arrow.pa.int64()), found.dictionary


def encode(arrays: Sequence[Any]) -> Codes:
    """The codes of rows, at least one column wide."""
    codes, values = _encoded(arrays[0])
    uniques, count = [values], len(values)
    for array in arrays[1:]:
        digits, values = _encoded(array)
        if count * max(len(values), 1) > MOST:
            raise NoForm("too many different values")
        base = arrow.pa.scalar(max(len(values), 1), arrow.pa.int64())
        numbers = call("add", call("multiply", codes, base), digits)
        codes, combined = _encoded(numbers)
        high = call("divide", combined, base)
        low = call("subtract", combined, call("multiply", high, base))
        uniques = [take(unique, high) for unique in uniques] + [take(values, low)]
        count = len(combined)
    return Codes(codes, uniques, count)
