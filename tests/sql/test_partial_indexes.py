"""Partial and expression indexes: kept by every change, and used exactly where they provably hold what is wanted."""

from __future__ import annotations

import random

import pytest

from engine.base.errors import IntegrityError, ProgrammingError
from engine.sql.session import Session
from tests.sql.test_changes import check_indexes

ROWS = 400


@pytest.fixture
def db(session: Session) -> Session:
    rng = random.Random(3)
    session.execute("CREATE TABLE t (id INTEGER PRIMARY KEY, state TEXT, n INTEGER, name TEXT)")
    rows = [
        (i, rng.choice(["open", "done", None]), rng.choice([None, *range(-50, 50)]), rng.choice(["Ann", "bob", "ANN"]) + str(i % 40))
        for i in range(ROWS)
    ]  # fmt: skip
    session.executemany("INSERT INTO t VALUES (?, ?, ?, ?)", rows)
    return session


def plan(db: Session, sql: str) -> str:
    return " / ".join(f"{row[0].strip()}: {row[1]}" for row in db.execute("EXPLAIN " + sql))


USED = [
    ("(n) WHERE n > 10", "n = 20"),
    ("(n) WHERE n > 10", "n > 10"),
    ("(n) WHERE n > 10", "n >= 11"),
    ("(n) WHERE n > 10", "20 < n"),
    ("(n) WHERE n > 10", "n IN (11, 12)"),
    ("(n) WHERE n > 10", "n BETWEEN 20 AND 30"),
    ("(n) WHERE n >= 10", "n > 10.5"),
    ("(n) WHERE n <> 0", "n > 3"),
    ("(n) WHERE n IS NOT NULL", "n = 4"),
    ("(n) WHERE n IS NOT NULL", "n IN (1, 2)"),
    ("(n) WHERE state = 'open'", "n = 4 AND state = 'open'"),
    ("(n) WHERE state = 'open' OR state = 'done'", "n = 4 AND state = 'done'"),
    ("(n) WHERE state IN ('open', 'done')", "n = 4 AND state IN ('open', 'done')"),
    ("(n) WHERE state IS NOT NULL AND n > 0", "n = 4 AND state > 'a'"),
    ("(n) WHERE n < 10 AND n > 0", "n = 5"),
    ("(lower(name))", "lower(name) = 'ann3'"),
    ("(lower(name))", "lower(name) IN ('ann3', 'bob4')"),
    ("(lower(name), n DESC)", "lower(name) = 'ann3' AND n > 4"),
    ("(n % 10)", "n % 10 = 3"),
    ("(n + id)", "n + id > 430"),
    ("(upper(name)) WHERE n > 0", "upper(name) = 'ANN3' AND n > 5"),
    ("(coalesce(state, ''))", "coalesce(state, '') = 'open'"),
]
NOT_USED = [
    ("(n) WHERE n > 10", "n = 10"),
    ("(n) WHERE n > 10", "n >= 10"),
    ("(n) WHERE n > 10", "n < 20"),
    ("(n) WHERE n > 10", "n IN (11, 9)"),
    ("(n) WHERE n > 10", "n > ?1"),
    ("(n) WHERE n <> 0", "n >= 0"),
    ("(n) WHERE n < 10", "n > 3"),
    ("(n) WHERE state = 'open'", "n = 4"),
    ("(n) WHERE state = 'open'", "n = 4 AND (state = 'open' OR n > 3)"),
    ("(n) WHERE state = 'open'", "n = 4 AND state = 'done'"),
    ("(n) WHERE n IS NULL", "n = 4"),
    ("(lower(name))", "upper(name) = 'ANN3'"),
    ("(n % 10)", "n % 11 = 3"),
]


@pytest.mark.parametrize(("index", "where", "used"), [(*c, True) for c in USED] + [(*c, False) for c in NOT_USED])
def test_an_index_is_used_where_it_provably_fits(db: Session, index: str, where: str, used: bool) -> None:
    params = (12,) if "?1" in where else ()
    expected = sorted(db.execute(f"SELECT id FROM t WHERE {where}", params).fetchall())
    db.execute(f"CREATE INDEX i ON t {index}")
    explained = [row[0].strip() + " " + row[1] for row in db.execute(f"EXPLAIN SELECT id FROM t WHERE {where}", params)]
    assert any("index i" in line for line in explained) == used
    for _ in range(2):  # fresh and from the cache
        assert sorted(db.execute(f"SELECT id FROM t WHERE {where}", params).fetchall()) == expected
    check_indexes(db)


def test_another_literal_is_another_plan(db: Session) -> None:
    db.execute("CREATE INDEX i ON t (n) WHERE n > 10")
    for low in (5, 20, 5, 30, 10, 11):
        found = db.execute(f"SELECT count(*) FROM t WHERE n >= {low}").fetchall()
        assert found == db.execute("SELECT count(*) FROM t WHERE n >= ?", (low,)).fetchall(), low
    assert "index i" in plan(db, "SELECT n FROM t WHERE n > 10 ORDER BY n LIMIT 3")
    assert "index i" not in plan(db, "SELECT n FROM t ORDER BY n LIMIT 3")


def test_every_change_keeps_the_entries(db: Session) -> None:
    db.execute("CREATE INDEX a ON t (n DESC) WHERE state = 'open'")
    db.execute("CREATE INDEX b ON t (lower(name), n) WHERE n IS NOT NULL")
    db.execute("CREATE UNIQUE INDEX c ON t (id + 0) WHERE n > 0")
    db.execute("UPDATE t SET state = 'open' WHERE n % 3 = 0")
    check_indexes(db)
    db.execute("UPDATE t SET n = n + 1, name = upper(name) WHERE state = 'done'")
    check_indexes(db)
    db.execute("UPDATE t SET id = id + 1000 WHERE n > 20")
    db.execute("INSERT OR REPLACE INTO t VALUES (1, 'open', 1, 'x'), (2, NULL, NULL, 'y')")
    db.execute("DELETE FROM t WHERE n < 0")
    check_indexes(db)
    db.execute("INSERT INTO t (state) SELECT state FROM t")
    check_indexes(db)


def test_a_partial_unique_index_refuses_only_its_rows(session: Session) -> None:
    session.execute("CREATE TABLE t (id INTEGER PRIMARY KEY, mail TEXT, gone BOOLEAN DEFAULT FALSE)")
    session.execute("CREATE UNIQUE INDEX i ON t (lower(mail)) WHERE NOT gone")
    session.execute("INSERT INTO t (mail) VALUES ('A@x')")
    with pytest.raises(IntegrityError, match=r"UNIQUE constraint failed: lower\(mail\)"):
        session.execute("INSERT INTO t (mail) VALUES ('a@X')")
    session.execute("INSERT INTO t (mail, gone) VALUES ('a@X', TRUE), ('a@x', TRUE)")
    with pytest.raises(IntegrityError):
        session.execute("UPDATE t SET gone = FALSE")
    upsert = "INSERT INTO t (id, mail) VALUES (9, 'a@X') ON CONFLICT (lower(mail)) WHERE NOT gone DO UPDATE SET id = excluded.id"
    assert session.execute(upsert + " RETURNING id, mail").fetchall() == [(9, "A@x")]
    with pytest.raises(ProgrammingError, match="ON CONFLICT needs"):
        session.execute("INSERT INTO t (mail) VALUES ('a@x') ON CONFLICT (lower(mail)) DO NOTHING")
    check_indexes(session)


REFUSED = [
    ("CREATE INDEX i ON t (count(*))", "the aggregate function count cannot stand in an index"),
    ("CREATE INDEX i ON t ((SELECT 1))", "cannot hold a query"),
    ("CREATE INDEX i ON t (n) WHERE id > ?", "cannot have parameters"),
    ("CREATE INDEX i ON t (n) WHERE name < CURRENT_TIME", "must always give the same"),
    ("CREATE INDEX i ON t (coalesce(n, name))", "the type of coalesce"),
    ("CREATE INDEX i ON t (nope + 1)", "no such column: nope"),
    ("CREATE INDEX i ON t (n) WHERE name", "a condition is needed"),
    ("CREATE TABLE u (a INTEGER, UNIQUE (a + 1))", "a key is made of columns"),
]


@pytest.mark.parametrize(("sql", "message"), REFUSED)
def test_what_an_index_cannot_hold(db: Session, sql: str, message: str) -> None:
    with pytest.raises(ProgrammingError, match=message):
        db.execute(sql)
