"""csv and tsv.

csv is RFC 4180 with "\\n" between records. NULL is an empty field, the empty string is `""`, so that both survive a round trip. tsv writes one record a line;
tab, line feed, carriage return and backslash in a value become `\\t \\n \\r \\\\`, as PostgreSQL's COPY has it. NULL is an empty field.
A value keeps every byte on its way to a file or pipe; on a terminal it is neutralised.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Sequence
from datetime import date, datetime
from typing import Any

from anokuro_cli.protocols import Row
from anokuro_cli.render.output import Output
from anokuro_cli.render.values import to_text
from anokuro_cli.text import neutralise

_AS_IS = (int, float, str, date, datetime, type(None))  # csv.writer spells these as to_text does
_TSV_ESCAPES = str.maketrans({"\t": "\\t", "\n": "\\n", "\r": "\\r", "\\": "\\\\"})


def write_csv(
    columns: Sequence[str], rows: Iterable[list[Row]], output: Output, headers: bool, null: str | None
) -> int:
    """Returns the number of rows."""
    shown = _terminal_text if output.terminal else to_text
    if headers:
        output.write(_careful([tuple(columns)], null or "", shown))
    count = 0
    for batch in rows:
        count += len(batch)
        text = None if null or output.terminal or not _plain(batch) else _quick(batch)
        output.write(_careful(batch, null or "", shown) if text is None else text)
        output.flush()
    return count


def _quick(batch: list[Row]) -> str | None:
    """csv.writer's text, or None where it is wrong: it leaves a carriage return unquoted."""
    import csv  # with its dialects 2 ms, which tsv does not need

    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\n").writerows(batch)
    value = text.getvalue()
    return None if "\r" in value else value


def _plain(batch: list[Row]) -> bool:
    """Whether csv.writer itself spells all these rows rightly: no booleans, no blobs, no empty strings."""
    types: set[type] = set()
    for row in batch:
        if "" in row or row == (None,):  # csv.writer would leave the first unquoted and quote the second
            return False
        types.update(map(type, row))
    return types.issubset(_AS_IS) and bool not in types


def _careful(batch: list[Row], null: str, shown: Callable[[Any], str]) -> str:
    return "".join([",".join([csv_field(value, null, shown) for value in row]) + "\n" for row in batch])


def csv_field(value: Any, null: str, shown: Callable[[Any], str] = to_text) -> str:
    """One field as csv has it."""
    if value is None:
        return null
    text = shown(value)
    if not text or any(mark in text for mark in ',"\n\r'):
        return '"' + text.replace('"', '""') + '"'
    return text


def write_tsv(
    columns: Sequence[str], rows: Iterable[list[Row]], output: Output, headers: bool, null: str | None
) -> int:
    """Returns the number of rows."""
    null = null or ""

    def field(value: Any) -> str:
        text = tsv_field(value, null)
        return neutralise(text) if output.terminal else text

    if headers:
        output.line("\t".join(map(field, columns)))
    count = 0
    for batch in rows:
        count += len(batch)
        output.write("".join(["\t".join(map(field, row)) + "\n" for row in batch]))
        output.flush()
    return count


def tsv_field(value: Any, null: str) -> str:
    """One field as tsv has it."""
    if value is None:
        return null
    text = to_text(value)
    return text.translate(_TSV_ESCAPES) if "\\" in text or not text.isprintable() else text


def _terminal_text(value: Any) -> str:
    return neutralise(to_text(value))
