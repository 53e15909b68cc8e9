from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from engine.record.types import Type, Value

MAX_COLUMNS: int

class RowEncoder:
    count: int
    names: tuple[str, ...]
    types: tuple[Type, ...]
    not_null: tuple[bool, ...]
    stored: tuple[bool, ...]
    def __init__(
        self,
        names: Iterable[str],
        types: Iterable[Type],
        not_null: Sequence[bool] | None = None,
        stored: Sequence[bool] | None = None,
    ) -> None: ...
    def encode(self, values: Sequence[Any]) -> bytes: ...
    def check(self, values: Sequence[Any]) -> tuple[Any, ...]: ...

class RowDecoder:
    columns: tuple[int, ...]
    width: int
    rowid_column: int
    key_columns: tuple[int, ...]
    defaults: tuple[Value, ...]
    def __init__(
        self,
        columns: Iterable[int],
        width: int,
        rowid_column: int = -1,
        key_columns: Iterable[int] = (),
        defaults: Iterable[Value] | None = None,
    ) -> None: ...
    def decode(self, key: bytes, value: bytes) -> tuple[Any, ...]: ...
    def rows(
        self, pairs: Iterable[tuple[bytes, bytes]], flag: list[Any] | None = None
    ) -> Iterator[tuple[Any, ...]]: ...
    def rows_with_keys(
        self, pairs: Iterable[tuple[bytes, bytes]], flag: list[Any] | None = None
    ) -> Iterator[tuple[bytes, tuple[Any, ...]]]: ...

def encode_row(values: Sequence[Value]) -> bytes: ...
def decode_row(value: bytes) -> tuple[Any, ...]: ...
