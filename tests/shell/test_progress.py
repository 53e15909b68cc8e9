"""Where the time goes, how far long work has come, and when it has taken too long."""

from __future__ import annotations

import io
import os
import re
from pathlib import Path
from typing import Any

import pytest

import engine
from anokuro_cli import progress
from anokuro_cli.errors import TIMEOUT
from anokuro_cli.progress import Progress, line
from anokuro_cli.render.output import Output
from anokuro_cli.running import _name
from tests.shell.terminal import Terminal
from tests.shell.test_repl import RUNNER, Shell
from tests.shell.test_script import anokuro

ENDLESS = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 9000000) SELECT {} FROM n"


def milliseconds(text: str) -> float:
    number, unit = text.split()
    return float(number) * (1 if unit == "ms" else 1000)


def test_the_timer_splits_what_it_measures() -> None:
    done = anokuro("--timer", "-c", "SELECT 1 + 1; SELECT 1 + 1")
    assert done.returncode == 0
    lines = done.stderr.splitlines()
    assert len(lines) == 2, lines  # one a statement
    for text in lines:
        found = re.fullmatch(
            r"time (.+ m?s) \(parse (.+ m?s), plan (.+ m?s), execute (.+ m?s), render (.+ m?s)\)", text
        )
        assert found, text
        whole, *parts = map(milliseconds, found.groups())
        assert whole == pytest.approx(sum(parts), abs=0.3 + whole * 0.01)


def test_engine_times_the_phases_only_when_asked() -> None:
    with engine.open() as db:
        db.execute("CREATE TABLE t (a INTEGER)")
        phases = db.session.time_phases()
        db.execute("SELECT a FROM t WHERE a > 1")
        assert phases.parse > 0
        assert phases.plan > 0
        plan = db.session.plan
        assert plan is not None
        before = phases.parse, phases.plan
        db.session.time_phases(False)
        db.execute("SELECT a + 1 FROM t WHERE a > 1")
        assert (phases.parse, phases.plan) == before
        again = db.session.time_phases()
        db.execute("SELECT a FROM t WHERE a > 1")
        assert again.parse == 0  # a statement seen before is not parsed
        assert db.session.plan is plan  # and not planned: the plan is found again


@pytest.mark.parametrize("statement", [ENDLESS.format("max(i)"), ENDLESS.format("i")])
def test_a_timeout_has_a_status_of_its_own(statement: str) -> None:
    done = anokuro("--timeout", "0.3", "-c", f"{statement}; SELECT 'not reached'")
    assert done.returncode == TIMEOUT == 4
    assert "error: the statement took longer than 0.3 s" in done.stderr
    assert "not reached" not in done.stdout


def test_after_a_timeout_the_session_goes_on() -> None:
    done = anokuro("--no-bail", "-c", f".timeout 0.3\n{ENDLESS.format('max(i)')};\n.timeout 0\nSELECT 'reached'")
    assert done.returncode == 4
    assert done.stdout == "reached\n"


@pytest.mark.parametrize("argument", ["soon", "-1", "nan"])
def test_a_timeout_is_a_number(argument: str) -> None:
    assert anokuro("--timeout", argument, "-c", "SELECT 1").returncode == 2
    assert "expected a number of seconds" in anokuro("-c", f".timeout {argument}").stderr


def terminal(columns: int) -> Output:
    return Output(io.StringIO(), True, columns, 24, False, True)


@pytest.mark.parametrize("columns", [20, 40, 80, 300])
def test_the_line_fits(columns: int, monkeypatch: pytest.MonkeyPatch) -> None:
    output = terminal(columns)
    monkeypatch.setattr(Output, "resize", lambda self: None)
    for label in ("importing flights", "表" * 60, "x\x1b[31m"):
        for share in (None, 0.0, 0.48, 1.0):
            text = line(output, label, share, 162_304, 15_100_000, 31_400_000, 12.3)
            assert progress.display_width(text) < columns, text
            assert text.isprintable()
    text = line(terminal(80), "importing flights", 0.25, 162_304, 7_850_000, 31_400_000, 10)
    assert text.endswith(" 25%  162,304 rows  7.8 MB of 31.4 MB  0:30 left")


def test_the_line_comes_late_and_is_erased(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr(progress, "perf_counter", lambda: now[0])
    monkeypatch.setattr(Output, "resize", lambda self: None)
    monkeypatch.setenv("TERM", "xterm")
    output = terminal(80)
    with Progress(output) as bar:
        bar.update("work", 1)
        assert output.stream.getvalue() == ""  # type: ignore[attr-defined]
        now[0] += 0.6
        bar.update("work", 2)
        assert "work" in output.stream.getvalue()  # type: ignore[attr-defined]
    assert output.stream.getvalue().endswith("\r\x1b[K\r")  # type: ignore[attr-defined]
    plain = Output(io.StringIO())
    with Progress(plain) as bar:
        now[0] += 60
        bar.update("work", 1)
    assert plain.stream.getvalue() == ""  # type: ignore[attr-defined]


def test_statements_are_called_by_their_first_words() -> None:
    assert _name("create  index i on t(a)") == "CREATE INDEX"
    assert _name("SELECT\n1") == "SELECT"
    assert _name("exporting to x.csv") == "exporting to x.csv"


def seen_in_the_end(expected: int, *arguments: str) -> tuple[str, str]:
    """What a person saw at any time, and in the end, of a command in a terminal."""
    environment = {**os.environ, "TERM": "xterm-256color", "LC_ALL": "C.UTF-8"}
    with Terminal([*RUNNER, *arguments], environment, 100) as child:
        status = child.wait_until_gone()
        assert status == expected, child.screen()
        return child.raw.decode("utf-8", "replace"), child.screen()


@pytest.fixture(scope="module")
def big(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("progress") / "big.ank"
    with engine.open(str(path)) as db:
        db.execute("CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT)")
        db.executemany("INSERT INTO t VALUES (?, ?)", ((n, f"text {n * 7919 % 100_000}") for n in range(100_000)))
    return path


def test_engine_says_how_far_a_statement_is(big: Path) -> None:
    with engine.open(str(big), readonly=True) as db:
        result = db.execute("SELECT upper(a) FROM t")
        result.fetchmany(5000)
        read, expected = db.session.progress()
        assert 5000 <= read <= 100_000
        assert 90_000 < expected < 110_000  # estimated from samples of its pages
        result.close()
        db.execute(ENDLESS.format("i"))
        assert db.session.progress()[1] == 0  # recursion: nobody knows
    with engine.open() as db:
        db.execute("CREATE TABLE t (a INTEGER)")
        db.executemany("INSERT INTO t VALUES (?)", ((n,) for n in range(10_000)))
        db.execute("CREATE INDEX i ON t (a)")
        read, expected = db.session.progress()
        assert expected == 20_000
        assert abs(read - expected) < 1000


def test_a_check_tells_how_far_it_is(big: Path) -> None:
    told: list[tuple[str, int, int]] = []
    with engine.open(str(big), readonly=True) as db:
        assert db.check(lambda *what: told.append(what)) == []
    assert {what for what, _, _ in told} == {"pages", "rows of t"}
    assert all(0 <= done <= whole for _, done, whole in told)

    class Enough(Exception):
        pass

    def stop(*_: Any) -> None:
        raise Enough

    with engine.open(str(big), readonly=True) as db:
        with pytest.raises(Enough):
            db.check(stop)
        assert db.check() == []


def test_long_work_shows_a_line_and_leaves_no_trace(big: Path, tmp_path: Path) -> None:
    raw, screen = seen_in_the_end(4, str(big), "--timeout", "1.5", "-c", ENDLESS.format("max(i)"))
    assert re.search(r"WITH .*0:01", raw)
    assert screen.startswith("<command>:1:1: error: the statement took longer than 1.5 s")
    source = tmp_path / "rows.csv"
    source.write_text("n,a\n" + "".join(f"{n},{n * 31 % 977}\n" for n in range(400_000)))
    raw, screen = seen_in_the_end(0, "import", str(tmp_path / "new.ank"), str(source), "--create")
    assert "rows" in raw.partition("imported")[0]
    assert screen.startswith("imported 400,000 rows")


def test_interrupted_index_builds_leave_nothing(tmp_path: Path) -> None:
    with engine.open() as db:
        db.execute("CREATE TABLE t (a INTEGER)")
        db.executemany("INSERT INTO t VALUES (?)", ((n,) for n in range(5000)))
        session = db.session
        real = session._begin_statement

        def begin() -> None:
            real()
            session.flag[0] = True  # cancelled as soon as somebody looks

        session._begin_statement = begin
        with pytest.raises(engine.Error, match="interrupted"):
            db.execute("CREATE INDEX i ON t (a)")
        session._begin_statement = real
        assert db.execute("SELECT count(*) FROM sys.indexes").fetchall() == [(0,)]
        db.execute("CREATE INDEX i ON t (a)")


def test_bars_and_sparks() -> None:
    rows = "VALUES (1, -5, '3,1,4'), (10, 3.5, NULL), (7, 2, 'x')"
    done = anokuro("--table", "-q", "-c", f".bars on\n.spark column3\n{rows};\n.bars column1\n.spark off\n{rows};")
    assert done.stdout.splitlines() == [
        " column1 │ column1    │ column2 │ column2     │ column3 │ spark",
        "─────────┼────────────┼─────────┼─────────────┼─────────┼───────",
        "       1 │ █          │      -5 │ ██████│     │ 3,1,4   │ ▆▁█",
        "      10 │ ██████████ │     3.5 │       │████ │ NULL    │",
        "       7 │ ███████    │       2 │       │██▍  │ x       │",
        " column1 │ column1    │ column2 │ column3",
        "─────────┼────────────┼─────────┼─────────",
        "       1 │ █          │      -5 │ 3,1,4",
        "      10 │ ██████████ │     3.5 │ NULL",
        "       7 │ ███████    │       2 │ x",
    ]
    done = anokuro("--table", "--ascii", "-q", "-c", ".bars on\n.spark on\nVALUES (1, 2), (4, 3)")
    assert done.stdout.splitlines()[2] == "       1 | ##         |       2 | #######    | _#"
    assert anokuro("--csv", "-t", "-c", ".bars on\nSELECT 1").stdout == "1\n"  # data stays data
    done = anokuro("--table", "-q", "-c", f".bars on\n{ENDLESS.format('i')} LIMIT 1000;".replace("9000000", "1000"))
    assert done.stdout.splitlines()[-1].endswith("█>")  # beyond the scale of the first rows


def test_bars_at_the_prompt(tmp_path: Path) -> None:
    with Shell(tmp_path) as shell:
        shell.wait_for("anokuro>")
        shell.run(".bars", "bars: all numbers")
        shell.run("VALUES (1), (2);", "██████████")
        shell.run(".bars", "bars: off")
        shell.run(".spark a b", "spark: a, b")
