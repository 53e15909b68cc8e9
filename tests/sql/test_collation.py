"""COLLATE NOCASE, wherever text is compared: as SQLite does it, and in both gears."""

from __future__ import annotations

import sqlite3
from typing import Any

import pytest

import engine
from engine.sql.session import Session
from tests.sql.oracle import comparable
from tests.support.fake_store import FakeStore

SCHEMA = (
    "CREATE TABLE p (id INTEGER PRIMARY KEY, name TEXT COLLATE NOCASE UNIQUE, plain TEXT, other TEXT COLLATE NOCASE)",
    "CREATE TABLE k (code TEXT COLLATE NOCASE PRIMARY KEY, v INTEGER)",
    "CREATE INDEX p_plain ON p (plain COLLATE NOCASE)",
    "CREATE INDEX p_other ON p (other DESC, id)",
)
ROWS = [
    (1, "Ann", "x", "Red"),
    (2, "bob", "X", "RED"),
    (3, "CARL", "y", "blue"),
    (4, None, None, None),
    (5, "Ärger", "Y", "Blue"),
]
KEYS = [("a", 1), ("B", 2), ("rEd", 3)]
QUERIES = [
    "SELECT id FROM p WHERE name = 'ANN'",
    "SELECT id FROM p WHERE 'ANN' = name",
    "SELECT id FROM p WHERE name COLLATE BINARY = 'ANN'",
    "SELECT id FROM p WHERE name > 'B' AND name <= 'carl'",
    "SELECT id FROM p WHERE name BETWEEN 'B' AND 'c'",
    "SELECT id FROM p WHERE name IN ('BOB', 'carl') OR name IS 'ANN'",
    "SELECT id FROM p WHERE name NOT IN ('BOB', 'carl')",
    "SELECT id FROM p WHERE name = 'ärger'",
    "SELECT id FROM p WHERE plain = 'X' COLLATE NOCASE",
    "SELECT id FROM p WHERE plain COLLATE NOCASE IN ('X', 'q')",
    "SELECT id FROM p WHERE plain = 'X'",
    "SELECT id FROM p WHERE plain = other OR other = plain",
    "SELECT id FROM p WHERE other IN (SELECT code FROM k)",
    "SELECT id FROM p WHERE EXISTS (SELECT 1 FROM k WHERE k.code = p.other)",
    "SELECT p.id, k.v FROM p JOIN k ON k.code = p.other",
    "SELECT p.id, k.v FROM p LEFT JOIN k ON p.other = k.code AND k.v > 0",
    "SELECT id, CASE other WHEN 'rED' THEN 1 ELSE 2 END FROM p",
    "SELECT v FROM k WHERE code = 'A'",
    "SELECT count(*), max(id) FROM p GROUP BY other",
    "SELECT lower(other), count(*) FROM p GROUP BY other HAVING other = 'RED'",
    "SELECT count(*) FROM p GROUP BY plain COLLATE NOCASE",
    "SELECT count(DISTINCT other), count(DISTINCT plain) FROM p",
    "SELECT count(*) FROM (SELECT DISTINCT other FROM p)",
    "SELECT count(*) FROM (SELECT DISTINCT other, plain FROM p)",
    "SELECT x FROM (SELECT upper(name) AS u, name AS x FROM p) WHERE x = 'ann'",
    "WITH w (n) AS (SELECT name FROM p) SELECT n FROM w WHERE n = 'BOB'",
    "SELECT id, rank() OVER (ORDER BY other) FROM p",
    "SELECT id, count(*) OVER (PARTITION BY other) FROM p",
    "SELECT 'a' = 'A' COLLATE NOCASE, 'a' COLLATE NOCASE < 'B', 'a' || 'b' COLLATE NOCASE = 'AB'",
]
ORDERED = [
    "SELECT id FROM p ORDER BY name",
    "SELECT id FROM p ORDER BY name DESC",
    "SELECT id FROM p ORDER BY plain COLLATE NOCASE, id DESC",
    "SELECT id FROM p ORDER BY name COLLATE BINARY",
    "SELECT id FROM p ORDER BY other, id LIMIT 3",
    "SELECT upper(other) FROM p GROUP BY other ORDER BY other",
]


@pytest.fixture(scope="module")
def both() -> Any:
    theirs, ours = sqlite3.connect(":memory:"), Session(FakeStore())
    for db in (theirs, ours):
        for statement in SCHEMA:
            db.execute(statement)
        db.executemany("INSERT INTO p VALUES (?, ?, ?, ?)", ROWS)
        db.executemany("INSERT INTO k VALUES (?, ?)", KEYS)
    return theirs, ours


@pytest.mark.parametrize("gear", ["row", "column"])
@pytest.mark.parametrize("sql", QUERIES + ORDERED)
def test_as_sqlite(both: Any, sql: str, gear: str) -> None:
    theirs, ours = both
    ours.shared.set_gear(gear)
    ordered = sql in ORDERED
    wanted = comparable(theirs.execute(sql).fetchall(), ordered)
    assert comparable(ours.execute(sql).fetchall(), ordered) == wanted
    assert comparable(ours.execute(sql).fetchall(), ordered) == wanted


def test_changes_keep_texts_apart() -> None:
    with engine.open(":memory:") as db:
        for statement in SCHEMA:
            db.execute(statement)
        db.executemany("INSERT INTO p VALUES (?, ?, ?, ?)", ROWS)
        db.executemany("INSERT INTO k VALUES (?, ?)", KEYS)
        for sql in (
            "INSERT INTO p (name) VALUES ('ANN')", "UPDATE p SET name = 'ann' WHERE id = 2", "INSERT INTO k VALUES ('A', 9)",
        ):  # fmt: skip
            with pytest.raises(engine.IntegrityError, match=r"UNIQUE constraint failed: (p\.name|k\.code)"):
                db.execute(sql)
        db.execute("UPDATE p SET name = 'ANN' WHERE id = 1")
        found = db.execute(
            "INSERT INTO p (name, plain) VALUES ('ann', 'new') ON CONFLICT (name) DO UPDATE SET plain = excluded.plain RETURNING id, name, plain"
        )
        assert found.fetchall() == [(1, "ANN", "new")]
        db.execute("INSERT OR REPLACE INTO k VALUES ('b', 7)")
        assert db.execute("SELECT code, v FROM k WHERE code = 'B'").fetchall() == [("b", 7)]
        assert db.execute("DELETE FROM k WHERE code = 'RED'").rowcount == 1
        db.execute("ALTER TABLE p RENAME COLUMN name TO called")
        db.execute("ALTER TABLE p ADD COLUMN late TEXT COLLATE NOCASE DEFAULT 'Now'")
        assert db.execute("SELECT id FROM p WHERE called = 'BOB' AND late = 'NOW'").fetchall() == [(2,)]
        assert db.check() == []


def test_indexes_serve() -> None:
    with engine.open(":memory:") as db:
        for statement in SCHEMA:
            db.execute(statement)
        for sql, index in (
            ("SELECT * FROM p WHERE name = 'x'", "p_name_key"), ("SELECT * FROM p WHERE plain = 'x' COLLATE NOCASE", "p_plain"),
            ("SELECT * FROM p WHERE name = ?", "p_name_key"), ("SELECT * FROM k WHERE code = 'x'", "k_code_key"),
        ):  # fmt: skip
            assert index in db.execute(f"EXPLAIN {sql}", ("x",) if "?" in sql else ()).fetchall()[0][0]


def test_what_is_refused() -> None:
    with engine.open(":memory:") as db:
        with pytest.raises(engine.ProgrammingError, match="COLLATE NOCASE is for TEXT"):
            db.execute("CREATE TABLE t (a INTEGER COLLATE NOCASE)")
        with pytest.raises(engine.ProgrammingError, match="no such collation: FRENCH; there are BINARY and NOCASE"):
            db.execute("SELECT 'a' COLLATE FRENCH")
        with pytest.raises(engine.ProgrammingError, match="a key has the collations of its columns"):
            db.execute("CREATE TABLE t (a TEXT, UNIQUE (a COLLATE NOCASE))")
