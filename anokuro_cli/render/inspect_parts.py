"""What the renderers of inspections share: colours by kind, bytes and tables as rich Text, bars.

Everything that was stored goes through `safe` on its way to the terminal; rich gets Text objects, never markup.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from rich import box
from rich.console import Console, ConsoleOptions, Group, OverflowMethod, RenderableType
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from anokuro_cli.text import clip, neutralise

# Kind of a byte in a page: style, and the letter that stands for it where there is no colour. Colours can be read on dark and on light grounds.
KINDS = {
    "header": ("cyan", "H"),
    "hint": ("magenta", "h"),
    "slot": ("yellow", "s"),
    "cell": ("bold", "c"),
    "key": ("green", "k"),
    "value": ("blue", "v"),
    "reference": ("bright_magenta", "r"),
    "child": ("bright_magenta", "p"),
    "fence": ("bright_red", "f"),
    "free": ("dim", "."),
    "fragmented": ("red", "x"),
    "entry": ("yellow", "e"),
    "data": ("blue", "d"),
    "unknown": ("reverse red", "?"),
}
# Kind of a page: style, and a letter.
PAGES = {
    "leaf": ("green", "L"),
    "branch": ("yellow", "B"),
    "overflow": ("blue", "O"),
    "page table": ("magenta", "T"),
    "retained checkpoints": ("bright_magenta", "C"),
    "meta": ("cyan", "M"),
    "unknown": ("red", "?"),
    "free": ("dim", "."),
}
SHADES = "░▒▓█"


def safe(text: object, style: str = "") -> Text:
    """Any value as Text that a terminal can be shown."""
    return styled(neutralise(str(text)), style)


def styled(text: str, style: str) -> Text:
    """Text in a style that does not spread to what is added behind it, as a style of the whole would."""
    return Text.assemble((text, style))


def kind_style(kind: str) -> str:
    """The colour of a page kind."""
    return PAGES.get(kind, ("", ""))[0]


def kind_text(kind: str) -> Text:
    """The name of a page kind in its colour."""
    return styled(kind, kind_style(kind))


def bytes_text(data: bytes, limit: int = 24) -> str:
    """Bytes for people: text in quotes where they are printable ASCII, hexadecimal digits elsewhere; shortened."""
    if data and all(32 <= byte < 127 for byte in data):
        text = data.decode("ascii")
        return f"'{clip(text, limit, '..')}'"
    shown = data[: max(limit // 2, 1)]
    return shown.hex() + (f"..({len(data)})" if len(data) > len(shown) else "") if data else "(empty)"


def values_text(decoded: dict[str, Any] | None) -> str:
    """Decoded columns: name=value."""
    if decoded is None:
        return ""
    return "  ".join(f"{name}={'NULL' if value is None else _value(value)}" for name, value in decoded.items())


def _value(value: Any) -> str:
    return value.hex() if isinstance(value, bytes) else str(value)


def plain_console(console: Console) -> bool:
    """Whether the console shows no colours."""
    return console.color_system is None or console.no_color


class Bar:
    """A bar of `width` cells, filled to `part` (0 to 1)."""

    def __init__(self, part: float, width: int = 20, style: str = "green") -> None:
        self.part, self.width, self.style = min(max(part, 0.0), 1.0), width, style

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterable[Text]:
        full, empty = ("#", ".") if options.ascii_only else ("█", "░")
        filled = round(self.part * self.width)
        yield Text(full * filled, style=self.style, end="") + Text(empty * (self.width - filled), style="dim")

    def __rich_measure__(self, console: Console, options: ConsoleOptions) -> Measurement:
        return Measurement(self.width, self.width)


class Grid:
    """A table of (heading, right-aligned) columns; cells are Text, bars, or values.

    Every column is as wide as its widest cell, but the column `stretch` has what is left: it is cut, or wrapped.
    """

    def __init__(
        self, columns: Sequence[tuple[str, bool]], rows: Iterable[Sequence[Any]], stretch: int = -1, wrap: bool = False
    ) -> None:
        self.columns, self.stretch, self.wrap = columns, stretch, wrap
        self.rows = [[self._cell(cell) for cell in row] for row in rows]

    @staticmethod
    def _cell(value: Any) -> Text | Bar:
        return value if isinstance(value, (Text, Bar)) else safe("" if value is None else value)

    def _width(self, column: int) -> int:
        return max([len(self.columns[column][0]), *(_cell_width(row[column]) for row in self.rows)])

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterable[Table]:
        made = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0), header_style="bold", show_edge=False)
        cut: OverflowMethod = "crop" if options.ascii_only else "ellipsis"
        widths = [self._width(i) for i in range(len(self.columns))]
        if self.stretch >= 0:  # rich would make room by emptying other columns
            others = sum(widths) - widths[self.stretch] + 2 * len(widths)
            widths[self.stretch] = min(widths[self.stretch], max(options.max_width - others, 8))
        for i, (name, right) in enumerate(self.columns):
            wrapped = self.wrap and i == self.stretch
            made.add_column(
                name,
                justify="right" if right else "left",
                no_wrap=not wrapped,
                overflow="fold" if wrapped else cut,
                width=widths[i],
            )
        for row in self.rows:
            made.add_row(*row)
        yield made


def _cell_width(cell: Text | Bar) -> int:
    return cell.width if isinstance(cell, Bar) else cell.cell_len


def table(
    columns: Sequence[tuple[str, bool]], rows: Iterable[Sequence[Any]], stretch: int = -1, wrap: bool = False
) -> Grid:
    """A Grid."""
    return Grid(columns, rows, stretch, wrap)


def heading(text: str) -> Text:
    """A title over a part."""
    return styled(text, "bold")


def damage(problems: Iterable[str]) -> list[RenderableType]:
    """One red line for each problem."""
    return [styled("! ", "bold red") + safe(problem, "red") for problem in problems]


def percent(part: float) -> str:
    """0.873 as 87 %."""
    return f"{100 * part:.0f} %"


def parts(*items: RenderableType | None) -> Group:
    """Parts below each other."""
    return Group(*(item for item in items if item is not None))
