"""Pictures of a result, drawn with characters.

    bar      one bar a row: a label column and a number          line     a number in the order of the rows
    hist     how often a column's values fall into ranges        scatter  a point for each row: two numbers

Bars have eighths of a character; lines and points are drawn in braille cells of 2 x 4 dots. Without Unicode, # and * do. NULL and what is no finite number is left out, and
how many were is said.

    UA │██████████████████████▌ 58,665
    B6 │████████████████████▉ 54,635
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

from anokuro_cli.errors import ShellError
from anokuro_cli.protocols import Row
from anokuro_cli.render.output import Output
from anokuro_cli.render.values import to_text
from anokuro_cli.text import clip, did_you_mean, display_width, neutralise, pad, plural

KINDS = ("bar", "line", "hist", "scatter")
BARS_MAX, HEIGHT, BINS = 40, 12, 20
_EIGHTHS = " ▏▎▍▌▋▊▉█"
_DOTS = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))  # braille's bit of each dot: row, column


def draw(columns: Sequence[str], rows: Sequence[Row], words: Sequence[str], output: Output) -> list[str]:
    """The lines of a picture. words: perhaps a kind, then names or numbers of columns. Raises ShellError."""
    kind = words[0] if words and words[0] in KINDS else None
    chosen = [_place(columns, word) for word in words[1 if kind else 0 :]]
    numbers = [place for place in range(len(columns)) if _is_numeric(rows, place)]
    if kind is None:
        kind = "bar" if len(columns) - len(numbers) or len(numbers) < 2 else "scatter"
    width = max((output.width or 80) - 2, 20)
    if kind == "bar":
        return _bar(columns, rows, chosen, numbers, width, output)
    wanted = 2 if kind == "scatter" else 1
    if len(chosen) < wanted:
        chosen = (numbers if kind != "line" else numbers[-1:])[:wanted]
    if len(chosen) < wanted:
        raise ShellError(
            f"a {kind} chart needs {plural(wanted, 'column')} of numbers",
            f"columns: {', '.join(map(neutralise, columns))}",
        )
    if kind == "hist":
        return _histogram(columns[chosen[0]], _numbers(rows, chosen[0]), len(rows), width, output)
    if kind == "line":
        values = [
            (float(number), value)
            for number, row in enumerate(rows, 1)
            if (value := _number(row[chosen[0]])) is not None
        ]
        return _points(["row", columns[chosen[0]]], values, len(rows), width, output, joined=True)
    pairs = [(_number(row[chosen[0]]), _number(row[chosen[1]])) for row in rows]
    points = [(x, y) for x, y in pairs if x is not None and y is not None]
    return _points([columns[chosen[0]], columns[chosen[1]]], points, len(rows), width, output)


def place_of(columns: Sequence[str], word: str) -> int | None:
    """The place of a column, which is named or has a number from 1 on."""
    if word in columns:
        return list(columns).index(word)
    return int(word) - 1 if word.isdigit() and 1 <= int(word) <= len(columns) else None


def _place(columns: Sequence[str], word: str) -> int:
    found = place_of(columns, word)
    if found is not None:
        return found
    near = did_you_mean(word, list(columns))
    raise ShellError(
        f"the last result has no column {word}", f"did you mean {near}?" if near else f"columns: {', '.join(columns)}"
    )


def _number(value: Any) -> float | None:
    if isinstance(value, bool):
        return float(value)
    if isinstance(value, (int, float)):
        return float(value) if math.isfinite(value) else None
    if isinstance(value, datetime):
        return value.timestamp()
    return float(value.toordinal()) if isinstance(value, date) else None


def _numbers(rows: Sequence[Row], place: int) -> list[float]:
    return [number for row in rows if (number := _number(row[place])) is not None]


def _is_numeric(rows: Sequence[Row], place: int) -> bool:
    seen = {type(row[place]) for row in rows if row[place] is not None}
    return bool(seen) and seen <= {int, float}


def _bar(
    columns: Sequence[str], rows: Sequence[Row], chosen: list[int], numbers: list[int], width: int, output: Output
) -> list[str]:
    value = chosen[-1] if chosen else next((place for place in reversed(numbers)), -1)
    if value < 0:
        raise ShellError("a bar chart needs a column of numbers", f"columns: {', '.join(map(neutralise, columns))}")
    label = chosen[0] if len(chosen) > 1 else next((place for place in range(len(columns)) if place != value), -1)
    shown = [(neutralise("NULL" if row[label] is None else to_text(row[label])) if label >= 0 else str(number), _number(row[value]), row[value])
             for number, row in enumerate(rows[:BARS_MAX], 1)]  # fmt: skip
    lines = _bars(
        [(name, amount or 0.0, "NULL" if raw is None else _plain(raw)) for name, amount, raw in shown], width, output
    )
    if len(rows) > BARS_MAX:
        lines.append(output.style(f"({plural(len(rows) - BARS_MAX, 'row')} more)", "dim"))
    return [output.style(f"{neutralise(columns[value])}", "bold"), *lines]


def _bars(entries: list[tuple[str, float, str]], width: int, output: Output) -> list[str]:
    """Labels, bars and numbers; bars of negative numbers go to the left of the axis."""
    if not entries:
        return ["(no rows)"]
    mark = "…" if output.unicode else "~"
    names = min(max(display_width(name) for name, _, _ in entries), width // 3)
    amounts = max(len(text) for _, _, text in entries)
    room = max(width - names - amounts - 4, 8)
    low, high = min(0.0, *(amount for _, amount, _ in entries)), max(0.0, *(amount for _, amount, _ in entries))
    scale = room / ((high - low) or 1.0)
    left = math.ceil(-low * scale)
    axis = "│" if output.unicode else "|"
    lines = []
    for name, amount, text in entries:
        bar = block(abs(amount) * scale, output.unicode)
        label = pad(clip(name, names, mark), names)
        if amount < 0:
            bar = ("█" if output.unicode else "#") * max(round(-amount * scale), 1)
            lines.append(f"{label} {bar.rjust(left)}{axis} {text}")
        else:
            lines.append(f"{label} {' ' * left}{axis}{bar} {text}")
    return lines


def block(length: float, unicode: bool) -> str:
    """A bar so many characters long, in eighths of one."""
    if not unicode:
        return "#" * round(length)
    eighths = round(length * 8)
    return "█" * (eighths // 8) + (_EIGHTHS[eighths % 8] if eighths % 8 else "")


def _histogram(name: str, values: list[float], count: int, width: int, output: Output) -> list[str]:
    if not values:
        raise ShellError(f"{name} has no numbers to count")
    low, high = min(values), max(values)
    bins = min(BINS, max(1, math.ceil(math.sqrt(len(values)))))
    step = (high - low) / bins or 1.0
    counts = [0] * bins
    for value in values:
        counts[min(int((value - low) / step), bins - 1)] += 1
    entries = [
        (f"{_plain(low + step * place)} … {_plain(low + step * (place + 1))}", float(found), f"{found:,}")
        for place, found in enumerate(counts)
    ]
    if not output.unicode:
        entries = [(label.replace("…", ".."), amount, text) for label, amount, text in entries]
    return [output.style(neutralise(name), "bold") + _left_out(count - len(values)), *_bars(entries, width, output)]


def _points(
    names: Sequence[str],
    points: list[tuple[float, float]],
    count: int,
    width: int,
    output: Output,
    joined: bool = False,
) -> list[str]:
    if not points:
        raise ShellError(f"there are no numbers in {' and '.join(names)}")
    (x_low, x_high), (y_low, y_high) = ((min(axis), max(axis)) for axis in zip(*points, strict=True))
    labels = (_plain(y_high), _plain(y_low))
    margin = max(map(len, labels))
    columns, height = max(width - margin - 2, 10), HEIGHT
    across, down = (2, 4) if output.unicode else (1, 1)
    x_scale = (columns * across - 1) / ((x_high - x_low) or 1.0)
    y_scale = (height * down - 1) / ((y_high - y_low) or 1.0)
    cells = [[0] * columns for _ in range(height)]
    before: tuple[int, int] | None = None
    for x, y in points:
        place = round((x - x_low) * x_scale), height * down - 1 - round((y - y_low) * y_scale)
        for dot_x, dot_y in _between(before, place) if joined and before is not None else [place]:
            cells[dot_y // down][dot_x // across] |= _DOTS[dot_y % 4][dot_x % 2] if output.unicode else 1
        before = place
    axis, corner, rule = ("│", "└", "─") if output.unicode else ("|", "+", "-")
    lines = [output.style(f"{neutralise(names[1])} by {neutralise(names[0])}", "bold") + _left_out(count - len(points))]
    for number, row in enumerate(cells):
        label = labels[0] if number == 0 else labels[1] if number == height - 1 else ""
        text = (
            "".join(chr(0x2800 + cell) if cell else " " for cell in row)
            if output.unicode
            else "".join(" *"[cell] for cell in row)
        )
        lines.append(f"{label.rjust(margin)} {axis}{text.rstrip()}")
    lines.append(f"{' ' * margin} {corner}{rule * columns}")
    low, high = _plain(x_low), _plain(x_high)
    lines.append(f"{' ' * margin}  {low}{high.rjust(max(columns - len(low), 1))}")
    return lines


def _between(start: tuple[int, int] | None, end: tuple[int, int]) -> list[tuple[int, int]]:
    """The dots of a straight line."""
    assert start is not None
    steps = max(abs(end[0] - start[0]), abs(end[1] - start[1]), 1)
    return [
        (round(start[0] + (end[0] - start[0]) * n / steps), round(start[1] + (end[1] - start[1]) * n / steps))
        for n in range(steps + 1)
    ]


def _plain(value: Any) -> str:
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value:,}"
    if isinstance(value, float):
        return f"{value:,.0f}" if value == int(value) and abs(value) < 1e15 else f"{value:,.4g}"
    return to_text(value)


def _left_out(count: int) -> str:
    return f" ({plural(count, 'row')} left out)" if count else ""
