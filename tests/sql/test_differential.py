"""Random queries give what SQLite gives, with and without indexes, from a fresh plan and from a cached one."""

from __future__ import annotations

import random
import sqlite3
from typing import Any

import pytest

from engine.base.errors import DataError
from engine.sql.session import Session
from tests.sql.generate import INDEXES, SCHEMA, TABLES, Generator, rows
from tests.support.fake_store import FakeStore

QUERIES = 120


def load(rng: random.Random, indexes: bool) -> tuple[sqlite3.Connection, Session]:
    """The same tables in both."""
    theirs, ours = sqlite3.connect(":memory:"), Session(FakeStore())
    for statement in SCHEMA:
        theirs.execute(statement)
        ours.execute(statement)
    if indexes:
        for statement in rng.sample(INDEXES, rng.randint(1, len(INDEXES))):
            ours.execute(statement)
    for table, columns in TABLES.items():
        data = rows(rng, table, rng.choice([0, 3, 12, 25]))
        insert = f"INSERT INTO {table} VALUES ({', '.join('?' * len(columns))})"
        theirs.executemany(insert, data)
        ours.executemany(insert, data)
    return theirs, ours


def plain(value: Any) -> Any:
    """Booleans are numbers to SQLite; REALs are compared as they print in 12 digits."""
    if isinstance(value, bool):
        return int(value)
    if isinstance(value, float):
        rounded = float(f"{value:.12g}")
        return int(rounded) if rounded.is_integer() else rounded
    return value


def comparable(found: list[tuple[Any, ...]], ordered: bool) -> list[tuple[Any, ...]]:
    table = [tuple(plain(value) for value in row) for row in found]
    return table if ordered else sorted(table, key=lambda row: [(str(type(v)), str(v)) for v in row])


@pytest.mark.parametrize("seed", range(16))
def test_queries_agree_with_sqlite(seed: int) -> None:
    rng = random.Random(seed)
    theirs, ours = load(rng, indexes=seed % 2 == 0)
    for _ in range(QUERIES):
        sql, ordered = Generator(rng).query()
        expected = comparable(theirs.execute(sql).fetchall(), ordered)
        try:
            found = comparable(ours.execute(sql).fetchall(), ordered)
        except DataError as error:
            raise AssertionError(f"seed {seed}: {sql}: {error}") from None
        assert found == expected, f"seed {seed}: {sql}"
        again = comparable(ours.execute(sql).fetchall(), ordered)
        assert again == expected, f"seed {seed}, from the cache: {sql}"
