"""Inspections and check through the command line and dot commands, as text and as JSON."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import engine
from anokuro_cli.errors import ShellError
from anokuro_cli.inspecting import KINDS, arguments_of
from tests.shell.test_script import anokuro


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("inspect") / "t.ank"
    with engine.open(path) as db:
        db.execute("CREATE TABLE t (a INTEGER PRIMARY KEY, b TEXT)")
        db.executemany("INSERT INTO t VALUES (?, ?)", [(number, "x" * 50) for number in range(2000)])
    return str(path)


CASES = [
    ("page", ["2"], '"kind": "leaf"'),
    ("slot", ["0"], '"kind": "meta"'),
    ("tree", [], '"name": "t"'),
    ("tree", ["t", "42"], '"name": "t"'),
    ("file", [], '"page_size"'),
    ("wal", ["page", "2"], '"record_type"'),
    ("layout", ["page"], '"checksum"'),
    ("pool", [], '"frames"'),
    ("latches", [], "{"),
    ("snapshots", [], "{"),
    ("memtable", [], '"generations"'),
    ("txns", [], '"published_lsn"'),
    ("history-page", ["2"], '"record_type"'),
    ("history-row", ["t", "42"], '"event": "built"'),
]


@pytest.mark.parametrize(("what", "words", "shows"), CASES, ids=[" ".join([case[0], *case[1]]) for case in CASES])
def test_both_faces_of_the_command_line(what: str, words: list[str], shows: str, path: str) -> None:
    done = anokuro("inspect", path, what, *words, "--json")
    assert done.returncode == 0, done.stderr
    assert shows in done.stdout
    model = json.loads(done.stdout)
    text = anokuro("inspect", path, what, *words)
    assert (text.returncode, text.stderr) == (0, "")
    assert text.stdout.strip()
    live = anokuro(path, "--json", "-c", f".{what} {' '.join(words)}")
    assert live.returncode == 0, live.stderr
    assert json.loads(live.stdout).keys() == model.keys()


def test_every_kind_is_tried() -> None:
    assert {case[0] for case in CASES} | {"diff"} == set(KINDS)


def test_a_page_of_the_past(path: str) -> None:
    with engine.open(path, readonly=True) as db:
        high, low = [row[0] for row in db.execute("SELECT start_lsn FROM sys.page_history(2)")][:2]
    then = anokuro("inspect", path, "page", "2", "--at", str(low), "--json")
    assert json.loads(then.stdout)["lsn"] == low
    live = anokuro(path, "--json", "-c", f".page 2 @{low}")
    assert json.loads(live.stdout)["data"] == json.loads(then.stdout)["data"]
    shown = anokuro("inspect", path, "diff", "2", str(low), str(high))
    assert shown.returncode == 0 and "records in between" in shown.stdout
    gone = anokuro("inspect", path, "page", "2", "--at", "99999999")
    assert gone.returncode == 1 and "not written yet" in gone.stderr


@pytest.mark.parametrize(
    ("what", "words", "message"),
    [
        ("pgae", [], "unknown inspection pgae"),
        ("page", [], "page: a page number is missing"),
        ("page", ["x"], "page: expected a number, not 'x'"),
        ("page", ["-1"], "from 0 on"),
        ("pool", ["1"], "unexpected '1'"),
        ("wal", ["page"], "a number is missing behind page"),
    ],
)
def test_wrong_words(what: str, words: list[str], message: str) -> None:
    with pytest.raises(ShellError, match=message) as caught:
        arguments_of(what, words)
    assert caught.value.status == 2


def test_words_to_arguments() -> None:
    assert arguments_of("page", ["7", "@100"]) == {"page": 7, "lsn": 100}
    assert arguments_of("wal", ["0x40", "txn", "3"]) == {"from_lsn": 64, "txn": 3}
    assert arguments_of("tree", ["t", "'x'"]) == {"name": "t", "key": "x"}


def test_missing_pages_and_files(path: str, tmp_path: Path) -> None:
    done = anokuro("inspect", path, "page", "999999")
    assert done.returncode == 1
    assert "page 999999" in done.stderr
    for what in ("page 1", "pool"):
        assert anokuro("inspect", str(tmp_path / "none.ank"), *what.split()).returncode == 3
    assert anokuro("check", str(tmp_path / "none.ank")).returncode == 3
    assert not list(tmp_path.iterdir())


def test_check(path: str, tmp_path: Path) -> None:
    done = anokuro("check", path)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "ok: no damage found\n")
    damaged = tmp_path / "d.ank"
    data = bytearray(Path(path).read_bytes())
    page_size = 8192
    for slot in range(4, len(data) // page_size):  # every page, so that whichever is looked at is hit
        data[slot * page_size + 1000] ^= 0xFF
    damaged.write_bytes(data)
    done = anokuro("check", str(damaged))
    assert done.returncode in (1, 3)
    assert "Traceback" not in done.stderr
    assert "page" in done.stdout + done.stderr or "checksum" in done.stdout + done.stderr


def test_check_says_what_it_means_and_recover_saves(tmp_path: Path) -> None:
    path, saved = tmp_path / "broken.ank", tmp_path / "saved.ank"
    with engine.open(path, segment_size=1 << 16) as db:
        db.execute("CREATE TABLE t (a INTEGER PRIMARY KEY, b TEXT)")
        db.executemany("INSERT INTO t VALUES (?, ?)", [(number, "x" * 50) for number in range(2000)])
    with engine.open(path, readonly=True) as db:
        page, slot = db.execute("SELECT page, slot FROM sys.pages WHERE owner = 'table t' AND kind = 'leaf'").fetchone()
    data = bytearray(path.read_bytes())
    data[slot * 8192 + 4000] ^= 0xFF
    path.write_bytes(data)
    checked = anokuro("check", str(path))
    assert checked.returncode == 1 and f"page {page}, offset {slot * 8192}" in checked.stdout
    assert "rows of table t cannot be read" in checked.stdout and "recover" in checked.stderr
    done = anokuro("recover", str(path), "--output", str(saved))
    assert done.returncode == 1 and "something was lost" in done.stderr
    assert "table t: " in done.stdout and "nothing can be read " in done.stdout
    rows = int(anokuro(str(saved), "-t", "-c", "SELECT count(*) FROM t").stdout)
    assert 1800 < rows < 2000
    again = anokuro("recover", str(path), "--output", str(saved))
    assert again.returncode == 1 and "exists already" in again.stderr
    report = anokuro("recover", str(saved), "--output", str(tmp_path / "more.ank"), "--json")
    assert report.returncode == 0 and json.loads(report.stdout)["trees"][0]["saved"] == rows


def test_a_locked_database(path: str) -> None:
    with engine.open(path):
        done = anokuro(path, "-c", "CREATE TABLE u (a INTEGER)")
    assert done.returncode == 3
    assert "cannot open" in done.stderr
    assert "hint: " in done.stderr


def test_a_read_only_database(path: str) -> None:
    done = anokuro(path, "--readonly", "-c", "SELECT count(*) FROM t; DELETE FROM t")
    assert (done.returncode, done.stdout) == (1, "2000\n")
    assert "read-only" in done.stderr


def test_pictures_as_svg_and_without_values(path: str, tmp_path: Path) -> None:
    svg = tmp_path / "page.svg"
    assert anokuro("inspect", path, "page", "2", "--svg", str(svg)).returncode == 0
    assert svg.read_text(encoding="utf-8").startswith("<svg") and "checksum" in svg.read_text(encoding="utf-8")
    with engine.open(path, readonly=True) as db:
        page = db.execute("SELECT page FROM sys.pages WHERE owner = 'table t' AND kind = 'leaf'").fetchone()[0]
    for words in (
        ["page", str(page)],
        ["history-row", "t", "42"],
        ["wal"],
        ["tree", "t", "42"],
        ["diff", "2", "100", "400"],
    ):
        plain = anokuro("inspect", path, *words, "--json")
        covered = anokuro("inspect", path, *words, "--json", "--redact")
        assert covered.returncode == plain.returncode == 0, covered.stderr
        assert json.loads(covered.stdout).keys() == json.loads(plain.stdout).keys()
        secret = (b"x" * 50).hex() if words[0] != "page" else "8000000000000"
        assert words[0] in ("tree", "diff") or secret in plain.stdout
        assert "(hidden)" in covered.stdout or words[0] in ("tree", "diff")
        if words[0] == "page":
            model = json.loads(covered.stdout)
            assert model["items"] and all(set(item["key"] + item["value"]) <= set("78") for item in model["items"])
            data = bytes.fromhex(model["data"])
            covering = [r for r in model["regions"] if r["kind"] in ("key", "value", "fence", "free")]
            assert all(set(data[r["offset"] : r["offset"] + r["length"]]) == {0x78} for r in covering)
        else:
            assert "8000000000000" not in covered.stdout


def test_the_tour_comes_to_its_end(tmp_path: Path) -> None:
    done = anokuro("tour", "--keep", str(tmp_path))
    assert done.returncode == 0, done.stderr
    told = " ".join(done.stdout.split())
    for words in (
        "grow root",
        "split",
        "records in between",
        "was killed",
        "5 of the rows are there",
        "0 faults",
        "rows of table birds",
        "items, from slot",
        "holds exclusive",
        "waits shared",
        "second writer exclusive commit section MainThread",
    ):
        assert words in told, words
    with engine.open(tmp_path / "tour.ank") as db:
        assert db.check() == []
        assert db.execute("SELECT count(*) FROM birds WHERE id >= 90000").fetchone() == (5,)


def test_a_row_is_followed_back_as_far_as_the_log_is_kept(tmp_path: Path) -> None:
    """--wal-retention, of an import and of the shell; without it, the reason names it."""
    source = tmp_path / "t.csv"
    source.write_text("a,b\n" + "".join(f"{number},{'x' * 200}\n" for number in range(100_000)))
    update = "UPDATE t SET b = 'new' WHERE a = 7; CHECKPOINT"
    for name, options in (("kept.ank", ["--wal-retention", "1G"]), ("short.ank", [])):
        path = str(tmp_path / name)
        assert anokuro("import", path, str(source), "--table", "t", "--create", *options).returncode == 0
        assert anokuro(*options, path, "-c", update).returncode == 0
        history = anokuro(*options, "--json", path, "-c", "HISTORY ROW t 8")
        found = json.loads(history.stdout)
        if options:
            assert [one["event"] for one in found["versions"]] == ["updated", "built"] and found["complete"]
        else:
            assert not found["complete"] and "a larger wal_retention keeps more" in found["reason"]


@pytest.mark.parametrize("size", ["much", "-1", "5X", "1.5G", ""])
def test_a_size_that_is_none(size: str, tmp_path: Path) -> None:
    for words in (
        (f"--wal-retention={size}", "-c", "SELECT 1"),
        ("import", "a.ank", "a.csv", f"--wal-retention={size}"),
    ):
        done = anokuro(*words)
        assert done.returncode == 2 and "expected a number of bytes" in done.stderr
