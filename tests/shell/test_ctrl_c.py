"""One Ctrl-C, while a statement does what it does: it ends, says what is still open, and nothing else has changed.

The statements are finite, and long: a join of 200,000 rows in which each finds 10,000. The progress line tells that one
runs; the rows it counts, that its scans are over.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

import engine
from tests.shell.test_repl import Shell

ROWS = 200_000
PAIRS = "FROM t a JOIN t b ON a.k = b.k"
BUSY = {
    "scan": "SELECT count(*) FROM t a CROSS JOIN t b WHERE a.k + b.k < 0",
    "join": f"SELECT count(*) {PAIRS}",
    "sort": f"SELECT a.id {PAIRS} ORDER BY b.a, a.a",
    "group": f"SELECT a.a, sum(b.k) {PAIRS} GROUP BY a.a",
    "window": f"SELECT rank() OVER (ORDER BY b.a) {PAIRS}",
    "distinct": f"SELECT DISTINCT a.a, b.a {PAIRS}",
    "row by row": "SELECT count(*) FROM t a WHERE EXISTS (SELECT 1 FROM t b WHERE b.id % 7 + a.id % 7 > 20)",
    "insert": f"INSERT INTO t SELECT a.id + {ROWS} * (b.id + 1), 0, '' {PAIRS}",
    "update": "UPDATE t SET k = (SELECT count(*) FROM t b WHERE b.k + t.k > 5) WHERE id >= 0",
    "index": f"CREATE INDEX i ON t (length(replace(hex({' || '.join(['a'] * 40)}), '3', a || a || a)))",
}


@pytest.fixture(scope="module")
def big(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("ctrl_c") / "big.ank"
    with engine.open(str(path)) as db:
        db.execute("CREATE TABLE t (id INTEGER PRIMARY KEY, k INTEGER, a TEXT)")
        db.executemany("INSERT INTO t VALUES (?, ?, ?)", ((n, n % 20, f"text {n * 7919 % ROWS}") for n in range(ROWS)))
    return path


@pytest.fixture
def shell(tmp_path: Path, big: Path) -> Iterator[Shell]:
    with Shell(tmp_path, str(big), columns=100) as shell:
        shell.wait_for("big>")
        shell.run(".pager off", "big>")
        yield shell


def untouched(shell: Shell) -> None:
    """The session goes on, and the table is as it was."""
    shell.run("SELECT count(*), min(k), max(k) FROM t;", f"{ROWS} │      0 │     19")


@pytest.mark.parametrize("busy", BUSY)
@pytest.mark.parametrize("inside", [False, True], ids=["alone", "in a transaction"])
def test_ctrl_c_cancels(shell: Shell, busy: str, inside: bool) -> None:
    if inside:
        shell.run("BEGIN;", "big*>")
    shell.run(BUSY[busy] + ";", " MB  0:0")  # the progress line
    shell.type("\x03")
    shell.wait_for("interrupted")
    if inside:
        shell.wait_for("the transaction is still open: COMMIT or ROLLBACK")
        shell.wait_for("big!>")
        shell.run("ROLLBACK;", "rollback ok")
    else:
        assert "still open" not in shell.screen()
    untouched(shell)


def test_ctrl_c_while_rows_are_written(shell: Shell) -> None:
    shell.run(f"SELECT a.id + 1000000 AS n {PAIRS};", "\n 1")
    shell.type("\x03")
    shell.wait_for("interrupted")
    untouched(shell)


def test_ctrl_c_in_the_pager_ends_the_statement(tmp_path: Path, big: Path) -> None:
    with Shell(tmp_path, str(big)) as shell:
        shell.wait_for("big>")
        shell.run(f"SELECT a.id {PAIRS};", "\n:")
        shell.type("G")  # to the end, which is far
        shell.wait_until_absent("\n:")
        shell.type("\x03")  # the pager stops reading, the statement ends
        while not any(
            prompt in shell.screen() for prompt in ("\n:", "press RETURN", "(END)")
        ):  # as far as less has come
            shell.pump()
        shell.type("q")
        shell.wait_for("interrupted")
        untouched(shell)


def test_ctrl_c_in_an_import(shell: Shell, tmp_path: Path) -> None:
    pipe = tmp_path / "endless.csv"
    os.mkfifo(pipe)

    def write() -> None:
        try:
            with pipe.open("w") as file:
                file.write("n,a\n")
                while True:
                    file.write("1,x\n" * 1000)
        except BrokenPipeError:
            pass

    writer = threading.Thread(target=write)
    writer.start()
    shell.run(f".import {pipe} fresh --create", " 0:01")
    shell.type("\x03")
    shell.wait_for("interrupted")
    writer.join()
    shell.run("SELECT count(*) FROM fresh;", "no such table")
    untouched(shell)


def test_ctrl_c_in_a_script(shell: Shell, tmp_path: Path) -> None:
    """The script ends there; what was committed before stays."""
    script = tmp_path / "script.sql"
    script.write_text(
        f"CREATE TABLE IF NOT EXISTS made (a INTEGER); DROP TABLE made; SELECT count(*) {PAIRS};\nSELECT 'after';"
    )
    shell.run(f".read {script}", " 0:01")
    shell.type("\x03")
    shell.wait_for("interrupted")
    untouched(shell)
    assert "after" not in shell.screen().replace(str(script), "")
