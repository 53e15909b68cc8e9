"""The less usual forms of INSERT, UPDATE and DELETE: further tables, WITH, several ON CONFLICT, values of a query."""

from __future__ import annotations

import random
import sqlite3

import pytest

from engine.base.errors import DataError, IntegrityError, ProgrammingError
from engine.sql.session import Session
from tests.sql.test_changes import check_indexes
from tests.support.fake_store import FakeStore

SCHEMA = [
    "CREATE TABLE t (id INTEGER PRIMARY KEY, a INTEGER, b TEXT UNIQUE)",
    "CREATE TABLE u (a INTEGER, n INTEGER)",
    "CREATE TABLE k (x INTEGER, y TEXT, v INTEGER, PRIMARY KEY (x, y))",
    "CREATE TABLE r (a INTEGER, v INTEGER)",
]


def both() -> tuple[sqlite3.Connection, Session]:
    theirs, ours = sqlite3.connect(":memory:", isolation_level=None), Session(FakeStore())
    rng = random.Random(4)
    for db in (theirs, ours):
        for sql in SCHEMA:
            db.execute(sql)
    rows = {
        "t": [(i, rng.randint(0, 9), f"b{i}") for i in range(30)],
        "u": [(i, rng.randint(0, 99)) for i in range(8)],
        "k": [(x, y, rng.randint(0, 9)) for x in range(4) for y in "pqr"],
        "r": [(rng.randint(0, 5), rng.randint(0, 9)) for _ in range(20)],
    }
    for db in (theirs, ours):
        for table, data in rows.items():
            db.executemany(f"INSERT INTO {table} VALUES ({', '.join('?' * len(data[0]))})", data)
    return theirs, ours


STATEMENTS = [
    "UPDATE t SET a = u.n FROM u WHERE u.a = t.a",
    "UPDATE t SET a = n + t.a, b = b || n FROM u WHERE u.a = t.a AND t.id > 10",
    "UPDATE t SET id = t.id + 100 FROM u WHERE u.a = t.a AND u.n > 50",
    "UPDATE k SET v = s.total FROM (SELECT a, sum(n) AS total FROM u GROUP BY a) AS s WHERE s.a = k.x",
    "UPDATE k SET x = x + 10 FROM u JOIN t ON t.a = u.a WHERE u.a = k.x",
    "UPDATE r SET v = u.n FROM u WHERE u.a = r.a",
    "UPDATE t AS z SET a = z.a + o.a FROM t AS o WHERE o.id = z.id + 1",
    "UPDATE t SET (a, b) = (SELECT n, 'q' || t.id FROM u WHERE u.a = t.a)",
    "UPDATE t SET (a, b) = (a + 1, b || 'x') WHERE id < 5",
    "WITH m AS (SELECT max(n) AS top FROM u) UPDATE t SET a = (SELECT top FROM m) WHERE id = 3",
    "WITH big AS (SELECT a FROM u WHERE n > 40) DELETE FROM t WHERE a IN (SELECT a FROM big)",
    "WITH RECURSIVE c (i) AS (VALUES (100) UNION ALL SELECT i + 1 FROM c WHERE i < 105) INSERT INTO t SELECT i, i, 'c' || i FROM c",
    "INSERT INTO t VALUES (1, 5, 'new') ON CONFLICT (id) DO UPDATE SET a = excluded.a, b = 'up' ON CONFLICT (b) DO NOTHING",
    "INSERT INTO t VALUES (900, 5, 'b7') ON CONFLICT (id) DO UPDATE SET a = 1 ON CONFLICT (b) DO UPDATE SET a = -7",
    "INSERT INTO t VALUES (901, 5, 'b7') ON CONFLICT (id) DO NOTHING ON CONFLICT DO UPDATE SET a = 77 WHERE t.a >= 0",
    "INSERT INTO t VALUES (1, 1, 'b1'), (2, 2, 'z') ON CONFLICT DO NOTHING",
    "INSERT INTO t SELECT id, 0, b FROM t WHERE id < 9 ON CONFLICT (id) DO UPDATE SET a = a + excluded.a - 1 WHERE t.id > 4",
    "INSERT INTO t DEFAULT VALUES",
    "INSERT INTO t (b) VALUES ('one'), ('two')",
    "REPLACE INTO t VALUES (3, 3, 'b4')",
    "INSERT OR IGNORE INTO t VALUES (3, 3, 'b4'), (NULL, 4, 'fresh')",
    "UPDATE OR IGNORE t SET b = 'same'",
    "UPDATE OR REPLACE t SET b = 'same' WHERE id < 5",
]


@pytest.mark.parametrize("sql", STATEMENTS)
def test_changes_agree_with_sqlite(sql: str) -> None:
    theirs, ours = both()
    before = theirs.total_changes
    expected = theirs.execute(sql).rowcount
    expected = theirs.total_changes - before if expected < 0 else expected  # sqlite3 does not count behind a WITH
    assert ours.execute(sql).rowcount == expected
    for table in ("t", "k", "r"):
        query = f"SELECT * FROM {table} ORDER BY 1, 2"
        if table == "r":
            query = f"SELECT * FROM {table} ORDER BY 1, 2, rowid"
        assert ours.execute(query).fetchall() == theirs.execute(query).fetchall(), table
    check_indexes(ours)


def test_delete_using_and_returning(session: Session) -> None:
    for sql in SCHEMA:
        session.execute(sql)
    session.execute("INSERT INTO t VALUES (1, 1, 'x'), (2, 2, 'y'), (3, 1, 'z')")
    session.execute("INSERT INTO u VALUES (1, 5), (1, 6)")
    found = session.execute("DELETE FROM t USING u WHERE u.a = t.a AND u.n > 4 RETURNING id, b").fetchall()
    assert sorted(found) == [(1, "x"), (3, "z")]
    assert session.execute("UPDATE t SET a = 9 RETURNING t.a + 1 AS next, *").fetchall() == [(10, 2, 9, "y")]
    assert session.execute("INSERT INTO t (b) VALUES ('q') RETURNING id, a").fetchall() == [(3, None)]
    assert "hash join" in " ".join(row[0] for row in session.execute("EXPLAIN DELETE FROM r USING u WHERE u.a = r.a"))


@pytest.mark.parametrize(
    ("sql", "kind", "message"),
    [
        ("UPDATE t SET (a, b) = (SELECT 1) WHERE id = 1", ProgrammingError, "1 values for 2 columns"),
        ("UPDATE t SET (a, b) = 5", ProgrammingError, "one value for 2 columns"),
        ("UPDATE t SET (a, b) = (SELECT a, n FROM u)", DataError, "gave more than one row"),
        ("UPDATE t SET a = 1 FROM t WHERE t.id = 1", ProgrammingError, "the name t is given twice in FROM"),
        ("INSERT INTO t VALUES (1, 1, 'q') ON CONFLICT (a) DO NOTHING", ProgrammingError, "ON CONFLICT needs the columns"),
        ("INSERT INTO t VALUES (1, 1, 'q') ON CONFLICT DO NOTHING ON CONFLICT (id) DO NOTHING", ProgrammingError, "only be the last"),
        ("INSERT INTO t VALUES (77, 1, 'b1') ON CONFLICT (id) DO NOTHING", IntegrityError, r"UNIQUE constraint failed: t\.b"),
        ("INSERT INTO t VALUES (1, 1, 'b2') ON CONFLICT (id) DO UPDATE SET a = 1", ProgrammingError, "collides with several rows"),
    ],
)  # fmt: skip
def test_errors(sql: str, kind: type[Exception], message: str) -> None:
    _, ours = both()
    before = ours.execute("SELECT * FROM t").fetchall()
    with pytest.raises(kind, match=message):
        ours.execute(sql)
    assert ours.execute("SELECT * FROM t").fetchall() == before
