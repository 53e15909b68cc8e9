from collections.abc import Iterable
from typing import Any

from engine.record.types import Type, Value

class ColumnReader:
    columns: tuple[int, ...]
    types: tuple[Type, ...]
    def __init__(
        self,
        columns: Iterable[int],
        types: Iterable[Type],
        rowid_column: int = -1,
        key_columns: Iterable[int] = (),
        defaults: Iterable[Value] | None = None,
    ) -> None: ...
    def read(self, source: Any, limit: int) -> tuple[int, list[tuple[int, bytes, bytes | None, bytes, int]]]: ...

def has_wide(data: bytes, used: int) -> bool: ...
def values_of(kind: int, start: int, count: int, valid: int, offsets: int, data: int) -> list[Any]: ...
