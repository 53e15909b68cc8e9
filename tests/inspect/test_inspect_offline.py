"""Files alone: in use, cut off, overwritten, hostile. Something is always shown, and what is wrong is named."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import engine
from engine.inspect import offline
from engine.storage.meta import Meta

PAGE = 4096


@pytest.fixture
def closed(open_db: Callable[..., Any], tmp_path: Path) -> Path:
    """A closed database file with a table of 300 rows."""
    db = open_db(page_size=PAGE)
    db.execute("CREATE TABLE t (a INTEGER PRIMARY KEY, b TEXT)")
    db.executemany("INSERT INTO t VALUES (?, ?)", [(i, f"row {i} " + "x" * 60) for i in range(300)])
    db.tree("events").put(b"k", b"v")
    db.close()
    return tmp_path / "test.ank"


def overwrite(path: Path, offset: int, data: bytes) -> None:
    with open(path, "r+b") as file:
        file.seek(offset)
        file.write(data)


def rows_in(path: Path) -> list[int]:
    """Every `a` that offline inspection can decode in the table's leaves."""
    with offline(path) as files:
        found = []
        for ref in files.source.refs():
            page = files.page(ref.page)
            if page.kind == "leaf" and page.owner == "table t":
                found += [item.decoded["a"] for item in page.items if item.decoded]
        return sorted(found)


def test_an_open_database_can_be_looked_at(open_db: Callable[..., Any]) -> None:
    db = open_db()
    db.execute("CREATE TABLE t (a INTEGER)")
    db.checkpoint()
    with offline(db.path) as files:
        assert "t" in [tree.name for tree in files.tree().trees]
        assert files.file().damage == ()


def test_sound_files_show_no_damage(closed: Path) -> None:
    assert rows_in(closed) == list(range(300))
    with offline(closed) as files:
        assert files.tree().damage == () and files.file().damage == () and files.wal().damage == ()
        tree = files.tree("t", 77)
        assert tree.path[-1].found and tree.path[-1].decoded == {"a": 77, "b": "row 77 " + "x" * 60}
        assert {meta.slot for meta in files.file().metas} <= {0, 1}


@pytest.mark.parametrize("rubbish", [bytes(2 * PAGE), b"\xff" * 2 * PAGE, os.urandom(2 * PAGE)])
def test_without_meta_slots_every_row_is_found(closed: Path, rubbish: bytes) -> None:
    overwrite(closed, 0, rubbish)
    with offline(closed) as files:
        assert "no meta slot is valid" in files.file().damage
        assert files.source.page_size == PAGE
        assert files.wal().log_id != 0
    assert rows_in(closed) == list(range(300))


@pytest.mark.parametrize(
    "fields",
    [
        {"table_slot": 0xFFFFFFFF},
        {"table_slot": 0},
        {"table_depth": 5},
        {"table_depth": 0xFFFFFFFF},
        {"table_tag": 1},
        {"next_page_id": 0xFFFFFFFF},
        {"page_size": 7},
        {"page_size": 65536},
        {"segment_size": 0},
        {"segment_size": 0xFFFFFFFF},
        {"major": 99},
        {"slot_count": 0xFFFFFFFF, "sequence": 1 << 63},
    ],
    ids=str,
)
def test_hostile_meta_slots_do_no_harm(closed: Path, fields: dict[str, int]) -> None:
    with offline(closed) as files:
        good = files.source.metas()[0][1].as_dict()
    meta = Meta()
    meta.update(**{**good, **fields})
    sealed = meta.sealed()
    overwrite(closed, 0, sealed)
    overwrite(closed, PAGE, sealed)
    with offline(closed) as files:
        files.file(), files.tree(), files.slot(0), files.slot(1)
        for look in (files.wal, lambda: files.page(3)):
            try:
                look()
            except engine.Error as error:  # typed, and in words
                assert str(error)


def test_damaged_page_table_blocks_are_passed_over(closed: Path) -> None:
    with offline(closed) as files:
        blocks = [slot.slot for slot in files.file().slots if slot.kind == "page table" and slot.state == "live"]
    for block in blocks:
        overwrite(closed, block * PAGE + 200, b"\xee" * 16)
    with offline(closed) as files:
        assert any("page table block" in problem for problem in files.file().damage)
        assert any("looking at every slot" in problem for problem in files.page(3).damage)
    assert rows_in(closed) == list(range(300))


def test_cut_off_and_foreign_files(closed: Path, tmp_path: Path) -> None:
    whole = closed.read_bytes()
    for size in (1, 100, PAGE, PAGE + 50, 3 * PAGE + 7, len(whole) // 2, len(whole) - 1):
        closed.write_bytes(whole[:size])
        with offline(closed) as files:
            assert files.file().size == size
            files.tree(), files.wal()
    text = tmp_path / "text.txt"
    text.write_text("hello\n" * 1000)
    with offline(text) as files:
        assert any("may not be an Anokuro database" in problem for problem in files.file().damage)
        with pytest.raises(engine.Error, match=r"no page can be found in .*text.txt: no meta slot is valid"):
            files.page(3)
    with pytest.raises(engine.Error, match="directory"):
        offline(tmp_path)
    with pytest.raises(engine.Error, match="does not exist"):
        offline(tmp_path / "nothing.ank")


def test_a_damaged_log_is_shown_up_to_the_damage(open_db: Callable[..., Any]) -> None:
    db = engine.open(str(Path(open_db().path).with_name("log.ank")))
    for i in range(50):
        db.tree("t").put(b"%03d" % i, b"v" * 50)
    with offline(db.path) as files:
        sound = files.wal()
    assert sound.damage == () and sound.matching > 100
    middle = sound.records[60].start_lsn
    segment = next(Path(db.path + "-wal").iterdir())
    overwrite(segment, middle + 45, b"\xff\xff\xff")
    with offline(db.path) as files:
        broken = files.wal()
    assert broken.records == sound.records[:60] and broken.end_lsn == middle
    assert "checksum" in broken.end_reason and broken.damage
    db.close()


def test_where_the_newer_meta_slot_is_damaged_the_log_is_named(tmp_path: Path) -> None:
    """A page that only the lost checkpoint had: the error says that the log may have it, and it has."""
    path = tmp_path / "newer.ank"
    with engine.open(path, page_size=PAGE, wal_retention=1 << 30) as db:
        db.tree("t").put_many((b"%04d" % i, b"x" * 100) for i in range(500))
        page = db.inspect.tree("t", "0499").path[-1].page
        lsn = db.inspect.page(page).lsn
    with offline(path) as files:
        newest = files.source.metas()[0][0]
    overwrite(path, newest * PAGE + 40, b"\xff" * 8)
    with offline(path) as files:
        with pytest.raises(engine.ProgrammingError, match=rf"But meta slot {newest} .*HISTORY PAGE {page} tells"):
            files.page(page)
        assert files.page_history(page).changes[0].record.start_lsn == lsn
        assert files.page(page, lsn).live_items > 0
