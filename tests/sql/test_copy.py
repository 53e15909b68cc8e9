"""COPY: what goes in is what INSERT would have stored, what is refused names its place, what comes out goes back in."""

from __future__ import annotations

import datetime
import gzip
import os
import random
import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import engine
from engine.base.errors import (
    DataError,
    IntegrityError,
    NotSupportedError,
    OperationalError,
    ProgrammingError,
    ReadOnlyError,
)
from engine.sql.copying import csv_source
from engine.sql.copying.load import FEW_ROWS

pa = pytest.importorskip("pyarrow")
TYPES = ("INTEGER", "REAL", "TEXT", "BLOB", "BOOLEAN", "DATE", "TIMESTAMP")
FORMATS = ("csv", "tsv", "csv.gz", "jsonl", "jsonl.gz", "parquet", "arrow")
MANY = FEW_ROWS + 2_000


@pytest.fixture
def db() -> Iterator[Any]:
    with engine.open(":memory:") as database:
        yield database


def random_value(rng: random.Random, kind: str) -> Any:
    if rng.random() < 0.15:
        return None
    if kind == "INTEGER":
        return rng.choice([0, 1, -1, rng.randint(-(2**63), 2**63 - 1), rng.randint(-300, 300)])
    if kind == "REAL":
        return rng.choice([0.0, -0.0, 1.5, -1e300, 5e-324, float("inf"), 2.0**60, rng.random()])
    if kind == "TEXT":
        return rng.choice(
            ["", "a", "NA", 'a,b\t\'"x"', "two\nlines\r\n", "é\u20ac\U0001f600", " x ", "x" * rng.randint(100, 300)]
        )
    if kind == "BLOB":
        return rng.choice([b"", b"\0\xff", rng.randbytes(rng.randint(1, 200))])
    if kind == "BOOLEAN":
        return rng.random() < 0.5
    if kind == "DATE":
        return datetime.date.fromordinal(rng.randint(1, 3652059))
    return datetime.datetime(1, 1, 1) + datetime.timedelta(microseconds=rng.randint(0, 315537897599999999))


def filled(db: Any, rows: int, seed: int, key: str = "") -> list[tuple[Any, ...]]:
    """A table t with a column of each type, and its rows."""
    rng = random.Random(seed)
    columns = ", ".join(f"c{i} {kind}" for i, kind in enumerate(TYPES))
    db.execute(f"CREATE TABLE t (id INTEGER, {columns}{key})")
    made = [(i, *(random_value(rng, kind) for kind in TYPES)) for i in range(rows)]
    db.executemany(f"INSERT INTO t VALUES (?{', ?' * len(TYPES)})", made)
    return made


def schema_like_t(db: Any, name: str, key: str = "") -> None:
    columns = ", ".join(f"c{i} {kind}" for i, kind in enumerate(TYPES))
    db.execute(f"CREATE TABLE {name} (id INTEGER, {columns}{key})")


@pytest.mark.parametrize("suffix", FORMATS)
@pytest.mark.parametrize("rows", [0, 50, MANY])
def test_what_is_copied_out_can_be_copied_in(db: Any, tmp_path: Path, suffix: str, rows: int) -> None:
    filled(db, rows, seed=rows)
    path = str(tmp_path / f"f.{suffix}")
    assert db.execute("COPY t TO ?", (path,)).rowcount == rows
    schema_like_t(db, "u")
    if rows == 0 and suffix.startswith("jsonl"):
        assert db.execute("COPY u FROM ?", (path,)).rowcount == 0
        return
    assert db.execute("COPY u FROM ?", (path,)).rowcount == rows
    assert db.execute("SELECT * FROM u ORDER BY id").fetchall() == db.execute("SELECT * FROM t ORDER BY id").fetchall()
    assert db.check() == []


@pytest.mark.parametrize("seed", range(4))
def test_bytes_are_those_of_insert(db: Any, tmp_path: Path, seed: int) -> None:
    """The compiled encoder writes the same keys and rows as INSERT, in the table and its indexes."""
    rng = random.Random(f"bytes {seed}")
    keys = ["", ", PRIMARY KEY (id)", ", PRIMARY KEY (c2 DESC, id)", ", PRIMARY KEY (id DESC)"]
    key = keys[seed]
    filled(db, 0, 0)
    schema_like_t(db, "a", key)
    schema_like_t(db, "b", key)
    for table in "ab":
        for i in range(len(TYPES)):
            db.execute(f"CREATE INDEX {table}{i} ON {table} (c{i}{' DESC' if i % 2 else ''}, id)")
        db.execute(f"CREATE UNIQUE INDEX {table}u ON {table} (id, c1)")
    rows = [(i, *(random_value(rng, kind) for kind in TYPES)) for i in range(MANY)]
    rng.shuffle(rows)
    if seed == 2:
        rows = [(*row[:3], row[3] or "key", *row[4:]) for row in rows]
    db.executemany(f"INSERT INTO a VALUES (?{', ?' * len(TYPES)})", rows)
    order = "" if seed == 0 else "ORDER BY id % 97"  # hidden row ids follow the order of the file
    db.execute(f"COPY (SELECT * FROM a {order}) TO '{tmp_path}/x.parquet'")
    db.execute(f"COPY b FROM '{tmp_path}/x.parquet'")
    session = db.new_session()
    session.execute("BEGIN READ ONLY")
    a, b = (session.schema().tables[name] for name in "ab")
    trees = [(a.tree, b.tree), *((x.tree, y.tree) for x, y in zip(a.indexes, b.indexes, strict=True))]
    for one, other in trees:
        assert list(session.transaction.scan(one)) == list(session.transaction.scan(other))
    session.close()
    assert db.check() == []


@pytest.mark.parametrize(
    ("kind", "text", "wanted"),
    [
        ("INTEGER", "12", 12), ("INTEGER", "1.0", 1), ("INTEGER", " 7 ", 7), ("INTEGER", "+5", 5), ("INTEGER", "0x1F", None),
        ("INTEGER", "1.5", None), ("INTEGER", "9223372036854775808", None), ("INTEGER", "1e3", 1000), ("INTEGER", "true", None),
        ("REAL", "1.5", 1.5), ("REAL", "9007199254740993", None), ("REAL", "nan", None), ("REAL", "Infinity", float("inf")),
        ("REAL", "1e400", float("inf")), ("REAL", "0x1p3", None), ("BOOLEAN", "yes", True), ("BOOLEAN", "oFF", False),
        ("BOOLEAN", "2", None), ("DATE", "2024-02-29", datetime.date(2024, 2, 29)), ("DATE", "2023-02-29", None),
        ("DATE", "0000-01-01", None), ("DATE", "2024-1-2", datetime.date(2024, 1, 2)),
        ("TIMESTAMP", "2024-01-01T10:00:00+02:00", datetime.datetime(2024, 1, 1, 8)),
        ("TIMESTAMP", "2024-01-01T10:00:00Z", datetime.datetime(2024, 1, 1, 10)),
        ("TIMESTAMP", "2024-01-01", datetime.datetime(2024, 1, 1)), ("TIMESTAMP", "0000-01-01 00:00:00", None),
        ("TIMESTAMP", "2024-01-01 00:00:00.1234567", None), ("TEXT", "12", "12"), ("BLOB", "x'00ff'", b"\0\xff"), ("BLOB", "00ff", None),
    ],
)  # fmt: skip
@pytest.mark.parametrize("before", [0, 3000])
def test_texts_are_converted_as_insert_does(
    db: Any, tmp_path: Path, kind: str, text: str, wanted: Any, before: int
) -> None:
    """Also far down in a file that Arrow can read on its own up to there."""
    plain = {
        "INTEGER": "5",
        "REAL": "2.5",
        "BOOLEAN": "true",
        "DATE": "2020-01-01",
        "TIMESTAMP": "2020-01-01 00:00:00",
        "BLOB": "x'01'",
    }
    fill = plain.get(kind, "t")
    path = tmp_path / "f.csv"
    path.write_text("n,v\n" + "".join(f"{i},{fill}\n" for i in range(before)) + f"{before},{text}\n")
    db.execute(f"CREATE TABLE t (n INTEGER, v {kind})")
    expected = wanted
    if kind != "BLOB":
        try:
            db.execute("INSERT INTO t VALUES (-1, ?)", (text,))
            expected = db.execute("SELECT v FROM t WHERE n = -1").fetchone()[0]
        except DataError:
            expected = None
        assert expected == wanted
        db.execute("DELETE FROM t")
    if wanted is None:
        with pytest.raises(DataError) as caught:
            db.execute("COPY t FROM ?", (str(path),))
        assert f"{path}:{before + 2}:v: " in str(caught.value) and text[:30] in str(caught.value)
        assert db.execute("SELECT count(*) FROM t").fetchone() == (0,)
        return
    db.execute("COPY t FROM ?", (str(path),))
    assert db.execute("SELECT v FROM t WHERE n = ?", (before,)).fetchone() == (wanted,)
    assert db.execute("SELECT count(*) FROM t").fetchone() == (before + 1,)


def test_headers_and_options(db: Any, tmp_path: Path) -> None:
    db.execute("CREATE TABLE t (a INTEGER, b TEXT DEFAULT 'd', c REAL)")
    path = tmp_path / "f.csv"

    def rows(text: str, rest: str = "", columns: str = "") -> list[Any]:
        path.write_bytes(text.encode())
        db.execute("DELETE FROM t")
        db.execute(f"COPY t {columns} FROM '{path}' {rest}")
        return list(db.execute("SELECT * FROM t"))

    assert rows("a,b,c\n1,x,2\n") == [(1, "x", 2.0)]
    assert rows("1,x,2\n") == [(1, "x", 2.0)]
    assert rows("C,A\n2,1\n") == [(1, "d", 2.0)]  # by name, the rest takes its DEFAULT
    assert rows("\ufeffa,b,c\r\n1,x,2\r\n") == [(1, "x", 2.0)]
    assert rows("p,q,r\n1,x,2\n", "(HEADER)") == [(1, "x", 2.0)]
    assert rows("1,x,2", "(HEADER FALSE)") == [(1, "x", 2.0)]
    assert rows("2,1\n", "", "(c, a)") == [(1, "d", 2.0)]
    assert rows("a;b;c\n1;'x;''y';NA\n", "WITH (DELIMITER ';', QUOTE '''', NULL 'NA')") == [(1, "x;'y", None)]
    assert rows('1,"",\n2,,3\n') == [(1, "", None), (2, None, 3.0)]
    assert rows('1,"a\n\n""b""",1\n\n2,c,3\n') == [(1, 'a\n\n"b"', 1.0), (2, "c", 3.0)]
    assert rows('1\ta"b\t2\n', "(FORMAT tsv, QUOTE '')") == [(1, 'a"b', 2.0)]
    assert rows("") == []
    for wrong in (
        "(FORMAT xml)",
        "(DELIMITER 'ab')",
        "(HEADER maybe)",
        "(COLOUR 'red')",
        "(NULL 'a', NULL 'b')",
        "(QUOTE ',')",
    ):
        with pytest.raises(ProgrammingError):
            rows("1,x,2\n", wrong)
    with pytest.raises(ProgrammingError, match="does not say what format"):
        db.execute(f"COPY t FROM '{tmp_path}/f.dat'")
    with pytest.raises(ProgrammingError, match="twice"):
        rows("1,2\n", "", "(a, a)")
    with pytest.raises(ProgrammingError, match="is an option of csv"):
        db.execute(f"COPY t TO '{tmp_path}/f.parquet' (HEADER)")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a,b\n1,x\n2\n", ":3: 1 fields, but there are 2 columns"),
        ("a,b\n1,x\n2,y,z\n", ":3: 3 fields"),
        ("a,b\n1,\"x\n\ny\"\n2,z\nno,z\n", ":6:a: 'no' is no INTEGER"),
        ("a,b\n1,\udcff\n", ":2: the text is not UTF-8"),
        ("a,b\n1,x\n2,\"x\n", ":3: a quote is never closed"),
        ("a,b\n" + "1,x\n" * 9000 + "2,\"x\n" + "1,x\n" * 9000, ":9002: a quote is never closed"),
        ("a,b\n\x1b[31m,x\n", ":2:a: '\\x1b[31m' is no INTEGER"),
        ("a,b,q\n1,2,3\n", "3 columns, but 2 are wanted"),
    ],
)  # fmt: skip
def test_bad_files_are_refused_with_their_place(db: Any, tmp_path: Path, text: str, message: str) -> None:
    db.execute("CREATE TABLE t (a INTEGER, b TEXT)")
    path = tmp_path / "f.csv"
    path.write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(DataError) as caught:
        db.execute("COPY t FROM ?", (str(path),))
    assert message in str(caught.value) and "\x1b" not in str(caught.value)
    assert db.execute("SELECT count(*) FROM t").fetchone() == (0,)


@pytest.mark.parametrize("rows", [10, MANY])
def test_constraints_hold_and_nothing_stays(db: Any, tmp_path: Path, rows: int) -> None:
    db.execute("CREATE TABLE p (id INTEGER PRIMARY KEY)")
    db.execute("INSERT INTO p VALUES (0), (1), (2)")
    db.execute(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, u TEXT UNIQUE, n INTEGER NOT NULL, c REAL CHECK (c > 0), p INTEGER REFERENCES p)"
    )
    db.execute("INSERT INTO t VALUES (-5, 'taken', 0, 1, 0)")
    path = tmp_path / "f.csv"

    def load(bad: str | None, at: int = 0) -> int:
        lines = [f"{i},u{i},{i},1.5,{i % 3}" for i in range(rows)]
        if bad is not None:
            lines[at] = bad
        path.write_text("id,u,n,c,p\n" + "\n".join(lines) + "\n")
        return int(db.execute("COPY t FROM ?", (str(path),)).rowcount)

    at = rows - 3
    for bad, message in [
        ("-5,x,1,1,1", f":{at + 2}: PRIMARY KEY constraint failed: t.id"),
        ("0,x,1,1,1", f":{at + 2}: PRIMARY KEY"),
        ("70000,taken,1,1,1", f":{at + 2}: UNIQUE constraint failed: t.u"),
        ("70000,u1,1,1,1", f":{at + 2}: UNIQUE"),
        ("70000,x,,1,1", "NOT NULL constraint failed: t.n"),
        ("70000,x,1,-1,1", f":{at + 2}: CHECK"),
        ("70000,x,1,1,9", "FOREIGN KEY constraint failed"),
    ]:
        with pytest.raises(IntegrityError) as caught:
            load(bad, at)
        assert message in str(caught.value), bad
        assert db.execute("SELECT count(*) FROM t").fetchone() == (1,)
    assert (
        load(",x,1,,", rows - 1) == rows
    )  # a NULL key takes one more than the greatest; UNIQUE, CHECK and FOREIGN KEY let NULL pass
    assert db.execute("SELECT count(*), count(DISTINCT id), count(DISTINCT u) FROM t").fetchone() == (rows + 1,) * 3
    assert db.check() == []
    assert db.execute("INSERT INTO t VALUES (NULL, 'next', 1, 1, 1) RETURNING id").fetchone()[0] >= rows


@pytest.mark.parametrize("isolation", ["serializable", "snapshot"])
def test_within_a_transaction(db: Any, tmp_path: Path, isolation: str) -> None:
    db.execute("CREATE TABLE t (a INTEGER PRIMARY KEY, b TEXT)")
    good, bad = tmp_path / "good.csv", tmp_path / "bad.csv"
    good.write_text("".join(f"{i},x\n" for i in range(MANY)))
    bad.write_text("".join(f"{i},x\n" for i in range(MANY, 2 * MANY)) + "z,x\n")
    with db.begin(isolation=isolation) as txn:
        txn.execute("INSERT INTO t VALUES (-1, 'first')")
        with pytest.raises(DataError, match=":a: "):
            txn.execute("COPY t FROM ?", (str(bad),))
        assert txn.execute("SELECT count(*) FROM t").fetchone() == (1,)
        txn.execute("COPY t FROM ?", (str(good),))
        txn.execute("INSERT INTO t VALUES (NULL, 'last')")
    assert db.execute("SELECT count(*), min(a), max(a) FROM t").fetchone() == (MANY + 2, -1, MANY)


def test_partial_and_expression_indexes(db: Any, tmp_path: Path) -> None:
    db.execute("CREATE TABLE t (a INTEGER, b TEXT)")
    db.execute("CREATE UNIQUE INDEX i ON t (lower(b)) WHERE a > 5")
    path = tmp_path / "f.csv"
    path.write_text("".join(f"{i},X{i}\n" for i in range(MANY)))
    db.execute("COPY t FROM ?", (str(path),))
    assert db.execute("SELECT a FROM t WHERE lower(b) = 'x77' AND a > 5").fetchall() == [(77,)]
    with pytest.raises(IntegrityError, match=f"{path}:"):
        db.execute("COPY t FROM ?", (str(path),))
    assert db.check() == []


def test_files_are_replaced_only_when_complete(db: Any, tmp_path: Path) -> None:
    db.execute("CREATE TABLE t (a INTEGER)")
    db.execute("INSERT INTO t VALUES (1), (2)")
    elsewhere, link, plain = tmp_path / "secret", tmp_path / "link.csv", tmp_path / "plain.csv"
    elsewhere.write_text("untouched")
    link.symlink_to(elsewhere)
    plain.write_text("old")
    plain.chmod(0o640)
    db.execute("COPY t TO ?", (str(link),))
    assert elsewhere.read_text() == "untouched" and not link.is_symlink() and link.read_text() == "a\n1\n2\n"
    with pytest.raises(NotSupportedError):
        db.execute("COPY (SELECT 'x,y') TO ? (QUOTE '')", (str(plain),))
    assert plain.read_text() == "old"
    db.execute("COPY (SELECT a + ? AS b FROM t) TO ? (HEADER FALSE)", (10, str(plain)))
    assert plain.read_text() == "11\n12\n" and plain.stat().st_mode & 0o777 == 0o640
    assert sorted(os.listdir(tmp_path)) == ["link.csv", "plain.csv", "secret"]
    for wrong in (tmp_path, tmp_path / "no" / "f.csv"):
        with pytest.raises(OperationalError):
            db.execute("COPY t TO ? (FORMAT csv)", (str(wrong),))
    fifo = tmp_path / "pipe.csv"
    os.mkfifo(fifo)
    for wrong in (tmp_path / "none.csv", fifo):
        with pytest.raises(OperationalError, match="cannot read"):
            db.execute("COPY t FROM ?", (str(wrong),))


def test_damaged_packed_files(db: Any, tmp_path: Path) -> None:
    db.execute("CREATE TABLE t (a INTEGER)")
    for suffix in ("csv.gz", "jsonl.gz", "parquet", "arrow"):
        path = tmp_path / f"f.{suffix}"
        good = gzip.compress(b'{"a": 1}\n' * 5000) if suffix == "jsonl.gz" else gzip.compress(b"1\n" * 5000)
        for data in (b"", b"no such thing", good[: len(good) // 2]):
            if data or not suffix.endswith("gz"):
                path.write_bytes(data)
                with pytest.raises(DataError):
                    db.execute("COPY t FROM ?", (str(path),))
    assert db.execute("SELECT count(*) FROM t").fetchone() == (0,)


def test_json_lines(db: Any, tmp_path: Path) -> None:
    db.execute("CREATE TABLE t (a INTEGER, b TEXT DEFAULT 'd', c BOOLEAN)")
    path = tmp_path / "f.jsonl"
    path.write_text('{"a": 1, "c": true}\n\n{"c": null, "a": "2"}\n')
    db.execute("COPY t FROM ?", (str(path),))
    assert list(db.execute("SELECT * FROM t")) == [(1, "d", True), (2, "d", None)]
    db.execute("CREATE TABLE n (b TEXT)")
    path.write_text('{"b": {"x": [1, "é"]}}\n')
    db.execute("COPY n FROM ?", (str(path),))
    assert list(db.execute("SELECT * FROM n")) == [('{"x": [1, "é"]}',)]
    for text, message in [
        ('{"a": 1}\n{"a": 1.5}\n', ":2:a: 1.5 is no INTEGER"), ('{"a": [1]}\n', ":1:a: "), ("{}\n{\n", ":2: no JSON"),
        ("[1]\n", ":1: every line"), ('{"a": NaN}\n', ":1: no JSON"), ('{"a": 1}\n{"q": 1}\n', ":2: q is none"),
        ('{"a": 99999999999999999999}\n', ":1:a: the integer"), ("[" * 100_000 + "\n", ":1: no JSON"),
    ]:  # fmt: skip
        path.write_text(text)
        with pytest.raises(DataError) as caught:
            db.execute("COPY t FROM ?", (str(path),))
        assert message in str(caught.value)


def test_arrow_types_without_loss(db: Any, tmp_path: Path) -> None:
    import pyarrow.parquet as pq

    db.execute("CREATE TABLE t (a INTEGER, b REAL, c TEXT, d TIMESTAMP, e DATE)")
    path = str(tmp_path / "f.parquet")
    day = datetime.datetime(2024, 1, 1, 5)

    def load(**arrays: Any) -> list[Any]:
        pq.write_table(pa.table(arrays), path)
        db.execute("DELETE FROM t")
        db.execute("COPY t FROM ?", (path,))
        return list(db.execute(f"SELECT {', '.join(arrays)} FROM t"))

    assert load(a=pa.array([1, None], pa.uint8()), b=pa.array([1.5, float("nan")], pa.float32())) == [
        (1, 1.5),
        (None, None),
    ]
    assert load(a=pa.array([1.0, 2.0])) == [(1,), (2,)]
    assert load(c=pa.array(["x", "y"]).dictionary_encode()) == [("x",), ("y",)]
    assert load(c=pa.array([b"x"], pa.large_binary()).cast(pa.large_string())) == [("x",)]
    assert load(d=pa.array([day], pa.timestamp("ns", "Europe/Berlin"))) == [(day,)]
    assert load(e=pa.array([day.replace(hour=0)], pa.timestamp("s"))) == [(day.date(),)]
    for arrays in (
        {"a": pa.array([1.0, 1.5])},
        {"a": pa.array([2**63], pa.uint64())},
        {"b": pa.array([2**53 + 1])},
        {"d": pa.array([1], pa.timestamp("ns"))},
        {"e": pa.array([day])},
        {"a": pa.array([[1]])},
    ):
        with pytest.raises(DataError, match=path):
            load(**arrays)


def test_memory_stays_flat(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is held at a time is a few batches (Arrow reads 32 blocks ahead), however long the file."""
    monkeypatch.setattr(csv_source, "BLOCK", 1 << 16)
    path = tmp_path / "f.csv"
    db = engine.open(str(tmp_path / "db.ank"), synchronous="off")
    peaks = []
    for portions in (30, 90):
        db.execute("CREATE TABLE t (a INTEGER, b TEXT)")
        with path.open("w") as file:
            for i in range(portions):
                file.writelines(f"{i * 2000 + j},{'x' * 100}\n" for j in range(2000))
        tracemalloc.start()
        try:
            before = pa.total_allocated_bytes()
            db.execute("COPY t FROM ?", (str(path),))
            peaks.append(tracemalloc.get_traced_memory()[1])
            assert pa.total_allocated_bytes() - before < 8 << 20
        finally:
            tracemalloc.stop()
        assert db.execute("SELECT count(*), max(a) FROM t").fetchone() == (portions * 2000, portions * 2000 - 1)
        db.execute("DROP TABLE t")
    db.close()
    assert peaks[1] < 1.5 * peaks[0], peaks


def test_refusals(db: Any, tmp_path: Path) -> None:
    db.execute("CREATE TABLE t (a INTEGER)")
    db.execute("CREATE VIEW v AS SELECT * FROM t")
    path = tmp_path / "f.csv"
    path.write_text("1\n")
    with pytest.raises(ProgrammingError, match="not a table"):
        db.execute("COPY v FROM ?", (str(path),))
    with pytest.raises(ProgrammingError):
        db.execute("COPY nowhere FROM ?", (str(path),))
    with pytest.raises(ProgrammingError):
        db.execute("COPY t FROM ?", (7,))
    with pytest.raises(ProgrammingError):
        db.execute("COPY t FROM ?", ("a", str(path)))
    with pytest.raises(ReadOnlyError), db.begin(readonly=True) as txn:
        txn.execute("COPY t FROM ?", (str(path),))
    with pytest.raises(ProgrammingError, match="same name"):
        db.execute("COPY (SELECT 1 AS a, 2 AS a) TO ?", (str(tmp_path / "f.jsonl"),))
    assert db.execute("COPY v TO ?", (str(path),)).rowcount == 0


def test_explain_shows_what_is_copied(tmp_path: Path) -> None:
    with engine.open(":memory:") as db:
        db.execute("CREATE TABLE t (a INTEGER PRIMARY KEY, b TEXT)")
        db.executemany("INSERT INTO t VALUES (?, ?)", [(i, f"x{i}") for i in range(10)])
        path = tmp_path / "f.csv.gz"
        rows = db.execute(f"EXPLAIN COPY (SELECT b FROM t WHERE a = 3) TO '{path}'").fetchall()
        assert rows[0][0] == "copy to" and "f.csv.gz as csv, gzip" in rows[0][1]
        assert rows[1][0] == "  lookup" or "lookup" in rows[1][0]
        assert not path.exists()
        (row,) = db.execute(f"EXPLAIN ANALYZE COPY t TO '{path}'").fetchall()
        assert row[0] == "copy to" and row[3:5] == (10, 1) and row[5] > 0
        db.execute("CREATE TABLE u (a INTEGER PRIMARY KEY, b TEXT)")
        (row,) = db.execute("EXPLAIN COPY u (b, a) FROM ?", (str(path),)).fetchall()
        assert row[0] == "copy from" and row[1].startswith("u (b, a); ")
        assert db.execute("SELECT count(*) FROM u").fetchone() == (0,)
        (row,) = db.execute(f"EXPLAIN ANALYZE COPY u FROM '{path}'").fetchall()
        assert row[0] == "copy from" and row[3] == 10
        assert db.execute("SELECT count(*) FROM u").fetchone() == (10,)
        with pytest.raises(engine.ProgrammingError, match="no such table"):
            db.execute("EXPLAIN COPY nothing FROM 'f.csv'")
