"""The public API as programs use it: everything promised exists, is documented, and does what it says."""

from __future__ import annotations

import inspect
import os
import threading
from pathlib import Path

import pytest

import engine
from engine.api.database import Database, Transaction, TransactionTree
from engine.api.tree import Tree

DATABASE = [
    "execute",
    "executemany",
    "begin",
    "tree",
    "checkpoint",
    "backup",
    "check",
    "stats",
    "interrupt",
    "inspect",
    "close",
    "__enter__",
    "__exit__",
]
TREE = ["get", "put", "delete", "get_many", "put_many", "scan", "__len__", "__contains__"]
RESULT = [
    "columns",
    "types",
    "rowcount",
    "fetchone",
    "fetchmany",
    "fetchall",
    "to_arrow",
    "to_pandas",
    "to_polars",
    "__iter__",
]
ERRORS = [
    "Error",
    "Warning",
    "InterfaceError",
    "DatabaseError",
    "DataError",
    "OperationalError",
    "IntegrityError",
    "InternalError",
    "ProgrammingError",
    "NotSupportedError",
    "ConflictError",
    "CorruptionError",
    "LockedError",
    "ReadOnlyError",
    "PoisonedError",
    "ParseError",
    "LimitError",
]


@pytest.mark.parametrize(
    ("owner", "names"),
    [
        (Database, DATABASE),
        (Tree, TREE),
        (TransactionTree, TREE),
        (Transaction, ["execute", "executemany", "tree", "commit", "rollback", "savepoint"]),
        (engine.Result, RESULT),
    ],
)
def test_everything_listed_exists_and_is_documented(owner: type, names: list[str]) -> None:
    for name in names:
        member = inspect.getattr_static(owner, name)
        field = inspect.ismemberdescriptor(member) or inspect.isgetsetdescriptor(member)
        if field and not inspect.getdoc(member):  # a field has no docstring of its own: the class describes it
            assert f"{name}:" in (owner.__doc__ or ""), f"{owner.__name__}.{name} has no documentation"
        elif not name.startswith("__"):
            assert inspect.getdoc(member), f"{owner.__name__}.{name} has no documentation"


def test_error_tree() -> None:
    for name in ERRORS:
        error = getattr(engine, name)
        assert issubclass(error, Exception)
        if name not in ("Error", "Warning"):
            assert issubclass(error, engine.Error), name
    assert issubclass(engine.ConflictError, engine.OperationalError)
    assert issubclass(engine.ParseError, engine.ProgrammingError)
    assert issubclass(engine.LimitError, engine.DataError)


def test_tree_operations(tmp_path: Path) -> None:
    with engine.open(tmp_path / "t.ank") as db:
        kv = db.tree("events")
        assert kv.get(b"k") is None
        assert kv.get(b"k", b"d") == b"d"
        assert list(kv.scan()) == [] and len(kv) == 0 and b"k" not in kv
        kv.put(b"k", b"v")
        assert kv.get(b"k") == b"v" and b"k" in kv and len(kv) == 1
        assert kv.put_many([(b"b", b"2"), (b"a", b"0"), (b"a", b"1")]) == 2
        assert kv.get_many([b"a", b"x", b"b"]) == [b"1", None, b"2"]
        assert list(kv.scan()) == [(b"a", b"1"), (b"b", b"2"), (b"k", b"v")]
        assert list(kv.scan(start=b"a", stop=b"k", reverse=True)) == [(b"b", b"2"), (b"a", b"1")]
        assert list(kv.scan(b"b")) == [(b"b", b"2"), (b"k", b"v")]
        assert list(kv.scan(b"k", b"a")) == []
        assert kv.delete(b"a") is True
        assert kv.delete(b"a") is False
        assert db.check() == []
    with engine.open(tmp_path / "t.ank", create=False) as db:
        assert dict(db.tree("events").scan()) == {b"b": b"2", b"k": b"v"}


def test_sql_and_trees_in_one_transaction(tmp_path: Path) -> None:
    with engine.open(tmp_path / "t.ank") as db:
        db.execute("CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT)")
        with db.begin() as txn:
            txn.execute("INSERT INTO users VALUES (?, ?)", (7, "Ada"))
            txn.tree("events").put(b"k", b"v")
            assert db.tree("events").get(b"k") is None, "not visible before the commit"
        assert db.execute("SELECT name FROM users WHERE id = :id", {"id": 7}).fetchall() == [("Ada",)]
        assert db.tree("events").get(b"k") == b"v"
        with pytest.raises(ZeroDivisionError), db.begin() as txn:
            txn.execute("INSERT INTO users VALUES (8, 'Eve')")
            txn.tree("events").delete(b"k")
            raise ZeroDivisionError
        assert db.execute("SELECT count(*) FROM users").fetchone() == (1,)
        assert db.tree("events").get(b"k") == b"v"
        with db.begin(readonly=True) as txn, pytest.raises(engine.ReadOnlyError):
            txn.tree("events").put(b"k", b"w")
        assert db.check() == []


def test_conflict_is_typed_and_changes_nothing() -> None:
    with engine.open(":memory:") as db:
        kv = db.tree("a")
        kv.put(b"x", b"0")
        first, second = db.begin(), db.begin()
        for txn in (first, second):
            value = txn.tree("a").get(b"x")
            assert value is not None
            txn.tree("a").put(b"x", value + b"1")
        first.commit()
        with pytest.raises(engine.ConflictError):
            second.commit()
        assert kv.get(b"x") == b"01"
        assert not second.is_open


@pytest.mark.parametrize(("key", "value"), [("text", b"v"), (b"k", "text"), (None, b"v"), (bytearray(b"k"), b"v")])
def test_keys_and_values_are_bytes(key: object, value: object) -> None:
    with engine.open(":memory:") as db:
        with pytest.raises(engine.InterfaceError):
            db.tree("a").put(key, value)  # type: ignore[arg-type]
        with pytest.raises(engine.InterfaceError):
            db.tree("a").put_many([(key, value)])  # type: ignore[list-item]
        assert list(db.tree("a").scan()) == []


def test_limits_say_what_they_are() -> None:
    with engine.open(":memory:") as db:
        kv = db.tree("a")
        kv.put(b"k" * 1024, b"v" * 3_000_000)
        assert kv.get(b"k" * 1024) == b"v" * 3_000_000
        with pytest.raises(engine.LimitError, match="1024"):
            kv.put(b"k" * 1025, b"")
        assert kv.get(b"k" * 1025) is None
        assert db.check() == []


@pytest.mark.parametrize(
    "options",
    [{"page_size": 5000}, {"synchronous": "always"}, {"isolation": "dirty"}, {"pool_bytes": 10}, {"colour": "red"}],
)
def test_wrong_options_are_refused(options: dict[str, object]) -> None:
    with pytest.raises(engine.InterfaceError):
        engine.open(":memory:", **options)


def test_a_closed_database_says_so(tmp_path: Path) -> None:
    db = engine.open(tmp_path / "t.ank")
    kv = db.tree("a")
    kv.put(b"k", b"v")
    db.close()
    db.close()
    for use in (lambda: kv.get(b"k"), lambda: kv.put(b"k", b"v"), lambda: db.execute("SELECT 1"), db.check):
        with pytest.raises(engine.InterfaceError, match="closed"):
            use()


def test_backup_while_writing(tmp_path: Path) -> None:
    with engine.open(tmp_path / "t.ank", synchronous="off") as db:
        kv = db.tree("a")
        kv.put_many((i.to_bytes(4, "big"), os.urandom(200)) for i in range(3000))
        kv.put(b"long", os.urandom(100_000))
        before = dict(kv.scan())
        stop = threading.Event()

        def write() -> None:
            number = 0
            while not stop.is_set():
                kv.put(b"w%d" % (number % 500), os.urandom(50))
                number += 1

        writer = threading.Thread(target=write)
        writer.start()
        try:
            db.backup(tmp_path / "copy.ank")
        finally:
            stop.set()
            writer.join()
        with pytest.raises(engine.OperationalError, match="exists"):
            db.backup(tmp_path / "copy.ank")
        assert db.check() == []
    with engine.open(tmp_path / "copy.ank", create=False) as copy:
        found = dict(copy.tree("a").scan())
        assert {key: found.get(key) for key in before} == before
        copy.tree("a").put(b"new", b"1")
        assert copy.check() == []


def test_readonly(tmp_path: Path) -> None:
    with pytest.raises(engine.OperationalError):
        engine.open(tmp_path / "t.ank", readonly=True)
    with engine.open(tmp_path / "t.ank") as db:
        db.tree("a").put(b"k", b"v")
        db.execute("CREATE TABLE t (a INTEGER)")
    with engine.open(tmp_path / "t.ank", readonly=True) as db:
        assert db.tree("a").get(b"k") == b"v"
        with pytest.raises(engine.ReadOnlyError):
            db.tree("a").put(b"k", b"w")
        with pytest.raises(engine.ReadOnlyError):
            db.execute("INSERT INTO t VALUES (1)")
        with pytest.raises(engine.ReadOnlyError):
            db.checkpoint()
        assert db.check() == []


def test_stats_count(tmp_path: Path) -> None:
    with engine.open(tmp_path / "t.ank") as db:
        before = db.stats()
        db.tree("a").put(b"k", b"v")
        after = db.stats()
        assert after["published_lsn"] > before["published_lsn"]
        assert after["log_syncs"] > before["log_syncs"]
        assert db.checkpoint() is True
        assert db.checkpoint() is False
        assert db.stats()["checkpoints"] == after["checkpoints"] + 1


def test_interrupt_from_another_thread() -> None:
    with engine.open(":memory:") as db:
        db.execute("CREATE TABLE n (i INTEGER)")
        db.executemany("INSERT INTO n VALUES (?)", [(i,) for i in range(2000)])
        timer = threading.Timer(0.2, db.interrupt)
        timer.start()
        with pytest.raises(engine.StatementInterrupted):
            db.execute("SELECT count(*) FROM n a, n b, n c WHERE a.i + b.i + c.i = -1").fetchall()
        timer.join()
        assert db.execute("SELECT count(*) FROM n").fetchone() == (2000,)


def test_results_survive_the_end_of_their_transaction() -> None:
    with engine.open(":memory:") as db:
        db.execute("CREATE TABLE n (i INTEGER)")
        db.executemany("INSERT INTO n VALUES (?)", [(i,) for i in range(3000)])
        with db.begin() as txn:
            result = txn.execute("SELECT i FROM n ORDER BY i")
            assert result.fetchone() == (0,)
        assert result.fetchall() == [(i,) for i in range(1, 3000)]
