"""Operators and functions, each declared once: name, arguments, result type, implementation, and its Arrow kernel.

An implementation gets plain values. Unless `null_aware`, it is never called with NULL: NULL in any argument gives
NULL. `columns` is the column form, of the same meaning over whole arrays (engine.sql.kernels; None: the column gear
calls the implementation value by value). Aggregates are classes with `step(*values)` and `result()`.
"""

from __future__ import annotations

import datetime
import math
from collections.abc import Callable
from typing import Any

from engine.base.errors import DataError
from engine.record.types import NUMERIC, Type, Value, convert, describe, text_of, try_convert, type_of
from engine.sql import kernels
from engine.sql import operators as op
from engine.sql.aggregates import AGGREGATES
from engine.sql.declaration import Function, arithmetic_type, common_type, declare, first_type, numeric_type
from engine.sql.further_functions import FURTHER
from engine.sql.moments import julian_day, moved, unix_seconds

OPERATORS: dict[tuple[str, int], Function] = {
    (f.name, f.least): f
    for f in (
        declare("+", 2, 2, "sum sum", arithmetic_type, op.add, columns=kernels.arithmetic("add")),
        declare("-", 2, 2, "sum sum", arithmetic_type, op.subtract, columns=kernels.arithmetic("subtract")),
        declare("*", 2, 2, "number number", arithmetic_type, op.multiply, columns=kernels.arithmetic("multiply")),
        declare("/", 2, 2, "number number", arithmetic_type, op.divide, columns=kernels.divide),
        declare("%", 2, 2, "number number", arithmetic_type, op.remainder, columns=kernels.remainder),
        declare("&", 2, 2, "integer integer", Type.INTEGER, op.bit_and, columns=kernels.bits("bit_wise_and")),
        declare("|", 2, 2, "integer integer", Type.INTEGER, op.bit_or, columns=kernels.bits("bit_wise_or")),
        declare("<<", 2, 2, "integer integer", Type.INTEGER, op.shift_left),
        declare(">>", 2, 2, "integer integer", Type.INTEGER, op.shift_right),
        declare("||", 2, 2, "any any", Type.TEXT, op.concatenate, columns=kernels.concatenate),
        declare("-", 1, 1, "number", numeric_type, op.negate, columns=kernels.negate),
        declare("+", 1, 1, "any", first_type, op.plus, columns=kernels.plus),
        declare("~", 1, 1, "integer", Type.INTEGER, op.bit_not, columns=kernels.bits("bit_wise_not")),
    )
}

_KERNELS = {"=": "equal", "<>": "not_equal", "<": "less", "<=": "less_equal", ">": "greater", ">=": "greater_equal"}
COMPARE: dict[str, Function] = {
    sign: declare(sign, 2, 2, "any any", Type.BOOLEAN, body, columns=kernels.compare(_KERNELS[sign]))
    for sign, body in op.COMPARISONS.items()
}
COMPARE_ANY: dict[str, Function] = {
    sign: declare(sign, 2, 2, "any any", Type.BOOLEAN, body, columns=kernels.compare(_KERNELS[sign]))
    for sign, body in op.ANY_COMPARISONS.items()
}


def _not(value: Value) -> bool | None:
    known = op.truth(value)
    return None if known is None else not known


def fold_case(value: Value) -> Value:
    """A text with the letters A to Z made small; anything else as it is."""
    return value.translate(_SMALL) if isinstance(value, str) else value


_SMALL = {code: code + 32 for code in range(ord("A"), ord("Z") + 1)}


def _distinct(a: Value, b: Value) -> bool:
    if a is None or b is None:
        return (a is None) != (b is None)
    return op.ANY_COMPARISONS["<>"](a, b)


def _coerce_to(kind: Type) -> Callable[[Value], Value]:
    def coerce(value: Value) -> Value:
        if isinstance(value, str):
            read = try_convert(value, kind)
            if read is not None:
                return read
            if kind in (Type.DATE, Type.TIMESTAMP):
                raise DataError(f"{describe(value)} is no {kind.name}")
        elif kind is Type.TIMESTAMP and isinstance(value, datetime.date):
            return try_convert(value, kind)
        return value

    return coerce


def _cast_integer(value: Value) -> Value:
    if isinstance(value, float):
        if not -9.3e18 < value < 9.3e18:
            raise DataError(f"{describe(value)} does not fit into an INTEGER")
        return convert(math.trunc(value), Type.INTEGER)
    if isinstance(value, str):
        read = try_convert(value, Type.REAL) if try_convert(value, Type.INTEGER) is None else value
        return _cast_integer(read) if isinstance(read, float) else convert(value, Type.INTEGER)
    return convert(value, Type.INTEGER)


def _cast_real(value: Value) -> Value:
    return float(value) if isinstance(value, int) else convert(value, Type.REAL)


def _cast_text(value: Value) -> str:
    return text_of(value)


def _cast_blob(value: Value) -> bytes:
    return value if isinstance(value, bytes) else text_of(value).encode()


def _cast_boolean(value: Value) -> Value:
    return value != 0 if isinstance(value, (int, float)) else convert(value, Type.BOOLEAN)


def _cast_date(value: Value) -> Value:
    if isinstance(value, str):
        value = convert(value, Type.TIMESTAMP)
    return value.date() if isinstance(value, datetime.datetime) else convert(value, Type.DATE)


def _cast_timestamp(value: Value) -> Value:
    return convert(value, Type.TIMESTAMP)


_CAST_FORMS = {
    Type.INTEGER: kernels.to_integer, Type.REAL: kernels.real, Type.TEXT: kernels.to_text,
    Type.BOOLEAN: kernels.to_boolean, Type.DATE: kernels.to_date, Type.TIMESTAMP: kernels.to_timestamp,
}  # fmt: skip
CASTS: dict[Type, Function] = {
    kind: declare(f"CAST AS {kind.name}", 1, 1, "any", kind, body, columns=_CAST_FORMS.get(kind))
    for kind, body in {
        Type.INTEGER: _cast_integer,
        Type.REAL: _cast_real,
        Type.TEXT: _cast_text,
        Type.BLOB: _cast_blob,
        Type.BOOLEAN: _cast_boolean,
        Type.DATE: _cast_date,
        Type.TIMESTAMP: _cast_timestamp,
    }.items()
}
COERCE: dict[Type, Function] = {
    kind: declare(
        f"as {kind.name}", 1, 1, "any", kind if kind not in NUMERIC else Type.ANY, _coerce_to(kind),
        columns=kernels.coerced(kind),
    )
    for kind in (Type.INTEGER, Type.REAL, Type.BOOLEAN, Type.DATE, Type.TIMESTAMP)
}  # fmt: skip

NOCASE = declare("nocase", 1, 1, "any", first_type, fold_case, columns=kernels.small_letters)
COLLATE = {
    name: declare(f"COLLATE {name}", 1, 1, "any", first_type, lambda v: v, null_aware=True, columns=lambda v: v)
    for name in ("NOCASE", "BINARY")
}
NOT = declare("NOT", 1, 1, "any", Type.BOOLEAN, _not, null_aware=True, columns=kernels.invert)
IS_NULL = declare("IS NULL", 1, 1, "any", Type.BOOLEAN, lambda v: v is None, null_aware=True, columns=kernels.is_null)
IS_NOT_NULL = declare(
    "IS NOT NULL", 1, 1, "any", Type.BOOLEAN, lambda v: v is not None, null_aware=True, columns=kernels.is_valid
)
IS_DISTINCT = declare(
    "IS DISTINCT FROM", 2, 2, "any any", Type.BOOLEAN, _distinct, null_aware=True, columns=kernels.distinct
)
IS_NOT_DISTINCT = declare(
    "IS NOT DISTINCT FROM",
    2,
    2,
    "any any",
    Type.BOOLEAN,
    lambda a, b: not _distinct(a, b),
    null_aware=True,
    columns=kernels.not_distinct,
)
IS_TRUTH: dict[tuple[bool | None, bool], Function] = {
    (wanted, negated): declare(
        f"IS {'NOT ' if negated else ''}{ {True: 'TRUE', False: 'FALSE', None: 'UNKNOWN'}[wanted]}",
        1, 1, "any", Type.BOOLEAN,
        lambda v, wanted=wanted, negated=negated: (op.truth(v) is wanted) != negated,
        null_aware=True,
        columns=kernels.is_truth(wanted, negated),
    )
    for wanted in (True, False, None)
    for negated in (True, False)
}  # fmt: skip


def _like(fold: bool) -> Callable[..., Any]:
    def like(text: Value, pattern: Value, escape: Value = None) -> bool | None:
        if text is None or pattern is None:
            return None
        return op.like(text, pattern, escape, fold)

    return like


LIKES: dict[str, Function] = {
    "LIKE": declare("LIKE", 2, 3, "any any any", Type.BOOLEAN, _like(True), null_aware=True, columns=kernels.like),
    "ILIKE": declare("ILIKE", 2, 3, "any any any", Type.BOOLEAN, _like(True), null_aware=True, columns=kernels.like),
    "GLOB": declare("GLOB", 2, 2, "any any", Type.BOOLEAN, op.glob),
}


def _text(value: Value) -> str:
    return text_of(value)


def _round(value: Any, digits: Any = 0) -> Any:
    if isinstance(value, int) and not isinstance(value, bool):
        return value if digits >= 0 else int(round(value, max(digits, -20)))
    if not math.isfinite(value) or digits > 15:
        return float(value)
    scale = 10.0 ** max(-300, digits)
    scaled = abs(value) * scale
    if not math.isfinite(scaled):
        return float(value)
    return math.copysign(float(round(abs(value), digits)) if digits > 0 else math.floor(scaled + 0.5) / scale, value)


def _realdeclare(body: Callable[[float], float]) -> Callable[..., Any]:
    def apply(value: Any, *more: Any) -> Any:
        try:
            result = body(value, *more)
        except (ValueError, OverflowError, ZeroDivisionError):
            return None
        return result if isinstance(result, int) or result == result else None

    return apply


def _whole(body: Callable[[float], int]) -> Callable[..., Any]:
    def apply(value: Any) -> Any:
        return value if isinstance(value, int) or not math.isfinite(value) else float(body(value))

    return apply


def _substring(value: Any, start: Any, length: Any = None) -> Any:
    """As SQLite: 1 is the first character, a negative start counts from the end, a negative length takes what precedes."""
    text = value if isinstance(value, (bytes, str)) else text_of(value)
    size = len(text)
    first = start - 1 if start > 0 else size + start if start < 0 else -1
    if length is None:
        return text[max(first, 0) :]
    last = first + length
    if start == 0 and length < 0:
        first += 1
    low, high = (first, last) if length >= 0 else (last, first)
    return text[max(low, 0) : max(high, 0)]


def _length(value: Any) -> int:
    return len(value) if isinstance(value, (str, bytes)) else len(text_of(value))


def _instr(value: Any, wanted: Any) -> int:
    if isinstance(value, bytes) and isinstance(wanted, bytes):
        return value.find(wanted) + 1
    return text_of(value).find(text_of(wanted)) + 1


def _trim(method: Callable[..., str]) -> Callable[..., str]:
    return lambda value, characters=" ": method(text_of(value), text_of(characters))


def _replace(value: Value, old: Value, new: Value) -> str:
    return text_of(value).replace(text_of(old), text_of(new)) if old != "" else text_of(value)


def _null_if(a: Value, b: Value) -> Value:
    return None if a is not None and b is not None and op.ANY_COMPARISONS["="](a, b) else a


def _extreme(sign: str) -> Callable[..., Any]:
    def pick(*values: Value) -> Value:
        best = values[0]
        for value in values[1:]:
            if op.ANY_COMPARISONS[sign](value, best):
                best = value
        return best

    return pick


def _typeof(value: Value) -> str:
    return type_of(value).name.lower()


_PARTS: dict[str, Callable[[Any], Any]] = {
    "year": lambda m: m.year, "month": lambda m: m.month, "day": lambda m: m.day, "hour": lambda m: m.hour,
    "minute": lambda m: m.minute, "second": lambda m: m.second + m.microsecond / 1e6 if m.microsecond else m.second,
    "dow": lambda m: m.isoweekday() % 7, "isodow": lambda m: m.isoweekday(), "doy": lambda m: m.timetuple().tm_yday,
    "week": lambda m: m.isocalendar()[1], "quarter": lambda m: (m.month + 2) // 3,
    "epoch": lambda m: (m - datetime.datetime(1970, 1, 1)).total_seconds(),
}  # fmt: skip


def _moment(value: Value) -> datetime.datetime:
    return convert(value, Type.TIMESTAMP)  # type: ignore[return-value]


def _extract(part: Any, value: Any) -> Any:
    found = _PARTS.get(str(part).lower())
    if found is None:
        raise DataError(f"EXTRACT knows {', '.join(_PARTS)}, not {describe(part)}")
    return found(_moment(value))


_TRUNCATIONS = ("year", "month", "day", "hour", "minute", "second")
_LEAST = (1, 1, 1, 0, 0, 0)


def _date_trunc(part: Any, value: Any) -> Any:
    if part not in _TRUNCATIONS:
        raise DataError(f"DATE_TRUNC knows {', '.join(_TRUNCATIONS)}, not {describe(part)}")
    n = _TRUNCATIONS.index(part) + 1
    return datetime.datetime(*(*_moment(value).timetuple()[:n], *_LEAST[n:]))  # type: ignore[arg-type]


def _strftime(pattern: Any, value: Any, *changes: Any) -> str:
    moment = moved(_moment(value), changes)
    return moment.strftime(
        text_of(pattern).replace("%s", str(unix_seconds(moment))).replace("%J", str(julian_day(moment)))
    )


def _date(value: Any, *changes: Any) -> Any:
    return moved(_moment(value), changes).date()


def _datetime(value: Any, *changes: Any) -> Any:
    return moved(_moment(value), changes)


def _hex(value: Any) -> str:
    return (value if isinstance(value, bytes) else text_of(value).encode()).hex().upper()


_REAL1 = {
    "sqrt": math.sqrt, "exp": math.exp, "ln": math.log, "log10": math.log10, "log2": math.log2, "sin": math.sin,
    "cos": math.cos, "tan": math.tan, "asin": math.asin, "acos": math.acos, "atan": math.atan, "sinh": math.sinh,
    "cosh": math.cosh, "tanh": math.tanh, "degrees": math.degrees, "radians": math.radians,
}  # fmt: skip


def _abs(value: Any) -> Any:
    return value if value >= 0 else op.negate(value)


def _sign(value: Any) -> int:
    return int(value > 0) - int(value < 0)


SCALARS: dict[str, Function] = {
    f.name: f
    for f in (
        *(declare(n, 1, 1, "number", Type.REAL, _realdeclare(body), columns=kernels.square_root if n == "sqrt" else None)
          for n, body in _REAL1.items()),
        declare("abs", 1, 1, "number", numeric_type, _abs, columns=kernels.absolute),
        declare("sign", 1, 1, "number", Type.INTEGER, _sign),
        declare("round", 1, 2, "number integer", numeric_type, _round),
        declare("ceil", 1, 1, "number", numeric_type, _whole(math.ceil), columns=kernels.rounded("ceil")),
        declare("ceiling", 1, 1, "number", numeric_type, _whole(math.ceil), columns=kernels.rounded("ceil")),
        declare("floor", 1, 1, "number", numeric_type, _whole(math.floor), columns=kernels.rounded("floor")),
        declare("trunc", 1, 1, "number", numeric_type, _whole(math.trunc), columns=kernels.rounded("trunc")),
        declare("mod", 2, 2, "number number", arithmetic_type, op.remainder, columns=kernels.remainder),
        declare("power", 2, 2, "number number", Type.REAL, _realdeclare(lambda a, b: math.pow(a, b))),  # type: ignore[arg-type, misc]
        declare("pow", 2, 2, "number number", Type.REAL, _realdeclare(lambda a, b: math.pow(a, b))),  # type: ignore[arg-type, misc]
        declare("pi", 0, 0, "", Type.REAL, lambda: math.pi),
        declare("length", 1, 1, "any", Type.INTEGER, _length, columns=kernels.length),
        declare("char_length", 1, 1, "any", Type.INTEGER, _length, columns=kernels.length),
        declare("octet_length", 1, 1, "any", Type.INTEGER, lambda v: len(_cast_blob(v))),
        NOCASE,
        declare("lower", 1, 1, "any", Type.TEXT, lambda v: _text(v).lower(), columns=kernels.ascii_only("ascii_lower")),
        declare("upper", 1, 1, "any", Type.TEXT, lambda v: _text(v).upper(), columns=kernels.ascii_only("ascii_upper")),
        declare("trim", 1, 2, "any any", Type.TEXT, _trim(str.strip), columns=kernels.trim("utf8_trim")),
        declare("ltrim", 1, 2, "any any", Type.TEXT, _trim(str.lstrip), columns=kernels.trim("utf8_ltrim")),
        declare("rtrim", 1, 2, "any any", Type.TEXT, _trim(str.rstrip), columns=kernels.trim("utf8_rtrim")),
        declare("substr", 2, 3, "any integer integer", first_type, _substring, columns=kernels.substring),
        declare("substring", 2, 3, "any integer integer", first_type, _substring, columns=kernels.substring),
        declare("replace", 3, 3, "any any any", Type.TEXT, _replace),
        declare("instr", 2, 2, "any any", Type.INTEGER, _instr),
        declare("strpos", 2, 2, "any any", Type.INTEGER, _instr),
        declare("reverse", 1, 1, "any", Type.TEXT, lambda v: _text(v)[::-1]),
        declare("starts_with", 2, 2, "any any", Type.BOOLEAN, lambda a, b: _text(a).startswith(_text(b))),
        declare("hex", 1, 1, "any", Type.TEXT, _hex),
        declare("unicode", 1, 1, "any", Type.INTEGER, lambda v: ord(_text(v)[0]) if _text(v) else None),
        declare("typeof", 1, 1, "any", Type.TEXT, _typeof, null_aware=True),
        declare("nullif", 2, 2, "any any", first_type, _null_if, null_aware=True, columns=kernels.null_if),
        declare("extract", 2, 2, "any any", lambda types: Type.ANY, _extract, columns=kernels.extract),
        declare("date_part", 2, 2, "any any", lambda types: Type.ANY, _extract, columns=kernels.extract),
        declare("date_trunc", 2, 2, "any any", Type.TIMESTAMP, _date_trunc, columns=kernels.date_trunc),
        declare("strftime", 2, 20, "any any", Type.TEXT, _strftime),
        declare("date", 1, 20, "any", Type.DATE, _date, columns=kernels.to_date),
        declare("datetime", 1, 20, "any", Type.TIMESTAMP, _datetime, columns=kernels.to_timestamp),
        declare("greatest", 1, 100, "any", common_type, _extreme(">")),
        declare("least", 1, 100, "any", common_type, _extreme("<")),
        *FURTHER,
    )
}  # fmt: skip


def find(name: str, count: int, star: bool) -> Function | None:
    """The function of this name that takes so many arguments; MIN and MAX of several values are scalars."""
    low = name.lower()
    if low in ("min", "max") and count > 1:
        return SCALARS["least" if low == "min" else "greatest"]
    if low in _AGGREGATES:
        return _AGGREGATES[low]
    return SCALARS.get(low)


_AGGREGATES: dict[str, Function] = {
    name: Function(name, least, most, ("number",) if numeric else ("any",), result, make, True, True)
    for name, (least, most, numeric, result, make) in AGGREGATES.items()
}
AGGREGATE_MIN = _AGGREGATES["min"]


WINDOW_NAMES = (
    "row_number", "rank", "dense_rank", "percent_rank", "cume_dist", "ntile", "lag", "lead", "first_value", "last_value",
    "nth_value",
)  # fmt: skip
"""The functions of engine.sql.window_functions, which need OVER."""


def names() -> list[str]:
    """All names of functions, for suggestions and completion."""
    return sorted({*SCALARS, *_AGGREGATES, *WINDOW_NAMES, "coalesce", "ifnull", "iif", "min", "max"})
