"""What the prompt asks, remembers, draws and obeys, in a pseudo-terminal."""

from __future__ import annotations

import json
import os
import shlex
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

import engine
from tests.shell.terminal import Terminal
from tests.shell.test_repl import RUNNER, Shell

MADE = "CREATE TABLE t (a INTEGER, b TEXT); INSERT INTO t VALUES (1, 'x'), (2, 'y'), (3, 'z');"


@pytest.fixture
def shell(tmp_path: Path) -> Iterator[Shell]:
    folder = tmp_path / "config" / "anokuro"
    folder.mkdir(parents=True)
    with Shell(tmp_path, XDG_CONFIG_HOME=str(tmp_path / "config"), columns=100) as shell:
        shell.wait_for("anokuro>")
        shell.run(MADE, "3 rows changed")
        yield shell


def answered(shell: Shell, statement: str, question: str, answer: str, shows: str) -> None:
    """Types a statement, waits for its question, which may stand on the screen already from before, and answers."""
    asked, shown = shell.screen().count(question), shell.screen().count(shows)
    shell.type(statement + "\r")
    shell.wait_for(question, asked + 1)
    shell.type(answer + "\r")
    shell.wait_for(shows, shown + 1)


def test_what_destroys_asks_first(shell: Shell) -> None:
    nothing = "nothing was changed"
    answered(shell, "DELETE FROM t;", "This will delete all 3 rows of t. Go on? [y/N]", "n", nothing)
    answered(shell, "UPDATE t SET a = 0;", "This will update all 3 rows of t. Go on?", "", nothing)
    shell.run("SELECT sum(a) AS total FROM t;", "(1 row)")
    assert "     6" in shell.screen()
    answered(shell, "DROP TABLE t;", "This will drop t with 3 rows. Go on?", "no", nothing)
    assert "error" not in shell.screen()  # who says no has made no mistake
    answered(shell, "DELETE FROM t;", "This will delete all 3 rows of t. Go on?", "y", "3 rows changed")
    shell.run("DELETE FROM t;", "0 rows changed")
    shell.run("DROP TABLE t;", "drop ok")


def test_ctrl_c_is_an_answer(shell: Shell) -> None:
    shell.run("DELETE FROM t;", "Go on? [y/N]")
    shell.type("\x03")
    shell.wait_for("nothing was changed")
    shell.run("SELECT count(*) AS n FROM t;", "(1 row)")


def test_the_prompt_marks_a_failed_and_a_read_only_transaction(shell: Shell) -> None:
    shell.run("BEGIN;", "anokuro*>")
    shell.run("SELECT nope;", "anokuro!>")
    shell.run("COMMIT;", "commit ok")
    shell.run("BEGIN READ ONLY;", "anokuror>")
    shell.run("ROLLBACK;", "rollback ok")


def test_the_last_result_is_shown_drawn_and_queried_again(shell: Shell) -> None:
    shell.run("SELECT b, a FROM t;", "(3 rows)")
    shell.run(".chart", "█")
    assert " 3" in shell.screen()
    shell.run(".mode csv", "csv")
    shell.run(".last", "z,3")
    shell.run(".mode table", "anokuro>")
    shell.run(".last SELECT max(a) AS biggest FROM last", "biggest")
    shell.run(".last SELECT max(a) FROM lats", "no such table")
    shell.run(".last", "─┼─")


def test_watch_until_ctrl_c(shell: Shell) -> None:
    shell.run("SELECT count(*) AS counted FROM t;", "(1 row)")
    shell.type(".watch 0.05\r")
    while shell.screen().count("counted") < 4:
        shell.pump()
    shell.type("\x03")
    shell.wait_for("watched")
    shell.run("SELECT 7 AS seven;", "seven")


def test_the_editor_s_text_stands_at_the_prompt(tmp_path: Path) -> None:
    editor = tmp_path / "editor"
    editor.write_text("#!/bin/sh\nsed -i 's/1/42/' \"$1\"\n")
    editor.chmod(0o755)
    with Shell(tmp_path, ANOKURO_EDITOR=str(editor)) as shell:
        shell.wait_for("anokuro>")
        shell.run("SELECT 1 AS one;", "(1 row)")
        shell.run("\\e", "SELECT 42 AS one;")
        shell.type("\r")
        shell.wait_for("  42")
    with Shell(tmp_path, ANOKURO_EDITOR="/nowhere/editor") as shell:
        shell.wait_for("anokuro>")
        shell.run(".edit", "cannot be started")


def test_history_tells_when_how_long_and_how_it_ended(shell: Shell) -> None:
    shell.run("SELECT nope FROM t;", "no such column")
    shell.run(".history nope", "(status 1)")
    entries = [json.loads(line) for line in shell.history.read_text().splitlines()]
    assert [entry["status"] for entry in entries[:2]] == [0, 1]
    assert entries[0]["seconds"] > 0 and entries[0]["database"].endswith(":memory:")


def test_favourites_are_private(shell: Shell, tmp_path: Path) -> None:
    shell.run("SELECT a * 2 AS twice FROM t WHERE a = 2;", "(1 row)")
    shell.run(".fav save double", "saved double")
    shell.run(".fav double", "twice")
    path = tmp_path / "config" / "anokuro" / "favourites.json"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_configuration_and_init_script(tmp_path: Path) -> None:
    folder = tmp_path / "config" / "anokuro"
    folder.mkdir(parents=True)
    (folder / "config.toml").write_text(
        'prompt = "%d:%r$ "\nmode = "box"\nkyes = "vi"\nmaxrows = -1\ntheme = "light"\n'
    )
    (folder / "init.sql").write_text(".print hello from init\n")
    with Shell(tmp_path, XDG_CONFIG_HOME=str(tmp_path / "config"), columns=300) as shell:
        shell.wait_for("anokuro:$")
        assert "hello from init" in shell.screen()
        assert "unknown key kyes, did you mean keys?" in shell.screen()
        assert "maxrows must not be negative" in shell.screen()
        shell.run("SELECT 1 AS one;", "┌─────┐")
    with Shell(tmp_path, "--no-init", "--line", XDG_CONFIG_HOME=str(tmp_path / "config"), columns=300) as shell:
        shell.wait_for("anokuro:$")
        assert "hello" not in shell.screen()
        shell.run("SELECT 1 AS one;", "[ row 1 ]")


def test_a_broken_configuration_only_warns(tmp_path: Path) -> None:
    config = tmp_path / "broken.toml"
    config.write_text("mode = \n")
    with Shell(tmp_path, ANOKURO_CONFIG=str(config), columns=300) as shell:
        shell.wait_for("anokuro>")
        assert "broken.toml" in shell.screen() and "line 1" in shell.screen()


def test_maxrows_says_that_there_is_more(shell: Shell) -> None:
    shell.run(".maxrows 2", "anokuro>")
    shell.run("SELECT a FROM t;", "(2 rows, and more: .maxrows 0 shows all)")
    shell.run("SELECT a FROM t LIMIT 2;", "(2 rows)")


def test_a_locale_without_utf_8(tmp_path: Path) -> None:
    with Shell(tmp_path, LC_ALL="C", PYTHONUTF8="0", PYTHONCOERCECLOCALE="0") as shell:
        shell.wait_for("anokuro>")
        shell.run("SELECT 1 AS one, 2 AS two;", "-----+-----")
        shell.run(".chart bar", "#")


@pytest.mark.parametrize("columns", [20, 80, 300])
def test_any_width(tmp_path: Path, columns: int) -> None:
    with Shell(tmp_path, columns=columns) as shell:
        shell.wait_for("anokuro>")
        shell.run("SELECT 'a long text that is cut or wrapped' AS a, 2 AS b;", "(1 row)")
        shell.run(".chart bar 2", "2")
        shell.run(".help tables", "List tables")


def test_a_paste_of_ten_thousand_lines(tmp_path: Path) -> None:
    with Shell(tmp_path) as shell:
        shell.wait_for("anokuro>")
        lines = "\n".join(f"({number})," for number in range(10_000))
        shell.type(f"\x1b[200~SELECT count(*) AS pasted FROM (VALUES\n{lines}\n(10000)) AS v;\x1b[201~")
        shell.type("\r")
        shell.wait_for("10001")


def test_a_resize_is_noticed(tmp_path: Path) -> None:
    query = f"SELECT 'x' AS first_column, '{'y' * 60}' AS second_column;"
    with Shell(tmp_path, columns=200) as shell:
        shell.wait_for("anokuro>")
        shell.run(query, "first_column │ second_column")
        shell.resize(30, 24)
        shell.run(query, "[ row 1 ]")


def test_ctrl_z_and_back(tmp_path: Path) -> None:
    """Only a process with a shell above it can be stopped."""
    environment = {**os.environ, "TERM": "xterm-256color", "ANOKURO_HISTORY": str(tmp_path / "h"), "PS1": "sh: "}
    with Terminal(["/bin/bash", "--norc", "--noprofile", "-i"], environment) as terminal:
        terminal.wait_for("sh:")
        terminal.type(" ".join(map(shlex.quote, RUNNER)) + "\r")
        terminal.wait_for("anokuro>")
        terminal.wait_for("F4 vi")
        terminal.type("\x1a")
        terminal.wait_for("Stopped")
        terminal.type("fg\r")
        terminal.pump()
        terminal.type("SELECT 40 + 2 AS back;\r")
        terminal.wait_for("   42")


def test_a_read_only_file(tmp_path: Path) -> None:
    path = tmp_path / "shop.ank"
    with engine.open(path) as db:
        db.execute("CREATE TABLE t (a INTEGER)")
    with Shell(tmp_path, "--readonly", str(path)) as shell:
        shell.wait_for("shop>")
        assert "read-only" in shell.screen()
        shell.run("INSERT INTO t VALUES (1);", "read-only")
        shell.run("DELETE FROM t;", "read-only")


def test_nothing_is_asked_of_the_terminal(shell: Shell) -> None:
    """No device attributes, no cursor position, no colours: an answer that does not come would be waited for."""
    for question in (b"\x1b[6n", b"\x1b[c", b"\x1b[>c", b"\x1b]10;?", b"\x1b]11;?"):
        assert question not in shell.raw
