"""The column forms of operators and functions: the same meaning as their implementations, over whole arrays.

A form gets arrays or scalars (a scalar stands for all rows), none of them of the type NULL unless the function is
null-aware, and gives an array or scalar. Where it knows no kernel of the same meaning for these types it raises NoForm;
the implementation is then called value by value. The forms stand in the declarations of engine.sql.functions.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from engine.record.types import Type
from engine.sql.columns import arrow
from engine.sql.columns.arrow import NoForm, kind_of
from engine.sql.columns.watch import watched

Form = Callable[..., Any]
EXACT = 2**53
"""Integers up to here are REALs without loss."""


def call(kernel: str, *args: Any, options: Any = None) -> Any:
    """A kernel of pyarrow.compute by name."""
    rows = max([len(arg) for arg in args if arrow.is_array(arg)], default=0)
    return watched(rows, arrow.pc.call_function, kernel, list(args), options)


def cast(value: Any, kind: Type) -> Any:
    """The value as another type, by the plain cast."""
    return value if kind_of(value) is kind else value.cast(arrow.TYPES[kind])


def real(value: Any) -> Any:
    """A number as REAL; of an integer the nearest."""
    kind = kind_of(value)
    if kind is Type.REAL:
        return value
    if kind is Type.BOOLEAN:
        value = cast(value, Type.INTEGER)
    elif kind is not Type.INTEGER:
        raise NoForm("no number")
    return value.cast(options=arrow.pc.CastOptions.unsafe(arrow.TYPES[Type.REAL]))


def whole(value: Any) -> Any:
    """A number but REAL as INTEGER."""
    kind = kind_of(value)
    if kind not in (Type.INTEGER, Type.BOOLEAN):
        raise NoForm("no integer")
    return cast(value, Type.INTEGER)


def null_for_nan(value: Any) -> Any:
    """REALs without NaN, which is NULL."""
    bad = call("is_nan", value)
    if not arrow.is_array(value):
        return arrow.pa.scalar(None, value.type) if bad.is_valid and bad.as_py() else value
    if not arrow.pc.any(bad).as_py():
        return value
    return call("if_else", bad, arrow.pa.scalar(None, value.type), value)


def truth(value: Any) -> Any:
    """A value as a condition: numbers are true unless 0."""
    kind = kind_of(value)
    if kind is Type.BOOLEAN:
        return value
    if kind is Type.NULL:
        return cast(value, Type.BOOLEAN)
    if kind in (Type.INTEGER, Type.REAL):
        return call("not_equal", value, arrow.scalar(0 if kind is Type.INTEGER else 0.0))
    raise NoForm("no condition")


def _both(a: Any, b: Any) -> bool:
    """Whether one of two numbers is REAL."""
    kinds = (kind_of(a), kind_of(b))
    if not all(kind in (Type.INTEGER, Type.REAL, Type.BOOLEAN) for kind in kinds):
        raise NoForm("no numbers")
    return Type.REAL in kinds


def arithmetic(name: str) -> Form:
    """+, - and *: integers overflow with an error, a REAL that is no number is NULL."""

    def form(a: Any, b: Any) -> Any:
        if _both(a, b):
            return null_for_nan(call(name, real(a), real(b)))
        return call(f"{name}_checked", whole(a), whole(b))

    return form


def _unless_zero(value: Any, zero: Any) -> Any:
    """NULL for 0."""
    bad = call("equal", value, zero)
    if not arrow.is_array(value):
        return arrow.pa.scalar(None, value.type) if bad.is_valid and bad.as_py() else value
    if not arrow.pc.any(bad).as_py():
        return value
    return call("if_else", bad, arrow.pa.scalar(None, value.type), value)


def divide(a: Any, b: Any) -> Any:
    """a / b."""
    if _both(a, b):
        return null_for_nan(call("divide", real(a), _unless_zero(real(b), arrow.scalar(0.0))))
    return call("divide_checked", whole(a), _unless_zero(whole(b), arrow.scalar(0)))


def remainder(a: Any, b: Any) -> Any:
    """a % b."""
    if _both(a, b):
        raise NoForm("REAL remainder")
    a, b = whole(a), _unless_zero(whole(b), arrow.scalar(0))
    return call("subtract", a, call("multiply", b, call("divide_checked", a, b)))


def negate(a: Any) -> Any:
    """-a."""
    return call("negate", a) if kind_of(a) is Type.REAL else call("negate_checked", whole(a))


def plus(a: Any) -> Any:
    """+a."""
    return a


def bits(name: str) -> Form:
    """&, | and ~."""
    return lambda *args: call(name, *map(whole, args))


def comparable(a: Any, b: Any) -> tuple[Any, Any]:
    """Two values as one type whose kernel compares them as the row gear does."""
    kinds = {kind_of(a), kind_of(b)}
    if kinds == {Type.BOOLEAN}:
        return a, b
    if kinds <= {Type.INTEGER, Type.BOOLEAN}:
        return whole(a), whole(b)
    if kinds <= {Type.INTEGER, Type.REAL, Type.BOOLEAN}:
        return exact_real(a), exact_real(b)
    if len(kinds) == 1:
        return a, b
    if kinds == {Type.DATE, Type.TIMESTAMP}:
        return cast(a, Type.TIMESTAMP), cast(b, Type.TIMESTAMP)
    raise NoForm("values of different kinds")


def exact_real(value: Any) -> Any:
    """A number as REAL, if nothing is lost."""
    kind = kind_of(value)
    if kind is Type.INTEGER:
        if magnitude(value) > EXACT:
            raise NoForm("an integer that is no REAL")
        return real(value)
    return real(value)


def magnitude(value: Any) -> int:
    """The greatest absolute value of integers; 0 where there are none."""
    if not arrow.is_array(value):
        return abs(int(value.as_py() or 0))
    ends = arrow.pc.min_max(value)
    low, high = ends["min"].as_py(), ends["max"].as_py()
    return 0 if low is None else max(abs(low), abs(high))


def compare(kernel: str) -> Form:
    """A comparison."""
    return lambda a, b: call(kernel, *comparable(a, b))


def invert(a: Any) -> Any:
    """NOT a."""
    return call("invert", truth(a))


def is_null(a: Any) -> Any:
    """a IS NULL."""
    return call("is_null", a)


def is_valid(a: Any) -> Any:
    """a IS NOT NULL."""
    return call("is_valid", a)


def distinct(a: Any, b: Any) -> Any:
    """a IS DISTINCT FROM b."""
    there_a, there_b = call("is_valid", a), call("is_valid", b)
    if Type.NULL in (kind_of(a), kind_of(b)):
        return call("xor", there_a, there_b)
    differ = call("not_equal", *comparable(a, b))
    return call("if_else", call("and", there_a, there_b), differ, call("xor", there_a, there_b))


def not_distinct(a: Any, b: Any) -> Any:
    """a IS NOT DISTINCT FROM b."""
    return call("invert", distinct(a, b))


def is_truth(wanted: bool | None, negated: bool) -> Form:
    """IS [NOT] TRUE, FALSE, UNKNOWN."""

    def form(a: Any) -> Any:
        known = truth(a)
        if wanted is None:
            found = call("is_null", known)
        else:
            side = known if wanted else call("invert", known)
            found = call("coalesce", side, arrow.scalar(False))
        return call("invert", found) if negated else found

    return form


def concatenate(a: Any, b: Any) -> Any:
    """a || b of texts."""
    if kind_of(a) is not Type.TEXT or kind_of(b) is not Type.TEXT:
        raise NoForm("no texts")
    return call("binary_join_element_wise", a, b, arrow.scalar(""))


def absolute(a: Any) -> Any:
    """abs(a)."""
    return call("abs", a) if kind_of(a) is Type.REAL else call("abs_checked", whole(a))


def rounded(kernel: str) -> Form:
    """ceil, floor and trunc; never -0.0."""

    def form(a: Any) -> Any:
        if kind_of(a) is not Type.REAL:
            return a
        return call("add", call(kernel, a), arrow.scalar(0.0))

    return form


def square_root(a: Any) -> Any:
    """sqrt(a); NULL of what has none."""
    return null_for_nan(call("sqrt", real(a)))


def text(kernel: str) -> Form:
    """A kernel over text alone."""

    def form(a: Any) -> Any:
        if kind_of(a) is not Type.TEXT:
            raise NoForm("no text")
        return call(kernel, a)

    return form


def length(a: Any) -> Any:
    """The number of characters."""
    return cast(text("utf8_length")(a), Type.INTEGER)


def ascii_only(kernel: str) -> Form:
    """A kernel whose meaning beyond ASCII is another one than Python's."""

    def form(a: Any) -> Any:
        if kind_of(a) is not Type.TEXT:
            raise NoForm("no text")
        plain = call("string_is_ascii", a)
        plain = arrow.pc.min(plain).as_py() if arrow.is_array(a) else plain.as_py()
        if plain is False:
            raise NoForm("text beyond ASCII")
        return call(kernel, a)

    return form


def trim(kernel: str) -> Form:
    """trim, ltrim and rtrim of spaces."""

    def form(a: Any, *characters: Any) -> Any:
        if characters or kind_of(a) is not Type.TEXT:
            raise NoForm("other characters")
        return call(kernel, a, options=arrow.pc.TrimOptions(" "))

    return form


def substring(a: Any, start: Any, count: Any = None) -> Any:
    """substr(a, start, count), where start and count are constants in the text."""
    if kind_of(a) is not Type.TEXT or arrow.is_array(start) or (count is not None and arrow.is_array(count)):
        raise NoForm("no constants")
    first = start.as_py()
    number = None if count is None else count.as_py()
    if type(first) is not int or first < 1 or (count is not None and (type(number) is not int or number < 0)):
        raise NoForm("a start from the end")
    stop = None if number is None else min(first - 1 + number, 2**62)
    return call("utf8_slice_codeunits", a, options=arrow.pc.SliceOptions(min(first - 1, 2**62), stop))


_PARTS = {"year": "year", "month": "month", "day": "day", "hour": "hour", "minute": "minute", "quarter": "quarter",
          "doy": "day_of_year", "week": "iso_week"}  # fmt: skip


def _moment(value: Any) -> Any:
    if kind_of(value) not in (Type.DATE, Type.TIMESTAMP):
        raise NoForm("no moment")
    return cast(value, Type.TIMESTAMP)


def extract(part: Any, value: Any) -> Any:
    """extract(part FROM value)."""
    kernel = None if arrow.is_array(part) else _PARTS.get(str(part.as_py()).lower())
    if kernel is None:
        raise NoForm("another part")
    return cast(call(kernel, _moment(value)), Type.INTEGER)


def date_trunc(part: Any, value: Any) -> Any:
    """date_trunc(part, value)."""
    if arrow.is_array(part) or part.as_py() not in ("year", "month", "day", "hour", "minute", "second"):
        raise NoForm("another part")
    return arrow.pc.floor_temporal(_moment(value), unit=part.as_py())


def to_date(value: Any, *changes: Any) -> Any:
    """date(value)."""
    if changes:
        raise NoForm("moved")
    return call("floor_temporal", _moment(value), options=arrow.pc.RoundTemporalOptions(unit="day")).cast(
        arrow.TYPES[Type.DATE]
    )


def to_timestamp(value: Any, *changes: Any) -> Any:
    """datetime(value)."""
    if changes:
        raise NoForm("moved")
    return _moment(value)


def to_integer(value: Any) -> Any:
    """CAST AS INTEGER."""
    if kind_of(value) is Type.REAL:
        return call("trunc", value).cast(arrow.TYPES[Type.INTEGER])
    return whole(value)


def to_text(value: Any) -> Any:
    """CAST AS TEXT of text and integers."""
    if kind_of(value) not in (Type.TEXT, Type.INTEGER):
        raise NoForm("another text")
    return cast(value, Type.TEXT)


def to_boolean(value: Any) -> Any:
    """CAST AS BOOLEAN of numbers."""
    return truth(value)


def coerced(kind: Type) -> Form:
    """What a comparison with a value of `kind` makes of the other one."""

    def form(value: Any) -> Any:
        own = kind_of(value)
        if own is Type.TEXT:
            raise NoForm("text that is read")
        return cast(value, kind) if kind is Type.TIMESTAMP and own is Type.DATE else value

    return form


def like(value: Any, pattern: Any, escape: Any = None) -> Any:
    """value LIKE pattern, where all is ASCII."""
    if escape is not None or arrow.is_array(pattern) or kind_of(pattern) is not Type.TEXT:
        raise NoForm("no constant pattern")
    wanted = pattern.as_py()
    if (
        kind_of(value) is not Type.TEXT
        or wanted is None
        or not wanted.isascii()
        or "\\" in wanted
        or len(wanted) > 1000
    ):
        raise NoForm("a pattern with an escape")
    if not arrow.is_array(value) or arrow.pc.min(call("string_is_ascii", value)).as_py() is False:
        raise NoForm("text beyond ASCII")
    return arrow.pc.match_like(value, wanted, ignore_case=True)


def null_if(a: Any, b: Any) -> Any:
    """nullif(a, b)."""
    if Type.NULL in (kind_of(a), kind_of(b)):
        return a
    same = call("coalesce", call("equal", *comparable(a, b)), arrow.scalar(False))
    return call("if_else", same, arrow.pa.scalar(None, a.type), a)


def coalesce(*values: Any) -> Any:
    """coalesce(...) of values of one type."""
    return call("coalesce", *alike(values))


def alike(values: Any) -> list[Any]:
    """Values of one type, where NULLs take the type of the others."""
    kinds = {kind_of(value) for value in values} - {Type.NULL}
    if len(kinds) > 1:
        raise NoForm("values of several types")
    if not kinds:
        return list(values)
    kind = kinds.pop()
    return [cast(value, kind) for value in values]


def small_letters(text: Any) -> Any:
    """Text with the letters A to Z made small."""
    return call("ascii_lower", text) if kind_of(text) is Type.TEXT else text
