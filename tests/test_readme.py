"""What README.md says is so: its commands, paths, options and dependencies."""

from __future__ import annotations

import functools
import importlib.util
import re
import shlex
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from build_support.readme import command_blocks

ROOT = Path(__file__).resolve().parent.parent
TEXT = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = command_blocks(TEXT)
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def all_commands() -> list[list[str]]:
    """Every command line of the README's shell blocks and, where it starts with a program we know, of its code spans."""
    lines = [line for block in re.findall(r"^```(?:sh|shell)\n(.*?)^```$", TEXT, re.DOTALL | re.MULTILINE)
             for line in block.splitlines()]  # fmt: skip
    lines += [span for span in re.findall(r"`([^`\n]+)`", TEXT) if re.match(r"(anokuro|python3?|\.ci/run)\b", span)]
    return [words for line in lines if (words := shlex.split(line, comments=True))]


def is_ours(words: list[str]) -> bool:
    """Whether a command is one whose `--help` is ours to check: the shell, or a module of this project."""
    program = Path(words[0]).name
    if program == "anokuro":
        return True
    return (
        program.startswith("python") and words[1:2] == ["-m"] and words[2].split(".")[0] in ("build_support", "engine")
    )


@functools.cache
def help_of(command: tuple[str, ...]) -> str:
    environment = {"PATH": "/usr/bin:/bin", "COLUMNS": "200", "TERM": "dumb", "NO_COLOR": "1"}
    done = subprocess.run([sys.executable, *command, "--help"], cwd=ROOT, capture_output=True, text=True, check=False,
                          env=environment)  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_first_block_installs_and_runs_the_example() -> None:
    venv, install, run = map(shlex.split, BLOCKS[0])
    assert venv == ["python3", "-m", "venv", ".venv"]
    assert install == [".venv/bin/pip", "install", "."]
    assert run[:3] == [".venv/bin/anokuro", "run", "examples/flights.sql"]
    assert (ROOT / run[2]).is_file()


def test_second_block_installs_the_test_extra_and_runs_all_tests() -> None:
    install, test = map(shlex.split, BLOCKS[1])
    assert install == [".venv/bin/pip", "install", "-e", ".[test]"]
    assert "test" in PROJECT["optional-dependencies"]
    assert test == [".venv/bin/python", "-m", "pytest", "-n", "auto"]


def test_the_example_is_complete() -> None:
    """Every file the script imports is there."""
    script = (ROOT / "examples" / "flights.sql").read_text(encoding="utf-8")
    imported = [line.split()[1] for line in script.splitlines() if line.startswith(".import")]
    assert len(imported) == 4
    assert all((ROOT / path).is_file() for path in imported), imported


@pytest.mark.parametrize("words", [words for words in all_commands() if is_ours(words)], ids=shlex.join)
def test_options_and_subcommands_exist(words: list[str]) -> None:
    if Path(words[0]).name == "anokuro":
        command: tuple[str, ...] = ("-m", "anokuro_cli", *(word for word in words[1:2] if word.isalpha()))
    else:
        assert importlib.util.find_spec(words[2]) is not None
        command = ("-m", words[2])
    own = words[: words.index("--test") + 1] if "--test" in words else words  # the rest is pytest's
    for option in (word for word in own[1:] if word.startswith("-") and word != "-m"):
        assert re.search(rf"(?<![\w-]){re.escape(option)}(?![\w-])", help_of(command)), f"{option} is not in --help"
    if Path(words[0]).name == "anokuro":
        assert help_of(command)


def test_links_and_paths_exist() -> None:
    targets = [target for target in re.findall(r"\]\(([^)]+)\)", TEXT) if not target.startswith("http")]
    spans = [span for span in re.findall(r"`([\w./-]+)`", TEXT) if "/" in span and not span.startswith((".venv", "-"))]
    missing = [path for path in targets + spans if not (ROOT / path.split("#")[0]).exists()]
    assert targets and not missing, missing


def test_dependencies_are_those_of_the_project() -> None:
    table = TEXT.split("## Dependencies")[1]
    listed = set(re.findall(r"^\| ([\w.-]+) \|", table, re.MULTILINE)) - {"package"}
    assert listed == {re.split(r"[<>=~!; \[]", requirement)[0] for requirement in PROJECT["dependencies"]}


def test_version_and_python() -> None:
    assert re.search(r"Version (\d+\.\d+)", TEXT)[1] == ".".join(PROJECT["version"].split(".")[:2])  # type: ignore[index]
    assert re.search(r"Python (\d+\.\d+) or later", TEXT)[1] == PROJECT["requires-python"].strip(">=")  # type: ignore[index]


def test_ci_runs_the_commands_of_the_readme() -> None:
    script = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    assert "set -euo pipefail" in script
    assert script.count("$(readme 1)") >= 2 and script.count("$(readme 2)") >= 2


def test_the_python_example_runs(tmp_path: Path) -> None:
    (example,) = re.findall(r"^```python\n(.*?)^```$", TEXT, re.DOTALL | re.MULTILINE)
    done = subprocess.run(
        [sys.executable, "-c", example],
        cwd=tmp_path,
        env={"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stderr == ""
    assert done.stdout.splitlines() == [
        "('Ada',)",
        "[(b'2026-01-01/1', b'opened'), (b'2026-01-01/2', b'read')]",
        "[]",
    ]
