from collections.abc import Iterable, Sequence
from typing import Any

from engine.record.types import Type
from engine.txn.packed import Packed

class ArrowRows:
    types: tuple[Type, ...]
    def __init__(self, types: Iterable[Type], stored: Iterable[bool]) -> None: ...
    def begin(self, arrays: Sequence[Any]) -> None: ...
    def rows(self, count: int) -> Packed: ...
    def partitions(self, count: int, parts: int, seed: int) -> bytes: ...
    def number_keys(self, packed: Packed, column: int, first: int) -> None: ...
    def item_keys(
        self,
        packed: Packed,
        columns: Sequence[int],
        descending: Sequence[bool],
        nulls_last: Sequence[bool],
        rows: Packed | None = None,
        unique: bool = False,
    ) -> None: ...
