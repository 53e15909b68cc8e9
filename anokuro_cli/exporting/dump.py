"""A database as the SQL that makes it again.

BEGIN;
CREATE TABLE ...;      tables before those whose foreign keys name them
INSERT INTO ...;       in the same order
CREATE INDEX ...;      after the rows: an index is built faster than kept up
CREATE VIEW ...;       views before those that read them
COMMIT;
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING

from anokuro_cli.protocols import Database
from anokuro_cli.render.batches import batches
from anokuro_cli.render.formats import Watch
from anokuro_cli.render.statements import write_inserts
from anokuro_cli.schema import Table, read_schema
from anokuro_cli.text import neutralise_lines
from grammar.tokens import QUOTED, WORD, quote, significant, unquote

if TYPE_CHECKING:
    from anokuro_cli.render.output import Output


def dump(db: Database, output: Output, wanted: Callable[[str], bool], watch: Watch = iter) -> int:
    """Writes the tables (with their indexes) and views whose names are wanted; returns the number of rows. watch: what batches go through."""
    schema = read_schema(db)
    tables = [table for table in in_order(schema.tables) if wanted(table.name) and table.kind == "table" and table.sql]
    views = [table for table in in_order(schema.tables) if wanted(table.name) and table.kind == "view" and table.sql]
    names = {table.name.lower() for table in tables}
    _statement(output, "BEGIN")
    for table in tables:
        _statement(output, table.sql)
    count = 0
    for table in tables:
        columns = [column.name for column in table.columns]
        result = db.execute(f"SELECT {', '.join(map(quote, columns))} FROM {quote(table.name)}")
        count += write_inserts(table.name, columns, watch(batches(result)), output)
    for index in schema.indexes:
        if index.table.lower() in names and index.sql:
            _statement(output, index.sql)
    for view in views:
        _statement(output, view.sql)
    _statement(output, "COMMIT")
    output.flush()
    return count


def _statement(output: Output, sql: str) -> None:
    text = sql.rstrip().rstrip(";") + ";"
    output.line(neutralise_lines(text) if output.terminal else text)


def in_order(tables: Iterable[Table]) -> Iterator[Table]:
    """Each table after those its definition names; where they name each other in a circle, in order of their names."""
    left = {table.name.lower(): table for table in tables}
    needs = {key: _names_in(table.sql) & left.keys() - {key} for key, table in left.items()}
    while left:
        free = [key for key in left if not needs[key] & left.keys()] or [min(left)]
        for key in free:
            yield left.pop(key)


def _names_in(sql: str) -> set[str]:
    tokens = significant(sql)
    return {
        unquote(token.text).lower() if token.kind == QUOTED else token.text.lower()
        for token in tokens
        if token.kind in (QUOTED, WORD)
    }
