"""Dot commands on a session whose output is text."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path

import pytest

from anokuro_cli.dot.registry import COMMANDS, lookup, words_of
from anokuro_cli.errors import Leave, ShellError
from anokuro_cli.opening import Handle
from anokuro_cli.render.output import Output
from anokuro_cli.settings import Settings
from anokuro_cli.shell import Session


class Recorded(Session):
    """A session that hands out what it wrote."""

    def does(self, *lines: str) -> str:
        """Runs lines of a script; what they wrote, errors included."""
        for output in (self.output, self.messages):
            output.stream = io.StringIO()
        self.run_script([line + "\n" for line in lines], "s")
        return "".join(output.stream.getvalue() for output in (self.output, self.messages))  # type: ignore[attr-defined]


@pytest.fixture
def session(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Recorded]:
    monkeypatch.chdir(tmp_path)
    settings = Settings(mode="tsv", mode_chosen=False)
    session = Recorded(Handle(":memory:"), Output(io.StringIO()), Output(io.StringIO()), settings)
    session.does("CREATE TABLE t (a INTEGER PRIMARY KEY, b TEXT NOT NULL);", "CREATE INDEX by_b ON t (b);")
    session.does("INSERT INTO t VALUES (1, 'x'), (2, 'y');", "CREATE TABLE other (z REAL);")
    yield session
    session.handle.close()


def test_what_is_in_the_database(session: Recorded) -> None:
    assert session.does(".tables") == "other\nt\n"
    assert session.does("\\dt t*") == "t\n"
    assert "sys.pages" in session.does(".tables sys.*").splitlines()
    assert session.does("\\dt sys.wal%") == "sys.wal\nsys.wal_stats\n"
    assert session.does(".indexes") == "by_b\tt\tb\tfalse\n"
    assert session.does("\\d t") == "a\tINTEGER\tnot null\tprimary key\nb\tTEXT\tnot null\t\nindex by_b (b)\n"
    schema = session.does(".schema t")
    assert schema.startswith("CREATE TABLE t (a INTEGER PRIMARY KEY, b TEXT NOT NULL);\nCREATE INDEX by_b ON t")
    assert "no such table: tt" in session.does(".schema tt")


def test_the_schema_can_be_run_again(session: Recorded) -> None:
    schema = session.does(".schema")
    session.does(".open :memory:", schema)
    assert session.does(".schema") == schema


def test_how_results_are_shown(session: Recorded) -> None:
    query = "SELECT a, NULL AS n FROM t WHERE a = 1;"
    assert session.does(query) == "1\t\n"
    assert session.does(".headers on", ".nullvalue -", query) == "a\tn\n1\t-\n"
    assert session.does(".mode json", query) == '[{"a":1,"n":null}]\n'
    assert (
        session.does(".mode md", ".nullvalue", ".headers off", query) == "|   a | n   |\n| --: | --- |\n|   1 |     |\n"
    )
    assert (
        session.does(".mode table", ".headers on", "\\x", query) == "─[ row 1 ]\na │ 1\nn │ NULL\nexpanded output: on\n"
    )
    assert session.does(".mode") == "table\n"
    assert "did you mean markdown?" in session.does(".mode markdwn")
    assert session.does(".echo on", ".print 'a  b' c") == ".print 'a  b' c\na  b c\n"
    assert "time " in session.does(".echo off", ".timer on", ".mode tsv", "SELECT 1;")
    assert "    nullvalue" not in session.does(".show")
    assert " nullvalue: auto" in session.does(".show")


def test_open_and_read(session: Recorded, tmp_path: Path) -> None:
    (tmp_path / "s.sql").write_text("CREATE TABLE made (a INTEGER);\n.tables\n")
    assert session.does(".open new.ank", ".read s.sql") == "made\n"
    assert (tmp_path / "new.ank").exists()
    assert session.does(".open new.ank --readonly", ".tables") == "made\n"
    assert "read-only" in session.does("CREATE TABLE no (a INTEGER);")
    (tmp_path / "text").write_text("no database " * 1000)
    assert "cannot open" in session.does(".open text")
    assert session.does(".tables") == "made\n"
    assert "there is no folder" in session.does(".open no/x.ank")
    assert "s.sql2: no such file" in session.does(".read s.sql2")


def test_import(session: Recorded, tmp_path: Path) -> None:
    (tmp_path / "in.csv").write_text("a,b\n3,NA\n4,z\n")
    assert "row 2" in session.does(".import in.csv t --null NA")
    assert session.does("SELECT count(*) FROM t;") == "2\n"
    assert "imported 2 rows into t" in session.does(".import in.csv t --null -")
    assert session.does("SELECT count(*), max(b) FROM t;") == "4\tz\n"


def test_an_open_transaction_is_not_lost_without_asking(session: Recorded) -> None:
    assert "a transaction is open" in session.does("BEGIN;", ".open :memory:")
    assert session.does(".tables") == "other\nt\n"
    session.settings.yes = True
    assert session.does(".open :memory:", ".tables") == ""


@pytest.mark.parametrize("line", [".quit 3", "\\q 3", ".exit 3"])
def test_quit(session: Recorded, line: str) -> None:
    with pytest.raises(Leave) as left:
        session.does(line)
    assert left.value.status == 3


def test_help(session: Recorded) -> None:
    text = session.does(".help")
    for name in COMMANDS:
        assert f"\n  {name} " in text
    assert ".timer" in session.does(".help timer")
    assert "did you mean .timer?" in session.does(".help timr")


def test_reading_a_line() -> None:
    assert words_of('a \'b  c\' "d ""e""" f\'g') == ["a", "b  c", 'd "e"', "f'g"]
    with pytest.raises(ShellError):
        words_of("'open")
    assert lookup("\\?") is COMMANDS[".help"]
    assert lookup(".tab") is COMMANDS[".tables"]
    assert lookup(".s") is None


def test_the_number_of_words_is_checked(session: Recorded) -> None:
    assert "usage: .read FILE" in session.does(".read")
    assert "usage: .show" in session.does(".show x")
