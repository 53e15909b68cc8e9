"""The prompt in a pseudo-terminal: keys typed, screen read."""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import engine
from tests.shell.terminal import Terminal

RUNNER = [sys.executable, str(Path(__file__).with_name("runner.py"))]


class Shell(Terminal):
    """The shell with a history of its own."""

    def __init__(self, folder: Path, *arguments: str, columns: int = 80, lines: int = 24, **environment: str):
        self.history = folder / "state" / "history.jsonl"
        clean = {
            name: value for name, value in os.environ.items() if name not in ("NO_COLOR", "PAGER", "ANOKURO_PAGER")
        }
        settings = {"TERM": "xterm-256color", "ANOKURO_HISTORY": str(self.history), "LC_ALL": "C.UTF-8", **environment}
        super().__init__([*RUNNER, *arguments], {**clean, **settings}, columns, lines)

    def run(self, text: str, shows: str) -> str:
        """Types a line and Enter and waits for what it shows."""
        self.type(text + "\r")
        return self.wait_for(shows)


@pytest.fixture
def shell(tmp_path: Path) -> Iterator[Shell]:
    with Shell(tmp_path) as shell:
        shell.wait_for("anokuro>")
        yield shell


def test_a_statement_of_several_lines(shell: Shell) -> None:
    shell.type("SELECT 1 AS one,\r")
    shell.wait_for("...")
    screen = shell.run("'b' AS two;", "(1 row)")
    assert " one │ two" in screen
    assert "   1 │ b" in screen


def test_toolbar_and_prompt_show_the_transaction(shell: Shell) -> None:
    assert ":memory:" in shell.screen()
    shell.run("BEGIN;", "anokuro*>")
    shell.wait_for("in transaction")
    shell.type("\x04")
    shell.wait_for("Leave? [y/N]")
    shell.type("n\r")
    shell.run("ROLLBACK;", "rollback ok")
    shell.wait_for("F4 vi")  # the toolbar: the next prompt reads keys; between two prompts the terminal swallows Ctrl-D
    shell.type("\x04")
    assert shell.wait_until_gone() == 0


def test_an_error_shows_a_hint_and_the_session_goes_on(shell: Shell) -> None:
    shell.run("SELECT nope;", "error: no such column: nope")
    shell.run(".tabels", "did you mean .tables?")
    shell.run("SELECT 42 AS answer;", "answer")


def test_tab_completes(shell: Shell) -> None:
    shell.run("CREATE TABLE flights (carrier TEXT, destination TEXT);", "create ok")
    shell.type("select dest from fli")
    shell.wait_for("flights  table")
    shell.type("\t")
    shell.wait_for("dest from flights")
    shell.type(";\r")
    shell.wait_for("no such column: dest")
    shell.type("select f. from flights f" + "\x1b[D" * 15)
    shell.type("car")
    shell.wait_for("carrier  TEXT f")
    shell.type("\t")
    shell.wait_for("f.carrier from")
    shell.type("\x05;\r")
    shell.wait_for("(0 rows)")


def test_dot_commands_complete(shell: Shell) -> None:
    shell.type(".ti")
    shell.wait_for("Show how long")
    shell.type("\t\r\r")  # the first Enter takes the candidate
    shell.wait_for("timer on")


def test_enter_takes_the_chosen_candidate_first(shell: Shell) -> None:
    shell.type("sel")
    shell.wait_for("keyword")
    shell.type("\t")
    shell.type("\r")
    shell.run(" 7 as n;", "(1 row)")


def test_ctrl_c_clears_the_line(shell: Shell) -> None:
    shell.type("SELECT garbage")
    shell.wait_for("garbage")
    shell.type("\x03")
    shell.run("SELECT 1 AS clean;", "(1 row)")


def test_a_long_result_goes_through_the_pager(shell: Shell) -> None:
    shell.run(
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100000) SELECT i FROM n;", "\n:"
    )
    shell.type("q")
    shell.wait_for("anokuro>")
    assert "error" not in shell.screen()
    shell.run("SELECT 6 AS six;", "(1 row)")


HOSTILE = "\x1b]0;owned\x07\x9b31m\u202e"


def test_nothing_hostile_is_written(tmp_path: Path) -> None:
    """Cells, headers, table names, completions and error messages."""
    path = tmp_path / "evil.ank"
    with engine.open(path) as db:
        db.execute(f'CREATE TABLE "t{HOSTILE}" ("c{HOSTILE}" TEXT)')
        db.execute(f'INSERT INTO "t{HOSTILE}" VALUES (?)', (HOSTILE,))
    with Shell(tmp_path, str(path), columns=200) as shell:
        shell.wait_for("evil>")
        shell.run(".tables", "table")
        shell.run(".schema", "CREATE TABLE")
        shell.type("SELECT * FROM t")
        shell.wait_for("function")
        shell.type("\t")
        shell.wait_for('FROM "t')
        shell.type(";\r")
        shell.wait_for("(1 row)")
        shell.run(f"SELECT {HOSTILE};", "error")
        for part in (b"\x1b]0;owned", "\x9b31m".encode(), "\u202e".encode()):
            assert part not in shell.raw


def test_history_is_kept_privately(tmp_path: Path) -> None:
    with Shell(tmp_path) as shell:
        shell.wait_for("anokuro>")
        shell.run("SELECT 'remembered' AS r;", "(1 row)")
        shell.wait_for("anokuro>", 2)  # by then it is written
        history = shell.history
    assert stat.S_IMODE(history.stat().st_mode) == 0o600
    with Shell(tmp_path) as shell:
        shell.wait_for("anokuro>")
        shell.type("\x1b[A")
        shell.wait_for("SELECT 'remembered' AS r;")
        shell.type("\r")
        shell.wait_for("(1 row)")


def test_an_unwritable_home_only_warns(tmp_path: Path) -> None:
    blocker = tmp_path / "file"
    blocker.write_text("")
    with Shell(tmp_path, ANOKURO_HISTORY=str(blocker / "history")) as shell:
        shell.wait_for("anokuro>")
        shell.run("SELECT 1 AS one;", "(1 row)")
        assert "history is not kept" in shell.screen()


def test_a_narrow_terminal(tmp_path: Path) -> None:
    with Shell(tmp_path, columns=20) as shell:
        shell.wait_for("anokuro>")
        shell.run("SELECT 1 AS first_column, 2 AS second_column;", "(1 row)")


def test_no_colour(tmp_path: Path) -> None:
    with Shell(tmp_path, NO_COLOR="1") as shell:
        shell.wait_for("anokuro>")
        shell.run("SELECT NULL AS n;", "(1 row)")
        assert b"\x1b[31m" not in shell.raw and b"\x1b[34m" not in shell.raw and b"\x1b[2m" not in shell.raw


def test_the_banner_names_the_file(tmp_path: Path) -> None:
    path = tmp_path / "shop.ank"
    with Shell(tmp_path, str(path), columns=200) as shell:
        shell.wait_for("shop>")
        assert "made by the first statement that writes" in shell.screen()
        shell.run("CREATE TABLE t (a INTEGER);", "create ok")
        assert path.exists()
        shell.run(".quit 3", "")
        assert shell.wait_until_gone() == 3
