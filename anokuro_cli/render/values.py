"""Values as text: one spelling for every text format.

NULL       the format's null value          TRUE  true
INTEGER    1234                             DATE  2013-01-01
REAL       shortest that reads back: 0.1    TIMESTAMP  2013-01-01 10:00:00[.ffffff]
BLOB       x'00ff'
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

from anokuro_cli.text import neutralise


def to_text(value: Any) -> str:
    """A value that is not None as text; not neutralised."""
    if type(value) is str:
        return value
    if value is True:
        return "true"
    if value is False:
        return "false"
    if isinstance(value, float):
        return repr(value)
    if isinstance(value, (bytes, bytearray, memoryview)):
        return f"x'{bytes(value).hex()}'"
    if isinstance(value, datetime):
        return value.isoformat(" ")
    if isinstance(value, date):
        return value.isoformat()
    return str(value)


def column_texts(values: Sequence[Any], null: str) -> list[str]:
    """The values of one column as neutralised text; `null` for those that are None."""
    kinds = set(map(type, values))
    if kinds == {str}:
        texts = list(values)
    elif kinds <= _SPELLED_BY_STR:
        texts = list(map(str, values))
    else:
        texts = [null if value is None else neutralise(to_text(value)) for value in values]
        return texts
    return texts if "".join(texts).isprintable() else list(map(neutralise, texts))


_SPELLED_BY_STR = {int, float, date}


def is_number(value: Any) -> bool:
    """Whether a value belongs at the right edge of its column."""
    return isinstance(value, (int, float)) and not isinstance(value, bool)
