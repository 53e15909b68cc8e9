"""What people type who come from psql, sqlite3 or MySQL, and what they are told."""

from __future__ import annotations

import io

import pytest

import engine
from anokuro_cli.errors import Problem, explain, show_problem
from anokuro_cli.habits import MODES as HABITS
from anokuro_cli.render.output import Output
from anokuro_cli.settings import MODES
from tests.shell.test_script import anokuro


@pytest.mark.parametrize(
    ("sql", "hint"),
    [
        ("SHOW TABLES", r"\dt lists tables"),
        ("describe t;", r"\d TABLE"),
        ("PRAGMA journal_mode", "sys.*"),
        ("attach 'b.db' as b", ".open FILE"),
        ("TRUNCATE t", "DELETE FROM"),
        ("help;", ".help"),
        ("selec 1", "did you mean SELECT?"),
    ],
)
def test_statements_that_only_others_have_get_a_hint(sql: str, hint: str) -> None:
    with engine.open(":memory:") as db, pytest.raises(engine.ParseError) as caught:
        db.execute(sql)
    assert hint in (explain(caught.value, sql).hint or "")


def test_names_of_modes_lead_to_modes() -> None:
    assert set(HABITS.values()) <= set(MODES)
    assert not HABITS.keys() & set(MODES)
    done = anokuro(
        ":memory:", "-c", ".mode list", "-c", "select 1 as a, 2 as b;", "-c", ".mode quote", "-c", "select 'x';"
    )
    assert done.returncode == 0, done.stderr
    assert "1\t2\n" in done.stdout
    assert "INSERT INTO" in done.stdout


@pytest.mark.parametrize("width", [20, 40, 80, 200])
def test_long_messages_break_between_words(width: int) -> None:
    message = 'unexpected "describe", expected a statement, such as SELECT, INSERT or CREATE'
    output = Output(io.StringIO(), True, width, 24, False, True)
    show_problem(Problem(message, hint=" ".join(["some words of advice"] * 6)), output)
    shown = output.stream.getvalue()  # type: ignore[attr-defined]
    assert max(map(len, shown.splitlines())) <= width
    assert " ".join(shown.split()).startswith(f"error: {message} hint: some words")
    file = Output(io.StringIO())
    show_problem(Problem(message), file)
    assert file.stream.getvalue() == f"error: {message}\n"  # type: ignore[attr-defined]
