"""Functions that other engines' users expect beside those of functions.py: texts, numbers and moments."""

from __future__ import annotations

import datetime
import math
import re
from collections.abc import Callable
from typing import Any

from engine.base.errors import DataError, LimitError
from engine.record.types import Type, Value, convert, describe, text_of
from engine.sql.declaration import Function, declare
from engine.sql.moments import julian_day, moved, unix_seconds

TEXT_MAX = 100_000_000
"""Characters of a text that a function makes out of shorter ones."""


def _bounded(length: int) -> int:
    if length > TEXT_MAX:
        raise LimitError(f"a function makes texts of at most {TEXT_MAX:,} characters, not {length:,}")
    return max(length, 0)


def _concat(*values: Value) -> str:
    return "".join(text_of(value) for value in values if value is not None)


def _concat_ws(separator: Value, *values: Value) -> str | None:
    if separator is None:
        return None
    return text_of(separator).join(text_of(value) for value in values if value is not None)


def _left(text: Value, count: int) -> str:
    return text_of(text)[:count]


def _right(text: Value, count: int) -> str:
    whole = text_of(text)
    return whole[max(0, len(whole) - count) :] if count >= 0 else whole[-count:]


def _repeat(text: Value, count: int) -> str:
    whole = text_of(text)
    _bounded(len(whole) * max(count, 0))
    return whole * count


def _padding(before: bool) -> Callable[..., str]:
    def pad(text: Value, length: int, fill: Value = " ") -> str:
        whole, filled = text_of(text), text_of(fill)
        missing = _bounded(length) - len(whole)
        if missing <= 0:
            return whole[: max(length, 0)]
        more = (filled * (missing // len(filled) + 1))[:missing] if filled else ""
        return more + whole if before else whole + more

    return pad


def _split_part(text: Value, separator: Value, number: int) -> str:
    if number == 0:
        raise DataError("split_part counts from 1, or from -1 at the end")
    whole, mark = text_of(text), text_of(separator)
    parts = whole.split(mark) if mark else [whole]
    place = number - 1 if number > 0 else len(parts) + number
    return parts[place] if 0 <= place < len(parts) else ""


def _translate(text: Value, old: Value, new: Value) -> str:
    before, after = text_of(old), text_of(new)
    table: dict[int, str | None] = {}
    for place, character in enumerate(before):
        table.setdefault(ord(character), after[place] if place < len(after) else None)
    return text_of(text).translate(table)


def _characters(*codes: Value) -> str:
    try:
        found = "".join(chr(code) for code in codes if isinstance(code, int))
        found.encode()
    except (ValueError, OverflowError, UnicodeEncodeError):
        raise DataError("char takes the numbers of characters") from None
    return found


def _quote(value: Value) -> str:
    if value is None:
        return "NULL"
    if isinstance(value, bytes):
        return f"X'{value.hex().upper()}'"
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, (int, float)):
        return text_of(value)
    text = "'" + text_of(value).replace("'", "''") + "'"
    if isinstance(value, datetime.datetime):
        return f"TIMESTAMP {text}"
    return f"DATE {text}" if isinstance(value, datetime.date) else text


_DIRECTIVE = re.compile(r"%([-+ 0#]*)(\d*)(?:\.(\d+))?(.)", re.DOTALL)


def _format(pattern: Value, *values: Value) -> str | None:
    """printf: %d %i %f %e %g %x %X %o %s %c %q %%, with flags, width and precision; what is missing is 0 or nothing."""
    if pattern is None:
        return None
    given = list(values)

    def one(found: re.Match[str]) -> str:
        flags, width, precision, kind = found.groups()
        if kind == "%":
            return "%"
        if kind not in "difeEgGxXosc" + "q":
            raise DataError(f"format: there is no %{kind}")
        value = given.pop(0) if given else None
        size = f"{flags}{_bounded(int(width or 0)) or ''}" + (
            "" if precision is None else f".{_bounded(int(precision))}"
        )
        if kind == "q":
            return text_of(value).replace("'", "''") if value is not None else ""
        if kind in "sc":
            text = "" if value is None else text_of(value)
            return f"%{size}s" % (text[:1] if kind == "c" else text)
        try:
            number = 0 if value is None else convert(value, Type.REAL if kind in "feEgG" else Type.INTEGER)
        except DataError:
            raise DataError(f"format: %{kind} needs a number, not {describe(value)}") from None
        return f"%{size}{kind}" % number

    return _DIRECTIVE.sub(one, text_of(pattern))


def _number(body: Callable[..., float]) -> Callable[..., float | None]:
    def apply(*values: Any) -> float | None:
        try:
            found = body(*map(float, values))
        except (ValueError, OverflowError, ZeroDivisionError):
            return None
        return found if found == found else None

    return apply


def _logarithm(first: float, second: float | None = None) -> float:
    """log(x) to the base 10, log(base, x)."""
    return math.log10(first) if second is None else math.log(second) / math.log(first)


def _random() -> int:
    from random import getrandbits  # 2 ms, seldom needed

    return getrandbits(64) - 2**63


_random.several_types = True  # type: ignore[attr-defined]  # for each row anew, which the row gear does


def _gcd(a: int, b: int) -> int:
    return math.gcd(a, b)


def _moment(value: Value) -> datetime.datetime:
    return convert(value, Type.TIMESTAMP)  # type: ignore[return-value]


def _time(value: Value, *changes: Value) -> str:
    return moved(_moment(value), changes).strftime("%H:%M:%S")


def _make_date(year: int, month: int, day: int) -> datetime.date:
    try:
        return datetime.date(year, month, day)
    except (ValueError, OverflowError):
        raise DataError(f"there is no {year}-{month}-{day}") from None


def _make_timestamp(year: int, month: int, day: int, hour: int, minute: int, second: float) -> datetime.datetime:
    try:
        start = datetime.datetime(year, month, day, hour, minute)
        if not 0 <= second < 60:
            raise ValueError
        return start + datetime.timedelta(seconds=second)
    except (ValueError, OverflowError):
        raise DataError(f"there is no {year}-{month}-{day} {hour}:{minute}:{second}") from None


FURTHER: tuple[Function, ...] = (
    declare("concat", 1, 100, "any", Type.TEXT, _concat, null_aware=True),
    declare("concat_ws", 2, 100, "any", Type.TEXT, _concat_ws, null_aware=True),
    declare("left", 2, 2, "any integer", Type.TEXT, _left),
    declare("right", 2, 2, "any integer", Type.TEXT, _right),
    declare("repeat", 2, 2, "any integer", Type.TEXT, _repeat),
    declare("lpad", 2, 3, "any integer any", Type.TEXT, _padding(True)),
    declare("rpad", 2, 3, "any integer any", Type.TEXT, _padding(False)),
    declare("split_part", 3, 3, "any any integer", Type.TEXT, _split_part),
    declare("translate", 3, 3, "any any any", Type.TEXT, _translate),
    declare("initcap", 1, 1, "any", Type.TEXT, lambda v: re.sub(r"\w+", lambda m: m[0].capitalize(), text_of(v))),
    declare("char", 0, 100, "integer", Type.TEXT, _characters, null_aware=True),
    declare("chr", 1, 1, "integer", Type.TEXT, _characters),
    declare("ascii", 1, 1, "any", Type.INTEGER, lambda v: ord(text_of(v)[0]) if text_of(v) else 0),
    declare("ends_with", 2, 2, "any any", Type.BOOLEAN, lambda a, b: text_of(a).endswith(text_of(b))),
    declare("quote", 1, 1, "any", Type.TEXT, _quote, null_aware=True),
    declare("format", 1, 100, "any", Type.TEXT, _format, null_aware=True),
    declare("printf", 1, 100, "any", Type.TEXT, _format, null_aware=True),
    declare("log", 1, 2, "number number", Type.REAL, _number(_logarithm)),
    declare("cbrt", 1, 1, "number", Type.REAL, _number(lambda v: math.copysign(abs(v) ** (1 / 3), v))),
    declare("cot", 1, 1, "number", Type.REAL, _number(lambda v: 1 / math.tan(v))),
    declare("atan2", 2, 2, "number number", Type.REAL, _number(math.atan2)),
    declare("asinh", 1, 1, "number", Type.REAL, _number(math.asinh)),
    declare("acosh", 1, 1, "number", Type.REAL, _number(math.acosh)),
    declare("atanh", 1, 1, "number", Type.REAL, _number(math.atanh)),
    declare("gcd", 2, 2, "integer integer", Type.INTEGER, _gcd),
    declare("random", 0, 0, "", Type.INTEGER, _random, constant=False),
    declare("time", 1, 20, "any", Type.TEXT, _time),
    declare("julianday", 1, 20, "any", Type.REAL, lambda v, *changes: julian_day(moved(_moment(v), changes))),
    declare("unixepoch", 1, 20, "any", Type.INTEGER, lambda v, *changes: unix_seconds(moved(_moment(v), changes))),
    declare("make_date", 3, 3, "integer integer integer", Type.DATE, _make_date),
    declare("make_timestamp", 6, 6, "integer integer integer integer integer number", Type.TIMESTAMP, _make_timestamp),
)
"""All of them, for the registry in functions.py."""
