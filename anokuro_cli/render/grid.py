"""table, box and markdown: rows beside each other, streamed.

The widths come from the first rows (SAMPLE_ROWS, or what arrives in SAMPLE_SECONDS); after them every row is written as it comes, so that memory stays flat. On a terminal,
a later value that is wider than its column is shortened and marked; where output leads to a file or pipe, nothing is ever shortened: the row is
wider than the others then.

    table                      box                        markdown
     carrier │     n           ┌─────────┬───────┐        | carrier |     n |
    ─────────┼───────          │ carrier │     n │        | ------- | ----: |
     UA      │ 58665           ├─────────┼───────┤        | UA      | 58665 |
                               │ UA      │ 58665 │
                               └─────────┴───────┘
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from typing import Any

from anokuro_cli.protocols import Row
from anokuro_cli.render.batches import sample
from anokuro_cli.render.lines import write_line
from anokuro_cli.render.output import Output
from anokuro_cli.render.values import column_texts, is_number
from anokuro_cli.text import clip, display_width, neutralise, pad, pad_all
from engine.base.dataclass import dataclass

SAMPLE_ROWS, SAMPLE_SECONDS = 200, 0.08
NARROWEST = 8  # a column is not squeezed below this many characters: expanded output reads better


@dataclass(frozen=True, slots=True)
class Frame:
    """The characters around the cells. Rules are (left, line, crossing, right), or None for no rule."""

    left: str
    middle: str
    right: str
    top: tuple[str, str, str, str] | None
    below_header: tuple[str, str, str, str]
    bottom: tuple[str, str, str, str] | None


TABLE = Frame(" ", " │ ", " ", None, ("─", "─", "─┼─", "─"), None)
TABLE_ASCII = Frame(" ", " | ", " ", None, ("-", "-", "-+-", "-"), None)
BOX = Frame("│ ", " │ ", " │", ("┌─", "─", "─┬─", "─┐"), ("├─", "─", "─┼─", "─┤"), ("└─", "─", "─┴─", "─┘"))
BOX_ASCII = Frame("| ", " | ", " |", ("+-", "-", "-+-", "-+"), ("+-", "-", "-+-", "-+"), ("+-", "-", "-+-", "-+"))


class Grid:
    """One result's columns: widths, alignment, and how cells become lines."""

    def __init__(
        self, columns: Sequence[str], first: list[Row], output: Output, frame: Frame, null: str, headers: bool
    ):
        self.output, self.frame = output, frame
        self.null = neutralise(null)
        self.shortens = output.terminal
        self.names = [neutralise(name) for name in columns]
        self.right = [_all_numbers(column) for column in _columns(first, len(columns))]
        self.widths = [display_width(name) if headers else 1 for name in self.names]
        for place, values in enumerate(zip(*first, strict=True)):
            widest = max(map(display_width, column_texts(values, self.null)))
            self.widths[place] = max(self.widths[place], widest)

    def set_widths(self, widths: Sequence[int]) -> None:
        """Widths that were asked for: what is wider is shortened, also where output leads to a file."""
        for place, width in enumerate(widths[: len(self.widths)]):
            if width:
                self.widths[place] = width
                self.shortens = True

    def total_width(self) -> int:
        frame = self.frame
        between = len(frame.middle) * (len(self.widths) - 1)
        return len(frame.left) + sum(self.widths) + between + len(frame.right)

    def fit(self, width: int) -> bool:
        """Narrows the widest columns until a row fits; False, and nothing changed, where that would make them unreadable."""
        excess = self.total_width() - width
        widths = list(self.widths)
        while excess > 0:
            widest = max(range(len(widths)), key=lambda position: widths[position])
            if widths[widest] <= NARROWEST * 2 or self.right[widest]:
                return False
            second = max((w for position, w in enumerate(widths) if position != widest), default=0)
            cut = min(excess, max(widths[widest] - max(second, NARROWEST * 2), 1))
            widths[widest] -= cut
            excess -= cut
        self.widths = widths
        return True

    def rule(self, parts: tuple[str, str, str, str] | None) -> None:
        if parts is not None:
            left, line, crossing, right = parts
            self.output.line(left + crossing.join(line * width for width in self.widths) + right)

    def header(self) -> None:
        cells = []
        for name, width, right in zip(self.names, self.widths, self.right, strict=True):
            cells.append(self.output.style(pad(clip(name, width, self._mark()), width, right), "bold"))
        self.output.line(self._join(cells))

    def lines(self, rows: list[Row]) -> list[str]:
        """Rows as lines. They are made column by column: what all values of one have in common is looked at once."""
        columns = [self._padded(place, values) for place, values in enumerate(zip(*rows, strict=True))]
        left, between, right = self.frame.left, self.frame.middle, self.frame.right
        return [(left + between.join(cells) + right).rstrip() + "\n" for cells in zip(*columns, strict=True)]

    def _padded(self, place: int, values: tuple[Any, ...]) -> list[str]:
        """A column's cells, as wide as it is."""
        width, right = self.widths[place], self.right[place]
        texts = column_texts(values, self.null)
        if self.shortens and max(map(len, texts)) * 2 > width:  # a character is two columns wide at the most
            mark = self._mark()
            texts = [clip(text, width, mark) if len(text) * 2 > width else text for text in texts]
        texts = pad_all(texts, width, right)
        if self.output.colour and None in values:
            dim = self.output.style
            return [dim(text, "dim") if value is None else text for text, value in zip(texts, values, strict=True)]
        return texts

    def _join(self, cells: list[str]) -> str:
        frame = self.frame
        return (frame.left + frame.middle.join(cells) + frame.right).rstrip()

    def _mark(self) -> str:
        return "…" if self.output.unicode else "~"


def _columns(rows: list[Row], count: int) -> Iterator[tuple[Any, ...]]:
    return zip(*rows, strict=True) if rows else iter([()] * count)


def _all_numbers(values: tuple[Any, ...]) -> bool:
    some = [value for value in values if value is not None]
    return bool(some) and all(map(is_number, some))


def write_table(
    columns: Sequence[str],
    rows: Iterable[list[Row]],
    output: Output,
    headers: bool,
    null: str | None,
    expand: bool = False,
    widths: Sequence[int] = (),
) -> int:
    """Returns the number of rows. expand: a row wider than the terminal is shown as lines instead. widths: of the first columns, 0 for as wide as needed."""
    return _write(columns, rows, output, headers, null, TABLE if output.unicode else TABLE_ASCII, expand, widths)


def write_box(
    columns: Sequence[str],
    rows: Iterable[list[Row]],
    output: Output,
    headers: bool,
    null: str | None,
    expand: bool = False,
    widths: Sequence[int] = (),
) -> int:
    """Returns the number of rows. expand: a row wider than the terminal is shown as lines instead. widths: of the first columns, 0 for as wide as needed."""
    return _write(columns, rows, output, headers, null, BOX if output.unicode else BOX_ASCII, expand, widths)


def _write(
    columns: Sequence[str],
    rows: Iterable[list[Row]],
    output: Output,
    headers: bool,
    null: str | None,
    frame: Frame,
    expand: bool,
    widths: Sequence[int],
) -> int:
    source = iter(rows)
    first = sample(source, SAMPLE_ROWS, SAMPLE_SECONDS)
    grid = Grid(columns, first, output, frame, "NULL" if null is None else null, headers)
    grid.set_widths(widths)
    if output.width and grid.total_width() > output.width and not grid.fit(output.width) and expand and first:
        return write_line(columns, chain([first], source), output, headers, null)
    grid.rule(frame.top)
    if headers:
        grid.header()
        grid.rule(frame.below_header)
    count = 0
    for batch in chain([first], source):
        output.write("".join(grid.lines(batch)))
        count += len(batch)
        output.flush()
    grid.rule(frame.bottom)
    return count


def write_markdown(
    columns: Sequence[str], rows: Iterable[list[Row]], output: Output, headers: bool, null: str | None
) -> int:
    """Returns the number of rows. The header is part of the format; nothing is shortened."""
    source = iter(rows)
    first = sample(source, SAMPLE_ROWS, SAMPLE_SECONDS)
    grid = Grid(columns, first, output, BOX_ASCII, "" if null is None else null, True)
    widths = [max(width, 3) for width in grid.widths]

    def lines(columns_: Iterable[list[str]]) -> str:
        padded = [
            pad_all(_markdown_cells(texts), width, right)
            for texts, width, right in zip(columns_, widths, grid.right, strict=True)
        ]
        return "".join(["| " + " | ".join(cells) + " |\n" for cells in zip(*padded, strict=True)])

    output.write(lines([name] for name in grid.names))
    marks = ("-" * (width - 1) + (":" if right else "-") for width, right in zip(widths, grid.right, strict=True))
    output.write("| " + " | ".join(marks) + " |\n")
    count = 0
    for batch in chain([first] if first else [], source):
        output.write(lines(column_texts(values, grid.null) for values in zip(*batch, strict=True)))
        count += len(batch)
        output.flush()
    return count


def _markdown_cells(texts: list[str]) -> list[str]:
    joined = "".join(texts)
    for character, entity in (("&", "&amp;"), ("<", "&lt;"), ("|", "\\|")):
        if character in joined:
            texts = [text.replace(character, entity) for text in texts]
    return texts
