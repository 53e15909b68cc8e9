"""Recovery into a new file: all of a sound database, and of a damaged one everything but what was damaged."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import engine
from engine.api.recover import RecoverReport, recover
from engine.inspect import offline
from engine.storage.file_os import OsFileSystem

PAGE = 4096
ROWS = 1500


def value(number: int) -> str:
    return f"row {number} " + "x" * (number % 70)


@pytest.fixture
def made(tmp_path: Path) -> Path:
    """Tables with an index, a UNIQUE constraint, a foreign key, long values; a view; a named tree; the last rows in the log alone.

    The log from before the checkpoint is gone.
    """
    return make(tmp_path, 1 << 14)


@pytest.fixture
def made_with_log(tmp_path: Path) -> Path:
    """The same with all of its log."""
    return make(tmp_path, 1 << 24)


def make(tmp_path: Path, segment_size: int) -> Path:
    path = tmp_path / "made.ank"
    db = engine.open(str(path), page_size=PAGE, segment_size=segment_size)
    db.execute("CREATE TABLE t (a INTEGER PRIMARY KEY, b TEXT NOT NULL)")
    db.execute("CREATE INDEX tb ON t (b)")
    db.execute("CREATE TABLE u (n TEXT UNIQUE, a INTEGER REFERENCES t (a))")
    db.execute("CREATE VIEW v AS SELECT count(*) AS n FROM t")
    db.executemany("INSERT INTO t VALUES (?, ?)", [(i, value(i)) for i in random.Random(7).sample(range(ROWS), ROWS)])
    db.executemany("INSERT INTO u VALUES (?, ?)", [(f"n{i}", i) for i in range(200)])
    for i in range(20):
        db.tree("events").put(b"long %02d" % i, bytes([i]) * 9000)
    db.checkpoint()
    db.execute("DELETE FROM t WHERE a BETWEEN 700 AND 799")
    db.execute("UPDATE t SET b = 'new' WHERE a = 5")
    db.tree("events").put(b"late", b"in the log")
    copy_files(path, tmp_path / "broken.ank")
    db.close()
    return tmp_path / "broken.ank"


def copy_files(path: Path, to: Path) -> None:
    """A copy of an open database's files, as a kill would leave them."""
    to.write_bytes(path.read_bytes())
    log = Path(f"{to}-wal")
    log.mkdir()
    for segment in Path(f"{path}-wal").iterdir():
        (log / segment.name).write_bytes(segment.read_bytes())


WANTED = {i: value(i) for i in range(ROWS) if not 700 <= i < 800} | {5: "new"}


def recovered(path: Path) -> tuple[RecoverReport, dict[int, str], Any]:
    """The report, the rows of t, and the new database, which is sound; the old files are as they were."""
    before = {file: file.read_bytes() for file in [path, *Path(f"{path}-wal").glob("*")]}
    output = path.with_name("saved.ank")
    report = recover(str(path), str(output))
    assert {file: file.read_bytes() for file in [path, *Path(f"{path}-wal").glob("*")]} == before
    db = engine.open(str(output))
    findings = [f for f in db.check() if "FOREIGN KEY" not in str(f)]
    assert findings == []
    rows = dict(db.execute("SELECT a, b FROM t").fetchall()) if db.execute(
        "SELECT count(*) FROM sys.tables WHERE name = 't'"
    ).fetchone()[0] else {}  # fmt: skip
    return report, rows, db


def flip(path: Path, offset: int, count: int = 1) -> None:
    with open(path, "r+b") as file:
        file.seek(offset)
        old = file.read(count)
        file.seek(offset)
        file.write(bytes(byte ^ 0xFF for byte in old))


def slot_of(path: Path, wanted: str, owner: str) -> tuple[int, int]:
    """(page, slot) of a page of that kind and owner in the file."""
    with offline(path) as files:
        for ref in files.source.refs():
            page = files.page(ref.page)
            if page.kind == wanted and owner in page.owner and ref.page > 2:
                return ref.page, ref.slot
    raise AssertionError


def test_a_sound_database_is_saved_whole(made: Path) -> None:
    report, rows, db = recovered(made)
    with db:
        assert report.is_whole and report.problems == () and rows == WANTED
        assert db.execute("SELECT n FROM v").fetchone() == (ROWS - 100,)
        assert db.execute("SELECT count(*) FROM u").fetchone() == (200,)
        assert db.tree("events").get(b"late") == b"in the log" and db.tree("events").get(b"long 07") == b"\7" * 9000
        assert db.execute("SELECT a FROM t WHERE b = 'new'").fetchall() == [(5,)]
        with pytest.raises(engine.IntegrityError):
            db.execute("INSERT INTO u VALUES ('n3', 3)")
    with pytest.raises(engine.ProgrammingError, match="exists already"):
        recover(str(made), str(made.with_name("saved.ank")))


def test_a_damaged_leaf_costs_its_rows_alone(made: Path) -> None:
    page, slot = slot_of(made, "leaf", "table t")
    with offline(made) as files:
        there = {item.decoded["a"] for item in files.page(page).items}
    flip(made, slot * PAGE + 2000, 40)
    report, rows, db = recovered(made)
    db.close()
    tree = next(tree for tree in report.trees if tree.name == "t")
    lost = WANTED.keys() - rows.keys()
    assert lost <= there and all(rows[a] == WANTED[a] for a in rows.keys() & WANTED.keys() if a not in there)
    assert tree.gaps or tree.older
    assert any(f"page {page} in slot {slot}" in problem for problem in report.problems)
    assert "a=" in tree.gaps[0]


def test_a_damaged_leaf_is_made_anew_from_the_log(made_with_log: Path) -> None:
    for _ in range(5):
        flip(made_with_log, slot_of(made_with_log, "leaf", "table t")[1] * PAGE + 2000, 40)
    report, rows, db = recovered(made_with_log)
    db.close()
    assert report.is_whole and report.problems and rows == WANTED


def test_every_leaf_but_its_root_is_found_without_branches(made: Path) -> None:
    _, slot = slot_of(made, "branch", "table t")
    flip(made, slot * PAGE + 8, 100)
    _, rows, db = recovered(made)
    db.close()
    assert rows == WANTED


@pytest.mark.parametrize("what", ["metas", "page table", "log", "catalog", "long value"])
def test_other_damage(made: Path, what: str) -> None:
    with offline(made) as files:
        blocks = [slot.slot for slot in files.file().slots if slot.kind == "page table" and slot.state == "live"]
        redo = files.source.metas()[0][1].as_dict()["redo_lsn"]
        catalog = files.page(2).slot
    if what == "metas":
        flip(made, 0, 120), flip(made, PAGE, 120)
    elif what == "page table":
        for block in blocks:
            flip(made, block * PAGE + 500, 8)
    elif what == "log":
        flip(Path(f"{made}-wal") / f"{redo - redo % (1 << 14):016x}.wal", redo % (1 << 14) + 100, 4)
    elif what == "catalog":
        flip(made, catalog * PAGE + 3500, 500)
    else:
        flip(made, slot_of(made, "overflow", "tree events")[1] * PAGE + 3000, 1)
    report, rows, db = recovered(made)
    with db:
        assert report.problems
        if what in ("metas", "page table"):
            assert rows == WANTED
        elif what == "log":  # what was committed behind the checkpoint is lost, and that is said
            assert len(rows) == ROWS and any("commits behind LSN" in problem for problem in report.problems)
        elif what == "long value":
            events = next(tree for tree in report.trees if tree.name == "events")
            assert len(events.lost) == 1 and events.saved == 20 and rows == WANTED
        else:  # an older catalog, or none: the rows are there
            unnamed = [tree for tree in report.trees if tree.kind == "unknown"]
            assert rows == WANTED or sum(tree.saved for tree in unnamed) >= len(WANTED)


def test_nothing_to_recover(tmp_path: Path) -> None:
    text = tmp_path / "text.txt"
    text.write_text("hello\n" * 1000)
    with pytest.raises(engine.OperationalError, match="nothing can be recovered"):
        recover(str(text), str(tmp_path / "saved.ank"))
    assert not (tmp_path / "saved.ank").exists()
    with pytest.raises(engine.OperationalError, match="does not exist"):
        recover(str(tmp_path / "none"), str(tmp_path / "saved.ank"), fs=OsFileSystem())


def hits(path: Path) -> Iterator[int]:
    """Offsets all over a file, a few hundred."""
    size = path.stat().st_size
    return iter(range(0, size, max(size // 60, 1)))


def test_flips_anywhere_are_survived(made: Path) -> None:
    """Whatever is flipped: recovery ends, and gives no row that never was."""
    whole = made.read_bytes()
    for number, offset in enumerate(hits(made)):
        flip(made, offset, 3)
        output = made.with_name(f"saved {number}.ank")
        recover(str(made), str(output))
        with engine.open(str(output)) as db:
            for tree, rows in (("t", db.execute("SELECT a, b FROM t").fetchall()),):
                assert tree and all(b in (value(a), WANTED.get(a)) for a, b in rows)
        output.unlink()
        made.write_bytes(whole)
