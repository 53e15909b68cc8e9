"""Rows in batches that follow the speed at which they arrive.

A fast result is handled thousands of rows at a time; a slow one row by row, so that nothing that the engine has yielded waits long for
the reader. The size doubles while a batch takes less than FAST_SECONDS and halves when it takes more than SLOW_SECONDS.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from time import perf_counter

from anokuro_cli.protocols import Row

FAST_SECONDS, SLOW_SECONDS, LARGEST = 0.01, 0.04, 4096


def batches(rows: Iterable[Row], rows_max: int = 0) -> Iterator[list[Row]]:
    """Lists of rows, none empty. rows_max: how many rows at the most, 0 for all."""
    source = islice(rows, rows_max) if rows_max else iter(rows)
    size = 1
    while True:
        began = perf_counter()
        batch = list(islice(source, size))
        if not batch:
            return
        yield batch
        if len(batch) < size:
            return
        seconds = perf_counter() - began
        if seconds < FAST_SECONDS and size < LARGEST:
            size *= 2
        elif seconds > SLOW_SECONDS and size > 1:
            size //= 2


def sample(source: Iterator[list[Row]], enough: int, seconds: float) -> list[Row]:
    """The first rows: at least `enough` of them, or as many as come in about `seconds`, or all there are."""
    rows: list[Row] = []
    began = perf_counter()
    for batch in source:
        rows += batch
        if len(rows) >= enough or perf_counter() - began > seconds:
            break
    return rows
