"""What hands know from elsewhere, one case each; and the table in the README names all of it and nothing else."""

from __future__ import annotations

import io
import os
import re
import sys
from pathlib import Path

import pytest

import anokuro_cli
from anokuro_cli.dot.registry import ALIASES, COMMANDS
from anokuro_cli.main import run
from anokuro_cli.options import OPTIONS
from anokuro_cli.script import BARE_WORDS
from tests.shell.test_script import anokuro

README = (Path(anokuro_cli.__file__).parent / "README.md").read_text("utf-8")
TABLE = README.partition("## Conventions")[2].partition("\n## ")[0]
ONE = "SELECT 1 AS a, NULL AS b"
MADE = "CREATE TABLE t (a INTEGER); INSERT INTO t VALUES (1), (2)"

CASES = [
    # arguments, standard input, status, standard output, a part of standard error
    (["-c", "SELECT 1", "--command", "SELECT 2"], "", 0, "1\n2\n", ""),
    (["-c", "SELECT 1", "-f", "three.sql", "-c", "SELECT 2"], "", 0, "1\n3\n2\n", ""),
    (["--file", "three.sql"], "", 0, "3\n", ""),
    (["-f", "-"], "SELECT 4;", 0, "4\n", ""),
    ([], "SELECT 5;", 0, "5\n", ""),
    (["new.ank", "SELECT 6"], "", 0, "6\n", ""),
    ([":memory:", "SELECT 7"], "", 0, "7\n", ""),
    (["-p", "n=8", "-c", "SELECT :n + $n"], "", 0, "16\n", ""),
    (["--param", "n=x'; DROP", "-c", "SELECT @n"], "", 0, "x'; DROP\n", ""),
    (["--output", "out.txt", "-o", "out.txt", "-c", "SELECT 9", "-c", ".output", "-c", ".shell cat out.txt"], "", 0, "9\n", ""),
    (["--csv", "-c", ONE], "", 0, "a,b\n1,\n", ""),
    (["--json", "-c", ONE], "", 0, '[{"a":1,"b":null}]\n', ""),
    (["--jsonl", "-c", ONE], "", 0, '{"a":1,"b":null}\n', ""),
    (["--markdown", "-c", ONE], "", 0, "|   a | b   |\n| --: | --- |\n|   1 |     |\n", ""),
    (["--box", "-c", "SELECT 1 AS a"], "", 0, "┌───┐\n│ a │\n├───┤\n│ 1 │\n└───┘\n", ""),
    (["--box", "--ascii", "-c", "SELECT 1 AS a"], "", 0, "+---+\n| a |\n+---+\n| 1 |\n+---+\n", ""),
    (["--line", "-c", "SELECT 1 AS a"], "", 0, "─[ row 1 ]\na │ 1\n", ""),
    (["--table", "-c", "SELECT 1 AS a"], "", 0, " a\n───\n 1\n", ""),
    (["--tsv", "-c", ONE], "", 0, "a\tb\n1\t\n", ""),
    (["--insert", "-c", ONE], "", 0, "INSERT INTO result (a, b) VALUES (1, NULL);\n", ""),
    (["--html", "-t", "-c", "SELECT '<'"], "", 0, "<table>\n<tbody>\n<tr><td>&lt;</td></tr>\n</tbody>\n</table>\n", ""),
    (["-x", "-c", "SELECT 1 AS a"], "", 0, "─[ row 1 ]\na │ 1\n", ""),
    (["--expanded", "-t", "-c", "SELECT 1 AS a"], "", 0, "1\n", ""),
    (["--csv", "--tuples-only", "-c", ONE], "", 0, "1,\n", ""),
    (["--header", "-c", ONE], "", 0, "a\tb\n1\t\n", ""),
    (["--csv", "--no-header", "-c", ONE], "", 0, "1,\n", ""),
    (["--nullvalue", "-", "-c", ONE], "", 0, "1\t-\n", ""),
    (["--maxrows", "1", "-c", "VALUES (1), (2)"], "", 0, "1\n", ""),
    (["--timeout", "x"], "", 2, "", "expected a number of seconds"),
    (["--wal-retention", "1G", "-c", "SELECT 1"], "", 0, "1\n", ""),
    (["--timeout", "60", "-c", "SELECT 1"], "", 0, "1\n", ""),
    (["-c", ".timeout 1.5\n.timeout"], "", 0, "1.5\n", ""),
    (["--table", "-q", "-c", ".bars on\nSELECT 1 AS a"], "", 0, " a │ a\n───┼────────────\n 1 │ ██████████\n", ""),
    (["--table", "-q", "-c", ".spark on\nSELECT 1 AS a, 2 AS b"], "", 0, " a │ b │ spark\n───┼───┼───────\n 1 │ 2 │ ▁█\n", ""),
    (["--maxrows", "x"], "", 2, "", "expected a number"),
    (["--color", "always", "--table", "-c", "SELECT 1 AS a"], "", 0, " \x1b[1ma\x1b[0m\n───\n 1\n", ""),
    (["-1", "-c", MADE, "-c", "SELECT nope"], "", 1, "", "nope"),
    (["--atomic", "-c", MADE, "-c", "SELECT a FROM t"], "", 0, "1\n2\n", ""),
    (["-c", "SELECT nope; SELECT 1"], "", 1, "", "<command>:1:8: error: no such column: nope"),
    (["--bail", "-c", "SELECT nope; SELECT 1"], "", 1, "", "nope"),
    (["--no-bail", "-c", "SELECT nope; SELECT 1"], "", 1, "1\n", "nope"),
    (["--readonly", "shop.ank", "-c", "INSERT INTO s VALUES (2)"], "", 1, "", "read-only"),
    (["--safe", "-c", ".shell ls"], "", 1, "", "not allowed with --safe"),
    (["--safe", "-c", ".read three.sql"], "", 1, "", "not allowed with --safe"),
    (["--safe", "-c", ".once x"], "", 1, "", "not allowed with --safe"),
    (["-c", MADE, "-c", "DELETE FROM t"], "", 1, "", "refused to delete all 2 rows of t"),
    (["-c", MADE, "-c", "UPDATE t SET a = 3"], "", 1, "", "refused to update all 2 rows of t"),
    (["-c", MADE, "-c", "DELETE FROM t WHERE TRUE", "-c", "SELECT count(*) FROM t"], "", 0, "0\n", ""),
    (["--yes", "-c", MADE, "-c", "DELETE FROM t", "-c", "SELECT count(*) FROM t"], "", 0, "0\n", ""),
    (["--yes", "--safe-updates", "-c", MADE, "-c", "DELETE FROM t"], "", 1, "", "there is no WHERE"),
    (["-c", MADE, "-c", "DROP TABLE t", "-c", "DELETE FROM t"], "", 1, "", "no such table"),
    (["--echo", "-c", "SELECT 1"], "", 0, "SELECT 1;\n1\n", ""),
    (["--timer", "-c", "SELECT 1"], "", 0, "1\n", "time "),
    (["--init", "three.sql", "-c", "SELECT 1"], "", 0, "3\n1\n", ""),
    (["--no-init", "-c", "SELECT 1"], "", 0, "1\n", ""),
    (["--init", "missing.sql", "-c", "SELECT 1"], "", 1, "", "missing.sql: no such file"),
    (["-q", "--quiet", "-c", "SELECT 1"], "", 0, "1\n", ""),
    (["-V"], "", 0, "anokuro ", ""),
    (["--version"], "", 0, "anokuro ", ""),
    (["-h"], "", 0, "Usage: anokuro", ""),
    (["run", "three.sql"], "", 0, "3\n", ""),
    (["run", "--csv", "three.sql", "new.ank"], "", 0, "c\n3\n", ""),
    (["run"], "", 2, "", "a script is missing"),
    (["run", "--help"], "", 0, "Usage: anokuro run [OPTIONS] SCRIPT [FILE]", ""),
    (["missing/x.ank", "-c", "SELECT 1"], "", 3, "", "cannot open"),
    (["--hlep"], "", 2, "", "did you mean --help?"),
    # commands
    (["-c", "help"], "", 0, "Statements end with ;", ""),
    (["-c", ".help .tables"], "", 0, ".tables [PATTERN]", ""),
    (["-c", "\\? tables"], "", 0, ".tables [PATTERN]", ""),
    (["-c", "SELECT 1;\nexit\nSELECT 2;"], "", 0, "1\n", ""),
    (["-c", "\\q", "-c", "SELECT 1"], "", 0, "", ""),
    (["shop.ank", "-c", "\\dt", "-c", ".tab", "-c", ".tables;"], "", 0, "s\ns\ns\n", ""),
    (["shop.ank", "-c", "\\l"], "", 0, "/", ""),
    (["shop.ank", "-c", "\\d s", "-c", "\\di", "-c", ".indexes"], "", 0, "a\tINTEGER\t\t\n", ""),
    (["shop.ank", "-c", ".schema"], "", 0, "CREATE TABLE s (a INTEGER);\n", ""),
    (["-c", ".open shop.ank", "-c", "SELECT a FROM s"], "", 0, "1\n", ""),
    (["-c", ".read three.sql", "-c", "\\i three.sql"], "", 0, "3\n3\n", ""),
    (["-c", ".import data.csv d --create", "-c", "SELECT * FROM d"], "", 0, "1\tx\n", "imported 1 row into d"),
    (["-q", "shop.ank", "-c", ".export e.json s", "-c", ".shell cat e.json"], "", 0, '[{"a":1}]\n', ""),
    (["-q", "-c", ".export e.csv SELECT 'it''s' AS a, 2 AS b", "-c", "\\!cat e.csv"], "", 0, "a,b\nit's,2\n", ""),
    (["-c", ".export e.xyz s"], "", 1, "", "does not say which format"),
    (["shop.ank", "-c", ".dump"], "", 0, "BEGIN;\nCREATE TABLE s (a INTEGER);\nINSERT INTO s (a) VALUES (1);\nCOMMIT;\n", ""),
    (["-q", "shop.ank", "-c", ".backup b.ank", "-c", ".open b.ank", "-c", "SELECT * FROM s"], "", 0, "1\n", ""),
    (["shop.ank", "-c", ".backup shop.ank"], "", 1, "", "exists"),
    (["-c", ".mode json", "-c", "SELECT 1 AS a", "-c", ".mode"], "", 0, '[{"a":1}]\njson\n', ""),
    (["-c", ".headers on", "-c", ONE, "-c", ".headers maybe"], "", 1, "a\tb\n1\t\n", "expected on or off"),
    (["--table", "-c", "\\x on", "-c", "SELECT 1 AS a"], "", 0, "─[ row 1 ]\na │ 1\n", "expanded output: on"),
    (["--table", "-t", "-c", ".expanded off", "-c", "SELECT 1 AS a"], "", 0, " 1\n", "expanded output: off"),
    (["-c", ".nullvalue -", "-c", ONE], "", 0, "1\t-\n", ""),
    (["--table", "-t", "-c", ".width 3", "-c", "SELECT 'abcdef'"], "", 0, " ab…\n", ""),
    (["-c", ".maxrows 1", "-c", "VALUES (1), (2)", "-c", ".maxrows"], "", 0, "1\n1\n", ""),
    (["-c", ".output o.txt", "-c", "SELECT 1", "-c", ".output", "-c", ".shell cat o.txt"], "", 0, "1\n", ""),
    (["-c", "\\o |tr 1 7", "-c", "SELECT 1", "-c", "\\o"], "", 0, "7\n", ""),
    (["-c", ".once o.txt", "-c", "SELECT 1", "-c", "SELECT 2", "-c", ".shell cat o.txt"], "", 0, "2\n1\n", ""),
    (["-c", ".last"], "", 1, "", "there is no last result"),
    (["-c", ".chart"], "", 1, "", "there is no last result"),
    (["-c", ".watch 0.05 2 SELECT 1", "-c", "\\watch 0.05 2"], "", 0, "1\n1\n1\n1\n", ""),
    (["-c", "SELECT 1", "-c", "\\g", "-c", "\\G"], "", 0, "1\n1\n1\n", ""),
    (["--table"], "SELECT 1 AS a \\G\nSELECT '\\G\n' AS b\\g\n", 0, "─[ row 1 ]\na │ 1\n b\n──────\n", ""),
    (["-c", ".print a  'b  c'"], "", 0, "a b  c\n", ""),
    (["-c", ".echo on", "-c", "SELECT 1"], "", 0, "SELECT 1;\n1\n", ""),
    (["-f", "-"], ".bail off\nSELECT nope;\nSELECT 1;", 1, "1\n", "nope"),
    (["-c", ".show"], "", 0, "  database: :memory:\n", ""),
    (["-c", ".timer on", "-c", "SELECT 1"], "", 0, "1\n", "time "),
    (["-c", "\\timing on", "-c", "SELECT 1"], "", 0, "1\n", "time "),
    (["-c", ".changes on", "-c", MADE], "", 0, "", "2 rows changed"),
    (["-c", ".eqp on", "-c", "SELECT 1"], "", 0, "1\n", "project"),
    (["-c", ".explain SELECT 1", "-c", ".explain analyze SELECT 1"], "", 0, "project\t", ""),
    (["-c", ".parameter set n 5", "-c", "\\set m 'a b'", "-c", "SELECT :n, :m", "-c", ".parameter"], "", 0,
     "5\ta b\n:m = 'a b'\n:n = 5\n", ""),
    (["-c", ".parameter unset n"], "", 1, "", "no parameter is called n"),
    (["-c", ".prompt '%d$ '", "-c", ".pager off", "-c", "SELECT 1"], "", 0, "1\n", ""),
    (["-c", ".theme light", "-c", ".theme"], "", 0, "light\n", ""),
    (["-c", ".theme drak"], "", 1, "", "did you mean dark?"),
    (["-c", ".shell echo hi", "-c", "\\! echo ho"], "", 0, "hi\nho\n", ""),
    (["-c", ".shell exit 3"], "", 1, "", "status 3"),
    (["-c", ".cd sub", "-c", ".shell pwd"], "", 0, "", ""),
    (["-c", ".edit"], "", 1, "", "needs a terminal"),
    (["-c", "\\e"], "", 1, "", "needs a terminal"),
    (["-c", ".history"], "", 0, "", ""),
    (["-c", "\\s"], "", 0, "", ""),
    (["-q", "-c", ".fav save twice SELECT :x * 2", "-c", ".fav twice x=4", "-c", ".fav"], "", 0, "8\ntwice  SELECT :x * 2\n", ""),
    (["-c", ".fav twcie"], "", 1, "", "no favourite is called twcie"),
    (["-c", ".tabels"], "", 1, "", "did you mean .tables?"),
    (["-c", ".databases extra"], "", 1, "", "usage: .databases"),
    (["-c", ".check"], "", 0, "", "no damage found"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("arguments", "stdin", "status", "out", "err"), CASES, ids=[" ".join(case[0])[:60] for case in CASES]
)
def test_convention(
    arguments: list[str],
    stdin: str,
    status: int,
    out: str,
    err: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    for name in ("XDG_CONFIG_HOME", "XDG_STATE_HOME", "HOME"):
        monkeypatch.setenv(name, str(tmp_path / "home"))
    monkeypatch.setattr(sys, "stdin", io.StringIO(stdin))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "three.sql").write_text("SELECT 3 AS c;\n")
    (tmp_path / "data.csv").write_text("n,s\n1,x\n")
    (tmp_path / "sub").mkdir()
    if any("shop.ank" in word for word in arguments):
        import engine

        with engine.open(tmp_path / "shop.ank") as db:
            db.execute("CREATE TABLE s (a INTEGER)")
            db.execute("INSERT INTO s VALUES (1)")
    found = run(arguments)
    sys.stdout.flush()
    shown, said = capfd.readouterr()
    assert found == status, said
    assert shown.startswith(out)
    assert err in said
    if not status and not err:
        assert said == ""


def mentioned() -> set[str]:
    """The flags, commands and words in the first column of the README's tables of conventions, and in what stands below."""
    first = " ".join(row.split("|")[1] for row in TABLE.replace("\\|", "").splitlines() if row.startswith("| `"))
    below = TABLE.partition("nobody else has them")[0].rpartition("\n\n")[2]
    return {word for span in re.findall(r"`([^`]+)`", first + below) for word in [span.split()[0]]}


def test_the_table_names_everything() -> None:
    flags = {flag for option in OPTIONS for flag in (*option.flags, option.off) if flag}
    names = {*COMMANDS, *ALIASES}
    words = mentioned()
    assert sorted((flags | names) - words) == []
    assert sorted(words - flags - names - set(BARE_WORDS) - {"NO_COLOR"}) == []


def test_every_flag_and_command_has_a_case() -> None:
    used = {word.split()[0].split("=")[0].rstrip(";") for case in CASES for word in case[0] if word.strip()}
    used |= {
        line.split()[0] for case in CASES for text in [*case[0], case[1]] for line in text.splitlines() if line.strip()
    }
    flags = {flag for option in OPTIONS for flag in (*option.flags, option.off) if flag}
    inspections = {
        name for name, command in COMMANDS.items() if command.run.__module__.endswith((".inspect", ".trace", ".watch"))
    }  # tests/inspect
    restored = {".restore"}  # test_files.py
    aliases = {
        alias for name, command in COMMANDS.items() if {name, *command.aliases} & used for alias in command.aliases
    }
    reached = used | aliases | {name for name, command in COMMANDS.items() if set(command.aliases) & used}
    reached |= {"\\!"} if any(word.startswith("\\!") for word in used) else set()
    assert sorted((flags | set(COMMANDS)) - reached - inspections - restored) == []


def test_configuration_is_for_the_prompt_alone(tmp_path: Path) -> None:
    folder = tmp_path / "anokuro"
    folder.mkdir()
    (folder / "config.toml").write_text('mode = "json"\n')
    (folder / "init.sql").write_text("SELECT 'init';\n")
    environment = {**os.environ, "XDG_CONFIG_HOME": str(tmp_path)}
    assert anokuro("-c", "SELECT 1", environment=environment).stdout == "1\n"
