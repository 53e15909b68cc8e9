"""The example that the README's first command runs: it runs to the end, twice, and its answers are SQLite's."""

from __future__ import annotations

import csv
import gzip
import os
import re
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
SCRIPT = ROOT / "examples" / "flights.sql"


def statements() -> Iterator[str]:
    """The statements and dot commands of the script, in order, without comments."""
    pending = ""
    for line in SCRIPT.read_text(encoding="utf-8").splitlines():
        if line.startswith("."):
            yield line
            continue
        pending += re.sub(r"--.*", "", line) + "\n"
        if sqlite3.complete_statement(pending):
            yield pending.strip()
            pending = ""
    assert not pending.strip()


def question_texts() -> list[str]:
    return [text for text in statements() if text.startswith("SELECT") and "worst_" not in text]


def run_script(database: Path) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "NO_COLOR": "1", "COLUMNS": "100"}
    command = [sys.executable, "-m", "anokuro_cli", "run", str(SCRIPT.relative_to(ROOT)), str(database)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, env=environment)


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The database the script makes."""
    database = tmp_path_factory.mktemp("example") / "flights.ank"
    done = run_script(database)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr
    for title in (text.removeprefix(".print ") for text in statements() if text.startswith(".print")):
        assert title in done.stdout
    return database


@pytest.fixture(scope="module")
def oracle() -> Iterator[sqlite3.Connection]:
    """The same tables in SQLite, filled by Python's csv module."""
    connection = sqlite3.connect(":memory:", isolation_level=None)
    for text in statements():
        if text.startswith("CREATE"):
            connection.execute(text)
        elif text.startswith(".import"):
            _, path, table, *_ = text.split()
            opener = gzip.open if path.endswith(".gz") else open
            with opener(ROOT / path, "rt", encoding="utf-8", newline="") as file:
                header, *rows = csv.reader(file)
            values = [[None if value == "NA" else value for value in row] for row in rows]
            connection.executemany(f"INSERT INTO {table} VALUES ({', '.join('?' * len(header))})", values)
    yield connection
    connection.close()


def test_there_are_a_dozen_questions() -> None:
    assert len(question_texts()) >= 12


@pytest.mark.parametrize("number", range(1, len(question_texts()) + 1))
def test_answers_are_those_of_sqlite(number: int, filled: Path, oracle: sqlite3.Connection) -> None:
    import engine

    question = question_texts()[number - 1]
    expected = oracle.execute(question).fetchall()
    assert expected
    with engine.open(str(filled), readonly=True) as db:
        rows = db.execute(question).fetchall()
    assert len(rows) == len(expected)
    for row, wanted in zip(rows, expected, strict=True):
        # rounded averages may differ in the last place, where the exact value lies in the middle
        assert tuple(row) == pytest.approx(wanted, abs=0.1)


def test_it_can_be_run_again(filled: Path) -> None:
    done = run_script(filled)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr
