"""Pictures beside numbers, on request: .bars puts a bar beside a column of numbers, .spark a line of blocks at the end of each row.

    carrier │     n │ n                  carrier │ q1 │ q2 │ q3 │ q4 │ spark
    ────────┼───────┼───────────         ────────┼────┼────┼────┼────┼──────
    UA      │ 58665 │ ██████████         UA      │ 13 │ 16 │ 15 │ 14 │ ▁█▅▃
    B6      │ 54635 │ █████████▎         B6      │ 12 │ 13 │ 14 │ 13 │ ▁▅█▅

The scale of a bar comes from the first rows, as the widths of a table do, so rows stream; a later number beyond it is a full bar with a mark. A spark has a scale of its own in
each row: it is drawn from the numbers of the row's columns, or from a text that is a list of numbers ('3,1,4', as group_concat makes it).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, pairwise
from typing import Any

from anokuro_cli.protocols import Row
from anokuro_cli.render.batches import sample
from anokuro_cli.render.charts import block, place_of
from anokuro_cli.render.values import is_number
from anokuro_cli.settings import ALL_NUMBERS, Pictures

SAMPLE_ROWS, SAMPLE_SECONDS = 200, 0.08
BAR_WIDTH = 10
SPARK_MAX = 60
_BLOCKS, _BLOCKS_ASCII = "▁▂▃▄▅▆▇█", "_.:-=+*#"


def with_pictures(
    columns: Sequence[str], rows: Iterable[list[Row]], pictures: Pictures, unicode: bool
) -> tuple[list[str], Iterator[list[Row]]]:
    """Columns and rows with bars and sparks among them."""
    source = iter(rows)
    first = sample(source, SAMPLE_ROWS, SAMPLE_SECONDS)
    bars = {place: _Scale(first, place) for place in _chosen(columns, pictures.bars, first)}
    sparks = _chosen(columns, pictures.spark, first)
    names: list[str] = []
    for place, name in enumerate(columns):
        names += [name, name] if place in bars else [name]
    names += ["spark"] if pictures.spark else []

    def drawn(row: Row) -> Row:
        cells: list[Any] = []
        for place, value in enumerate(row):
            cells.append(value)
            if place in bars:
                cells.append(bars[place].bar(value, unicode))
        if pictures.spark:
            cells.append(spark(list(_numbers_of(row[place] for place in sparks)), unicode))
        return tuple(cells)

    return names, ([drawn(row) for row in batch] for batch in chain([first] if first else [], source))


def _chosen(columns: Sequence[str], wanted: tuple[str, ...], first: list[Row]) -> list[int]:
    if wanted != ALL_NUMBERS:
        return [
            place for word in wanted if (place := place_of(columns, word)) is not None
        ]  # other results have other columns
    return [place for place in range(len(columns)) if _is_numeric(first, place)]


def _is_numeric(rows: list[Row], place: int) -> bool:
    values = [row[place] for row in rows if row[place] is not None]
    return bool(values) and all(map(is_number, values))


class _Scale:
    """The bars of one column: from the least number, or 0, to the greatest, or 0."""

    def __init__(self, first: list[Row], place: int):
        numbers = [float(row[place]) for row in first if is_number(row[place]) and math.isfinite(row[place])]
        self.low, self.high = min([0.0, *numbers]), max([0.0, *numbers])
        span = (self.high - self.low) or 1.0
        self.left = round(BAR_WIDTH * -self.low / span)  # characters on the left of zero

    def bar(self, value: Any, unicode: bool) -> str:
        """The bar of a value; nothing for what is no number."""
        if not is_number(value) or not math.isfinite(value):
            return ""
        span = (self.high - self.low) or 1.0
        length = BAR_WIDTH * abs(value) / span
        beyond = value > self.high or value < self.low
        if value < 0:
            count = min(max(round(length), 1), self.left)
            mark = "<" if beyond else ("█" if unicode else "#")
            text = (mark + ("█" if unicode else "#") * (count - 1)).rjust(self.left) if count else mark
            return text + ("│" if unicode else "|")
        room = BAR_WIDTH - self.left
        text = block(min(length, room), unicode) + (">" if beyond else "")
        return " " * self.left + ("│" if unicode else "|") + text if self.left else text


def _numbers_of(values: Iterable[Any]) -> Iterator[float]:
    """The numbers of some cells; a text that is a list of numbers has several."""
    for value in values:
        parts = value.replace(";", ",").split(",") if isinstance(value, str) else [value] if is_number(value) else []
        for part in parts:
            try:
                number = float(part)
            except ValueError:
                continue
            if math.isfinite(number):
                yield number


def spark(numbers: list[float], unicode: bool) -> str:
    """A block a number, SPARK_MAX of them; where there are more, each stands for the mean of several."""
    if not numbers:
        return ""
    if len(numbers) > SPARK_MAX:
        edges = [len(numbers) * n // SPARK_MAX for n in range(SPARK_MAX + 1)]
        numbers = [sum(numbers[a:b]) / (b - a) for a, b in pairwise(edges)]
    marks = _BLOCKS if unicode else _BLOCKS_ASCII
    low, high = min(numbers), max(numbers)
    if high == low:
        return marks[3] * len(numbers)
    return "".join(marks[round((number - low) / (high - low) * (len(marks) - 1))] for number in numbers)
