"""The examples of the language reference are carried out, each chapter on the tables it speaks of."""

from __future__ import annotations

import re
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from engine.base.errors import Error
from engine.base.options import Options
from engine.record.types import type_names
from engine.sql import functions as fn
from engine.sql.session import Session
from grammar import ast, parse_script
from grammar.tokens import split

README = (Path(__file__).resolve().parents[2] / "grammar" / "README.md").read_text(encoding="utf-8")
TABLES = {
    "Windows": ["CREATE TABLE d (carrier TEXT, day INTEGER, delay INTEGER)", "INSERT INTO d VALUES ('a', 1, 5), ('a', 2, -3), ('b', 9, 1)"],
    "Files": ["CREATE TABLE f (id INTEGER PRIMARY KEY, a TEXT, b REAL)", "INSERT INTO f VALUES (1, 'x', NULL)"],
    "Changes": [
        "CREATE TABLE t (id INTEGER PRIMARY KEY, a INTEGER UNIQUE, b TEXT, c INTEGER)",
        "CREATE TABLE u (id INTEGER, a INTEGER, b TEXT, c INTEGER)",
    ],
    "COLLATE": [],
    "Definitions": ["CREATE TABLE u (id INTEGER PRIMARY KEY)"],
    "Indexes": ["CREATE TABLE orders (id INTEGER PRIMARY KEY, day DATE, price REAL, state TEXT, mail TEXT)"],
    "ALTER TABLE": [
        "CREATE TABLE u (id INTEGER PRIMARY KEY)",
        "CREATE TABLE t (id INTEGER PRIMARY KEY, title TEXT, price REAL, other INTEGER)",
        "INSERT INTO t VALUES (1, 'x', 2.5, NULL)",
    ],
    "FOREIGN KEY": [],
    "Statistics and plans": ["CREATE TABLE orders (id INTEGER PRIMARY KEY, day DATE, price REAL, state TEXT)"],
}  # fmt: skip
CHAPTERS = re.findall(r"^##+ ([^\n]*)\n(.*?)(?=^##+ |\Z)", README, re.DOTALL | re.MULTILINE)


@pytest.mark.parametrize("chapter", TABLES)
def test_the_examples_work(session: Session, chapter: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)  # where COPY puts its files
    (text,) = [body for title, body in CHAPTERS if title == chapter]
    for sql in TABLES[chapter]:
        session.execute(sql)
    examples = [
        piece.text.strip() for block in re.findall(r"```sql\n(.*?)```", text, re.DOTALL) for piece in split(block)
    ]
    assert len(examples) >= 2
    for sql in examples:
        assert parse_script(sql)
        if sql.startswith(("SELECT", "EXPLAIN")):
            session.execute(sql).fetchall()
        else:
            session.execute(sql)


def chapter(title: str) -> str:
    """The text of a chapter, with those below it."""
    found = re.search(rf"^(#+) {re.escape(title)}\n(.*?)(?=^#{{1,2}} |\Z)", README, re.DOTALL | re.MULTILINE)
    assert found is not None
    return found[2]


def cells(text: str, columns: int) -> list[list[str]]:
    """The rows of the tables of so many columns, without their heads."""
    rows = [
        [cell.strip().replace("&#124;", "|") for cell in line.strip("|").split(" | ")]
        for line in text.splitlines()
        if line.startswith("| ")
    ]
    return [row for row in rows if len(row) == columns]


def quoted(text: str) -> list[str]:
    return re.findall(r"`([^`]*)`", text)


def test_every_function_is_there() -> None:
    text = chapter("Functions")
    documented = {name.lower() for call in quoted(text) if "→" not in call for name in re.findall(r"^(\w+)\(", call)}
    assert documented == {*fn.names(), "now"}


EXAMPLES = re.findall(r"`([^`]+)` → `([^`]+)`", chapter("Functions"))


@pytest.mark.parametrize(("call", "value"), EXAMPLES)
def test_the_functions_give_what_is_said(session: Session, call: str, value: str) -> None:
    found, wanted = session.execute(f"SELECT {call}, {value}").fetchone()
    assert type(found) is type(wanted)
    assert found == (pytest.approx(wanted) if isinstance(wanted, float) else wanted)


def test_every_statement_is_there() -> None:
    rows = [line for line in chapter("Statements").splitlines() if line.startswith("| `")]
    documented = {name for row in rows for name in quoted(row.split(" | ")[0])}
    assert len(EXAMPLES) > 40 and len(rows) > 10
    words = {
        "Query": "SELECT", "CreateTable": "CREATE TABLE", "CreateIndex": "CREATE INDEX", "CreateView": "CREATE VIEW",
        "DropTable": "DROP TABLE", "DropIndex": "DROP INDEX", "DropView": "DROP VIEW", "AlterTable": "ALTER TABLE",
        "DropCheckpoint": "DROP CHECKPOINT", "InspectPage": "INSPECT", "InspectLayout": "INSPECT", "InspectTree": "INSPECT",
        "InspectWal": "INSPECT", "HistoryPage": "HISTORY", "HistoryRow": "HISTORY",
    }  # fmt: skip
    known = {words.get(kind.__name__, kind.__name__.upper()) for kind in ast.Statement.__subclasses__()}
    assert known <= documented
    assert documented - known == {"VALUES", "WITH", "REPLACE"}


def test_every_type_is_there() -> None:
    documented = {name for line in chapter("Types").splitlines() if line.startswith("| `") for name in quoted(line)}
    assert documented == set(type_names())


def test_every_option_that_limits_is_there() -> None:
    documented = {word for row in cells(chapter("Limits"), 3) for word in re.findall(r"`(\w+)`:", row[1])}
    assert documented == {name for name in Options.__annotations__ if name.startswith(("query_", "statement_"))}


def outcome(execute: Any, sql: str) -> str:
    """What a query gives, as the table of differences writes it."""
    try:
        rows = list(execute(sql))
    except (Error, sqlite3.Error):
        return "error"
    if not rows:
        return "no row"

    def shown(value: Any) -> str:
        return (
            "NULL"
            if value is None
            else repr(value).replace("True", "TRUE").replace("False", "FALSE")
            if not isinstance(value, str)
            else "'" + value.replace("'", "''") + "'"
        )

    return ", ".join(map(shown, rows[0]))


@pytest.mark.parametrize("row", cells(chapter("Where SQLite and PostgreSQL disagree"), 5)[1:], ids=lambda row: row[0])
def test_the_differences_are_so(session: Session, row: list[str]) -> None:
    _, example, here, lite, _ = row
    (sql,) = quoted(example)
    assert outcome(session.execute, sql) == here.strip("`")
    theirs = outcome(sqlite3.connect(":memory:").execute, sql)
    if lite == "REAL":
        assert isinstance(sqlite3.connect(":memory:").execute(sql).fetchone()[0], float)
    else:
        assert theirs == lite.strip("`")
