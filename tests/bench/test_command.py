"""`anokuro bench` as a command."""

from __future__ import annotations

import json
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest

from anokuro_bench.readme import BEGIN, END
from anokuro_bench.results import load
from anokuro_bench.stores import ENGINES
from anokuro_bench.workloads import NAMES
from anokuro_cli.main import main
from tests.bench.made import report

TINY = ("--count", "200", "--rounds", "1", "--engines", "anokuro,sqlite", "--quiet")


def test_list_shows_everything(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bench", "--list"]) == 0
    text = capsys.readouterr().out
    for name in (*NAMES, *ENGINES):
        assert name in text


def test_a_run_leaves_json_picture_and_table(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    files = {name: tmp_path / name for name in ("r.json", "r.svg", "README.md")}
    files["README.md"].write_text(f"{BEGIN}\n{END}\n")
    words = ["--json", str(files["r.json"]), "--svg", str(files["r.svg"]), "--readme", str(files["README.md"])]
    status = main(["bench", *TINY, "-w", "readrandom,fillsync", "--face", "both", "-d", str(folder), *words])
    assert status == 0
    text = capsys.readouterr().out
    assert "readrandom" in text and "fillsync" in text and "SQL statements; durable" in text
    found = load(files["r.json"])
    assert {(one.workload, one.face, one.engine) for one in found.measurements} == {
        (name, face, engine) for name in ("readrandom", "fillsync") for face in ("kv", "sql")
        for engine in ("anokuro", "sqlite")
    }  # fmt: skip
    assert found.settings["count"] == 200
    assert ElementTree.parse(files["r.svg"]).getroot().tag.endswith("svg")
    assert "fillsync" in files["README.md"].read_text()


def test_results_of_before_are_shown_and_checked(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "r.json"
    report({"readseq": {"anokuro": [100.0], "lmdb": [10.0]}}).save(path)
    assert main(["bench", "--from", str(path)]) == 0
    assert "10.00 x LMDB" in capsys.readouterr().out
    assert main(["bench", "--from", str(path), "--check"]) == 1  # most of it is unknown
    text = capsys.readouterr().out
    assert "full scan" in text and "unknown" in text and "not met: " in text


@pytest.mark.parametrize(
    ("words", "status", "message"),
    [
        (["--workloads", "nothing"], 1, "no workload 'nothing'"),
        (["--engines", "dbase"], 1, "no engine 'dbase'"),
        (["--face", "json"], 1, "no face 'json'"),
        (["--pool", "much"], 2, "not a size"),
        (["--count", "3"], 1, "at least 100"),
        (["--from", "missing.json"], 1, "missing.json: no such file"),
        (["--durability", "maybe"], 1, "no durability 'maybe'"),
    ],
)
def test_mistakes_are_explained(
    words: list[str], status: int, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["bench", "--quiet", *words]) == status
    assert message in capsys.readouterr().err


def test_it_runs_where_no_other_engine_is_installed(folder: Path, tmp_path: Path) -> None:
    """The optional packages are hidden; SQLite is measured through the standard library."""
    code = (
        "import sys\n"
        "sys.modules.update(dict.fromkeys(['apsw', 'lmdb', 'plyvel', 'rocksdict']))\n"  # None: import fails
        "from anokuro_cli.main import main\n"
        f"sys.exit(main(['bench', '-n', '200', '-w', 'readrandom,overwrite', '--rounds', '1', '-d', {str(folder)!r}, "
        f"'--json', {str(tmp_path / 'r.json')!r}, '-q']))\n"
    )
    root = Path(__file__).resolve().parents[2]
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "not measured: LMDB" in done.stdout and "anokuro[bench]" in done.stdout
    found = json.loads((tmp_path / "r.json").read_text())
    assert {one["engine"] for one in found["measurements"]} == {"anokuro", "sqlite"}
    assert "(sqlite3)" in found["versions"]["sqlite"] and set(found["missing"]) == {"lmdb", "leveldb", "rocksdb"}
