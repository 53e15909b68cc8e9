"""pyarrow, imported when a plan first needs it, and what stands between Python values and Arrow arrays."""

from __future__ import annotations

import datetime
import sys
from collections.abc import Sequence
from functools import cache
from typing import Any

from engine.base.errors import CorruptionError
from engine.record.columns import has_wide, values_of
from engine.record.types import Type
from engine.sql.columns.watch import watched

pa: Any = None
pc: Any = None
TYPES: dict[Type, Any] = {}
"""The Arrow type of each type; filled by `load`."""
KINDS: dict[Any, Type] = {}
_BY_PYTHON: dict[type, Type] = {
    int: Type.INTEGER, float: Type.REAL, str: Type.TEXT, bytes: Type.BLOB, bool: Type.BOOLEAN,
    datetime.date: Type.DATE, datetime.datetime: Type.TIMESTAMP,
}  # fmt: skip


class NoForm(Exception):
    """What is asked has no column form; the row gear does it."""


@cache
def available() -> bool:
    """Whether pyarrow is installed."""
    from importlib.machinery import PathFinder  # importlib.util costs more

    return PathFinder.find_spec("pyarrow") is not None


def is_loaded() -> bool:
    """Whether the column gear costs no import any more."""
    return pa is not None or "pyarrow.compute" in sys.modules


def is_ready() -> bool:
    """Whether `load` has been called."""
    return pa is not None


def load_acero() -> Any:
    """The module of Acero, which imports pandas where it is installed: 0.2 s."""
    from pyarrow import acero  # type: ignore[import-untyped, import-not-found, unused-ignore]

    return acero


def load() -> None:
    """Import pyarrow."""
    global pa, pc
    if pa is not None:
        return
    import pyarrow  # type: ignore[import-untyped, import-not-found, unused-ignore]
    import pyarrow.compute  # type: ignore[import-untyped, import-not-found, unused-ignore]

    TYPES.update({
        Type.INTEGER: pyarrow.int64(), Type.REAL: pyarrow.float64(), Type.TEXT: pyarrow.string(),
        Type.BLOB: pyarrow.binary(), Type.BOOLEAN: pyarrow.bool_(), Type.DATE: pyarrow.date32(),
        Type.TIMESTAMP: pyarrow.timestamp("us"), Type.NULL: pyarrow.null(),
    })  # fmt: skip
    KINDS.update({arrow: kind for kind, arrow in TYPES.items()})
    pc = pyarrow.compute
    pa = pyarrow


def failures() -> tuple[type[BaseException], ...]:
    """What a computation in columns raises where the row gear is to be asked."""
    return (NoForm, pa.ArrowException, OverflowError)


def kind_of(value: Any) -> Type:
    """The type of an array's or scalar's values."""
    found = KINDS.get(value.type)
    if found is None:
        raise NoForm(f"an array of {value.type}")
    return found


def scalar(value: Any) -> Any:
    """A Python value as a scalar."""
    if value is None:
        return pa.scalar(None, pa.null())
    kind = _BY_PYTHON.get(type(value))
    if kind is None:
        raise NoForm(f"a value of type {type(value).__name__}")
    return pa.scalar(value, TYPES[kind])


def array_of(values: Sequence[Any], kind: Type = Type.ANY) -> Any:
    """Python values as an array. kind: their type, if it is known; values of several types have no form."""
    found = set(map(type, values))
    found.discard(type(None))
    if not found:
        return pa.nulls(len(values), TYPES.get(kind, pa.null()))
    if len(found) > 1:
        raise NoForm("values of several types")
    own = _BY_PYTHON.get(found.pop())
    if own is None:
        raise NoForm("values without an Arrow type")
    return pa.array(values, TYPES[own])


def is_array(value: Any) -> bool:
    """Whether it is an array, and no scalar, which stands for all rows."""
    return isinstance(value, pa.Array)


def repeated(value: Any, rows: int) -> Any:
    """An array of `rows` values out of an array or a scalar."""
    if is_array(value):
        return value
    if not value.is_valid:
        return pa.nulls(rows, value.type)
    return pa.repeat(value, rows)


def python_values(array: Any) -> list[Any]:
    """The values of an array."""
    kind = kind_of(array)
    if kind is Type.NULL:
        return [None] * len(array)
    buffers = array.buffers()
    valid = buffers[0].address if buffers[0] is not None and array.null_count else 0
    text = kind in (Type.TEXT, Type.BLOB)
    if len(array) == 0 or (text and buffers[1] is None):
        return [None] * len(array)
    offsets = buffers[1].address if text else 0
    body = buffers[2 if text else 1]
    return values_of(int(kind), array.offset, len(array), valid, offsets, 0 if body is None else body.address)


def array_from_buffers(kind: Type, rows: int, buffers: tuple[int, bytes, bytes | None, bytes, int], check: bool) -> Any:
    """The array over what a ColumnReader filled. check: text may come from anywhere, so see that it is UTF-8."""
    nulls, valid, offsets, data, used = buffers
    parts = [pa.py_buffer(valid) if nulls else None]
    if offsets is not None:
        parts.append(pa.py_buffer(offsets))
    parts.append(pa.py_buffer(data))
    array = pa.Array.from_buffers(TYPES[kind], rows, parts, null_count=nulls)
    if check and kind is Type.TEXT and has_wide(data, used):
        try:
            array.validate(full=True)
        except pa.ArrowInvalid:
            raise CorruptionError("a row holds text that is not UTF-8") from None
    return array


def joined(arrays: list[Any]) -> Any:
    """Several arrays of one column as one; those without a type (all NULL) take that of the others."""
    if len(arrays) == 1:
        return arrays[0]
    kinds = {array.type for array in arrays} - {pa.null()}
    if len(kinds) > 1:
        raise NoForm("a column of several types")
    if kinds:
        kind = kinds.pop()
        arrays = [pa.nulls(len(array), kind) if array.type == pa.null() else array for array in arrays]
    return watched(sum(map(len, arrays)), pa.concat_arrays, arrays)


def whole(column: Any) -> Any:
    """A chunked array as one array."""
    if not isinstance(column, pa.ChunkedArray):
        return column
    return column.chunk(0) if column.num_chunks == 1 else column.combine_chunks()
