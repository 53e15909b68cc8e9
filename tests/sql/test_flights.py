"""The questions of the benchmark, over a part of the flights: all agree with SQLite, in either gear, and most run in columns."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from typing import Any

import pytest

import engine
from build_support.sql_benchmark import INDEXES, QUERIES, comparable, is_ordered, near, read
from tests.conftest import FlightsData

pytest.importorskip("pyarrow")
pytestmark = pytest.mark.ordinary_only
FLIGHTS = 25_000


@pytest.fixture(scope="module")
def databases(full_flights_data: FlightsData) -> Iterator[tuple[Any, Any]]:
    lite = sqlite3.connect(":memory:")
    with engine.open(":memory:") as ours:
        for name, columns, rows in read(full_flights_data.folder):
            for connection in (ours, lite):
                connection.execute(f"CREATE TABLE {name} ({columns})")
                marks = ", ".join("?" * len(rows[0]))
                step = max(1, len(rows) // FLIGHTS)
                connection.executemany(f"INSERT INTO {name} VALUES ({marks})", rows[::step])
        for connection in (ours, lite):
            for statement in (*INDEXES, "ANALYZE"):
                connection.execute(statement)
        yield ours, lite


@pytest.mark.parametrize("name", QUERIES)
def test_agrees_with_sqlite(databases: tuple[Any, Any], name: str) -> None:
    ours, lite = databases
    sql = QUERIES[name]
    expected = comparable(lite.execute(sql).fetchall(), is_ordered(sql))
    for gear in ("auto", "row", "column"):
        ours.session.shared.set_gear(gear)
        found = comparable(ours.execute(sql).fetchall(), is_ordered(sql))
        assert found == expected or near(found, expected), gear
    ours.session.shared.set_gear("auto")


def test_most_run_in_columns(databases: tuple[Any, Any]) -> None:
    ours, _ = databases
    gears = [ours.execute("EXPLAIN " + sql).fetchall()[0][-1] for sql in QUERIES.values()]
    assert gears.count("column") >= len(QUERIES) - 4
