"""Functions: those that SQLite has give what it gives; the others what is written here."""

from __future__ import annotations

import datetime
import sqlite3
from typing import Any

import pytest

from engine.base.errors import DataError, Error, LimitError
from engine.sql.session import Session
from tests.support.fake_store import FakeStore

AS_SQLITE = [
    "quote('it''s')", "quote(NULL)", "quote(1.5)", "quote(X'00ff')", "char(72, 105)", "char()", "unicode('é')", "instr('abcb', 'b')",
    "printf('%d|%5d|%-5d|%05d', 7, 7, 7, 7)", "printf('%.2f %e %g', 1.5, 12345.678, 0.0001)", "printf('%s-%10s-%-4s|', 'a', 'b', 'c')",
    "printf('%x %X %o %%', 255, 255, 8)", "format('%c%c', 'abc', 'd')", "printf('%q', 'it''s')", "printf('%d %s', NULL, NULL)", "printf(NULL, 1)",
    "log(100)", "log(2, 8)", "ln(1)", "atan2(1, 1)", "asinh(1)", "acosh(2)", "atanh(0.5)", "log(0)", "mod(7, 3)", "sign(-2.5)",
    "julianday('2024-02-29 12:00:00')", "unixepoch('2024-02-29 12:00:01')", "unixepoch('1969-12-31 23:59:59')", "time('2024-02-29 12:34:56')",
    "time('2024-02-29 23:30:00', '+45 minutes')", "CAST(date('2024-01-31', '+1 month') AS TEXT)", "CAST(date('2024-02-29', '+1 year') AS TEXT)",
    "CAST(date('2024-03-15', 'start of month', '-1 day') AS TEXT)", "CAST(date('2024-03-15', 'start of year') AS TEXT)",
    "CAST(date('2024-03-15', 'weekday 1') AS TEXT)", "CAST(date('2024-03-18', 'weekday 1') AS TEXT)", "CAST(datetime('2024-03-15 10:20:30', '-90 seconds') AS TEXT)",
    "CAST(datetime('2024-03-15 10:20:30', '+1.5 hours') AS TEXT)", "strftime('%Y-%m %H:%M:%S', '2024-03-15 10:20:30', '+1 day')", "strftime('%s', '2024-03-15')",
    "date('now') = date()", "strftime('%Y', 'now') = strftime('%Y', CURRENT_TIMESTAMP)", "datetime('now') = CURRENT_TIMESTAMP", "typeof(random())", "iif(1 > 2, 'a', 'b')",
    "substr('abc', -2)", "replace('aaa', 'a', 'bc')", "trim('xxaxx', 'x')", "hex('é')", "nullif(1, 1)", "max(1, 2, 3)", "min('b', 'a')",
]  # fmt: skip
VALUES: list[tuple[str, Any]] = [
    ("concat('a', NULL, 1, TRUE)", "a1true"), ("concat_ws('-', 'a', NULL, 'b')", "a-b"), ("concat_ws(NULL, 'a')", None),
    ("left('abcde', 2)", "ab"), ("left('abcde', -2)", "abc"), ("right('abcde', 2)", "de"), ("right('abcde', -2)", "cde"), ("right('ab', 5)", "ab"),
    ("repeat('ab', 3)", "ababab"), ("repeat('ab', -1)", ""), ("lpad('7', 3, '0')", "007"), ("lpad('abc', 2)", "ab"), ("rpad('a', 4, 'xy')", "axyx"),
    ("rpad('a', 3)", "a  "), ("split_part('a,b,c', ',', 2)", "b"), ("split_part('a,b,c', ',', -1)", "c"), ("split_part('a,b', ',', 9)", ""),
    ("translate('12345', '143', 'ax')", "a2x5"), ("initcap('hELLO big world')", "Hello Big World"), ("chr(65)", "A"), ("ascii('A')", 65), ("ascii('')", 0),
    ("starts_with('abc', 'ab')", True), ("ends_with('abc', 'bc')", True), ("nocase('AÄb')", "aÄb"), ("cbrt(-27)", -3.0), ("gcd(12, -18)", 6), ("cot(0)", None),
    ("make_date(2024, 2, 29)", datetime.date(2024, 2, 29)), ("make_timestamp(2024, 2, 29, 1, 2, 3.5)", datetime.datetime(2024, 2, 29, 1, 2, 3, 500000)),
    ("date('2024-02-29', NULL)", None), ("time(NULL)", None), ("now() = CURRENT_TIMESTAMP", True), ("octet_length('é')", 2), ("strpos('abc', 'c')", 3),
    ("split_part('a', NULL, 1)", None), ("ifnull(NULL, 2)", 2), ("greatest(1, 2.5)", 2.5), ("printf('%d', 10000000000)", "10000000000"),
]  # fmt: skip


@pytest.fixture(scope="module")
def session() -> Session:
    made = Session(FakeStore())
    made.execute("CREATE TABLE t (a INTEGER)")
    made.executemany("INSERT INTO t VALUES (?)", [(i,) for i in range(20)])
    return made


@pytest.mark.parametrize("call", AS_SQLITE)
def test_as_sqlite(session: Session, call: str) -> None:
    try:
        wanted = sqlite3.connect(":memory:").execute(f"SELECT {call}").fetchone()[0]
    except sqlite3.OperationalError as error:  # built without it, or too old
        pytest.skip(str(error))
    found = session.execute(f"SELECT {call}").fetchone()[0]
    assert found == (pytest.approx(wanted, rel=1e-12) if isinstance(wanted, float) else wanted)


@pytest.mark.parametrize(("call", "value"), VALUES)
def test_values(session: Session, call: str, value: Any) -> None:
    found = session.execute(f"SELECT {call}").fetchone()[0]
    assert found == (pytest.approx(value) if isinstance(value, float) else value)
    assert type(found) is type(value)


@pytest.mark.parametrize(
    "call", ["split_part('a', ',', 0)", "make_date(2023, 2, 29)", "date('2024-01-01', 'next week')", "date('9999-12-31', '+1 day')",
             "format('%y', 1)", "format('%d', 'x')", "chr(-1)", "char(55296)", "date('0001-01-01', '-1 month')"],
)  # fmt: skip
def test_what_makes_no_sense_is_refused(session: Session, call: str) -> None:
    with pytest.raises(DataError):
        session.execute(f"SELECT {call}").fetchall()


@pytest.mark.parametrize(
    "call", ["repeat('ab', 900000000)", "lpad('a', 900000000)", "printf('%900000000d', 1)", "printf('%.900000000f', 1)"]
)
def test_no_text_grows_without_bounds(session: Session, call: str) -> None:
    with pytest.raises(LimitError, match="at most 100,000,000 characters"):
        session.execute(f"SELECT {call}").fetchall()


@pytest.mark.parametrize("gear", ["row", "column"])
def test_random_is_drawn_for_each_row(session: Session, gear: str) -> None:
    session.shared.set_gear(gear)
    found = session.execute("SELECT random() FROM t").fetchall()
    assert len(set(found)) == 20
    assert len(session.execute("SELECT a FROM t ORDER BY random() LIMIT 5").fetchall()) == 5
    session.shared.set_gear("auto")


@pytest.mark.parametrize("call", ["left('abc')", "split_part('a', 'b')", "lpad('x', 'y')", "nosuch(1)"])
def test_wrong_calls_are_refused(session: Session, call: str) -> None:
    with pytest.raises(Error):
        session.execute(f"SELECT {call}").fetchall()
