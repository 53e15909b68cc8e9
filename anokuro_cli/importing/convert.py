"""Text to values. For every type: which texts are such a value, and which value it is; the inference and the load use the same functions.

    INTEGER    -?(0|[1-9][0-9]*), 64 bits          a leading zero or plus sign means a code, which stays TEXT
    REAL       decimal digits with . or exponent; an integer of at most 2**53 counts too
    BOOLEAN    true, false in any case
    DATE       2013-01-31
    TIMESTAMP  2013-01-31T10:00[:00[.000000]][Z|+hh:mm], T or a space; with an offset it is converted to UTC
    TEXT       everything

A column of a file has few distinct values more often than not, so a conversion remembers what it has seen: `Memory` is a dict that converts what it
does not hold, and a whole column goes through `map(memory.__getitem__, column)` without a line of Python for each value.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from datetime import UTC, date, datetime
from typing import Any

from anokuro_cli.errors import ShellError

Convert = Callable[[str], Any]
_INTEGER = re.compile(r"-?(?:0|[1-9][0-9]{0,18})", re.ASCII)
_REAL = re.compile(r"-?(?:0|[1-9][0-9]*)?(?:\.[0-9]+|(?<=[0-9])\.)?(?:[eE][-+]?[0-9]+)?", re.ASCII)
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)
_TIMESTAMP = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]{1,6})?)?(?:Z|[-+][0-9]{2}:?[0-9]{2})?",
    re.ASCII,
)
_EXACT_IN_REAL = 1 << 53
UNKNOWN = "UNKNOWN"  # the type of a column of NULLs
MEMORY_LIMIT = 50_000  # distinct values kept for one column


def to_integer(text: str) -> int:
    """Raises ValueError where `text` is no INTEGER, as its siblings do for their types."""
    if _INTEGER.fullmatch(text):
        value = int(text)
        if -(1 << 63) <= value < 1 << 63:
            return value
    raise ValueError(text)


def to_real(text: str) -> float:
    """An integer beyond 2**53 is refused: it would lose digits."""
    if _REAL.fullmatch(text) and any(character.isdigit() for character in text):
        value = float(text)
        if value not in (float("inf"), float("-inf")):
            whole = "." not in text and "e" not in text.lower()
            if not whole or abs(int(text)) <= _EXACT_IN_REAL:
                return value
    raise ValueError(text)


def to_boolean(text: str) -> bool:
    """true or false, in any case."""
    low = text.lower()
    if low in ("true", "false"):
        return low == "true"
    raise ValueError(text)


def to_date(text: str) -> date:
    """An ISO calendar date."""
    if _DATE.fullmatch(text):
        return date.fromisoformat(text)
    raise ValueError(text)


def to_timestamp(text: str) -> datetime:
    """An ISO date and time; without an offset it is taken as UTC."""
    if not _TIMESTAMP.fullmatch(text):
        raise ValueError(text)
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        return moment
    try:
        return moment.astimezone(UTC).replace(tzinfo=None)
    except OverflowError as error:
        raise ValueError(text) from error


def to_text(text: str) -> str:
    """Text is text."""
    return text


def to_blob(text: str) -> bytes:
    """x'00ff', as the shell writes a BLOB; never inferred, but read into a BLOB column."""
    if text[:2].lower() == "x'" and text[-1:] == "'":
        return bytes.fromhex(text[2:-1])
    raise ValueError(text)


def to_unknown(text: str) -> Any:
    """For a column of which only NULLs are known: every value contradicts."""
    raise ValueError(text)


CONVERSIONS: dict[str, Convert] = {
    "INTEGER": to_integer,
    "REAL": to_real,
    "BOOLEAN": to_boolean,
    "DATE": to_date,
    "TIMESTAMP": to_timestamp,
    "TEXT": to_text,
    "BLOB": to_blob,
    UNKNOWN: to_unknown,
}


class Refused(ShellError):
    """A value is not of its column's type."""


class Memory(dict[str, Any]):
    """text -> value for one column. Null texts are None; an empty field is None too, except in a TEXT column."""

    def __init__(self, type_name: str, nulls: Iterable[str]):
        self._convert = CONVERSIONS[type_name]
        self._nulls = dict.fromkeys([*nulls, *([] if type_name == "TEXT" else [""])])
        super().__init__(self._nulls)

    def __missing__(self, text: str) -> Any:
        value = self._convert(text)
        if len(self) >= MEMORY_LIMIT:
            self.clear()
            self.update(self._nulls)
        self[text] = value
        return value


class Converter:
    """Batches of text rows to batches of typed rows."""

    def __init__(self, path: str, names: list[str], types: list[str], nulls: Iterable[str]):
        nulls = tuple(nulls)
        self._path, self._names, self._types = path, names, types
        self._memories = [Memory(type_name, nulls) for type_name in types]
        text_as_it_is = [type_name == "TEXT" for type_name in types]
        self._none_of = [plain and not nulls for plain in text_as_it_is]

    def rows(self, number: int, batch: list[list[str]]) -> list[tuple[Any, ...]]:
        """`number` is that of the first row; raises ShellError that names row and column of a value of another type."""
        columns = []
        for position, column in enumerate(zip(*batch, strict=True)):
            if self._none_of[position]:
                columns.append(column)
                continue
            try:
                columns.append(tuple(map(self._memories[position].__getitem__, column)))
            except ValueError as error:
                raise self._refused(number, position, column) from error
        return list(zip(*columns, strict=True))

    def _refused(self, number: int, position: int, column: tuple[str, ...]) -> Refused:
        memory = self._memories[position]
        for offset, text in enumerate(column):
            try:
                memory[text]
            except ValueError:
                shown = text if len(text) <= 60 else text[:57] + "..."
                return Refused(
                    f"{self._path}, row {number + offset}, column {self._names[position]}: "
                    f"{shown!r} is not of type {self._types[position]}",
                    "--null TEXT says which text means NULL; nothing was imported",
                )
        raise AssertionError("a batch was refused of which every value converts")
