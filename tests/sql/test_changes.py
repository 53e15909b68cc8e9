"""INSERT, UPDATE, DELETE, their constraints and transactions: a refused change leaves nothing behind."""

from __future__ import annotations

import datetime
import random
import threading
from collections.abc import Callable
from typing import Any

import pytest

from engine.base.errors import (
    ConflictError,
    DataError,
    IntegrityError,
    InterfaceError,
    OperationalError,
    ProgrammingError,
    ReadOnlyError,
    StatementInterrupted,
)
from engine.catalog.objects import KeyKind
from engine.sql.compile_expr import Runtime
from engine.sql.index_entries import compile_entries
from engine.sql.session import Session

NewSession = Callable[[], Session]


def trees(session: Session) -> dict[str, list[tuple[bytes, bytes]]]:
    """Everything stored: the pairs of each table and index."""
    schema = session.schema()
    with session.begin(readonly=True) as txn:
        names = {t.name: t.tree for t in schema.tables.values()} | {i.name: i.tree for i in schema.indexes.values()}
        return {name: list(txn.scan(tree)) for name, tree in names.items()}


def check_indexes(session: Session) -> None:
    """Every index holds exactly the entries its table's rows ask for."""
    stored = trees(session)
    for table in session.schema().tables.values():
        decoder = table.decoder(range(len(table.columns)))  # type: ignore[arg-type]
        rows = list(decoder.rows_with_keys(iter(stored[table.name])))
        for index in table.indexes:
            entries = compile_entries(None, table, index, Runtime())
            wanted = (entries.entry(row, key) for key, row in rows)
            assert stored[index.name] == sorted(entry for entry in wanted if entry is not None), index.name


@pytest.fixture
def table(session: Session) -> Session:
    session.execute(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, age INTEGER DEFAULT (20 + 1) CHECK (age > 0),"
        " day DATE, CONSTRAINT even CHECK (id % 2 = 0 OR age < 100))"
    )
    session.execute("CREATE INDEX t_age ON t (age DESC, day)")
    session.execute("INSERT INTO t VALUES (1, 'ann', 30, NULL), (2, 'bob', 40, '2013-01-01')")
    return session


REFUSED: list[tuple[str, type[Exception], str]] = [
    (
        "INSERT INTO t VALUES (3, 'cid', 1, NULL), (1, 'x', 1, NULL)",
        IntegrityError,
        "PRIMARY KEY constraint failed: t.id",
    ),
    (
        "INSERT INTO t VALUES (3, 'cid', 1, NULL), (4, 'ann', 1, NULL)",
        IntegrityError,
        "UNIQUE constraint failed: t.name",
    ),
    (
        "INSERT INTO t VALUES (3, 'cid', 1, NULL), (4, NULL, 1, NULL)",
        IntegrityError,
        "NOT NULL constraint failed: t.name",
    ),
    ("INSERT INTO t VALUES (3, 'cid', 1, NULL), (4, 'y', 0, NULL)", IntegrityError, "CHECK constraint failed: age > 0"),
    ("INSERT INTO t VALUES (3, 'cid', 1, NULL), (5, 'y', 100, NULL)", IntegrityError, "CHECK constraint failed: even"),
    (
        "INSERT INTO t VALUES (3, 'cid', 1, NULL), (4, 'y', 'old', NULL)",
        DataError,
        "'old' is no INTEGER for column t.age",
    ),
    ("INSERT INTO t VALUES (3, 'cid', 1, 'soon')", DataError, "'soon' is no DATE for column t.day"),
    ("UPDATE t SET id = 7", IntegrityError, "PRIMARY KEY constraint failed"),
    ("UPDATE t SET name = 'z'", IntegrityError, "UNIQUE constraint failed"),
    ("UPDATE t SET age = age - 30", IntegrityError, "CHECK constraint failed"),
    ("UPDATE t SET name = NULL WHERE id = 2", IntegrityError, "NOT NULL"),
    ("UPDATE t SET age = age + 9223372036854775780", DataError, "integer overflow"),
    ("CREATE UNIQUE INDEX one ON t (id, name, nothing)", ProgrammingError, "no such column"),
]


@pytest.mark.parametrize(("sql", "kind", "message"), REFUSED, ids=[r[0][:45] for r in REFUSED])
@pytest.mark.parametrize("open_transaction", [False, True])
def test_refused_changes_leave_nothing(
    table: Session, sql: str, kind: type[Exception], message: str, open_transaction: bool
) -> None:
    before = trees(table)
    if open_transaction:
        table.execute("BEGIN")
        table.execute("INSERT INTO t (id, name) VALUES (10, 'kept')")
    with pytest.raises(kind, match=message):
        table.execute(sql)
    if open_transaction:
        assert table.in_transaction
        assert table.execute("SELECT id FROM t ORDER BY 1").fetchall() == [(1,), (2,), (10,)]
        table.execute("ROLLBACK")
    assert trees(table) == before
    check_indexes(table)


def test_insert(table: Session) -> None:
    assert table.execute("INSERT INTO t (name) VALUES ('cid')").rowcount == 1
    assert table.execute("SELECT * FROM t WHERE name = 'cid'").fetchall() == [(3, "cid", 21, None)]
    assert table.execute("INSERT INTO t (age, id, name) SELECT age, id + 10, name || '2' FROM t").rowcount == 3
    assert table.execute("INSERT INTO t (name, age) VALUES ('d', DEFAULT) RETURNING id, age").fetchall() == [(14, 21)]
    table.execute("CREATE TABLE d (a INTEGER DEFAULT 5, b TEXT DEFAULT 'x', c TEXT)")
    table.execute("INSERT INTO d DEFAULT VALUES")
    assert table.execute("SELECT rowid, * FROM d").fetchall() == [(1, 5, "x", None)]
    check_indexes(table)


def test_conflict_clauses(table: Session) -> None:
    assert table.execute("INSERT OR IGNORE INTO t VALUES (1, 'x', 1, NULL), (4, 'y', 1, NULL)").rowcount == 1
    assert table.execute("INSERT OR REPLACE INTO t VALUES (1, 'bob', 9, NULL)").rowcount == 1
    assert table.execute("SELECT id, name FROM t ORDER BY 1").fetchall() == [(1, "bob"), (4, "y")]
    sql = "INSERT INTO t (id, name, age) VALUES (4, 'new', 7) ON CONFLICT (id) DO UPDATE SET age = t.age + excluded.age"
    assert table.execute(sql + " RETURNING name, age").fetchall() == [("y", 8)]
    assert table.execute(sql + " WHERE t.age > 100").rowcount == 0
    assert table.execute("INSERT INTO t (id, name) VALUES (4, 'q') ON CONFLICT DO NOTHING").rowcount == 0
    with pytest.raises(IntegrityError):
        table.execute("INSERT INTO t (id, name) VALUES (8, 'bob') ON CONFLICT (id) DO NOTHING")
    with pytest.raises(ProgrammingError, match="ON CONFLICT needs"):
        table.execute("INSERT INTO t (id, name) VALUES (8, 'bob') ON CONFLICT (age) DO NOTHING")
    check_indexes(table)


def test_update_moves_keys(table: Session) -> None:
    table.execute("INSERT INTO t VALUES (3, 'cid', 5, NULL)")
    assert table.execute("UPDATE t SET id = id + 1").rowcount == 3
    assert (
        table.execute(
            "UPDATE t SET name = CASE name WHEN 'ann' THEN 'bob' WHEN 'bob' THEN 'ann' ELSE name END"
        ).rowcount
        == 3
    )
    assert table.execute("SELECT id, name FROM t ORDER BY 1").fetchall() == [(2, "bob"), (3, "ann"), (4, "cid")]
    assert table.execute("UPDATE t SET age = 1, age = 2 WHERE id = 2 RETURNING age").fetchall() == [(2,)]
    check_indexes(table)


def test_delete(table: Session) -> None:
    assert table.execute("DELETE FROM t WHERE name LIKE 'a%' RETURNING *").fetchall() == [(1, "ann", 30, None)]
    assert table.execute("DELETE FROM t WHERE id IN (SELECT id FROM t)").rowcount == 1
    assert all(not pairs for pairs in trees(table).values())


@pytest.mark.parametrize("seed", range(4))
def test_random_changes_against_sqlite(session: Session, seed: int) -> None:
    import sqlite3

    rng = random.Random(seed)
    theirs = sqlite3.connect(":memory:", isolation_level=None)
    for statement in (
        "CREATE TABLE a (k INTEGER PRIMARY KEY, u INTEGER UNIQUE, v TEXT)",
        "CREATE TABLE b (x TEXT, y INTEGER, z REAL, PRIMARY KEY (x, y))",
        "CREATE INDEX a_v ON a (v, u)",
        "CREATE INDEX b_z ON b (z)",
    ):
        theirs.execute(statement)
        session.execute(statement)
    for _ in range(250):
        n, m, w = rng.randint(0, 12), rng.randint(0, 12), rng.choice(["p", "q", "r"])
        sql = rng.choice([
            f"INSERT INTO a VALUES ({n}, {m}, '{w}')", f"INSERT INTO a (u) VALUES ({m})",
            f"INSERT OR REPLACE INTO a VALUES ({n}, {m}, '{w}')", f"INSERT OR IGNORE INTO a VALUES ({n}, {m}, '{w}')",
            f"UPDATE a SET v = '{w}' WHERE u > {n}", f"UPDATE a SET u = {m} WHERE k = {n}", f"DELETE FROM a WHERE k = {n}",
            f"UPDATE a SET k = {m} WHERE k = {n}", f"INSERT INTO b VALUES ('{w}', {n}, {m}.5)",
            f"UPDATE b SET y = {m} WHERE x = '{w}' AND y = {n}", f"DELETE FROM b WHERE z < {n}", f"DELETE FROM a WHERE u = {m}",
            f"UPDATE b SET z = z * 2 WHERE z < 40 AND x >= '{w}'", f"INSERT INTO b SELECT v, k, u FROM a WHERE v = '{w}' AND u IS NOT NULL",
        ])  # fmt: skip
        outcomes = []
        for run in (lambda s: theirs.execute(s).rowcount, lambda s: session.execute(s).rowcount):
            try:
                outcomes.append(run(sql))
            except (sqlite3.IntegrityError, IntegrityError):
                outcomes.append("refused")
        assert outcomes[0] == outcomes[1], f"seed {seed}: {sql}"
        for query in ("SELECT * FROM a ORDER BY k", "SELECT * FROM b ORDER BY x, y"):
            assert session.execute(query).fetchall() == theirs.execute(query).fetchall(), f"seed {seed}: {sql}"
    check_indexes(session)


def test_executemany(session: Session) -> None:
    session.execute("CREATE TABLE t (a INTEGER NOT NULL, b TEXT, day DATE)")
    assert (
        session.executemany("INSERT INTO t VALUES (?, ?, ?)", ((i, str(i), "2013-01-01") for i in range(1000))).rowcount
        == 1000
    )
    assert session.executemany("INSERT INTO t (b, a) VALUES (?, ?)", [["x", 1], ("y", 2)]).rowcount == 2
    assert session.executemany("INSERT INTO t (a, b) VALUES (:a, upper(:b))", [{"a": 7, "b": "up"}]).rowcount == 1
    assert session.executemany("UPDATE t SET b = ? WHERE a = ?", [("z", 1), ("z", 5)]).rowcount == 3
    assert session.executemany("DELETE FROM t WHERE a = ?", [(2,), (3,)]).rowcount == 3
    with pytest.raises(IntegrityError):
        session.executemany("INSERT INTO t VALUES (?, ?, ?)", [(1, "", None), (None, "", None)])
    with pytest.raises(ProgrammingError, match="3 parameter"):
        session.executemany("INSERT INTO t VALUES (?, ?, ?)", [(1, "", None), (1, 2)])
    with pytest.raises(ProgrammingError, match="takes INSERT"):
        session.executemany("SELECT ?", [(1,)])
    assert session.execute("SELECT count(*), max(day) FROM t").fetchall() == [(1000, datetime.date(2013, 1, 1))]


def test_transactions(new_session: NewSession) -> None:
    one, two = new_session(), new_session()
    one.execute("CREATE TABLE t (a INTEGER PRIMARY KEY)")
    one.execute("BEGIN")
    one.execute("INSERT INTO t VALUES (1)")
    assert one.in_transaction
    assert one.execute("SELECT count(*) FROM t").fetchall() == [(1,)]
    assert two.execute("SELECT count(*) FROM t").fetchall() == [(0,)]
    one.execute("SAVEPOINT s")
    one.execute("INSERT INTO t VALUES (2)")
    one.execute("ROLLBACK TO s")
    one.execute("INSERT INTO t VALUES (3)")
    one.execute("RELEASE s")
    one.execute("COMMIT")
    assert two.execute("SELECT a FROM t").fetchall() == [(1,), (3,)]
    for sql in ("COMMIT", "ROLLBACK", "RELEASE s", "ROLLBACK TO s"):
        with pytest.raises(OperationalError, match="no transaction is open"):
            one.execute(sql)
    one.execute("SAVEPOINT outer_one")
    one.execute("DELETE FROM t")
    one.execute("ROLLBACK TO outer_one")
    one.execute("INSERT INTO t VALUES (4)")
    with pytest.raises(OperationalError, match="no such savepoint"):
        one.execute("RELEASE nope")
    one.execute("RELEASE outer_one")
    assert two.execute("SELECT a FROM t").fetchall() == [(1,), (3,), (4,)]
    one.execute("BEGIN READ ONLY")
    with pytest.raises(ReadOnlyError):
        one.execute("DELETE FROM t")
    with pytest.raises(OperationalError, match="open already"):
        one.execute("BEGIN")
    one.execute("ROLLBACK")


def test_conflicts(new_session: NewSession) -> None:
    one, two = new_session(), new_session()
    one.execute("CREATE TABLE t (a INTEGER PRIMARY KEY, b INTEGER)")
    one.execute("INSERT INTO t VALUES (1, 1), (2, 2)")
    one.execute("BEGIN")
    two.execute("BEGIN")
    one.execute("UPDATE t SET b = 5 WHERE a = 1")
    two.execute("UPDATE t SET b = (SELECT b FROM t WHERE a = 1) WHERE a = 2")
    one.execute("COMMIT")
    with pytest.raises(ConflictError):
        two.execute("COMMIT")
    assert not two.in_transaction
    assert two.execute("SELECT b FROM t ORDER BY a").fetchall() == [(5,), (2,)]


def test_single_statements_are_retried(new_session: NewSession) -> None:
    sessions = [new_session() for _ in range(4)]
    sessions[0].execute("CREATE TABLE t (a INTEGER PRIMARY KEY, b INTEGER)")
    sessions[0].execute("INSERT INTO t VALUES (1, 0)")
    errors: list[BaseException] = []

    def work(session: Session) -> None:
        try:
            for _ in range(25):
                session.execute("UPDATE t SET b = b + 1 WHERE a = 1")
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=work, args=(session,)) for session in sessions]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not errors
    assert sessions[0].execute("SELECT b FROM t").fetchall() == [(100,)]


def test_definitions_are_part_of_transactions(new_session: NewSession) -> None:
    one, two = new_session(), new_session()
    one.execute("BEGIN")
    one.execute("CREATE TABLE t (a INTEGER, b TEXT)")
    one.execute("INSERT INTO t VALUES (1, 'x')")
    one.execute("CREATE UNIQUE INDEX i ON t (b)")
    with pytest.raises(IntegrityError):
        one.execute("INSERT INTO t VALUES (2, 'x')")
    with pytest.raises(ProgrammingError):
        two.execute("SELECT * FROM t")
    one.execute("ROLLBACK")
    for session in (one, two):
        with pytest.raises(ProgrammingError, match="no such table"):
            session.execute("SELECT * FROM t")
    one.execute("BEGIN")
    one.execute("CREATE TABLE t (c INTEGER)")
    one.execute("CREATE VIEW v AS SELECT c + 1 AS d FROM t")
    one.execute("INSERT INTO t VALUES (1)")
    one.execute("COMMIT")
    assert two.execute("SELECT d FROM v").fetchall() == [(2,)]
    two.execute("BEGIN")
    two.execute("DROP TABLE t")
    with pytest.raises(ProgrammingError):
        two.execute("SELECT * FROM t")
    two.execute("ROLLBACK")
    assert two.execute("SELECT * FROM t").fetchall() == [(1,)]


def test_definitions(session: Session) -> None:
    session.execute("CREATE TABLE a (x INTEGER PRIMARY KEY, y INT)")
    session.execute("CREATE TABLE b (x TEXT PRIMARY KEY, y VARCHAR(5))")
    session.execute("CREATE TABLE c (x INTEGER, y INTEGER, z BOOLEAN DEFAULT TRUE, PRIMARY KEY (y DESC, x))")
    session.execute("CREATE TABLE IF NOT EXISTS a (nothing TEXT)")
    kinds = {name: table.key for name, table in session.schema().tables.items()}
    assert kinds == {"a": KeyKind.ALIAS, "b": KeyKind.COLUMNS, "c": KeyKind.COLUMNS}
    session.execute("INSERT INTO c VALUES (1, 5, FALSE), (2, 7, NULL)")
    session.execute("INSERT INTO c (y, x) VALUES (5, 2)")
    assert session.execute("SELECT * FROM c").fetchall() == [(2, 7, None), (1, 5, False), (2, 5, True)]
    assert session.execute("SELECT x FROM c WHERE y = 5 AND x = 2").fetchall() == [(2,)]
    assert session.execute("SELECT y FROM c WHERE y > 5").fetchall() == [(7,)]
    with pytest.raises(IntegrityError):
        session.execute("INSERT INTO c (x) VALUES (1)")
    session.execute("CREATE INDEX IF NOT EXISTS i ON c (z)")
    session.execute("CREATE INDEX IF NOT EXISTS i ON c (z)")
    assert session.execute("SELECT name, table_name, columns FROM sys.indexes").fetchall() == [("i", "c", "z")]
    assert session.execute("SELECT name, type, key_position FROM sys.columns WHERE table_name = 'c'").fetchall() == [
        ("x", "INTEGER", 2),
        ("y", "INTEGER", 1),
        ("z", "BOOLEAN", None),
    ]
    session.execute("DROP TABLE c")
    assert session.execute("SELECT name FROM sys.tables").fetchall() == [("a",), ("b",)]
    assert session.execute("SELECT * FROM sys.indexes").fetchall() == []
    session.execute("DROP TABLE IF EXISTS nope")


def test_rowids_grow(session: Session) -> None:
    session.execute("CREATE TABLE t (id INTEGER PRIMARY KEY, v TEXT)")
    session.execute("INSERT INTO t VALUES (-5, 'a')")
    assert session.execute("INSERT INTO t (v) VALUES ('b') RETURNING id").fetchall() == [(1,)]
    session.execute("INSERT INTO t VALUES (9223372036854775807, 'last')")
    with pytest.raises(DataError, match="used up"):
        session.execute("INSERT INTO t (v) VALUES ('c')")


def test_unfinished_results_survive_the_end_of_their_transaction(session: Session) -> None:
    session.execute("CREATE TABLE t (a INTEGER)")
    session.executemany("INSERT INTO t VALUES (?)", [(i,) for i in range(500)])
    session.execute("BEGIN")
    result = session.execute("SELECT a FROM t")
    assert result.fetchone() == (0,)
    session.execute("DELETE FROM t")
    session.execute("COMMIT")
    assert len(result.fetchall()) == 499
    free = session.execute("SELECT 1 FROM sys.tables")
    session.execute("INSERT INTO t VALUES (1)")
    assert free.fetchall() == [(1,)]


def test_interrupt(session: Session) -> None:
    session.execute("CREATE TABLE t (a INTEGER)")
    session.executemany("INSERT INTO t VALUES (?)", [(i,) for i in range(400)])
    running = threading.Event()

    def provider(args: tuple[Any, ...], inner: Session) -> Any:
        running.set()
        inner.interrupt()
        return [(1,)]

    from engine.record.types import Type

    session.shared.register_system_table("signal", [("a", Type.INTEGER)], provider)
    with pytest.raises(StatementInterrupted):
        session.execute("SELECT count(*) FROM sys.signal, t a, t b, t c").fetchall()
    assert running.is_set()
    with pytest.raises(StatementInterrupted):
        session.execute("DELETE FROM t WHERE a < (SELECT max(x.a + y.a + z.a) FROM sys.signal, t x, t y, t z)")
    assert session.execute("SELECT count(*) FROM t").fetchall() == [(400,)]


def test_misuse(session: Session) -> None:
    with pytest.raises(InterfaceError, match="a statement is a str"):
        session.execute(b"SELECT 1")  # type: ignore[arg-type]
    session.close()
    with pytest.raises(InterfaceError, match="closed"):
        session.execute("SELECT 1")


def test_inserts_do_not_conflict_with_changes_of_other_rows(new_session: NewSession) -> None:
    one, two = new_session(), new_session()
    one.execute("CREATE TABLE t (a INTEGER)")
    one.executemany("INSERT INTO t VALUES (?)", [(i,) for i in range(10)])
    one.execute("INSERT INTO t VALUES (10)")
    one.execute("BEGIN")
    one.execute("INSERT INTO t VALUES (11)")
    two.execute("UPDATE t SET a = 100 WHERE rowid = 1")
    one.execute("COMMIT")
    two.execute("DELETE FROM t WHERE rowid > 5")
    one.execute("INSERT INTO t VALUES (12)")
    assert one.execute("SELECT max(rowid) FROM t").fetchall() == [(6,)]
    assert one.execute("SELECT count(*), max(a) FROM t").fetchall() == [(6, 100)]
