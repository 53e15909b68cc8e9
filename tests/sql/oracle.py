"""Other engines that are asked the same: how they are made ready, and how their rows are compared with ours.

SQLite reads the generated queries as they are. DuckDB takes the portable ones, NULL being the smallest value and LIKE written
ILIKE; what it refuses by its stricter typing is passed over, and counted.
"""

from __future__ import annotations

import random
import re
import sqlite3
from collections.abc import Callable
from typing import Any

from engine.sql.session import Session
from tests.sql.generate import INDEXES, SCHEMA, TABLES, rows
from tests.support.fake_store import FakeStore

Rows = list[tuple[Any, ...]]
Ask = Callable[[str], Rows | None]
SETTINGS = (
    "SET default_null_order = 'nulls_first_on_asc_last_on_desc'",
    "SET threads = 1",
)


def make_data(rng: random.Random) -> dict[str, Rows]:
    """The rows of all tables."""
    return {table: rows(rng, table, rng.choice([0, 3, 12, 25])) for table in TABLES}


def fill(connection: Any, data: dict[str, Rows]) -> None:
    """Make the tables."""
    for statement in SCHEMA:
        connection.execute(statement)
    for table, columns in TABLES.items():
        if data[table]:
            connection.executemany(f"INSERT INTO {table} VALUES ({', '.join('?' * len(columns))})", data[table])


def ours(data: dict[str, Rows], rng: random.Random | None = None, gear: str = "auto") -> Session:
    """A session over the tables; rng: with indexes, which it chooses."""
    session = Session(FakeStore())
    fill(session, data)
    if rng is not None:
        for statement in rng.sample(INDEXES, rng.randint(1, len(INDEXES))):
            session.execute(statement)
    session.shared.set_gear(gear)
    return session


def sqlite(data: dict[str, Rows]) -> Ask:
    """SQLite over the tables."""
    connection = sqlite3.connect(":memory:")
    fill(connection, data)
    return lambda sql: connection.execute(sql).fetchall()


def duckdb(data: dict[str, Rows]) -> Ask | None:
    """DuckDB over the tables, where it is installed; it gives None for what it refuses."""
    try:
        import duckdb as module  # type: ignore[import-not-found, unused-ignore]
    except ImportError:
        return None
    connection = module.connect(":memory:")
    for setting in SETTINGS:
        connection.execute(setting)
    schema = [re.sub(" WITHOUT ROWID", "", statement).replace(" REAL", " DOUBLE") for statement in SCHEMA]
    for statement in schema:
        connection.execute(statement)
    for table, columns in TABLES.items():
        if data[table]:
            connection.executemany(f"INSERT INTO {table} VALUES ({', '.join('?' * len(columns))})", data[table])

    def ask(sql: str) -> Rows | None:
        try:
            found: Rows = connection.execute(re.sub(r"\bLIKE\b", "ILIKE", sql)).fetchall()
        except (
            module.BinderException,
            module.ParserException,
            module.ConversionException,
            module.NotImplementedException,
        ):
            return None
        return found

    return ask


def plain(value: Any) -> Any:
    """Booleans are numbers to SQLite; REALs, and DuckDB's decimals, are compared as they print in 12 digits.

    What is left of a sum that should be 0 is 0: our sums are exact, others' are not.
    """
    if isinstance(value, (bool, int)):
        return int(value)
    if value is None or isinstance(value, (str, bytes)):
        return value
    rounded = 0.0 if abs(value) < 1e-12 else float(f"{float(value):.12g}")
    return int(rounded) if rounded.is_integer() else rounded


def comparable(found: Rows, ordered: bool) -> Rows:
    """Rows as they can be compared: sorted, where the query does not order them."""
    table = [tuple([plain(value) for value in row]) for row in found]
    return table if ordered else sorted(table, key=lambda row: [(str(type(v)), str(v)) for v in row])
