"""What a file to be copied into a table is to the one that loads it: batches of arrays, and the place of each row."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Protocol

from engine.base.dataclass import dataclass
from engine.base.errors import DataError, ProgrammingError
from engine.record.types import Type
from engine.sql.copying.files import shown


@dataclass(frozen=True)
class Field:
    """A column of the table that a file has values for. place: of the column in the file."""

    name: str
    type: Type
    position: int
    place: int


class Source(Protocol):
    """An opened file. `place` names a row (counted from 0)."""

    path: str

    @property
    def fields(self) -> Sequence[Field]:
        """The columns, in the order of the arrays that `batches` gives."""

    def batches(self) -> Iterator[tuple[int, int, list[Any]]]:
        """(number of the first row, rows, an array for each field). Raises DataError with the place of a value that is refused."""

    def place(self, row: int) -> str:
        """Where a row stands: file:line, for people."""

    def close(self) -> None:
        """Let go of the file."""


@dataclass(frozen=True)
class Target:
    """The columns a file may fill: those named in the statement, or all of the table. listed: whether they were named."""

    table: str
    columns: tuple[tuple[str, Type, int], ...]
    listed: bool

    def in_order(self, width: int, path: str) -> list[Field]:
        """Fields of a file that has the columns in order."""
        if width != len(self.columns):
            raise DataError(
                f"{shown(path)}:1: {width} columns, but {len(self.columns)} are wanted for {self.table}; name them: "
                f"COPY {self.table} (a, b) FROM ..."
            )
        return [Field(*column, place) for place, column in enumerate(self.columns)]

    def by_name(self, names: Sequence[str], path: str) -> list[Field]:
        """Fields of a file that names its columns. Raises ProgrammingError for a name the table does not have."""
        known = {name.lower(): (name, kind, position) for name, kind, position in self.columns}
        fields: list[Field] = []
        for place, name in enumerate(names):
            column = known.get(name.strip().lower())
            if column is None:
                raise ProgrammingError(f"{shown(path)}: {self.table} has no column {shown(name)} to copy into")
            if any(field.position == column[2] for field in fields):
                raise ProgrammingError(f"{shown(path)}: two columns are called {shown(name)}")
            fields.append(Field(*column, place))
        return fields

    def knows(self, names: Sequence[str]) -> bool:
        """Whether all these are columns."""
        known = {name.lower() for name, _, _ in self.columns}
        return bool(names) and all(name.strip().lower() in known for name in names)
