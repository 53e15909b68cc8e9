"""insert: rows as INSERT statements that any SQL database reads.

    INSERT INTO result (id, name) VALUES (1, 'Ada');

Text is in quotes with quotes doubled, a BLOB is X'00ff', moments are DATE and TIMESTAMP literals; an infinity is 1e999. Text with control characters stays as it is in a file or
pipe and is neutralised on a terminal, as everywhere.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from datetime import date, datetime
from typing import Any

from anokuro_cli.protocols import Row
from anokuro_cli.render.output import Output
from anokuro_cli.text import neutralise
from grammar.tokens import quote

TABLE = "result"  # the name where none is known


def write_insert(
    columns: Sequence[str], rows: Iterable[list[Row]], output: Output, headers: bool, null: str | None
) -> int:
    """Returns the number of rows. headers: name the columns."""
    return write_inserts(TABLE, columns if headers else (), rows, output)


def write_inserts(table: str, columns: Sequence[str], rows: Iterable[list[Row]], output: Output) -> int:
    """INSERT statements for one table, one a row; returns the number of rows."""
    names = f" ({', '.join(map(quote, columns))})" if columns else ""
    begin = f"INSERT INTO {quote(table)}{names} VALUES ("
    shown = neutralise if output.terminal else str
    count = 0
    for batch in rows:
        count += len(batch)
        output.write("".join([shown(begin + ", ".join(map(to_literal, row)) + ");") + "\n" for row in batch]))
        output.flush()
    return count


def to_literal(value: Any) -> str:
    """A value as the language writes it."""
    if type(value) is str:
        return "'" + value.replace("'", "''") + "'"
    if value is None:
        return "NULL"
    if value is True:
        return "TRUE"
    if value is False:
        return "FALSE"
    if isinstance(value, float):
        if math.isfinite(value):
            return repr(value)
        return "NULL" if math.isnan(value) else "1e999" if value > 0 else "-1e999"
    if isinstance(value, (bytes, bytearray, memoryview)):
        return f"X'{bytes(value).hex()}'"
    if isinstance(value, datetime):
        return f"TIMESTAMP '{value.isoformat(' ')}'"
    if isinstance(value, date):
        return f"DATE '{value.isoformat()}'"
    return str(value)
