"""Scripts: cutting, places, exit statuses; the shell as a process."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from anokuro_cli.errors import caret
from anokuro_cli.options import UsageError, parse
from anokuro_cli.script import items

RUNNER = [sys.executable, str(Path(__file__).with_name("runner.py"))]


def anokuro(
    *arguments: str, stdin: str = "", cwd: Path | None = None, environment: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    environment = {**(os.environ if environment is None else environment), "TERM": "xterm", "PYTHONWARNINGS": "ignore"}
    return subprocess.run(
        [*RUNNER, *arguments], input=stdin, capture_output=True, text=True, cwd=cwd, env=environment, timeout=60
    )


def cut(text: str) -> list[tuple[str, int, int, bool]]:
    return [
        (item.text, item.origin.line, item.origin.column, item.command)
        for item in items(text.splitlines(keepends=True), "s")
    ]


def test_cutting() -> None:
    text = (
        "#!/usr/bin/anokuro\n.mode csv\nSELECT 1; SELECT\n  2;\n  .5;\n-- comment\n.tables\n\\dt\nexit\nSELECT '\n.x\n'"
    )
    assert cut(text) == [
        (".mode csv", 2, 1, True),
        ("SELECT 1", 3, 1, False),
        ("SELECT\n  2", 3, 11, False),
        (".5", 5, 3, False),
        (".tables", 7, 1, True),
        ("\\dt", 8, 1, True),
        ("exit", 9, 1, True),
        ("SELECT '\n.x\n'", 10, 1, False),
    ]


def test_a_dot_inside_a_statement_or_a_block_comment_is_no_command() -> None:
    assert cut("SELECT t\n.x;\n") == [("SELECT t\n.x", 1, 1, False)]
    assert cut("/* a\n.quit\n*/ SELECT 1;") == [("SELECT 1", 3, 4, False)]


def test_caret() -> None:
    assert caret("SELECT nmae FROM t", 7, 11) == "    SELECT nmae FROM t\n           ^^^^"
    assert caret("a\n日本 xyz\nb", 5, 8) == "    日本 xyz\n         ^^^"
    assert caret("", 0, 0) == "    \n    ^"


@pytest.mark.parametrize(
    ("arguments", "status", "out", "err"),
    [
        (["-c", "SELECT 1, 'x', NULL"], 0, "1\tx\t\n", ""),
        ([":memory:", "SELECT 2"], 0, "2\n", ""),
        (["--csv", "-c", "SELECT 1 AS a"], 0, "a\n1\n", ""),
        (["-t", "--csv", "-c", "SELECT 1 AS a"], 0, "1\n", ""),
        (["--csv", "--no-header", "-cSELECT 1 AS a"], 0, "1\n", ""),
        (["--json", "-c", "SELECT 1 AS a"], 0, '[{"a":1}]\n', ""),
        (["--nullvalue=NA", "-c", "SELECT NULL"], 0, "NA\n", ""),
        (["-p", "id=7", "-p", "n=x y", "-c", "SELECT :id + 1, :n"], 0, "8\tx y\n", ""),
        (["-c", "CREATE TABLE t (a INTEGER)", "-c", "INSERT INTO t VALUES (1)", "-c", "SELECT * FROM t"], 0, "1\n", ""),
        (
            ["-c", "SELECT 1; SELECT nope; SELECT 2"],
            1,
            "1\n",
            "<command>:1:18: error: no such column: nope\n    SELECT nope\n           ^^^^\n",
        ),
        (["--no-bail", "-c", "SELECT nope; SELECT 2"], 1, "2\n", "no such column"),
        (["--echo", "-c", "SELECT 1"], 0, "SELECT 1;\n1\n", ""),
        (["-c", ".mode cvs"], 1, "", "did you mean csv?"),
        (["-c", ".tabels"], 1, "", "did you mean .tables?"),
        (["-c", ".print a 'b  c'"], 0, "a b  c\n", ""),
        (["-c", ".quit 7"], 7, "", ""),
        (["-c", "SELECT 1;\nquit\nSELECT 2;"], 0, "1\n", ""),
        (["--jsno"], 2, "", "did you mean --json?"),
        (["-c"], 2, "", "needs a value"),
        (["imprt", "x.csv"], 1, "", "did you mean the subcommand import?"),
        (["a", "b", "c"], 2, "", "unexpected argument 'c'"),
        (["--color", "sometimes"], 2, "", "auto, always or never"),
        (["--readonly", "missing.ank", "-c", "SELECT 1"], 3, "", "cannot open missing.ank: no such file"),
        (["missing.ank", "-c", "CREATE TABEL t (a INTEGER)"], 1, "", "TABEL"),
        (["missing.ank", "-c", "WITH x AS (SELECT 1) SELECT * FROM x"], 0, "1\n", ""),
        (["missing/x.ank", "-c", "SELECT 1"], 3, "", "there is no folder"),
        (["-f", "missing.sql"], 1, "", "missing.sql: no such file"),
        (["run", "missing.sql"], 1, "", "missing.sql: no such file"),
        (["import", "x.ank"], 2, "", "Missing argument"),
        (["import", "x.ank", "missing.csv", "--create"], 1, "", "missing.csv: no such file"),
        (["check", "--deep", "x"], 2, "", "No such option"),
    ],
)
def test_exit_status(arguments: list[str], status: int, out: str, err: str, tmp_path: Path) -> None:
    done = anokuro(*arguments, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (status, out), done.stderr
    assert err in done.stderr
    if not err:
        assert done.stderr == ""
    assert list(tmp_path.iterdir()) == []  # a mistake makes no file


def test_scripts_name_file_line_and_column(tmp_path: Path) -> None:
    (tmp_path / "inner.sql").write_text("SELECT 1;\n\n  SELECT\n    nope;\nSELECT 2;\n")
    (tmp_path / "outer.sql").write_text("CREATE TABLE t (a INTEGER);\n.read inner.sql\nSELECT 3;\n")
    done = anokuro("run", "outer.sql", cwd=tmp_path)
    assert done.returncode == 1
    assert done.stdout == "1\n"
    assert done.stderr.startswith("inner.sql:4:5: error: no such column: nope")
    done = anokuro("x.ank", "--no-bail", "-f", "outer.sql", "-c", "SELECT 4", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (1, "1\n2\n3\n4\n")


def test_reading_oneself_ends(tmp_path: Path) -> None:
    (tmp_path / "loop.sql").write_text(".read loop.sql\n")
    done = anokuro("-f", "loop.sql", cwd=tmp_path)
    assert done.returncode == 1
    assert "more than 16 deep" in done.stderr


def test_standard_input() -> None:
    done = anokuro(stdin="SELECT 1;\n.mode json\nSELECT 2 AS b")
    assert (done.returncode, done.stdout) == (0, '1\n[{"b":2}]\n')
    assert anokuro("-f", "-", stdin="SELECT 5;").stdout == "5\n"
    done = anokuro("--json", stdin="\nSELECT x;")
    assert json.loads(done.stderr) == {
        "error": "no such column: x", "type": "ProgrammingError", "status": 1, "file": "<stdin>", "line": 2, "column": 8,
    }  # fmt: skip


def test_atomic(tmp_path: Path) -> None:
    (tmp_path / "s.sql").write_text("CREATE TABLE t (a INTEGER); INSERT INTO t VALUES (1); SELECT nope;")
    assert anokuro("x.ank", "-1", "-f", "s.sql", cwd=tmp_path).returncode == 1
    assert anokuro("x.ank", "-c", "SELECT * FROM t", cwd=tmp_path).returncode == 1
    (tmp_path / "s.sql").write_text("CREATE TABLE t (a INTEGER); INSERT INTO t VALUES (1);")
    assert anokuro("x.ank", "-1", "-f", "s.sql", cwd=tmp_path).returncode == 0
    assert anokuro("x.ank", "SELECT * FROM t", cwd=tmp_path).stdout == "1\n"


def test_a_file_is_made_by_the_first_write(tmp_path: Path) -> None:
    done = anokuro("new.ank", "-c", "SELECT * FROM t", cwd=tmp_path)
    assert "new.ank does not exist yet" in done.stderr
    assert not (tmp_path / "new.ank").exists()
    anokuro("new.ank", "-c", "BEGIN; CREATE TABLE t (a INTEGER); COMMIT", cwd=tmp_path)
    assert (tmp_path / "new.ank").exists()
    assert anokuro("new.ank", ".tables", cwd=tmp_path).stdout == "t\n"


def test_not_a_database(tmp_path: Path) -> None:
    (tmp_path / "text.ank").write_text("this is no database " * 100)
    for arguments in (["text.ank", "-c", "SELECT 1"], ["check", "text.ank"], [str(tmp_path), "-c", "SELECT 1"]):
        done = anokuro(*arguments, cwd=tmp_path)
        assert done.returncode == 3
        assert done.stderr.startswith("error: cannot open ")
        assert "Traceback" not in done.stderr


def test_output_file(tmp_path: Path) -> None:
    assert anokuro("--csv", "-o", "out.csv", "-c", "SELECT 1 AS a", cwd=tmp_path).stdout == ""
    assert (tmp_path / "out.csv").read_text() == "a\n1\n"


def test_a_closed_pipe_ends_quietly() -> None:
    many = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 300000) SELECT i FROM n"
    with subprocess.Popen([*RUNNER, "-c", many], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as child:
        assert child.stdout is not None and child.stderr is not None
        assert child.stdout.readline() == b"1\n"
        child.stdout.close()
        assert child.stderr.read() == b""
        assert child.wait(timeout=60) == 0


def test_a_one_shot_imports_nothing_heavy() -> None:
    heavy = "typer rich prompt_toolkit pygments lark pyarrow dataclasses inspect json difflib pathlib"
    code = (
        "import sys; before = set(sys.modules)\n"  # what the interpreter's own start brings, an editable install's hook too
        "import anokuro_cli.main as m; status = m.run(['-c', 'select 1'])\n"
        "ours = {name.partition('.')[0] for name in set(sys.modules) - before}\n"
        f"print(*sorted(ours & set('{heavy}'.split())))"
    )
    root = Path(__file__).parents[2]
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=root, timeout=60)
    assert done.stdout == "1\n\n", done.stderr


def test_order_and_clusters_of_options() -> None:
    found = parse(["-xt", "db", "-c1", "-f", "a", "--command=2", "--", "-3"])
    assert found.actions == [("command", "1"), ("file", "a"), ("command", "2"), ("command", "-3")]
    assert found.flags == {"expanded", "tuples-only"}
    assert found.file == "db"
    assert parse(["-p", "a=1", "-p", "b=1.5", "-p", "c='1'", "-p", "d=null", "-p", "e=x"]).parameters == {
        "a": 1, "b": 1.5, "c": "1", "d": None, "e": "x",
    }  # fmt: skip
    with pytest.raises(UsageError):
        parse(["--json=1"])


def test_help_lists_every_option() -> None:
    from anokuro_cli.options import OPTIONS

    done = anokuro("--help")
    assert done.returncode == 0
    for option in OPTIONS:
        assert option.flags[-1] in done.stdout
    for subcommand in ("run", "import", "check", "recover", "inspect", "workload", "bench"):
        assert anokuro(subcommand, "--help").returncode == 0


def test_help_imports_nothing_heavy() -> None:
    code = (
        "import sys, anokuro_cli.main as m; status = m.run(['--help']);"
        "print(*sorted({name.partition('.')[0] for name in sys.modules} & {'typer', 'rich', 'prompt_toolkit', 'engine.sql'}))"
    )
    root = Path(__file__).parents[2]
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=root, timeout=60)
    assert done.stdout.splitlines()[-1] == "", done.stderr


def test_help_fits_and_names_no_types() -> None:
    for arguments in (
        ["--help"],
        ["import", "--help"],
        ["export", "--help"],
        ["bench", "--help"],
        ["config", "--help"],
    ):
        for columns in ("40", "80", "200"):
            done = anokuro(*arguments, environment={**os.environ, "COLUMNS": columns})
            assert done.returncode == 0, done.stderr
            assert "<bool>" not in done.stdout and "<str>" not in done.stdout
            longest = max(done.stdout.split("\n"), key=len)
            assert len(longest) <= max(int(columns), 80), longest
