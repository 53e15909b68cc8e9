"""Values of a file as arrays of a column's type: what INSERT converts is converted, what it refuses is refused."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from engine.base.errors import DataError
from engine.record.types import Type, convert, describe
from engine.sql.columns import arrow

EXACT = 2**53
_FIRST_DAY, _LAST_DAY = -719162, 2932896
_DAY_MICROS = 86_400_000_000
_OWN: dict[Type, type] = {Type.INTEGER: int, Type.REAL: float, Type.BOOLEAN: bool, Type.TEXT: str}
_REMEMBERED = 10_000


class RefusedError(Exception):
    """A value was refused: its row in the array, and why."""

    def __init__(self, row: int, reason: str):
        super().__init__(reason)
        self.row = row
        self.reason = reason


def from_texts(texts: Any, kind: Type) -> Any:
    """A string array as an array of `kind`. Raises RefusedError for the first text that is none."""
    pa, pc = arrow.pa, arrow.pc
    if kind is Type.TEXT:
        return texts
    wanted = arrow.TYPES[kind]
    if texts.null_count == len(texts):
        return pa.nulls(len(texts), wanted)
    if kind is Type.INTEGER and pc.all(pc.match_substring_regex(texts, r"^-?[0-9]{1,18}$")).as_py():
        return texts.cast(wanted)
    return _distinct(texts, kind, read_text)


def read_text(text: str, kind: Type) -> Any:
    """One text as a value of `kind`; a BLOB is written x'00ff'."""
    if kind is Type.BLOB:
        try:
            if text[:2].lower() == "x'" and text[-1:] == "'" and len(text) > 2:
                return bytes.fromhex(text[2:-1])
        except ValueError:
            pass
        raise DataError(f"{describe(text)} is no BLOB, which is written x'00ff'")
    return convert(text, kind)


def _distinct(values: Any, kind: Type, read: Callable[[Any, Type], Any]) -> Any:
    """Every distinct value of an array converted once."""
    pa, pc = arrow.pa, arrow.pc
    coded = values.dictionary_encode()
    found = []
    for place, value in enumerate(coded.dictionary.to_pylist()):
        try:
            found.append(read(value, kind))
        except DataError as error:
            raise RefusedError(pc.index(coded.indices, place).as_py(), str(error)) from None
    return pa.array(found, arrow.TYPES[kind]).take(coded.indices)


def from_values(values: Sequence[Any], kind: Type) -> Any:
    """Python values as an array of `kind`. Raises RefusedError."""
    own = set(map(type, values)) - {type(None)}
    if own <= {_OWN.get(kind)}:
        try:
            return arrow.pa.array(values, arrow.TYPES[kind])
        except (OverflowError, UnicodeEncodeError, arrow.pa.ArrowInvalid):
            pass  # said properly below
    found = list(values)
    known: dict[tuple[type, Any], Any] = {}
    for row, value in enumerate(found):
        if value is None:
            continue
        key = (type(value), value)
        try:
            if key not in known:
                if len(known) >= _REMEMBERED:
                    known.clear()
                known[key] = read_text(value, kind) if kind is Type.BLOB and key[0] is str else convert(value, kind)
        except DataError as error:
            raise RefusedError(row, str(error)) from None
        found[row] = known[key]
    return arrow.pa.array(found, arrow.TYPES[kind])


def is_doubtful(array: Any) -> bool:
    """Whether a column of numbers read by Arrow may hold what INSERT refuses: an integer that is no REAL, NaN."""
    if array.type != arrow.TYPES[Type.REAL]:
        return False
    most = arrow.pc.max(arrow.pc.abs(array)).as_py()
    return most is not None and (not most < EXACT or bool(arrow.pc.any(arrow.pc.is_nan(array)).as_py()))


def in_range(array: Any, kind: Type) -> Any:
    """The same array, if its days lie in the years 1 to 9999. Raises RefusedError."""
    if kind not in (Type.DATE, Type.TIMESTAMP):
        return array
    pa, pc = arrow.pa, arrow.pc
    first, last = _FIRST_DAY, _LAST_DAY
    numbers = array.view(pa.int32() if kind is Type.DATE else pa.int64())
    if kind is Type.TIMESTAMP:
        first, last = first * _DAY_MICROS, (last + 1) * _DAY_MICROS - 1
    ends = pc.min_max(numbers).as_py()
    if ends["min"] is not None and (ends["min"] < first or ends["max"] > last):
        bad = pc.or_(pc.less(numbers, first), pc.greater(numbers, last))
        raise RefusedError(pc.index(bad, True).as_py(), f"a {kind.name} outside of the years 1 to 9999")
    return array


def from_arrow(array: Any, kind: Type) -> Any:
    """An array of any Arrow type as an array of `kind`. Raises RefusedError for the first value that would lose something."""
    pa, pc = arrow.pa, arrow.pc
    wanted = arrow.TYPES[kind]
    try:
        array.validate(full=True)
    except pa.ArrowInvalid as error:
        raise RefusedError(0, f"a damaged column: {error}") from None
    types = pa.types
    if types.is_dictionary(array.type):
        array = array.dictionary_decode()
    if types.is_null(array.type):
        return pa.nulls(len(array), wanted)
    if types.is_floating(array.type):
        array = array.cast(pa.float64())
        array = pc.if_else(pc.is_nan(array), pa.scalar(None, pa.float64()), array)
    elif types.is_large_string(array.type) or types.is_string_view(array.type):
        array = array.cast(pa.string())
    elif (
        types.is_large_binary(array.type) or types.is_fixed_size_binary(array.type) or types.is_binary_view(array.type)
    ):
        array = array.cast(pa.binary())
    elif types.is_decimal(array.type) or types.is_time(array.type):
        array = array.cast(pa.string())
    try:
        if array.type == wanted:
            return in_range(array, kind)
        if types.is_timestamp(array.type):
            array = array.cast(pa.timestamp("us", array.type.tz)).cast(pa.timestamp("us"))
        elif types.is_date64(array.type):
            array = array.cast(pa.date32())
        elif types.is_integer(array.type):
            array = array.cast(pa.int64())
    except pa.ArrowInvalid as error:
        raise RefusedError(_first_uncastable(array, error), f"a value that is no {kind.name}: {error}") from None
    if array.type == wanted:
        return in_range(array, kind)
    if array.type not in arrow.KINDS:
        raise RefusedError(0, f"a column of Arrow's type {array.type} is no {kind.name}")
    in_range(array, arrow.KINDS[array.type])
    if array.type == arrow.TYPES[Type.TEXT]:
        return from_texts(array, kind)
    return _distinct(array, kind, convert)


def _first_uncastable(array: Any, error: Exception) -> int:
    for row in range(len(array)):
        try:
            one = array.slice(row, 1)
            one.cast(arrow.pa.timestamp("us") if arrow.pa.types.is_timestamp(array.type) else arrow.pa.int64())
        except arrow.pa.ArrowInvalid:
            return row
    return 0
