"""What lives in memory: trees and their searches, pool, latches, snapshots, log, layouts; and the rows of sys."""

from __future__ import annotations

import json
import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from itertools import pairwise
from typing import Any

import pytest

import engine
from engine.api.database import open_database
from engine.inspect.model import Model
from engine.inspect.tables import TABLES
from engine.storage import layout
from engine.storage.file_os import OsFileSystem
from tests.inspect.blocking import BlockingFileSystem

PAGE = 4096


@pytest.fixture
def db(open_db: Callable[..., Any]) -> Any:
    """A table of 2,000 rows with an index, and a named tree."""
    made = open_db(page_size=PAGE)
    made.execute("CREATE TABLE t (a INTEGER PRIMARY KEY, b TEXT)")
    made.execute("CREATE INDEX tb ON t (b)")
    made.executemany("INSERT INTO t VALUES (?, ?)", [(3 * i, f"name {i * 7 % 2000:05}") for i in range(2000)])
    made.tree("events").put_many((b"key%05d" % i, b"v" * 40) for i in range(1000))
    return made


# --- trees ----------------------------------------------------------------------------------------------------------


def test_the_search_finds_what_the_engine_finds(db: Any) -> None:
    for a in (*range(60), 2997, 3000, 5997, 6000, -1):
        path = db.inspect.tree("t", a).path
        rows = db.execute("SELECT a, b FROM t WHERE a = ?", (a,)).fetchall()
        assert path[-1].kind == "leaf" and path[-1].found == bool(rows)
        if rows:
            assert tuple(path[-1].decoded.values()) == rows[0]
        for step in path:
            last = [one for one in step.comparisons if one.by != "hint"]
            assert len({one.index for one in last}) == len(last) <= max(step.items, 1).bit_length()
        assert [one.child for one in path[:-1]] == [one.page for one in path[1:]]


def test_every_comparison_is_true(db: Any) -> None:
    sought = b"key00500"
    path = db.inspect.tree("events", sought.decode()).path
    assert path[-1].found
    for step in path:
        for one in step.comparisons:
            if one.by != "hint":
                assert one.order == (one.key > sought) - (one.key < sought)


def test_the_shape_adds_up(db: Any) -> None:
    trees = {tree.name: tree for tree in db.inspect.tree().trees}
    assert trees["t"].items == 2000 and trees["tb"].items == 2000 and trees["events"].items == 1000
    assert db.stats()["pages"] == sum(tree.pages for tree in trees.values())
    for name in ("t", "tb", "events"):
        model = db.inspect.tree(name)
        assert model.summary == trees[name] and model.damage == ()
        assert sum(level.pages for level in model.levels) == trees[name].pages
        for above, below in pairwise(model.levels):
            assert above.items == below.pages
        assert model.levels[0].pages == 1


def test_an_index_is_searched_by_values(db: Any) -> None:
    path = db.inspect.tree("tb", "name 00007").path
    leaf = db.inspect.page(path[-1].page)
    assert any(item.decoded["b"] == "name 00007" for item in leaf.items)
    with pytest.raises(engine.ProgrammingError, match="no tree is called nope"):
        db.inspect.tree("nope")
    with pytest.raises(engine.ProgrammingError, match="is no key of table t"):
        db.inspect.tree("t", "not a number")


# --- pool -----------------------------------------------------------------------------------------------------------


def test_buffers_are_the_pages_in_frames(db: Any) -> None:
    pool = db.inspect.pool()
    assert pool.used == len(pool.buffers) == sum(pool.usage)
    assert pool.dirty == sum(buffer.dirty for buffer in pool.buffers) > 0
    pages = dict(db.execute("SELECT page, frame FROM sys.pages WHERE frame IS NOT NULL").fetchall())
    assert {b.page: b.frame for b in db.inspect.pool().buffers if b.version == "newest"} == pages
    db.checkpoint()
    assert db.inspect.pool().dirty == 0


def test_predicted_victims_are_the_actual_ones(open_db: Callable[..., Any]) -> None:
    db = open_db(page_size=PAGE, pool_bytes=1 << 20)
    db.tree("t").put_many((b"%06d" % i, b"v" * 400) for i in range(4000))
    db.checkpoint()
    list(db.tree("t").scan())
    for _ in range(20):
        before = db.inspect.pool()
        assert before.used == before.frames and len(before.victims) > 0
        resident = {buffer.page for buffer in before.buffers}
        # a page of the file that is in no frame: loading it evicts exactly one
        key = next(
            item.key
            for (page,) in db.execute("SELECT page FROM sys.pages WHERE owner = 'tree t' AND kind = 'leaf'").fetchall()
            if page not in {buffer.page for buffer in db.inspect.pool().buffers}
            for item in db.inspect.page(page).items
        )
        before = db.inspect.pool()
        resident = {buffer.frame: buffer.page for buffer in before.buffers}
        assert db.tree("t").get(key) is not None
        after = {buffer.frame: buffer.page for buffer in db.inspect.pool().buffers}
        changed = {frame for frame in after if after[frame] != resident.get(frame)}
        assert changed <= set(before.victims[: len(changed)]) and changed


def test_looking_loads_and_evicts_nothing(open_db: Callable[..., Any], tmp_path: Any) -> None:
    db = open_db(page_size=PAGE, pool_bytes=1 << 20)
    db.tree("t").put_many((b"%06d" % i, b"v" * 400) for i in range(4000))
    db.checkpoint()
    db.inspect.file()  # the catalog's pages are in now
    before = db.inspect.pool()
    for ref in db.inspect.source.refs():
        db.inspect.page(ref.page)
    after = db.inspect.pool()
    assert {b.frame: b.page for b in before.buffers} == {b.frame: b.page for b in after.buffers}
    assert before.counters["reads"] == after.counters["reads"]


# --- latches --------------------------------------------------------------------------------------------------------


def wait_until(condition: Callable[[], bool]) -> None:
    """Wait, a minute at the most, for another thread to have come so far."""
    end = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < end, "the other threads did not come so far"
        time.sleep(0.002)


def test_every_holder_and_waiter_is_shown(tmp_path: Any) -> None:
    path = str(tmp_path / "latches.ank")
    with engine.open(path) as made:
        made.tree("t").put(b"k", b"v")
    fs = BlockingFileSystem(OsFileSystem(), "latches.ank")
    db = open_database(path, fs)
    db.inspect.file()  # the catalog is in the pool now, the tree directory is not: the readers meet there
    page = 1
    assert page not in {buffer.page for buffer in db.inspect.pool().buffers}
    waited_before = db.inspect.latches().waits  # by all threads of this process, in other tests too
    before = sum(bucket.waits for bucket in waited_before if bucket.kind == "not known yet")
    found: list[Any] = []
    threads = [
        threading.Thread(target=lambda: found.append(db.tree("t").get(b"k")), name=f"reader {i}") for i in range(4)
    ]
    fs.blocked = True
    try:
        for thread in threads:
            thread.start()
        assert fs.arrived.acquire(timeout=60)
        wait_until(lambda: len(db.inspect.latches().latches) == 4)
        latches = db.inspect.latches().latches
        rows = db.execute("SELECT name, role, mode, page FROM sys.latches").fetchall()
    finally:
        fs.blocked = False
        fs.go.set()
        for thread in threads:
            thread.join(60)
    assert found == [b"v"] * 4
    assert Counter((one.role, one.mode, one.page) for one in latches) == {
        ("holds", "exclusive", page): 1,
        ("waits", "shared", page): 3,
    }
    assert {one.name for one in latches} == {f"reader {i}" for i in range(4)}
    assert all(one.age_us >= 0 for one in latches)
    assert sorted(rows) == sorted((one.name, one.role, one.mode, one.page) for one in latches)
    after = db.inspect.latches()
    assert after.latches == ()
    assert sum(bucket.waits for bucket in after.waits) == after.contended >= 3
    waited = next(hot for hot in after.hottest if hot.page == page)
    assert waited.waits >= 3 and waited.kind == "leaf"
    unknown = sum(bucket.waits for bucket in after.waits if bucket.kind == "not known yet")
    assert unknown >= before + 3  # it was being loaded: its header was not there
    db.close()


def test_the_page_that_is_visited_most_is_the_hottest(tmp_path: Any) -> None:
    with engine.open(str(tmp_path / "hot.ank")) as db:
        tree = db.tree("t")
        tree.put_many((b"%05d" % i, b"v" * 100) for i in range(5000))
        before = {hot.page: hot.visits for hot in db.inspect.latches().hottest}
        for _ in range(6400):
            tree.get(b"02500")
        hottest = db.inspect.latches().hottest
        grown = {hot.page: hot.visits - before.get(hot.page, 0) for hot in hottest}
        page = max(grown, key=lambda number: grown[number])
        assert grown[page] == 6400  # every 64th visit is counted
        shown = db.execute("SELECT visits FROM sys.buffers WHERE page = ? AND version = 'newest'", (page,)).fetchone()
        assert shown is not None and shown[0] >= 6400


# --- snapshots, log, file, layouts ----------------------------------------------------------------------------------


def test_a_reader_keeps_versions(db: Any) -> None:
    assert db.inspect.snapshots().snapshots == ()
    with db.begin(readonly=True) as reader:
        reader.execute("SELECT count(*) FROM t").fetchall()
        lsn = db.inspect.snapshots().published_lsn
        db.execute("UPDATE t SET b = 'changed' WHERE a = 0")
        found = db.inspect.snapshots().snapshots
        assert len(found) == 1 and found[0].lsn == lsn and found[0].readers == 1
        assert found[0].kept >= 1 and len(found[0].versions) == found[0].kept
        assert all(version.lsn <= lsn for version in found[0].versions)
        older = {row[0] for row in db.execute("SELECT page FROM sys.pages WHERE older_versions").fetchall()}
        assert older == {version.page for version in found[0].versions}
    assert db.inspect.snapshots().snapshots == ()


def test_the_log_follows_itself(db: Any) -> None:
    rows = db.execute("SELECT start_lsn, end_lsn, prev_lsn, page, record_type, record_length FROM sys.wal").fetchall()
    whole = db.inspect.wal()
    assert whole.matching == len(rows) and whole.damage == ()
    assert [row[0] for row in rows[: len(whole.records)]] == [record.start_lsn for record in whole.records]
    for before, after in pairwise(rows):
        assert before[1] <= after[0]
    assert sum(s.count for s in whole.statistics) == len(rows)
    assert {s.record_type: s.count for s in whole.statistics} == Counter(row[4] for row in rows)
    assert sum(s.bytes for s in whole.statistics) == sum(row[5] for row in rows)
    assert whole.first_lsn == rows[0][0]


def test_the_chain_of_a_page_is_the_log_filtered(db: Any) -> None:
    db.execute("UPDATE t SET b = 'other' WHERE a % 9 = 0")
    page = db.execute("SELECT page FROM sys.pages WHERE owner = 'table t' AND kind = 'leaf' LIMIT 1").fetchone()[0]
    chain = db.inspect.wal(page=page).records
    filtered = db.execute("SELECT start_lsn FROM sys.wal WHERE page = ? AND record_type <> 'FREE'", (page,)).fetchall()
    assert [record.start_lsn for record in chain if record.record_type != "FREE"] == [row[0] for row in filtered]
    assert chain[0].prev_lsn == 0
    assert [record.prev_lsn for record in chain[1:]] == [record.start_lsn for record in chain[:-1]]
    assert chain[-1].start_lsn == db.inspect.page(page).lsn
    middle = db.inspect.wal(from_lsn=chain[1].start_lsn - 1, page=page)
    assert middle.records == chain[1:]
    for nonsense in ({"page": 1 << 32}, {"from_lsn": -8}, {"txn": -1}):
        with pytest.raises(engine.ProgrammingError):
            db.inspect.wal(**nonsense)
    txn = chain[0].txn
    assert {record.txn for record in db.inspect.wal(txn=txn).records} == {txn}


def test_the_space_map_uses_every_slot_once(db: Any) -> None:
    db.checkpoint()
    model = db.inspect.file()
    assert [slot.slot for slot in model.slots] == list(range(len(model.slots)))
    assert sum(census.slots for census in model.census) == len(model.slots)
    pages = [slot.page for slot in model.slots if slot.page is not None and slot.state == "live"]
    assert sorted(pages) == [row[0] for row in db.execute("SELECT page FROM sys.pages ORDER BY page").fetchall()]
    for slot in model.slots[2:40]:
        if slot.page is not None:
            assert db.inspect.slot(slot.slot).page == slot.page


def test_layouts_are_the_field_tables() -> None:
    with engine.open(":memory:") as db:
        structures = {struct.name: struct for struct in db.inspect.layout().structures}
        rows = db.execute("SELECT structure, field, offset, size FROM sys.layouts WHERE type <> 'hole'").fetchall()
    for name in layout.structures():
        declared = [(f.name, f.offset, f.size) for f in layout.fields(name)]
        assert [(f.name, f.offset, f.size) for f in structures[name].fields] == declared
        assert [row[1:] for row in rows if row[0] == name] == declared
    for struct in structures.values():
        at = 0
        for field in struct.fields:
            assert field.offset == at
            at += field.size
        assert at == struct.size
    assert structures["page"].size == 112 and structures["frame"].size == 64


def test_a_damaged_image_is_shown_by_an_open_database(tmp_path: Any) -> None:
    path = str(tmp_path / "damaged.ank")
    with engine.open(path) as made:
        made.execute("CREATE TABLE t (a INTEGER PRIMARY KEY)")
        made.executemany("INSERT INTO t VALUES (?)", [(i,) for i in range(20)])
        made.checkpoint()
        page, slot = made.execute("SELECT page, durable_slot FROM sys.pages WHERE owner = 'table t'").fetchone()
    with open(path, "r+b") as file:
        file.seek(slot * 8192 + 8191)
        file.write(b"\xff")
    with engine.open(path) as db:
        shown = db.inspect.page(page)
        assert shown.damage and shown.sealed is False and len(shown.items) == 20
        assert sum(item.decoded == {"a": i} for i, item in enumerate(shown.items)) >= 19
        assert db.inspect.tree("t").summary.items == 20
        with pytest.raises(engine.Error):
            db.execute("SELECT * FROM t").fetchall()


def test_a_readonly_database_can_be_looked_at(tmp_path: Any) -> None:
    path = str(tmp_path / "readonly.ank")
    with engine.open(path) as made:
        made.tree("t").put(b"k", b"v")
    with engine.open(path, readonly=True) as db:
        for model in (db.inspect.page(3), db.inspect.file(), db.inspect.pool(), db.inspect.wal(), db.inspect.latches()):
            json.dumps(model.to_json())
        look = db.inspect
    with pytest.raises(engine.Error):
        look.page(3)


# --- all of them ----------------------------------------------------------------------------------------------------


def models(db: Any) -> dict[str, Model]:
    """Every model of a live database."""
    look = db.inspect
    return {
        "page": look.page(3), "slot": look.slot(0), "trees": look.tree(), "tree": look.tree("t", 30), "file": look.file(),
        "pool": look.pool(), "latches": look.latches(), "wal": look.wal(), "layout": look.layout(),
        "snapshots": look.snapshots(),
    }  # fmt: skip


def test_models_are_frozen_and_become_json(db: Any) -> None:
    for name, model in models(db).items():
        shape = json.loads(json.dumps(model.to_json(), allow_nan=False))
        assert shape["version"] == 1 and shape["model"] == ("page" if name == "slot" else name)
        with pytest.raises(AttributeError):
            model.version = 2  # type: ignore[attr-defined]


def test_every_table_can_be_queried(db: Any) -> None:
    for table in TABLES:
        end = db.store.published_lsn
        arguments = {"page_diff": f"(2, {end - 8}, {end})", "row_history": "('t', 3)", "tree_path": "('t', 3)"}
        call = f"sys.{table.name}" + (arguments.get(table.name, "(3)") if table.least else "")
        result = db.execute(f"SELECT * FROM {call}")
        assert result.columns == tuple(name for name, _ in table.columns)
        for row in result.fetchmany(50):
            assert len(row) == len(table.columns)
    joined = db.execute(
        "SELECT count(*) FROM sys.buffers b JOIN sys.pages p ON p.page = b.page WHERE b.version = 'newest'"
    ).fetchone()[0]
    assert joined == sum(buffer.version == "newest" for buffer in db.inspect.pool().buffers)


@pytest.mark.parametrize(
    ("statement", "table"),
    [
        ("INSPECT FILE", "file"),
        ("INSPECT POOL", "buffers"),
        ("INSPECT LAYOUT", "layouts"),
        ("INSPECT WAL", "wal LIMIT 1000"),
    ],
)
def test_statements_give_the_rows_of_their_tables(db: Any, statement: str, table: str) -> None:
    def rows(query: str) -> list[dict[str, Any]]:
        result = db.execute(query)
        named = [dict(zip(result.columns, row, strict=True)) for row in result]
        for row in named:
            row.pop("visits", None)  # one of 64 is counted, and looking is a visit
        return named

    assert rows(statement) == rows(f"SELECT * FROM sys.{table}")
    assert rows(statement)


def test_inspections_beside_writers(db: Any) -> None:
    """Looking at everything while a thread splits and frees pages: no error, no damage."""
    stop = threading.Event()
    failures: list[BaseException] = []

    def write() -> None:
        try:
            i = 0
            while not stop.is_set():
                db.tree("events").put(b"key%05d" % (i * 37 % 3000), b"v" * (i % 900))
                db.tree("events").delete(b"key%05d" % (i * 91 % 3000))
                i += 1
        except BaseException as error:
            failures.append(error)

    thread = threading.Thread(target=write)
    thread.start()
    try:
        for _ in range(5):
            for page in range(1, 60):
                with suppress(engine.ProgrammingError):  # free at this moment
                    assert db.inspect.page(page).damage == ()
            db.inspect.tree(), db.inspect.file(), db.inspect.pool(), db.inspect.latches(), db.inspect.snapshots()
            assert db.inspect.wal(from_lsn=db.inspect.snapshots().published_lsn).damage == ()
    finally:
        stop.set()
        thread.join()
    assert failures == []
