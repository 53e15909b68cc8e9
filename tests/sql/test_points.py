"""Point statements (engine.sql.point) against the same statements run as any other: same rows, same errors, same state."""

from __future__ import annotations

import datetime
import random
import threading
from collections.abc import Iterator
from typing import Any

import pytest

import engine
import engine.sql.session
from engine import Error

TABLES = (
    "CREATE TABLE plain (id INTEGER PRIMARY KEY, name TEXT NOT NULL, n INTEGER DEFAULT 7, r REAL, day DATE)",
    "CREATE TABLE hidden (a INTEGER, b TEXT DEFAULT 'x')",
    "CREATE TABLE pair (a TEXT, b INTEGER, c BLOB, PRIMARY KEY (a, b DESC))",
    "CREATE TABLE held (id INTEGER PRIMARY KEY, mail TEXT UNIQUE, n INTEGER CHECK (n < 50), flag BOOLEAN)",
    "CREATE INDEX held_n ON held (n, mail)",
    "CREATE INDEX held_some ON held (lower(mail)) WHERE n > 20",
    "CREATE TABLE made (id INTEGER PRIMARY KEY, at TIMESTAMP DEFAULT '2024-01-02 03:04:05', up TEXT DEFAULT (upper('a')))",
)
STATEMENTS: tuple[tuple[str, str], ...] = (
    ("SELECT name, id FROM plain WHERE id = ?", "k"),
    ("SELECT * FROM plain WHERE id = :id", ":id"),
    ("SELECT n + ?, upper(name), n FROM plain WHERE id = ? AND n > 3", "nk"),
    ("SELECT name, name FROM plain WHERE rowid = ?", "k"),
    ("SELECT * FROM hidden WHERE rowid = ?", "k"),
    ("SELECT c, b FROM pair WHERE a = ? AND b = ?", "tk"),
    ("SELECT id, flag FROM held WHERE mail = ?", "t"),
    ("SELECT *, CURRENT_DATE IS NULL FROM made WHERE id = ?", "k"),
    ("INSERT INTO plain VALUES (?, ?, ?, ?, ?)", "ktnrd"),
    ("INSERT INTO plain (name, id) VALUES (?, ?)", "tk"),
    ("INSERT INTO plain (name) VALUES (?)", "t"),
    ("INSERT INTO plain (name, n) VALUES (:a, :b + 1) RETURNING id, n", ":a:b"),
    ("INSERT INTO hidden VALUES (?, ?)", "nt"),
    ("INSERT INTO hidden (a) VALUES (?) RETURNING rowid, a", "n"),
    ("INSERT INTO pair VALUES (?, ?, ?)", "tkb"),
    ("INSERT INTO held VALUES (?, ?, ?, ?)", "ktnf"),
    ("INSERT INTO held (mail, n) VALUES (?, ?) RETURNING *", "tn"),
    ("INSERT INTO made (id) VALUES (?)", "k"),
    ("UPDATE plain SET n = ? WHERE id = ?", "nk"),
    ("UPDATE plain SET n = n + ?, r = n / 2.0 WHERE id = ? RETURNING n, r, id", "nk"),
    ("UPDATE plain SET name = ?, day = ? WHERE id = ? AND n > ?", "tdkn"),
    ("UPDATE hidden SET a = a + 1 WHERE rowid = ?", "k"),
    ("UPDATE pair SET c = ? WHERE a = ? AND b = ?", "btk"),
    ("UPDATE held SET n = ? WHERE id = ?", "nk"),
    ("UPDATE held SET n = n + 1, flag = NOT flag WHERE id = ?", "k"),
    ("UPDATE held SET mail = ? WHERE id = ?", "tk"),
    ("DELETE FROM plain WHERE id = ? RETURNING name", "k"),
    ("DELETE FROM pair WHERE a = ? AND b = ?", "tk"),
    ("DELETE FROM held WHERE id = ? AND n < ?", "kn"),
)


def value(kind: str, chance: random.Random) -> Any:
    """A parameter, mostly of the right type."""
    if chance.random() < 0.06:
        return chance.choice([None, 2.0, "3", 1.5, b"x", True, 2**70, "wrong", float("nan")])
    if kind in ":k":
        return chance.randrange(1, 25)
    if kind == "n":
        return chance.choice([*range(60), 2**62])
    if kind == "t":
        return chance.choice("abcdefghijkl") * chance.randrange(1, 3)
    if kind == "r":
        return chance.choice([1, 2.5, -0.0])
    if kind == "d":
        return datetime.date(2024, 1, chance.randrange(1, 28))
    return chance.choice([True, False]) if kind == "f" else bytes([chance.randrange(256)])


def params(wanted: str, chance: random.Random) -> Any:
    """Parameters for a statement."""
    if wanted.startswith(":"):
        return {name: value(":" if name == "id" else "n", chance) for name in wanted[1:].split(":")}
    return tuple(value(kind, chance) for kind in wanted)


def outcome(run: Any) -> Any:
    """What a statement gives: columns, rows and count, or its error."""
    try:
        result = run()
    except Error as error:
        return type(error).__name__, str(error)
    return result.columns, result.types, result.rowcount, result.fetchall()


def state(db: Any) -> list[Any]:
    """Everything in the tables, also by their indexes."""
    found = [
        db.execute(f"SELECT * FROM {name} ORDER BY 1, 2").fetchall()
        for name in ("plain", "hidden", "pair", "held", "made")
    ]
    return [*found, db.execute("SELECT mail FROM held WHERE n > 0 ORDER BY n, mail").fetchall()]


@pytest.fixture
def ordinary(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Runs a function with point statements switched off."""

    def run(work: Any) -> Any:
        with monkeypatch.context() as patch:
            patch.setattr(engine.sql.session, "run_point", lambda *_: None)
            return work()

    yield run


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("inside", [False, True], ids=["alone", "in transactions"])
def test_points_do_what_other_statements_do(ordinary: Any, inside: bool, seed: int) -> None:
    chance = random.Random(seed)
    with engine.open(":memory:") as ours, engine.open(":memory:") as theirs:
        for sql in TABLES:
            ours.execute(sql)
            theirs.execute(sql)
        for step in range(1500):
            if inside and step % 20 == 0:
                for db in (ours, theirs):
                    db.execute("BEGIN")
            sql, wanted = chance.choice(STATEMENTS)
            given = params(wanted, chance)
            expected = ordinary(lambda sql=sql, given=given: outcome(lambda: theirs.execute(sql, given)))
            assert outcome(lambda sql=sql, given=given: ours.execute(sql, given)) == expected, (sql, given)
            if inside and step % 20 == 19:
                end = chance.choice(["COMMIT", "COMMIT", "ROLLBACK"])
                for db in (ours, theirs):
                    db.execute(end)
            if step % 100 == 99:
                assert state(ours) == state(theirs)
        used = [point for list_ in ours.session.shared.compiled.values() for c in list_ if (point := c.point)]
        assert len(used) > 15, "the statements of this test are to be points"
        assert ours.check() == []


def test_a_point_notices_definitions() -> None:
    with engine.open(":memory:") as db:
        db.execute("CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT)")
        for i in range(5):
            db.execute("INSERT INTO t VALUES (?, ?)", (i, "x"))
            assert db.execute("SELECT a FROM t WHERE id = ?", (i,)).fetchall() == [("x",)]
            db.execute("UPDATE t SET a = ? WHERE id = ?", ("y", i))
        db.execute("ALTER TABLE t ADD COLUMN b INTEGER DEFAULT 9")
        assert db.execute("SELECT * FROM t WHERE id = 3").fetchall() == [(3, "y", 9)]
        db.execute("CREATE UNIQUE INDEX u ON t (b) WHERE b > 10")
        for i in range(4):
            db.execute("UPDATE t SET b = ? WHERE id = ?", (i + 11, i))
        with pytest.raises(engine.IntegrityError, match="UNIQUE"):
            db.execute("UPDATE t SET b = ? WHERE id = ?", (11, 2))
        assert [row[0] for row in db.execute("SELECT id FROM t WHERE b > 10 ORDER BY b")] == [0, 1, 2, 3]
        db.execute("DROP TABLE t")
        with pytest.raises(engine.ProgrammingError, match="no such table"):
            db.execute("SELECT a FROM t WHERE id = ?", (1,))
        db.execute("CREATE TABLE t (id TEXT PRIMARY KEY, a TEXT)")
        assert db.execute("SELECT a FROM t WHERE id = ?", (1,)).fetchall() == []


def test_an_open_transaction_is_in_conflict_with_a_point() -> None:
    with engine.open(":memory:") as db:
        db.execute("CREATE TABLE t (id INTEGER PRIMARY KEY, n INTEGER)")
        for i in range(4):
            db.execute("INSERT INTO t VALUES (?, ?)", (i, 0))
            db.execute("UPDATE t SET n = ? WHERE id = ?", (1, i))
        txn = db.begin()
        assert txn.execute("SELECT n FROM t WHERE id = ?", (1,)).fetchall() == [(1,)]
        db.execute("UPDATE t SET n = ? WHERE id = ?", (5, 1))
        assert txn.execute("SELECT n FROM t WHERE id = ?", (1,)).fetchall() == [(1,)]
        txn.execute("UPDATE t SET n = ? WHERE id = ?", (6, 2))
        with pytest.raises(engine.ConflictError):
            txn.commit()
        assert db.execute("SELECT n FROM t ORDER BY id").fetchall() == [(1,), (5,), (1,), (1,)]


def test_threads_that_count_lose_nothing() -> None:
    with engine.open(":memory:") as db:
        db.execute("CREATE TABLE t (id INTEGER PRIMARY KEY, n INTEGER)")
        db.execute("INSERT INTO t VALUES (1, 0), (2, 0)")
        db.execute("CREATE TABLE seen (n INTEGER, who INTEGER)")

        def count(who: int) -> None:
            session = db.new_session()
            for _ in range(150):
                session.execute("UPDATE t SET n = n + 1 WHERE id = ?", (1,))
                session.execute("INSERT INTO seen VALUES (?, ?)", (1, who))

        threads = [threading.Thread(target=count, args=(who,)) for who in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert db.execute("SELECT n FROM t WHERE id = 1").fetchone() == (600,)
        assert db.execute("SELECT count(*), count(DISTINCT rowid), max(rowid) FROM seen").fetchone() == (600, 600, 600)


def test_a_read_only_transaction_refuses_a_point() -> None:
    with engine.open(":memory:") as db:
        db.execute("CREATE TABLE t (id INTEGER PRIMARY KEY, n INTEGER)")
        for i in range(3):
            db.execute("INSERT INTO t VALUES (?, 0)", (i,))
            db.execute("UPDATE t SET n = ? WHERE id = ?", (1, i))
        db.execute("BEGIN READ ONLY")
        with pytest.raises(engine.ReadOnlyError):
            db.execute("UPDATE t SET n = ? WHERE id = ?", (1, 1))


@pytest.mark.parametrize("memtable_bytes", [1 << 26, 1 << 18], ids=["in memory", "in runs"])
def test_many_rows_are_as_good_as_one_by_one(memtable_bytes: int) -> None:
    """executemany, and INSERT ... SELECT, against single statements."""
    chance = random.Random(5)
    rows = [
        (
            chance.randrange(10**6) + 10**6 * (i // 100) if i % 3 else None,
            f"m{i}" if i % 5 else None,
            chance.randrange(50),
            None,
        )
        for i in range(6000)
    ]
    rows = list({row[0] if row[0] is not None else -i: row for i, row in enumerate(rows)}.values())
    greatest, taken = 0, set()
    for i, row in enumerate(rows):  # an id that was generated before cannot be given
        greatest = max(greatest, row[0] or greatest + 1)
        if row[0] in taken:
            rows[i] = (greatest := greatest + 1, *row[1:])
        taken.add(rows[i][0] or greatest)
    pairs = [(chance.choice("abc") + str(i), i, bytes([i & 255]) * 30) for i in chance.sample(range(9000), 6000)]
    with engine.open(":memory:", memtable_bytes=memtable_bytes) as db, engine.open(":memory:") as single:
        for sql in TABLES:
            db.execute(sql)
            single.execute(sql)
        assert db.executemany("INSERT INTO held VALUES (?, ?, ?, ?)", rows).rowcount == len(rows)
        assert db.executemany("INSERT INTO pair VALUES (?, ?, ?)", iter(pairs)).rowcount == 6000
        assert (
            db.executemany("INSERT INTO plain (name, n) VALUES (upper(?), ? + 1)", [("a", 1), ("b", 2)]).rowcount == 2
        )
        with single.begin() as txn:
            for row in rows:
                txn.execute("INSERT INTO held VALUES (?, ?, ?, ?)", row)
            for row in pairs:
                txn.execute("INSERT INTO pair VALUES (?, ?, ?)", row)
            txn.execute("INSERT INTO plain (name, n) VALUES ('A', 2), ('B', 3)")
        assert state(db) == state(single)
        db.execute("INSERT INTO hidden SELECT b, a FROM pair")
        assert db.execute("SELECT count(*), max(rowid) FROM hidden").fetchone() == (6000, 6000)
        assert db.check() == []


@pytest.mark.parametrize(
    ("sql", "rows", "error"),
    [
        ("INSERT INTO held VALUES (?, ?, ?, ?)", [(1, "a", 1, None), (1, "b", 1, None)], "PRIMARY KEY"),
        (
            "INSERT INTO held VALUES (?, ?, ?, ?)",
            [(9, "a", 1, None), (3, "b", 1, None), (9, "c", 1, None)],
            "PRIMARY KEY",
        ),
        ("INSERT INTO held VALUES (?, ?, ?, ?)", [(1, "a", 1, None), (2, "a", 1, None)], "UNIQUE"),
        ("INSERT INTO held VALUES (?, ?, ?, ?)", [(1, "a", 1, None), (2, "b", 70, None)], "CHECK"),
        ("INSERT INTO held VALUES (?, ?, ?, ?)", [(1, "a", 1, None), (2, "b", "x", None)], "INTEGER"),
        ("INSERT INTO held VALUES (?, ?, ?, ?)", [(1, "a", 1, None), (2, "b")], "4 parameter"),
        (
            "INSERT INTO held VALUES (?, ?, ?, ?)",
            [(60, "a", 1, None), (None, "b", 1, None), (61, "c", 1, None)],
            "PRIMARY KEY",
        ),
        (
            "INSERT INTO held VALUES (?, ?, ?, ?)",
            [(61, "a", 1, None), (None, "b", 1, None), (60, "c", 1, None), (62, "d", 1, None)],
            "PRIMARY KEY",
        ),
        ("INSERT INTO pair VALUES (?, ?, ?)", [("a", 1, b""), ("a", 1, b"x")], "PRIMARY KEY"),
        ("INSERT INTO plain (name, n) VALUES (?, ?)", [("a", 1), (None, 2)], "NOT NULL"),
        (
            "INSERT INTO plain VALUES (?, ?, ?, ?, ?)",
            [(2**63 - 1, "a", 1, 1.0, None), (None, "b", 1, 1.0, None)],
            "used up",
        ),
        ("UPDATE held SET n = ? WHERE id = ?", [(1, 50), (99, 50)], "CHECK"),
    ],
)
def test_a_bad_row_undoes_all_of_them(sql: str, rows: list[Any], error: str) -> None:
    with engine.open(":memory:") as db:
        for statement in TABLES:
            db.execute(statement)
        db.execute("INSERT INTO held VALUES (50, 'there', 5, TRUE)")
        before = state(db)
        with pytest.raises(Error, match=error):
            db.executemany(sql, rows)
        assert state(db) == before
        db.execute("BEGIN")
        with pytest.raises(Error, match=error):
            db.executemany(sql, rows)
        db.execute("COMMIT")
        assert state(db) == before
        assert db.check() == []


def test_executemany_of_changes() -> None:
    with engine.open(":memory:") as db:
        for statement in TABLES:
            db.execute(statement)
        db.executemany("INSERT INTO held (mail, n) VALUES (:mail, :n)", [{"mail": f"m{i}", "n": i} for i in range(40)])
        assert db.executemany("UPDATE held SET n = n + ? WHERE id = ?", [(1, i) for i in range(1, 60)]).rowcount == 40
        assert db.executemany("DELETE FROM held WHERE id = ?", [(i,) for i in range(5, 50, 5)]).rowcount == 8
        assert db.execute("SELECT count(*), sum(n) FROM held").fetchone() == (32, sum(i for i in range(1, 41) if i % 5))
        assert db.execute("SELECT count(*) FROM held WHERE lower(mail) = 'm30' AND n > 20").fetchone() == (1,)
        assert db.check() == []
