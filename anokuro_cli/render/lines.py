"""line: one column a line, for rows too wide to stand beside each other (psql's \\x).

─[ row 1 ]──────
carrier │ UA
name    │ United Air Lines Inc.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from anokuro_cli.protocols import Row
from anokuro_cli.render.output import Output
from anokuro_cli.render.values import column_texts
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
        columns_ = [
            [label + text for text in column_texts(values, null_text)]
            for label, values in zip(labels, zip(*batch, strict=True), strict=True)
        ]
        lines: list[str] = []
        for cells in zip(*columns_, strict=True):
            count += 1
            if headers:
                lines.append(output.style(f"{rule}[ row {count} ]".ljust(width + 6, rule), "dim"))
            elif count > 1:
                lines.append("")
            lines += cells
        output.write("\n".join(lines) + "\n")
        output.flush()
    return count
