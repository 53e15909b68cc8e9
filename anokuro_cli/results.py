"""The last result: what .last shows again, .chart draws and .export writes without the query running twice.

Rows are kept while they are shown, KEPT_MAX of them; who asked for more than that asks the database again.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from anokuro_cli.protocols import Row

KEPT_MAX = 10_000


class LastResult:
    """columns: names; types: the engine's names of their types; complete: all rows were kept."""

    def __init__(self) -> None:
        self.columns: Sequence[str] = ()
        self.types: Sequence[str] = ()
        self.rows: list[Row] = []
        self.complete = True

    def keep(self, result: Any, source: Iterator[list[Row]]) -> Iterator[list[Row]]:
        """`source`, remembered as it passes."""
        rows: list[Row] = []
        self.columns, self.types = tuple(result.columns), tuple(getattr(result, "types", ()))
        self.rows, self.complete = rows, False
        for batch in source:
            if len(rows) < KEPT_MAX:
                rows += batch[: KEPT_MAX - len(rows)]
            yield batch
        self.complete = len(rows) < KEPT_MAX
