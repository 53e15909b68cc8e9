"""Which type each column of a file has: the narrowest of TYPES that every value in the whole file has.

A guess from the first rows is the same type, provided that every later value converts to it: candidates only disappear, so a first candidate
that survives the whole file is the file's narrowest. The import therefore looks at GUESS_ROWS rows, loads with what it has learnt, and only when a value contradicts begins
again with a full pass.

Each column begins with all candidates and loses those that a value contradicts. Only values not seen before are looked at. A column
of nothing but NULL is TEXT.
"""

from __future__ import annotations

from collections.abc import Iterable

from anokuro_cli.importing.convert import CONVERSIONS, MEMORY_LIMIT, UNKNOWN

TYPES = ("BOOLEAN", "INTEGER", "REAL", "DATE", "TIMESTAMP", "TEXT")  # narrowest first
GUESS_ROWS = 20_000


class ColumnInference:
    """What is known about one column."""

    def __init__(self, nulls: Iterable[str]):
        self._candidates = list(TYPES)
        self._nulls = frozenset((*nulls, ""))
        self._seen: set[str] = set(self._nulls)
        self._values = False

    def look(self, texts: Iterable[str]) -> None:
        """Takes some values of the column into account."""
        if len(self._candidates) == 1:
            return
        new = set(texts) - self._seen
        if not new:
            return
        self._values = True
        for name in self._candidates[:-1]:
            if not _all_convert(new, name):
                self._candidates.remove(name)
        if len(self._seen) + len(new) > MEMORY_LIMIT:
            self._seen = set(self._nulls)
        self._seen |= new

    @property
    def type(self) -> str:
        """The name of the column's type; UNKNOWN where nothing but NULL was seen."""
        return self._candidates[0] if self._values else UNKNOWN


def _all_convert(texts: set[str], name: str) -> bool:
    convert = CONVERSIONS[name]
    try:
        for text in texts:
            convert(text)
    except ValueError:
        return False
    return True


class Inference:
    """All columns of a file."""

    def __init__(self, count: int, nulls: Iterable[str]):
        nulls = tuple(nulls)
        self._columns = [ColumnInference(nulls) for _ in range(count)]

    def look(self, batch: list[list[str]]) -> None:
        """Takes a batch of rows into account."""
        if not batch:
            return
        for inference, column in zip(self._columns, zip(*batch, strict=True), strict=True):
            inference.look(column)

    @property
    def types(self) -> list[str]:
        """The columns' types, in order."""
        return [column.type for column in self._columns]
