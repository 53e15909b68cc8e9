"""Order: the places of rows in an order, by one stable pass a key, the last key first.

Text is sorted by its dictionary: the different values once, the rows by the numbers that gives.
"""

from __future__ import annotations

from typing import Any

from engine.record.types import Type
from engine.sql.columns import arrow
from engine.sql.columns.arrow import kind_of
from engine.sql.columns.watch import dictionary_encode, take, watched
from engine.sql.kernels import call

Key = tuple[Any, bool, bool]
"""An array, whether it descends, whether its NULLs come last."""
SELECT_FROM = 4096


def _numbers(array: Any) -> Any:
    """Numbers in the order of the values; NULL stays NULL."""
    kind = kind_of(array)
    if kind is Type.BOOLEAN:
        return array.cast(arrow.pa.uint8())
    if kind not in (Type.TEXT, Type.BLOB):
        return array
    found = dictionary_encode(array)
    order = call("sort_indices", found.dictionary)
    ranks = call("sort_indices", order)  # the inverse of a permutation is the order of its numbers
    return take(ranks, found.indices)


def sorted_places(keys: list[Key], rows: int) -> Any:
    """The places of the rows in order."""
    order: Any = None
    for array, descending, nulls_last in reversed(keys):
        if kind_of(array) is Type.NULL:
            continue
        numbers = _numbers(array)
        if order is not None:
            numbers = take(numbers, order)
        step = watched(
            rows,
            arrow.pc.array_sort_indices,
            numbers,
            order="descending" if descending else "ascending",
            null_placement="at_end" if nulls_last else "at_start",
        )
        order = step if order is None else take(order, step)
    return arrow.pa.array(range(rows), arrow.pa.uint64()) if order is None else order


def top_places(keys: list[Key], rows: int, count: int) -> Any:
    """The places of the first `count` rows in order: what the first key refuses is not sorted."""
    array, descending, nulls_last = keys[0]
    if count >= rows or rows < SELECT_FROM or count > rows // 4 or count == 0 or kind_of(array) is Type.NULL:
        return sorted_places(keys, rows).slice(0, count)
    numbers = _numbers(array)
    table = arrow.pa.Table.from_arrays([numbers], names=["k"])
    nulls = numbers.null_count
    wanted = count - (0 if nulls_last else nulls)
    mask = None
    if wanted > 0 and rows - nulls >= wanted:
        way = "descending" if descending else "ascending"
        values = table.filter(call("is_valid", numbers)) if nulls else table
        edge_at = arrow.pc.select_k_unstable(values, k=wanted, sort_keys=[("k", way)])[-1]
        edge = values.column(0)[edge_at.as_py()]
        mask = call("greater_equal" if descending else "less_equal", numbers, edge)
        if nulls and not nulls_last:
            mask = call("or_kleene", mask, call("is_null", numbers))
    elif wanted <= 0:
        mask = call("is_null", numbers)
    if mask is None:
        return sorted_places(keys, rows).slice(0, count)
    places = call("indices_nonzero", call("coalesce", mask, arrow.scalar(False)))
    chosen: list[Key] = [(take(key, places), down, last) for key, down, last in keys]
    return take(places, sorted_places(chosen, len(places)).slice(0, count))
