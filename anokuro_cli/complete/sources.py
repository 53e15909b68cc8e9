"""The columns of what stands in FROM, as far as the schema and the text tell."""

from __future__ import annotations

from collections.abc import Iterator

from anokuro_cli.complete.scope import Source
from anokuro_cli.schema import Schema


def columns_of(source: Source, schema: Schema) -> Iterator[tuple[str, str]]:
    """(name, type) of a source's columns, as far as they are known."""
    if source.table:
        table = schema.table(source.table)
        if table is not None:
            yield from ((column.name, column.type) for column in table.columns)
        return
    for inner in source.inner:
        yield from columns_of(inner, schema)
    for name in source.columns or ():
        yield name, ""
