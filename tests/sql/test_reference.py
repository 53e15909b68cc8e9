"""The examples of the language reference are carried out, each chapter on the tables it speaks of."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from engine.sql.session import Session
from grammar import parse_script
from grammar.tokens import split

README = (Path(__file__).resolve().parents[2] / "grammar" / "README.md").read_text(encoding="utf-8")
TABLES = {
    "Windows": ["CREATE TABLE d (carrier TEXT, day INTEGER, delay INTEGER)", "INSERT INTO d VALUES ('a', 1, 5), ('a', 2, -3), ('b', 9, 1)"],
    "Files": ["CREATE TABLE f (id INTEGER PRIMARY KEY, a TEXT, b REAL)", "INSERT INTO f VALUES (1, 'x', NULL)"],
    "Changes": [
        "CREATE TABLE t (id INTEGER PRIMARY KEY, a INTEGER UNIQUE, b TEXT, c INTEGER)",
        "CREATE TABLE u (id INTEGER, a INTEGER, b TEXT, c INTEGER)",
    ],
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
NOT_YET = ("CREATE TABLE IF NOT EXISTS t",)  # COLLATE NOCASE in a column
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
        if sql.startswith(NOT_YET):
            if sql.startswith("CREATE TABLE"):
                session.execute(sql.replace(" COLLATE NOCASE", ""))
            continue
        assert parse_script(sql)
        if sql.startswith(("SELECT", "EXPLAIN")):
            session.execute(sql).fetchall()
        else:
            session.execute(sql)
