"""The types of columns, and conversion between values that loses nothing.

    type       Python value             range
    INTEGER    int                      64 bits, signed
    REAL       float                    IEEE 754 binary64; a NaN becomes NULL
    TEXT       str                      any Unicode text, also with NUL; no lone surrogates
    BLOB       bytes
    BOOLEAN    bool
    DATE       datetime.date            years 1 to 9999
    TIMESTAMP  datetime.datetime        naive, UTC by convention, microseconds
    ANY        any of these             the type of an expression known only when it runs; never of a column

A column takes only values of its type. A value of another type is converted when nothing is lost, else refused
with a DataError: 1.0 is the INTEGER 1, '12' is the INTEGER 12, 12 is the TEXT '12', TRUE is the INTEGER 1; 1.5 is no
INTEGER, 'x' is no number and 2**53 + 1 is no REAL.
"""

from __future__ import annotations

import datetime
import enum
import math
import re
from typing import TYPE_CHECKING

from engine.base.errors import DataError, ProgrammingError

if TYPE_CHECKING:
    from collections.abc import Callable

Value = None | bool | int | float | str | bytes | datetime.date | datetime.datetime
"""What a column can hold, as Python sees it."""

INTEGER_MIN = -(2**63)
INTEGER_MAX = 2**63 - 1


class Type(enum.IntEnum):
    """The types; the numbers are stored in files and never change."""

    NULL = 0
    INTEGER = 1
    REAL = 2
    TEXT = 3
    BLOB = 4
    BOOLEAN = 5
    DATE = 6
    TIMESTAMP = 7
    ANY = 8


NUMERIC = frozenset({Type.INTEGER, Type.REAL, Type.BOOLEAN})

_ALIASES = {
    Type.INTEGER: "INTEGER INT INT2 INT4 INT8 TINYINT SMALLINT MEDIUMINT BIGINT SERIAL BIGSERIAL LONG",
    Type.REAL: "REAL FLOAT FLOAT4 FLOAT8 DOUBLE NUMERIC DECIMAL NUMBER",
    Type.TEXT: "TEXT VARCHAR CHAR CHARACTER NCHAR NVARCHAR VARYING STRING CLOB NAME UUID JSON",
    Type.BLOB: "BLOB BYTEA BINARY VARBINARY BYTES",
    Type.BOOLEAN: "BOOLEAN BOOL",
    Type.DATE: "DATE",
    Type.TIMESTAMP: "TIMESTAMP DATETIME TIMESTAMPTZ",
}
_BY_NAME = {name: kind for kind, names in _ALIASES.items() for name in names.split()}
_BY_NAME |= {
    "DOUBLE PRECISION": Type.REAL,
    "CHARACTER VARYING": Type.TEXT,
    "NATIVE CHARACTER": Type.TEXT,
    "BINARY VARYING": Type.BLOB,
    "TIMESTAMP WITHOUT TIME ZONE": Type.TIMESTAMP,
    "TIMESTAMP WITH TIME ZONE": Type.TIMESTAMP,
    "UNSIGNED BIG INT": Type.INTEGER,
}

_BY_PYTHON = {
    type(None): Type.NULL,
    bool: Type.BOOLEAN,
    int: Type.INTEGER,
    float: Type.REAL,
    str: Type.TEXT,
    bytes: Type.BLOB,
    datetime.date: Type.DATE,
    datetime.datetime: Type.TIMESTAMP,
}


def type_named(name: str) -> Type:
    """The type a declaration such as "VARCHAR" or "double precision" means.

    Raises ProgrammingError when there is none. Lengths and precisions are accepted by the grammar and not enforced.
    """
    found = _BY_NAME.get(" ".join(name.upper().split()))
    if found is None:
        raise ProgrammingError(
            f"unknown type {name}; the types are INTEGER, REAL, TEXT, BLOB, BOOLEAN, DATE, TIMESTAMP"
        )
    return found


def type_names() -> list[str]:
    """Every spelling of a type, for completion."""
    return sorted(_BY_NAME)


def type_of(value: object) -> Type:
    """The type of a Python value; ANY for a value no column can hold."""
    return _BY_PYTHON.get(type(value), Type.ANY)


def normalise(value: object) -> Value:
    """A value handed in from Python, as one of the exact types above (subclasses, numpy scalars, buffers, aware times).

    Raises DataError for what no column can hold.
    """
    kind = type(value)
    if kind in _BY_PYTHON:
        if kind is int and not INTEGER_MIN <= value <= INTEGER_MAX:  # type: ignore[operator]
            raise DataError(f"the integer {value} does not fit into 64 bits")
        if kind is float and value != value:
            return None
        if kind is datetime.datetime and value.tzinfo is not None:  # type: ignore[attr-defined]
            return value.astimezone(datetime.UTC).replace(tzinfo=None)  # type: ignore[attr-defined, no-any-return]
        return value  # type: ignore[return-value]
    if isinstance(value, (bytearray, memoryview)):
        return bytes(value)
    if isinstance(value, datetime.datetime):
        return normalise(datetime.datetime.combine(value.date(), value.time(), value.tzinfo))
    for base in (bool, int, float, str, bytes):
        if isinstance(value, base):
            return normalise(base(value))  # type: ignore[arg-type]
    item = getattr(value, "item", None)  # numpy scalars
    if callable(item) and type(item()) in _BY_PYTHON:
        return normalise(item())
    raise DataError(f"a value of Python type {kind.__name__} cannot be stored or bound")


def _to_integer(value: Value) -> Value:
    if isinstance(value, bool):
        return int(value)
    if isinstance(value, int):
        return value
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, str):
        number = parse_number(value)
        if number is not None:
            return _to_integer(number)
    return None


def _to_real(value: Value) -> Value:
    if isinstance(value, float):
        return value
    if isinstance(value, int):
        try:
            number = float(value)
        except OverflowError:
            return None
        return number if number == value else None
    if isinstance(value, str):
        number_read = parse_number(value)
        if isinstance(number_read, int):
            return _to_real(number_read)
        return number_read
    return None


def _to_text(value: Value) -> Value:
    if isinstance(value, str):
        return value
    if isinstance(value, bytes):
        return None
    return text_of(value)


def _to_blob(value: Value) -> Value:
    return value if isinstance(value, bytes) else None


_TRUTHS = {"true": True, "t": True, "yes": True, "on": True, "1": True,
           "false": False, "f": False, "no": False, "off": False, "0": False}  # fmt: skip


def _to_boolean(value: Value) -> Value:
    if isinstance(value, bool):
        return value
    if isinstance(value, (int, float)):
        return bool(value) if value in (0, 1) else None
    if isinstance(value, str):
        return _TRUTHS.get(value.strip().lower())
    return None


def _to_date(value: Value) -> Value:
    if isinstance(value, datetime.datetime):
        return value.date() if value.time() == datetime.time() else None
    if isinstance(value, datetime.date):
        return value
    if isinstance(value, str):
        read = parse_timestamp(value)
        return None if read is None else _to_date(read)
    return None


def _to_timestamp(value: Value) -> Value:
    if isinstance(value, datetime.datetime):
        return value
    if isinstance(value, datetime.date):
        return datetime.datetime(value.year, value.month, value.day)
    if isinstance(value, str):
        return parse_timestamp(value)
    return None


PYTHON_TYPES: dict[Type, type] = {
    Type.INTEGER: int,
    Type.REAL: float,
    Type.TEXT: str,
    Type.BLOB: bytes,
    Type.BOOLEAN: bool,
    Type.DATE: datetime.date,
    Type.TIMESTAMP: datetime.datetime,
}
"""What a value of a column of a type is in Python."""

_CONVERTERS: dict[Type, Callable[[Value], Value]] = {
    Type.INTEGER: _to_integer,
    Type.REAL: _to_real,
    Type.TEXT: _to_text,
    Type.BLOB: _to_blob,
    Type.BOOLEAN: _to_boolean,
    Type.DATE: _to_date,
    Type.TIMESTAMP: _to_timestamp,
}


def try_convert(value: Value, kind: Type) -> Value:
    """`value` as `kind` if nothing is lost, else None (so is NULL)."""
    if value is None or kind is Type.ANY or kind is Type.NULL:
        return value
    read = _CONVERTERS[kind](value)
    if kind is Type.INTEGER and read is not None and not INTEGER_MIN <= read <= INTEGER_MAX:  # type: ignore[operator]
        return None
    return read


def convert(value: object, kind: Type, where: str = "") -> Value:
    """`value` as a value of a column of type `kind`; NULL stays NULL.

    where: the column's name, for the message. Raises DataError when something would be lost.
    """
    plain: Value = value if type(value) is str else normalise(value)
    if plain is None:
        return None
    read = try_convert(plain, kind)
    if read is None:
        column = f" for column {where}" if where else ""
        raise DataError(f"{describe(plain)} is no {kind.name}{column}")
    if kind is Type.TEXT:
        try:
            read.encode()  # type: ignore[union-attr]
        except UnicodeEncodeError:
            raise DataError(f"the text{f' for column {where}' if where else ''} has a lone surrogate") from None
    return read


def describe(value: Value) -> str:
    """A value in a message: shortened, with its type where that helps."""
    if value is None:
        return "NULL"
    if isinstance(value, str):
        return repr(value if len(value) <= 40 else value[:37] + "...")
    if isinstance(value, bytes):
        return f"a BLOB of {len(value)} bytes"
    return text_of(value)


def text_of(value: Value) -> str:
    """The text of a value, as CAST AS TEXT gives it (a BLOB is read as UTF-8)."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return text_of_real(value)
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    if isinstance(value, datetime.datetime):
        return value.isoformat(" ")
    if isinstance(value, datetime.date):
        return value.isoformat()
    return str(value)


def text_of_real(value: float) -> str:
    """The shortest text that reads back as the same number; always with a point or an exponent."""
    if math.isinf(value):
        return "Infinity" if value > 0 else "-Infinity"
    return repr(value)


_INTEGER_TEXT = re.compile(r"\s*[+-]?[0-9]{1,4000}\s*\Z", re.ASCII)
_REAL_TEXT = re.compile(r"\s*[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?\s*\Z", re.ASCII)
_WORDS = {"infinity": math.inf, "+infinity": math.inf, "-infinity": -math.inf}


def parse_number(text: str) -> int | float | None:
    """The number a whole text spells, or None. An integer too large for 64 bits is read as REAL."""
    if _INTEGER_TEXT.match(text):
        number = int(text)
        return number if INTEGER_MIN <= number <= INTEGER_MAX else float(number) if abs(number) < 10**300 else None
    if _REAL_TEXT.match(text):
        return float(text)
    return _WORDS.get(text.strip().lower())


_TIMESTAMP_TEXT = re.compile(
    r"\s*(\d{4})-(\d{1,2})-(\d{1,2})"
    r"(?:[T ](\d{1,2}):(\d{2})(?::(\d{2})(?:\.(\d{1,9}))?)?\s*(Z|z|[+-]\d{2}(?::?\d{2})?)?)?\s*\Z",
    re.ASCII,
)


def parse_timestamp(text: str) -> datetime.datetime | None:
    """An ISO 8601 date, or date and time (with or without zone, which is taken to UTC), or None."""
    if 10 <= len(text) <= 26 and text[4] == text[7] == "-" and text.isascii():
        # the usual spellings; what is shorter than 27 characters has no digits finer than a microsecond
        try:
            quick = datetime.datetime.fromisoformat(text)
            offset = quick.utcoffset()
            return quick if offset is None else quick.replace(tzinfo=None) - offset
        except (ValueError, OverflowError):
            pass
    found = _TIMESTAMP_TEXT.match(text)
    if found is None:
        return None
    year, month, day, hour, minute, second, fraction, zone = found.groups()
    if fraction is not None and fraction[6:].strip("0"):
        return None  # finer than a microsecond
    try:
        moment = datetime.datetime(
            int(year), int(month), int(day), int(hour or 0), int(minute or 0), int(second or 0),
            int((fraction or "0").ljust(6, "0")[:6]),
        )  # fmt: skip
        if zone is not None and zone not in "Zz":
            digits = zone[1:].replace(":", "").ljust(4, "0")
            offset = datetime.timedelta(hours=int(digits[:2]), minutes=int(digits[2:]))
            moment = moment - offset if zone[0] == "+" else moment + offset
    except (ValueError, OverflowError):
        return None
    return moment
