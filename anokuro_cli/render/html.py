"""html: rows as a table to be put into a page; numbers stand at the right, NULL is an empty cell of class null."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

from anokuro_cli.protocols import Row
from anokuro_cli.render.output import Output
from anokuro_cli.render.values import is_number, to_text
from anokuro_cli.text import neutralise


def write_html(
    columns: Sequence[str], rows: Iterable[list[Row]], output: Output, headers: bool, null: str | None
) -> int:
    """Returns the number of rows."""
    shown = neutralise if output.terminal else str
    output.line("<table>")
    if headers:
        output.line("<thead><tr>" + "".join(f"<th>{escape(shown(name))}</th>" for name in columns) + "</tr></thead>")
    output.line("<tbody>")
    empty = f'<td class="null">{escape(shown(null or ""))}</td>'
    count = 0
    for batch in rows:
        count += len(batch)
        lines = []
        for row in batch:
            cells = []
            for value in row:
                if value is None:
                    cells.append(empty)
                else:
                    align = ' align="right"' if is_number(value) else ""
                    cells.append(f"<td{align}>{escape(shown(to_text(value)))}</td>")
            lines.append("<tr>" + "".join(cells) + "</tr>\n")
        output.write("".join(lines))
        output.flush()
    output.line("</tbody>")
    output.line("</table>")
    return count
