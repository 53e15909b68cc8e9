"""line: one column a line, for rows too wide to stand beside each other (psql's \\x).

─[ row 1 ]──────
carrier │ UA
name    │ United Air Lines Inc.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from anokuro_cli.protocols import Row
from anokuro_cli.render.output import Output
from anokuro_cli.render.values import to_text
from anokuro_cli.text import display_width, neutralise, pad


def write_line(
    columns: Sequence[str], rows: Iterable[list[Row]], output: Output, headers: bool, null: str | None
) -> int:
    """Returns the number of rows."""
    names = [neutralise(name) for name in columns]
    width = max(map(display_width, names), default=0)
    bar, rule = ("│", "─") if output.unicode else ("|", "-")
    labels = [output.style(pad(name, width), "bold") + f" {bar} " if headers else "" for name in names]
    null_text = output.style("NULL" if null is None else neutralise(null), "dim")
    count = 0
    for batch in rows:
        for row in batch:
            count += 1
            if headers:
                output.line(output.style(f"{rule}[ row {count} ]".ljust(width + 6, rule), "dim"))
            elif count > 1:
                output.line()
            for label, value in zip(labels, row, strict=True):
                output.line(label + (null_text if value is None else _cell(value)))
        output.flush()
    return count


def _cell(value: Any) -> str:
    return neutralise(to_text(value))
