"""Import: types, packed files, refusals, nothing half-imported."""

from __future__ import annotations

import gzip
import io
import os
import subprocess
import sys
import threading
import zipfile
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anokuro_cli.errors import ShellError
from anokuro_cli.importing import run
from anokuro_cli.importing.arguments import make_plan, plan_from_words
from anokuro_cli.importing.convert import Memory
from anokuro_cli.importing.infer import Inference
from anokuro_cli.opening import Handle
from anokuro_cli.render.output import Output
from anokuro_cli.shell import Session


@pytest.fixture
def session() -> Session:
    return Session(Handle(":memory:"), Output(io.StringIO()), Output(io.StringIO()))


def load(session: Session, path: Path, **options: Any) -> run.Imported:
    return run.import_file(session, make_plan(str(path), "t", **options))


def query(session: Session, sql: str) -> list[tuple[Any, ...]]:
    return session.db.execute(sql).fetchall()


def write(folder: Path, text: str, name: str = "data.csv") -> Path:
    path = folder / name
    path.write_bytes(text.encode())
    return path


@pytest.mark.parametrize(
    ("texts", "kind"),
    [
        (["1", "-2", "0"], "INTEGER"),
        (["9223372036854775807", "-9223372036854775808"], "INTEGER"),
        (["9223372036854775808"], "TEXT"),
        (["007", "8"], "TEXT"),
        (["+5"], "TEXT"),
        (["-0"], "INTEGER"),
        (["1_000"], "TEXT"),
        (["1", "2.5"], "REAL"),
        (["1e3", ".5", "-2."], "REAL"),
        (["1.5", "9007199254740993"], "TEXT"),
        (["1e999"], "TEXT"),
        (["nan", "1.0"], "TEXT"),
        (["."], "TEXT"),
        (["true", "FALSE"], "BOOLEAN"),
        (["true", "1"], "TEXT"),
        (["2013-01-31", "2012-02-29"], "DATE"),
        (["2013-02-29"], "TEXT"),
        (["2013-01-01T10:00:00Z"], "TIMESTAMP"),
        (["2013-01-01 10:00", "2013-01-01T10:00:00.25+02:00"], "TIMESTAMP"),
        (["2013-01-31", "2013-01-01T10:00:00Z"], "TEXT"),
        (["2013-01-01T25:00:00Z"], "TEXT"),
        (["NA", ""], "TEXT"),
        (["NA", "", "12"], "INTEGER"),
        (["x", "1"], "TEXT"),
        (["１２"], "TEXT"),
        ([" 1"], "TEXT"),
    ],
)
def test_inference(texts: list[str], kind: str, session: Session, tmp_path: Path) -> None:
    inference = Inference(1, ("NA",))
    inference.look([[text] for text in texts])
    assert inference.types[0].replace("UNKNOWN", "TEXT") == kind
    rows = "".join(f'"{text}"\n' for text in texts)
    done = load(session, write(tmp_path, "c\n" + rows), create=True, nulls=("NA",))
    assert done.columns == (("c", kind),)
    assert done.rows == len(texts)


@given(st.lists(st.one_of(st.integers(-(10**19), 10**19).map(str), st.floats().map(repr), st.text(max_size=5))))
def test_what_is_inferred_converts(texts: list[str]) -> None:
    inference = Inference(1, ("",))
    inference.look([[text] for text in texts])
    memory = Memory(inference.types[0], ("",))
    for text in texts:
        value = memory[text]
        assert value is None if text == "" else value is not None


def test_conversion_to_utc() -> None:
    memory = Memory("TIMESTAMP", ())
    assert memory["2013-01-01T10:00:00Z"] == datetime(2013, 1, 1, 10)
    assert memory["2013-01-01T10:00:00+02:00"] == datetime(2013, 1, 1, 8)
    assert Memory("DATE", ())["2013-01-31"] == date(2013, 1, 31)
    assert Memory("BLOB", ())["x'00ff'"] == b"\x00\xff"


def test_a_late_contradiction_widens_the_type(
    session: Session, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run, "GUESS_ROWS", 10)
    monkeypatch.setattr(run, "BATCH_ROWS", 10)
    rows = "".join(f"{number},{'' if number < 90 else 7}\n" for number in range(95)) + "1.5,7\nx,7\n"
    done = load(session, write(tmp_path, "a,b\n" + rows), create=True)
    assert done.columns == (("a", "TEXT"), ("b", "INTEGER"))
    assert query(session, "SELECT count(*), count(b), max(a) FROM t") == [(97, 7, "x")]


@pytest.mark.parametrize("kind", ["plain", "gz", "zip"])
def test_packed_files(kind: str, session: Session, tmp_path: Path) -> None:
    text = '\ufeffa,b\r\n1,x\r\n\r\n2,"y\nz"\r\n'
    path = tmp_path / {"plain": "d.csv", "gz": "d.csv.gz", "zip": "d.csv.zip"}[kind]
    if kind == "zip":
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("folder/", "")
            archive.writestr("folder/d.csv", text)
    else:
        path.write_bytes(gzip.compress(text.encode()) if kind == "gz" else text.encode())
    assert load(session, path, create=True).rows == 2
    assert query(session, "SELECT a, b FROM t ORDER BY a") == [(1, "x"), (2, "y\nz")]


def test_a_pipe_is_read_once(session: Session, tmp_path: Path) -> None:
    pipe = tmp_path / "d.csv"
    os.mkfifo(pipe)

    def write() -> None:
        with pipe.open("w") as file:
            for number in range(5000):
                file.write(f"{number},{number if number < 4000 else 'x'}\n" if number else "a,b\n")

    writer = threading.Thread(target=write)
    writer.start()
    done = load(session, pipe, create=True)
    writer.join()
    assert done.columns == (("a", "INTEGER"), ("b", "TEXT"))
    assert query(session, "SELECT count(*), min(a), max(a) FROM t") == [(4999, 1, 4999)]
    text = "a,b\n" + "".join(f"{number},2\n" for number in range(3000))
    child = subprocess.run(
        [sys.executable, "-m", "anokuro_cli", "import", str(tmp_path / "new.ank"), "-", "--table", "t", "--create"],
        input=text, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert child.stderr.startswith("imported 3,000 rows into t")


def test_delimiters_and_missing_header(session: Session, tmp_path: Path) -> None:
    load(session, write(tmp_path, "1\tx\n", "d.tsv"), create=True, header=False)
    assert query(session, "SELECT c1, c2 FROM t") == [(1, "x")]
    load(session, write(tmp_path, "c2;c1\ny;2\n"), delimiter=";")
    assert query(session, "SELECT c1, c2 FROM t ORDER BY c1") == [(1, "x"), (2, "y")]


REFUSED = [
    ("a,b\n1,2\n3\n", {}, "row 3: 1 fields, but there are 2 columns"),
    ("a,b\n1,2\n3,4,5\n", {}, "row 3: 3 fields, but there are 2 columns"),
    ("a,a\n1,2\n", {}, "two columns are called 'a'"),
    ("a,\n1,2\n", {}, "column 2 has no name"),
    ("", {}, "is empty"),
    ('a\n"x\n', {}, "unexpected end of data"),
    ("a\n1\n", {"delimiter": ";;"}, "delimiter must be one character"),
    ("a\n1\n", {"create": False}, "no such table: t"),
]


@pytest.mark.parametrize(("text", "options", "message"), REFUSED)
def test_refusals_leave_nothing(
    text: str, options: dict[str, Any], message: str, session: Session, tmp_path: Path
) -> None:
    with pytest.raises(ShellError, match=message):
        load(session, write(tmp_path, text), **{"create": True, **options})
    assert query(session, "SELECT name FROM sys.tables") == []
    assert not session.handle.in_transaction()


def test_a_bad_number_names_row_and_column(session: Session, tmp_path: Path) -> None:
    session.db.execute("CREATE TABLE t (a INTEGER, b REAL)")
    with pytest.raises(ShellError, match=r"row 3, column b: 'x' is not of type REAL"):
        load(session, write(tmp_path, "a,b\n1,2\n3,x\n"))
    assert query(session, "SELECT count(*) FROM t") == [(0,)]


def test_a_constraint_names_the_row(session: Session, tmp_path: Path) -> None:
    session.db.execute("CREATE TABLE t (a INTEGER PRIMARY KEY)")
    with pytest.raises(Exception, match="row 4: PRIMARY KEY"):
        load(session, write(tmp_path, "a\n1\n2\n1\n"))
    assert query(session, "SELECT count(*) FROM t") == [(0,)]


def test_inside_a_transaction_only_the_import_is_undone(session: Session, tmp_path: Path) -> None:
    session.db.execute("CREATE TABLE t (a INTEGER)")
    session.execute("BEGIN")
    session.db.execute("INSERT INTO t VALUES (7)")
    with pytest.raises(ShellError):
        load(session, write(tmp_path, "a\n1\nx\n"))
    assert session.handle.in_transaction()
    assert query(session, "SELECT a FROM t") == [(7,)]
    load(session, write(tmp_path, "a\n1\n2\n"))
    session.db.execute("COMMIT")
    assert query(session, "SELECT count(*) FROM t") == [(3,)]


def test_not_utf8_truncated_and_wrong_archives(session: Session, tmp_path: Path) -> None:
    bad = tmp_path / "bad.csv"
    bad.write_bytes(b"a\n\xff\xfe\n")
    with pytest.raises(ShellError, match="not UTF-8"):
        load(session, bad, create=True)
    cut = tmp_path / "cut.csv.gz"
    cut.write_bytes(gzip.compress(b"a\n" + b"1\n" * 10000)[:-20])
    with pytest.raises(ShellError):
        load(session, cut, create=True)
    no_zip = write(tmp_path, "a\n1\n", "d.zip")
    with pytest.raises(ShellError, match="not a zip archive"):
        load(session, no_zip, create=True)
    with pytest.raises(ShellError, match="is a directory"):
        load(session, tmp_path, create=True)
    with pytest.raises(FileNotFoundError):
        load(session, tmp_path / "missing.csv", create=True)
    assert query(session, "SELECT name FROM sys.tables") == []


def test_words_of_the_dot_command() -> None:
    plan = plan_from_words(["2013 flights.csv.zip", "--create", "--null=NA", "--null", "?"])
    assert (plan.table, plan.create, plan.nulls) == ("t_2013_flights", True, ("NA", "?"))
    with pytest.raises(ShellError, match="unknown option --creat"):
        plan_from_words(["x.csv", "--creat"])
