"""PEP 249 as it is written, and the Result behind it."""

from __future__ import annotations

import datetime
import importlib
import threading
from pathlib import Path

import pytest

import engine
from engine.api import dbapi


@pytest.fixture
def connection() -> dbapi.Connection:
    connection = engine.connect(":memory:")
    connection.execute("CREATE TABLE t (id INTEGER PRIMARY KEY, name TEXT, day DATE)")
    connection.commit()
    return connection


def test_module() -> None:
    assert (engine.apilevel, engine.paramstyle) == ("2.0", "qmark")
    assert engine.threadsafety >= 2
    assert issubclass(engine.Warning, Exception) and issubclass(engine.Error, Exception)
    assert issubclass(engine.InterfaceError, engine.Error) and issubclass(engine.DatabaseError, engine.Error)
    for name in ("Data", "Operational", "Integrity", "Internal", "Programming", "NotSupported"):
        kind = getattr(engine, name + "Error")
        assert issubclass(kind, engine.DatabaseError)
        assert getattr(dbapi.Connection, name + "Error") is kind
    assert dbapi.Date(2013, 1, 2) == datetime.date(2013, 1, 2)
    assert dbapi.Binary(b"x") == b"x"
    assert isinstance(dbapi.TimestampFromTicks(0), datetime.datetime)
    assert isinstance(dbapi.DateFromTicks(0), datetime.date) and isinstance(dbapi.TimeFromTicks(0), datetime.time)


def test_cursor(connection: dbapi.Connection) -> None:
    cursor = connection.cursor()
    assert cursor.description is None and cursor.rowcount == -1
    cursor.executemany("INSERT INTO t VALUES (?, ?, ?)", [(i, str(i), "2013-01-01") for i in range(10)])
    assert cursor.rowcount == 10 and cursor.description is None
    with pytest.raises(engine.Error):
        cursor.fetchone()
    cursor.execute("SELECT id, name, day, 1.5, X'00' FROM t ORDER BY id")
    assert cursor.description is not None
    assert [column[0] for column in cursor.description] == ["id", "name", "day", "1.5", "X'00'"]
    codes = [column[1] for column in cursor.description]
    assert codes == [dbapi.NUMBER, dbapi.STRING, dbapi.DATETIME, dbapi.NUMBER, dbapi.BINARY]
    assert codes[0] != dbapi.STRING and all(len(column) == 7 for column in cursor.description)
    assert cursor.fetchone() == (0, "0", datetime.date(2013, 1, 1), 1.5, b"\x00")
    assert [row[0] for row in cursor.fetchmany()] == [1]
    cursor.arraysize = 3
    assert [row[0] for row in cursor.fetchmany()] == [2, 3, 4]
    assert [row[0] for row in cursor] == [5, 6, 7, 8, 9]
    assert cursor.fetchone() is None and cursor.fetchall() == [] and cursor.fetchmany(5) == []
    cursor.setinputsizes([1])
    cursor.setoutputsize(1)
    cursor.close()
    with pytest.raises(engine.InterfaceError):
        cursor.execute("SELECT 1")


def test_transactions(connection: dbapi.Connection) -> None:
    connection.execute("INSERT INTO t (id) VALUES (1)")
    assert connection.in_transaction
    connection.rollback()
    assert connection.execute("SELECT count(*) FROM t").fetchone() == (0,)
    with connection:
        connection.execute("INSERT INTO t (id) VALUES (2)")
    with pytest.raises(engine.IntegrityError), connection:
        connection.execute("INSERT INTO t (id) VALUES (3)")
        connection.execute("INSERT INTO t (id) VALUES (2)")
    assert connection.execute("SELECT id FROM t").fetchall() == [(2,)]
    connection.autocommit = True
    assert not connection.in_transaction
    connection.execute("INSERT INTO t (id) VALUES (5)")
    assert not connection.in_transaction
    connection.execute("BEGIN")
    connection.execute("DELETE FROM t")
    connection.rollback()
    assert connection.execute("SELECT count(*) FROM t").fetchone() == (2,)


def test_close(connection: dbapi.Connection) -> None:
    cursor = connection.cursor()
    connection.close()
    connection.close()
    for use in (connection.commit, connection.rollback, connection.cursor, lambda: cursor.execute("SELECT 1")):
        with pytest.raises(engine.InterfaceError):
            use()


def test_connections_share_a_file(tmp_path: Path) -> None:
    path = tmp_path / "shop.ank"
    one, two = engine.connect(path), engine.connect(str(path))
    assert one.database is two.database
    one.execute("CREATE TABLE t (a INTEGER)")
    one.execute("INSERT INTO t VALUES (1)")
    one.commit()
    assert two.execute("SELECT a FROM t").fetchall() == [(1,)]
    two.rollback()
    one.execute("UPDATE t SET a = a + 1")
    two.execute("UPDATE t SET a = a + 1")
    one.commit()
    with pytest.raises(engine.ConflictError):
        two.commit()
    with pytest.raises(engine.InterfaceError, match="open in this process already"):
        engine.connect(path, page_size=4096)
    one.close()
    assert two.execute("SELECT a FROM t").fetchall() == [(2,)]
    two.close()
    assert two.database.closed
    with engine.open(path) as database:
        assert database.execute("SELECT a FROM t").fetchall() == [(2,)]


def test_a_connection_in_several_threads(connection: dbapi.Connection) -> None:
    errors: list[BaseException] = []

    def work(first: int) -> None:
        try:
            for i in range(first, first + 50):
                connection.execute("INSERT INTO t (id) VALUES (?)", (i,))
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=work, args=(n * 100,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    connection.commit()
    assert not errors
    assert connection.execute("SELECT count(*) FROM t").fetchone() == (200,)


def test_result() -> None:
    with engine.open(":memory:") as database:
        result = database.execute("SELECT 1 AS a, 'x' AS b UNION ALL SELECT 2, 'y'")
        assert (result.columns, result.types, result.rowcount) == (("a", "b"), ("INTEGER", "TEXT"), -1)
        assert result.fetchmany(1) == [(1, "x")] and list(result) == [(2, "y")] and list(result) == []
        assert database.execute("CREATE TABLE t (a INTEGER)").rowcount == -1
        assert database.execute("INSERT INTO t VALUES (1), (2)").rowcount == 2
        with pytest.raises(engine.InterfaceError):
            database.execute("SELECT 1").fetchmany(-1)
        many = database.execute(
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000) SELECT i FROM n"
        )
        assert many.fetchone() == (1,) and not many.finished
        many.close()
        assert many.fetchall() == [] and many.finished


@pytest.mark.parametrize(
    ("method", "module"), [("to_arrow", "pyarrow"), ("to_pandas", "pandas"), ("to_polars", "polars")]
)
def test_other_libraries(method: str, module: str) -> None:
    with engine.open(":memory:") as database:
        result = database.execute("SELECT 1 AS a, 2.5 AS b, 'x' AS c, NULL AS d UNION ALL SELECT NULL, 1, NULL, NULL")
        try:
            importlib.import_module(module)
        except ImportError:
            with pytest.raises(engine.NotSupportedError, match=f"pip install {module}"):
                getattr(result, method)()
            return
        frame = getattr(result, method)()
        assert list(getattr(frame, "column_names", frame.columns)) == ["a", "b", "c", "d"]
        assert len(frame) == 2
