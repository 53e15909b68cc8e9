from collections.abc import Callable, Iterable, Sequence
from typing import Any

class TextLines:
    def __init__(
        self,
        style: str,
        before: Iterable[bytes],
        end: bytes,
        null: bytes,
        spell: Callable[[Any], str],
        delimiter: str = ",",
        quote: str = '"',
        quote_null: bool = False,
    ) -> None: ...
    def text(self, arrays: Sequence[Any], rows: int) -> bytes: ...

def supports(types: Iterable[Any]) -> bool: ...
