"""FOREIGN KEY: actions as in SQLite on random changes; deferred ones; and transactions beside each other."""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Callable

import pytest

from engine.base.errors import ConflictError, DatabaseError, IntegrityError, ProgrammingError
from engine.sql.session import Session
from tests.sql.test_changes import check_indexes
from tests.support.fake_store import FakeStore

NewSession = Callable[[], Session]
ACTIONS = ["NO ACTION", "CASCADE", "SET NULL", "SET DEFAULT"]


def schema(rng: random.Random) -> list[str]:
    """Three tables that refer to each other, the first to itself, with random actions."""

    def actions() -> str:
        return f"ON DELETE {rng.choice(ACTIONS)} ON UPDATE {rng.choice(ACTIONS)}"

    statements = [
        f"CREATE TABLE a (id INTEGER PRIMARY KEY, up INTEGER DEFAULT 1 REFERENCES a (id) {actions()})",
        f"CREATE TABLE b (x INTEGER, y INTEGER, a INTEGER DEFAULT 0 REFERENCES a {actions()}, PRIMARY KEY (x, y))",
        "CREATE TABLE c (id INTEGER PRIMARY KEY, y INTEGER DEFAULT 1, x INTEGER DEFAULT 1, "
        f"FOREIGN KEY (x, y) REFERENCES b (x, y) {actions()})",
    ]
    if rng.random() < 0.5:
        statements += ["CREATE INDEX b_a ON b (a)", "CREATE INDEX c_xy ON c (y, x)", "CREATE INDEX a_up ON a (up)"]
    return statements


def change(rng: random.Random) -> str:
    def n() -> int:
        return rng.randint(0, 5)

    def maybe() -> str:
        return rng.choice(["NULL", str(n()), str(n()), str(n())])

    return rng.choice([
        f"INSERT INTO a VALUES ({n()}, {maybe()})",
        f"INSERT INTO a VALUES ({n()}, {maybe()}), ({n()}, {maybe()})",
        f"INSERT OR REPLACE INTO a VALUES ({n()}, NULL)",  # SQLite does not look at what such a row itself refers to
        f"INSERT INTO b VALUES ({n()}, {n()}, {maybe()})",
        f"INSERT INTO c VALUES ({n()}, {maybe()}, {maybe()})",
        f"UPDATE a SET id = {n()} WHERE id = {n()}",
        f"UPDATE a SET up = {maybe()} WHERE id = {n()}",
        f"UPDATE b SET x = {n()} WHERE y = {n()}",
        f"UPDATE b SET a = {maybe()} WHERE x <= {n()}",
        f"UPDATE c SET x = {maybe()}",
        f"DELETE FROM a WHERE id = {n()}",
        f"DELETE FROM a WHERE id > {n()}",
        f"DELETE FROM b WHERE x = {n()}",
        f"DELETE FROM c WHERE id < {n()}",
    ])  # fmt: skip


@pytest.mark.parametrize("seed", range(25))
def test_random_changes_end_as_in_sqlite(seed: int) -> None:
    rng = random.Random(seed)
    theirs, ours = sqlite3.connect(":memory:", isolation_level=None), Session(FakeStore())
    theirs.execute("PRAGMA foreign_keys = ON")
    for sql in schema(rng):
        theirs.execute(sql)
        ours.execute(sql)
    refused = 0
    for _ in range(150):
        sql = change(rng)
        try:
            theirs.execute(sql)
            expected = None
        except sqlite3.IntegrityError as error:
            expected = str(error)
            refused += 1
        try:
            ours.execute(sql)
            found = None
        except IntegrityError as error:
            found = str(error)
        assert (found is None) == (expected is None), f"seed {seed}: {sql}: {found} / {expected}"
        for table in "abc":
            query = f"SELECT * FROM {table} ORDER BY 1, 2, 3" if table != "a" else "SELECT * FROM a ORDER BY 1, 2"
            assert ours.execute(query).fetchall() == theirs.execute(query).fetchall(), f"seed {seed}: {sql}: {table}"
    assert 0 < refused < 150
    check_indexes(ours)


@pytest.fixture
def family(session: Session) -> Session:
    session.execute("CREATE TABLE p (id INTEGER PRIMARY KEY, name TEXT UNIQUE)")
    session.execute("CREATE TABLE c (id INTEGER PRIMARY KEY, p INTEGER REFERENCES p)")
    session.execute("INSERT INTO p VALUES (1, 'a'), (2, 'b')")
    session.execute("INSERT INTO c VALUES (1, 1), (2, NULL)")
    return session


def test_the_message_names_the_constraint_and_the_key(family: Session) -> None:
    with pytest.raises(
        IntegrityError, match=r"FOREIGN KEY constraint failed: c \(p\) REFERENCES p \(id\): no such row \(7\)"
    ):
        family.execute("INSERT INTO c VALUES (3, 7)")
    with pytest.raises(IntegrityError, match=r"no such row \(1\)"):
        family.execute("DELETE FROM p")
    assert family.execute("SELECT count(*) FROM p").fetchall() == [(2,)]


def test_restrict_does_not_wait_for_the_end(session: Session) -> None:
    for action in ("RESTRICT", "NO ACTION"):
        session.execute("CREATE TABLE p (id INTEGER PRIMARY KEY)")
        session.execute(f"CREATE TABLE c (p INTEGER REFERENCES p ON UPDATE {action} ON DELETE {action})")
        session.execute("INSERT INTO p VALUES (1), (2)")
        session.execute("INSERT INTO c VALUES (2)")
        if action == "RESTRICT":
            with pytest.raises(IntegrityError, match="RESTRICT: rows still refer to it"):
                session.execute("UPDATE p SET id = 3 - id")
        else:
            session.execute("UPDATE p SET id = 3 - id")  # 2 is there again at the end
        session.execute("DROP TABLE c, p")


def test_many_rows_are_looked_up_once_at_the_end(session: Session) -> None:
    session.execute("CREATE TABLE t (id INTEGER PRIMARY KEY, up INTEGER REFERENCES t)")
    session.executemany("INSERT INTO t VALUES (?, ?)", [(i, i + 1 if i < 99 else None) for i in range(100)])
    session.execute("INSERT INTO t SELECT id + 1000, id + 1001 FROM t WHERE id < 50 UNION ALL SELECT 1050, 1050")
    with pytest.raises(IntegrityError):
        session.executemany("INSERT INTO t VALUES (?, ?)", [(5000, 1), (5001, 9999)])
    assert session.execute("SELECT count(*) FROM t").fetchall() == [(151,)]
    session.execute("DELETE FROM t")
    assert session.execute("SELECT count(*) FROM t").fetchall() == [(0,)]


def test_deferred_constraints_are_looked_at_by_commit(new_session: NewSession) -> None:
    session = new_session()
    session.execute("CREATE TABLE p (id INTEGER PRIMARY KEY)")
    session.execute("CREATE TABLE c (p INTEGER REFERENCES p DEFERRABLE INITIALLY DEFERRED)")
    with pytest.raises(IntegrityError, match="no such row"):
        session.execute("INSERT INTO c VALUES (1)")
    session.execute("BEGIN")
    session.execute("INSERT INTO c VALUES (1)")
    session.execute("INSERT INTO p VALUES (1)")
    session.execute("COMMIT")
    session.execute("BEGIN")
    session.execute("DELETE FROM p")
    session.execute("SAVEPOINT s")
    session.execute("INSERT INTO c VALUES (5)")
    with pytest.raises(IntegrityError, match="no such row"):
        session.execute("COMMIT")
    assert session.in_transaction
    session.execute("ROLLBACK TO s")
    with pytest.raises(IntegrityError, match=r"no such row \(1\)"):
        session.execute("COMMIT")
    session.execute("INSERT INTO p VALUES (1)")
    session.execute("COMMIT")
    assert new_session().execute("SELECT * FROM c, p").fetchall() == [(1, 1)]


def test_deferred_constraints_in_a_transaction_of_the_program() -> None:
    import engine

    with engine.open(":memory:") as db:
        db.execute("CREATE TABLE p (id INTEGER PRIMARY KEY)")
        db.execute("CREATE TABLE c (p INTEGER REFERENCES p DEFERRABLE INITIALLY DEFERRED)")
        with pytest.raises(IntegrityError), db.begin() as txn:
            txn.execute("INSERT INTO c VALUES (1)")
        with db.begin() as txn:
            txn.execute("INSERT INTO c VALUES (1)")
            txn.execute("INSERT INTO p VALUES (1)")
        assert db.execute("SELECT * FROM c").fetchall() == [(1,)]
        assert db.check() == []


@pytest.mark.parametrize("isolation", ["SERIALIZABLE", "SNAPSHOT"])
@pytest.mark.parametrize("child_first", [True, False])
@pytest.mark.parametrize("indexed", [True, False])
def test_a_child_and_the_end_of_its_parent_conflict(
    new_session: NewSession, isolation: str, child_first: bool, indexed: bool
) -> None:
    one, two = new_session(), new_session()
    one.execute("CREATE TABLE p (id INTEGER PRIMARY KEY, n TEXT UNIQUE)")
    one.execute("CREATE TABLE c (p INTEGER REFERENCES p, n TEXT REFERENCES p (n))")
    if indexed:
        one.execute("CREATE INDEX c_p ON c (p)")
    one.execute("INSERT INTO p VALUES (1, 'a'), (2, 'b')")
    one.execute(f"BEGIN ISOLATION LEVEL {isolation}")
    two.execute(f"BEGIN ISOLATION LEVEL {isolation}")
    one.execute("INSERT INTO c VALUES (1, 'b')")
    two.execute(
        random.Random(isolation + str(indexed)).choice(["DELETE FROM p WHERE id = 1", "DELETE FROM p WHERE id = 2"])
    )
    first, second = (one, two) if child_first else (two, one)
    first.execute("COMMIT")
    with pytest.raises(ConflictError):
        second.execute("COMMIT")
    orphans = "SELECT count(*) FROM c WHERE p NOT IN (SELECT id FROM p) OR n NOT IN (SELECT n FROM p)"
    assert new_session().execute(orphans).fetchall() == [(0,)]


REFUSED = [
    ("CREATE TABLE x (a INTEGER REFERENCES nope)", "no such table: nope"),
    ("CREATE TABLE x (a INTEGER REFERENCES p (nope))", "the table p has no column nope"),
    ("CREATE TABLE x (a INTEGER, FOREIGN KEY (b) REFERENCES p)", "no such column: b"),
    ("CREATE TABLE x (a TEXT REFERENCES p)", "same types: a is TEXT and p.id is INTEGER"),
    ("CREATE TABLE x (a INTEGER, b INTEGER, FOREIGN KEY (a, b) REFERENCES p)", r"of 2 column\(s\) cannot refer to 1"),
    ("CREATE TABLE x (a INTEGER REFERENCES c (p))", "neither its primary key nor UNIQUE"),
    ("CREATE TABLE y (n INTEGER, a INTEGER REFERENCES y)", "the table y has no primary key"),
    ("DROP TABLE p", "the table c refers to p; drop c first"),
]


@pytest.mark.parametrize(("sql", "message"), REFUSED)
def test_wrong_constraints_are_refused(family: Session, sql: str, message: str) -> None:
    with pytest.raises(ProgrammingError, match=message):
        family.execute(sql)


def test_an_index_that_a_constraint_refers_to_stays(family: Session) -> None:
    family.execute("CREATE TABLE q (a INTEGER)")
    family.execute("CREATE UNIQUE INDEX q_a ON q (a)")
    family.execute("CREATE TABLE r (a INTEGER REFERENCES q (a))")
    with pytest.raises(DatabaseError, match="r refers to q through the index q_a"):
        family.execute("DROP INDEX q_a")
    family.execute("DROP TABLE r, q")
