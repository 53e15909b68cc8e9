"""Values as text: one spelling for every text format.

NULL       the format's null value          TRUE  true
INTEGER    1234                             DATE  2013-01-01
REAL       shortest that reads back: 0.1    TIMESTAMP  2013-01-01 10:00:00[.ffffff]
BLOB       x'00ff'
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Any


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


def is_number(value: Any) -> bool:
    """Whether a value belongs at the right edge of its column."""
    return isinstance(value, (int, float)) and not isinstance(value, bool)
