"""json (one array of objects) and jsonl (one object a line).

Numbers, booleans and NULL are JSON's own; text is a string; DATE and TIMESTAMP are ISO 8601 strings; BLOB is a string of hexadecimal digits.
An infinity is 1e999, as it must be read back; what is no number is null. Control characters, bidirectional controls and lone
surrogates are written as \\u escapes, which changes nothing for a reader and is safe on a terminal.
A column name that occurs twice gets a number behind it: a, a_2.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Sequence
from datetime import date
from typing import Any

from anokuro_cli.protocols import Row
from anokuro_cli.render.output import Output
from anokuro_cli.text import _DANGEROUS


def write_json(
    columns: Sequence[str], rows: Iterable[list[Row]], output: Output, headers: bool, null: str | None
) -> int:
    """Returns the number of rows."""
    keys = unique_keys(columns)
    count = 0
    for batch in rows:
        output.write("".join(_separated(batch, keys, first=count == 0)))
        count += len(batch)
        output.flush()
    output.line("]" if count else "[]")
    return count


def _separated(batch: list[Row], keys: list[str], first: bool) -> Iterable[str]:
    for number, row in enumerate(batch):
        yield ("[" if first and number == 0 else ",\n ") + _object(row, keys)
    yield ""


def write_jsonl(
    columns: Sequence[str], rows: Iterable[list[Row]], output: Output, headers: bool, null: str | None
) -> int:
    """Returns the number of rows."""
    keys = unique_keys(columns)
    count = 0
    for batch in rows:
        output.write("".join([_object(row, keys) + "\n" for row in batch]))
        count += len(batch)
        output.flush()
    return count


def _object(row: Row, keys: list[str]) -> str:
    return "{" + ",".join([key + to_json(value) for key, value in zip(keys, row, strict=True)]) + "}"


def to_json(value: Any) -> str:
    """One value as JSON text."""
    kind = type(value)
    if kind is str:
        text = _encode(value)
        return text if text.isprintable() else _DANGEROUS.sub(_unicode_escape, text)
    if value is None:
        return "null"
    if kind is bool:
        return "true" if value else "false"
    if kind is int:
        return str(value)
    if isinstance(value, float):
        if math.isfinite(value):
            return repr(value)
        return "null" if math.isnan(value) else "1e999" if value > 0 else "-1e999"
    if isinstance(value, (bytes, bytearray, memoryview)):
        return f'"{bytes(value).hex()}"'
    if isinstance(value, date):
        return f'"{value.isoformat()}"'
    return to_json(str(value))


_encode = json.JSONEncoder(ensure_ascii=False).encode


def _unicode_escape(match: Any) -> str:
    code = ord(match.group())
    if code < 0x10000:
        return f"\\u{code:04x}"
    code -= 0x10000
    return f"\\u{0xD800 + (code >> 10):04x}\\u{0xDC00 + (code & 0x3FF):04x}"


def unique_keys(columns: Sequence[str]) -> list[str]:
    """Column names as the keys of an object, `"a":`, of which later equals get a number: `"a_2":`."""
    seen: set[str] = set()
    keys = []
    for name in columns:
        unique, number = name, 1
        while unique in seen:
            number += 1
            unique = f"{name}_{number}"
        seen.add(unique)
        keys.append(to_json(unique) + ":")
    return keys
