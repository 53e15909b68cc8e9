"""What the shell needs of a database: the part of the engine's public API it is written against.

The types are structural, so that everything above can be tried on a stand-in, and a database behind another protocol can take the engine's place.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Protocol

Row = tuple[Any, ...]
Parameters = Sequence[Any] | Mapping[str, Any]


class ResultSet(Protocol):
    """Rows that arrive while they are read."""

    @property
    def columns(self) -> Sequence[str]: ...
    @property
    def rowcount(self) -> int: ...
    def __iter__(self) -> Iterator[Row]: ...
    def fetchall(self) -> list[Row]: ...
    def close(self) -> None: ...


class DatabaseSession(Protocol):
    """The session in which `Database.execute` runs."""

    @property
    def in_transaction(self) -> bool: ...


class Database(Protocol):
    """An open database; `execute` runs in the database's own session, so BEGIN and COMMIT are statements like others."""

    @property
    def session(self) -> DatabaseSession: ...
    def execute(self, sql: str, params: Parameters = ...) -> ResultSet: ...
    def executemany(self, sql: str, rows: Iterable[Parameters]) -> ResultSet: ...
    @property
    def inspect(self) -> Any: ...
    def check(self) -> list[Any]: ...
    def interrupt(self) -> None: ...
    def close(self) -> None: ...
