"""Meaning of the operators over single values, none of which is NULL (NULL in, NULL out is the compiler's work).

Integers have 64 bits and overflow is an error; x / 0 and x % 0 are NULL; integer division truncates, and the remainder
has the sign of the dividend, as in C, SQLite and PostgreSQL. A REAL result that is not a number is NULL.

Values of different kinds compare by kind, as in SQLite: numbers (BOOLEAN counts as 0 and 1), moments, text, blobs.
"""

from __future__ import annotations

import datetime
import math
import operator
import re
from collections.abc import Callable
from functools import lru_cache
from typing import Any

from engine.base.errors import DataError, LimitError
from engine.record.types import INTEGER_MAX, INTEGER_MIN, Type, Value, describe, try_convert

PATTERN_MAX = 50_000
"""The longest pattern of LIKE, GLOB or REGEXP, in characters."""

_RANK = {bool: 1, int: 1, float: 1, datetime.date: 2, datetime.datetime: 2, str: 3, bytes: 4}


def _overflow(sign: str, a: Any, b: Any) -> DataError:
    return DataError(f"integer overflow: {a} {sign} {b}")


def _number(value: Value, sign: str) -> Any:
    if isinstance(value, (int, float)):
        return value
    raise DataError(f"operator {sign} needs numbers, not {describe(value)}")


def add(a: Any, b: Any) -> Any:
    """a + b; a DATE or TIMESTAMP plus an INTEGER is so many days later."""
    try:
        result = a + b
    except TypeError:
        return _move(a, b, "+")
    if type(result) is int:
        if not INTEGER_MIN <= result <= INTEGER_MAX:
            raise _overflow("+", a, b)
        return result
    if type(result) is float:
        return result if result == result else None
    return _number(a, "+") + _number(b, "+")


def subtract(a: Any, b: Any) -> Any:
    """a - b; of two DATEs the days between them, of two TIMESTAMPs the days as REAL."""
    try:
        result = a - b
    except TypeError:
        return _move(a, -b if isinstance(b, int) else b, "-")
    if type(result) is int:
        if not INTEGER_MIN <= result <= INTEGER_MAX:
            raise _overflow("-", a, b)
        return result
    if type(result) is float:
        return result if result == result else None
    if isinstance(result, datetime.timedelta):
        return result / datetime.timedelta(days=1) if isinstance(a, datetime.datetime) else result.days
    return _number(a, "-") - _number(b, "-")


def _move(a: Any, b: Any, sign: str) -> Any:
    if sign == "+" and isinstance(b, datetime.date) and isinstance(a, int):
        a, b = b, a
    if isinstance(a, datetime.date) and isinstance(b, int) and not isinstance(b, bool):
        try:
            return a + datetime.timedelta(days=b)
        except OverflowError:
            raise DataError("the moment lies beyond the years 1 to 9999") from None
    if isinstance(a, datetime.date) and isinstance(b, datetime.date):
        return subtract(try_convert(a, Type.TIMESTAMP), try_convert(b, Type.TIMESTAMP))
    return _number(a, sign) + _number(b, sign)


def multiply(a: Any, b: Any) -> Any:
    """a * b."""
    if not isinstance(a, (int, float)) or not isinstance(b, (int, float)):
        return _number(a, "*") * _number(b, "*")
    result = a * b
    if type(result) is int:
        if not INTEGER_MIN <= result <= INTEGER_MAX:
            raise _overflow("*", a, b)
        return result
    return result if result == result else None


def divide(a: Any, b: Any) -> Any:
    """a / b, truncated towards zero for two integers."""
    a, b = _number(a, "/"), _number(b, "/")
    if b == 0:
        return None
    if isinstance(a, int) and isinstance(b, int):
        result = abs(a) // abs(b)
        if (a < 0) != (b < 0):
            result = -result
        if result > INTEGER_MAX:
            raise _overflow("/", a, b)
        return result
    try:
        quotient = a / b
    except OverflowError:
        return math.copysign(math.inf, a) * math.copysign(1, b)
    return quotient if quotient == quotient else None


def remainder(a: Any, b: Any) -> Any:
    """a % b with the sign of a."""
    a, b = _number(a, "%"), _number(b, "%")
    if b == 0:
        return None
    if isinstance(a, int) and isinstance(b, int):
        return abs(a) % abs(b) * (-1 if a < 0 else 1)
    return None if math.isinf(a) else math.fmod(a, b)


def negate(a: Any) -> Any:
    """-a."""
    result = -_number(a, "-")
    if type(result) is int and result > INTEGER_MAX:
        raise DataError(f"integer overflow: -({a})")
    return result


def plus(a: Any) -> Any:
    """+a: the value itself."""
    return a


def _integer(value: Value, sign: str) -> int:
    if isinstance(value, int):
        return int(value)
    raise DataError(f"operator {sign} needs integers, not {describe(value)}")


def bit_and(a: Any, b: Any) -> int:
    """a & b."""
    return _integer(a, "&") & _integer(b, "&")


def bit_or(a: Any, b: Any) -> int:
    """a | b."""
    return _integer(a, "|") | _integer(b, "|")


def bit_not(a: Any) -> int:
    """~a."""
    return ~_integer(a, "~")


def shift_left(a: Any, b: Any) -> int:
    """a << b, the bits shifted out are lost; a negative distance shifts right."""
    a, b = _integer(a, "<<"), _integer(b, "<<")
    if b < 0:
        return shift_right(a, -b)
    bits = (a << b) & (2**64 - 1) if b < 64 else 0
    return bits - 2**64 if bits >= 2**63 else bits


def shift_right(a: Any, b: Any) -> int:
    """a >> b, with the sign; a negative distance shifts left."""
    a, b = _integer(a, ">>"), _integer(b, ">>")
    return shift_left(a, -b) if b < 0 else a >> min(b, 63)


def concatenate(a: Any, b: Any) -> Any:
    """a || b: text of both, or a BLOB out of two BLOBs."""
    if isinstance(a, str) and isinstance(b, str):
        return a + b
    if isinstance(a, bytes) and isinstance(b, bytes):
        return a + b
    texts = try_convert(a, Type.TEXT), try_convert(b, Type.TEXT)
    if None in texts:
        raise DataError("operator || cannot join a BLOB with another type")
    return texts[0] + texts[1]  # type: ignore[operator]


def sort_key(value: Value) -> tuple[int, Any]:
    """A key that orders values of any kinds; NULL first."""
    if value is None:
        return (0, 0)
    if isinstance(value, datetime.date) and not isinstance(value, datetime.datetime):
        value = datetime.datetime(value.year, value.month, value.day)
    return (_RANK[type(value)], value)


def any_compare(plain: Callable[[Any, Any], bool]) -> Callable[[Any, Any], bool]:
    """A comparison that works for values of any kinds out of one that works for equal kinds."""

    def compare(a: Any, b: Any) -> bool:
        if type(a) is type(b):
            return plain(a, b)
        return plain(sort_key(a), sort_key(b))

    return compare


COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {
    "=": operator.eq, "<>": operator.ne, "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge,
}  # fmt: skip
ANY_COMPARISONS = {sign: any_compare(plain) for sign, plain in COMPARISONS.items()}


def truth(value: Any) -> bool | None:
    """A value as a condition: numbers are true unless 0, NULL is unknown."""
    if value is None or value is True or value is False:
        return value
    if isinstance(value, (int, float)):
        return value != 0
    raise DataError(f"{describe(value)} is no condition; compare it with something")


@lru_cache(maxsize=512)
def like_pattern(pattern: str, escape: str | None, fold: bool) -> re.Pattern[str]:
    """LIKE's pattern as a regular expression: % any text, _ any character.

    Adjacent % are one, and no quantifier is nested, so that matching cannot explode beyond |text| * |pattern| per %.
    """
    if len(pattern) > PATTERN_MAX:
        raise LimitError(f"a pattern has at most {PATTERN_MAX} characters")
    parts: list[str] = []
    characters = iter(pattern)
    for character in characters:
        if character == escape:
            following = next(characters, None)
            if following is None:
                raise DataError("a LIKE pattern ends with its escape character")
            parts.append(re.escape(following))
        elif character == "%":
            if not parts or parts[-1] != ".*":
                parts.append(".*")
        else:
            parts.append("." if character == "_" else re.escape(character))
    return re.compile(_atomic(parts), re.DOTALL | (re.IGNORECASE if fold else 0))


def _atomic(parts: list[str]) -> str:
    """Every stretch behind a wildcard but the last may be matched where it first fits, without coming back."""
    stretches: list[list[str]] = [[]]
    for part in parts:
        if part == ".*":
            stretches.append([])
        else:
            stretches[-1].append(part)
    if len(stretches) == 1:
        return "".join(stretches[0]) + r"\Z"
    middle = "".join(f"(?>.*?{''.join(stretch)})" for stretch in stretches[1:-1])
    return f"{''.join(stretches[0])}{middle}.*{''.join(stretches[-1])}\\Z"


def like(text: Any, pattern: Any, escape: Any = None, fold: bool = True) -> bool:
    """text LIKE pattern. As in SQLite, ASCII letters of either case are equal (fold)."""
    if isinstance(text, bytes) or isinstance(pattern, bytes):
        raise DataError("LIKE needs text")
    if escape is not None and (not isinstance(escape, str) or len(escape) != 1):
        raise DataError("ESCAPE needs a single character")
    subject, wanted = try_convert(text, Type.TEXT), try_convert(pattern, Type.TEXT)
    return like_pattern(wanted, escape, fold).match(subject) is not None  # type: ignore[arg-type]


@lru_cache(maxsize=512)
def glob_pattern(pattern: str) -> re.Pattern[str]:
    """GLOB's pattern: * any text, ? any character, [a-z] and [^a-z] sets; case counts."""
    if len(pattern) > PATTERN_MAX:
        raise LimitError(f"a pattern has at most {PATTERN_MAX} characters")
    parts: list[str] = []
    at = 0
    while at < len(pattern):
        character = pattern[at]
        end = pattern.find("]", at + 2 if pattern[at + 1 : at + 2] != "^" else at + 3)
        if character == "[" and end > 0:
            inside = pattern[at + 1 : end]
            negated = inside.startswith("^")
            body = re.sub(r"([\\\[\]^&~|])", r"\\\1", inside[negated:])
            parts.append(f"[{'^' if negated else ''}{body}]")
            at = end
        elif character == "*":
            if not parts or parts[-1] != ".*":
                parts.append(".*")
        else:
            parts.append("." if character == "?" else re.escape(character))
        at += 1
    try:
        return re.compile(_atomic(parts), re.DOTALL)
    except re.error as error:
        raise DataError(f"GLOB pattern {describe(pattern)}: {error}") from None


def glob(text: Any, pattern: Any) -> bool:
    """text GLOB pattern."""
    if isinstance(text, bytes) or isinstance(pattern, bytes):
        raise DataError("GLOB needs text")
    subject, wanted = try_convert(text, Type.TEXT), try_convert(pattern, Type.TEXT)
    return glob_pattern(wanted).match(subject) is not None  # type: ignore[arg-type]
