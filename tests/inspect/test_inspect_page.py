"""Pages: what the model says is what the bytes are, wherever they come from and whatever was done to them."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import engine
from engine.base.crc32c import checksum
from engine.base.errors import Error
from engine.inspect import offline
from engine.inspect.decode import Origin, decode_page
from engine.inspect.page import REGION_KINDS, PageModel
from engine.storage import layout

PAGE = 4096


@pytest.fixture
def filled(open_db: Callable[..., Any], tmp_path: Path) -> Iterator[Any]:
    """A database with a table of three levels' worth of kinds of pages: leaves, branches, overflow; checkpointed."""
    db = open_db(page_size=PAGE)
    db.execute("CREATE TABLE t (a INTEGER PRIMARY KEY, b TEXT, d DATE)")
    db.execute("CREATE INDEX tb ON t (b)")
    db.executemany(
        "INSERT INTO t VALUES (?, ?, ?)", [(i, f"name {i * 7 % 1000:04}" * 3, "2020-02-03") for i in range(1000)]
    )
    db.tree("events").put(b"long", b"v" * 10_000)
    db.tree("events").put(b"short", b"w")
    db.checkpoint()
    yield db


def pages_of(db: Any) -> dict[str, int]:
    """One page of each kind: kind -> page id."""
    return {row[0]: row[1] for row in db.execute("SELECT kind, min(page) FROM sys.pages WHERE page > 2 GROUP BY kind")}


def test_header_fields_are_the_compilers(filled: Any) -> None:
    model = filled.inspect.page(pages_of(filled)["leaf"])
    declared = [field for field in layout.fields("page") if field.name != "hint"]
    assert [(f.name, f.offset, f.size, f.type) for f in model.fields] == [
        (f.name, f.offset, f.size, f.type) for f in declared
    ]
    for field in model.fields:
        assert field.value == int.from_bytes(model.data[field.offset : field.offset + field.size], "little")
    assert sum(f.size for f in model.fields) == next(f for f in layout.fields("page") if f.name == "hint").offset


def tiles(model: PageModel) -> bool:
    """Whether the regions follow each other over the whole page."""
    at = 0
    for region in model.regions:
        assert region.offset == at and region.length > 0 and region.kind in REGION_KINDS
        at += region.length
    return at == model.page_size == len(model.data)


def test_every_kind_is_taken_apart_without_damage(filled: Any) -> None:
    seen = set()
    for (page,) in filled.execute("SELECT page FROM sys.pages").fetchall():
        model = filled.inspect.page(page)
        seen.add(model.kind)
        assert model.damage == () and tiles(model)
        assert not [item for item in model.items if item.damage]
        if model.kind in ("leaf", "branch"):
            header = {f.name: f.value for f in model.fields}
            fences = header["lower_len"] + header["upper_len"]
            assert model.live_bytes + model.free + model.fragmented + fences + 112 == PAGE
            assert model.fragmented == header["fragmented"]
            assert [item.key for item in model.items] == sorted(item.key for item in model.items)
            assert all(item.key.startswith(model.prefix) for item in model.items)
    assert seen == {"leaf", "branch", "overflow"}


def test_cells_are_the_rows(filled: Any) -> None:
    found = []
    for (page,) in filled.execute("SELECT page FROM sys.pages WHERE owner = 'table t' AND kind = 'leaf'").fetchall():
        found += [tuple(item.decoded.values()) for item in filled.inspect.page(page).items]
    assert sorted(found) == filled.execute("SELECT a, b, d FROM t ORDER BY a").fetchall()
    names = []
    for (page,) in filled.execute("SELECT page FROM sys.pages WHERE owner = 'index tb' AND kind = 'leaf'").fetchall():
        names += [(item.decoded["b"], item.decoded["rowid"]) for item in filled.inspect.page(page).items]
    assert names and sorted(names) == filled.execute("SELECT b, a FROM t ORDER BY b, a").fetchall()


def test_live_and_offline_are_equal_after_a_checkpoint(filled: Any) -> None:
    with offline(filled.path) as files:
        for (page,) in filled.execute("SELECT page FROM sys.pages").fetchall():
            live, file = filled.inspect.page(page), files.page(page)
            assert live.data[4:] == file.data[4:]  # a frame is sealed when it is written
            assert file.sealed is True and file.slot == live.slot
            same = {"source": "", "frame": None, "sealed": None, "data": b"", "fields": ()}
            assert replace(live, **same) == replace(file, **same)


def test_three_faces_show_the_same_rows(filled: Any) -> None:
    for page in pages_of(filled).values():
        statement = filled.execute("INSPECT PAGE ?", (page,))
        table = filled.execute(
            f"SELECT * FROM sys.page_{'items' if statement.columns[1] == 'item' else 'fields'}({page})"
        )
        assert statement.columns == table.columns
        rows = statement.fetchall()
        assert rows == table.fetchall()
        shown = json.loads(json.dumps(statement.model.to_json()))
        if statement.columns[1] == "item":
            faces = [(page, i["index"], i["cell_offset"], bytes.fromhex(i["key"])) for i in shown["items"]]
            assert faces == [(row[0], row[1], row[3], row[5]) for row in rows]
        else:
            assert [(f["name"], f["value"]) for f in shown["fields"]] == [(row[1], row[5]) for row in rows]


def test_the_page_table_and_meta_slots_are_shown(filled: Any) -> None:
    slots = dict(filled.execute("SELECT kind, min(slot) FROM sys.slots WHERE state = 'live' GROUP BY kind").fetchall())
    with offline(filled.path) as files:
        block = files.slot(slots["page table"])
        assert block.kind == "page table" and block.damage == () and tiles(block)
        where = {e.number: e.slot for e in block.entries if e.slot}
        for page, slot in list(where.items())[:20]:
            assert files.slot(slot).page == page
        meta = files.slot(slots["meta"])
        assert meta.kind == "meta" and tiles(meta) and {f.name for f in meta.fields} >= {"magic", "checkpoint_lsn"}
        with pytest.raises(Error, match="slots 0 to"):
            files.slot(10_000_000)


@pytest.mark.parametrize("step", [pytest.param(1, marks=pytest.mark.ordinary_only), 17])
def test_every_flipped_byte_is_reported(filled: Any, tmp_path: Path, step: int) -> None:
    page = filled.execute(
        "SELECT page FROM sys.pages WHERE kind = 'leaf' AND page > 2 ORDER BY items LIMIT 1"
    ).fetchone()[0]
    copy = tmp_path / "flipped.ank"
    filled.backup(str(copy))
    with offline(copy) as files:
        slot = files.page(page).slot
        whole = files.page(page).data
        handle = os.open(copy, os.O_RDWR)
        try:
            for at in range(0, PAGE, step):
                os.pwrite(handle, bytes([whole[at] ^ 0xFF]), slot * PAGE + at)
                model = files.page(page)
                assert model.damage and tiles(model)
                os.pwrite(handle, whole[at : at + 1], slot * PAGE + at)
        finally:
            os.close(handle)
        assert files.page(page).damage == ()


def resealed(data: bytearray) -> bytes:
    data[:4] = checksum(bytes(data[4:])).to_bytes(4, "little")
    return bytes(data)


@pytest.mark.parametrize("kind", ["leaf", "branch", "overflow", "page table"])
def test_flips_behind_a_right_checksum_are_survived(filled: Any, kind: str) -> None:
    """A forged page passes the checksum: lengths and offsets alone must hold the decoder back."""
    if kind == "page table":
        slot = filled.execute("SELECT slot FROM sys.slots WHERE kind = 'page table' LIMIT 1").fetchone()[0]
        whole, decode = filled.inspect.slot(slot).data, None
    else:
        model = filled.inspect.page(pages_of(filled)[kind])
        whole, decode = model.data, filled.inspect.source.owners().of(model.tree).decode
    for at in (*range(4, 160), *range(160, PAGE, 41)):
        for value in (0xFF, whole[at] ^ 0x80):
            forged = bytearray(whole)
            forged[at] = value
            found = decode_page(resealed(forged), Origin("slot", 9, decode=decode))
            assert found.sealed and tiles(found)
        json.dumps(found.to_json())


def test_wrong_arguments_are_explained(filled: Any) -> None:
    for page in (0, -1, 99_999, 1 << 40):
        with pytest.raises(engine.Error, match="does not exist or is free"):
            filled.inspect.page(page)
    with pytest.raises(engine.Error, match="is a number"):
        filled.execute("INSPECT PAGE 3 AT LSN 'x'")
    with pytest.raises(engine.Error, match="number"):
        filled.execute("SELECT * FROM sys.page_items('x')")
