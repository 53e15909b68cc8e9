"""Retained checkpoints: what they keep, against a model; damage; names; what is freed."""

from __future__ import annotations

import gc
import random
from typing import Any

import pytest

import engine
from engine.inspect import offline
from engine.storage import layout
from engine.storage.file_memory import MemoryFileSystem
from engine.storage.meta import parse, read_metas

PATH = "/db.ank"
OPTIONS: dict[str, Any] = {"page_size": 4096, "pool_bytes": 1 << 20, "checkpoint_bytes": 0, "segment_size": 64 << 10}


def open_in(fs: MemoryFileSystem, **options: Any) -> engine.Database:
    return engine.open(PATH, fs=fs, **(OPTIONS | options))


class World:
    """A database under random work, and what it must hold now and at each retained checkpoint."""

    def __init__(self, seed: int) -> None:
        self.rng = random.Random(seed)
        self.fs = MemoryFileSystem()
        self.db = open_in(self.fs)
        self.now: dict[bytes, bytes] = {}
        self.kept: dict[str, dict[bytes, bytes]] = {}
        self.readers: list[tuple[engine.Database, dict[bytes, bytes]]] = []
        self.made = 0

    def change(self) -> None:
        rng = self.rng
        with self.db.begin() as txn:
            tree = txn.tree("t")
            for _ in range(rng.choice((1, 5, 60))):
                key = b"%04d" % rng.randrange(rng.choice((20, 600)))
                if rng.random() < 0.3:
                    tree.delete(key)
                    self.now.pop(key, None)
                else:
                    self.now[key] = rng.randbytes(rng.choice((10, 200, 900, 6000)))
                    tree.put(key, self.now[key])

    def clear(self) -> None:
        """Most pages are freed, and their ids used again later."""
        with self.db.begin() as txn:
            tree = txn.tree("t")
            for key in list(self.now):
                tree.delete(key)
        self.now.clear()

    def checkpoint(self) -> None:
        self.db.checkpoint()

    def retain(self) -> None:
        self.made += 1
        name = f"Nr {self.made}"
        self.db.checkpoint(name)
        self.kept[name] = dict(self.now)

    def drop(self) -> None:
        if self.kept:
            name = self.rng.choice(sorted(self.kept))
            self.db.drop_checkpoint(name.upper())
            del self.kept[name]

    def reopen(self) -> None:
        if self.rng.random() < 0.5:
            self.db.close()
            self.db = open_in(self.fs)
        else:  # as a killed process leaves it; readers do not come along
            self.leave()
            copy = self.fs.contents()
            self.db.close()
            self.fs = MemoryFileSystem(copy)
            self.db = open_in(self.fs)

    def open_reader(self) -> None:
        if len(self.readers) < 3:
            self.readers.append((open_in(self.fs, readonly=True), dict(self.now)))

    def close_reader(self) -> None:
        if self.readers:
            self.readers.pop(self.rng.randrange(len(self.readers)))[0].close()

    def leave(self) -> None:
        while self.readers:
            self.readers.pop()[0].close()

    def look(self) -> None:
        assert dict(self.db.tree("t").scan()) == self.now
        assert [one.name for one in self.db.checkpoints()] == sorted(self.kept, key=lambda name: int(name[3:]))
        for reader, state in self.readers:
            assert dict(reader.tree("t").scan()) == state
        databases = [self.db, *(reader for reader, _ in self.readers)]
        for name, state in self.kept.items():
            with self.rng.choice(databases).begin(as_of=name) as txn:
                tree = txn.tree("t")
                assert dict(tree.scan(reverse=True)) == state
                for key in self.rng.sample(sorted(state), min(len(state), 3)):
                    assert tree.get(key) == state[key]


@pytest.mark.parametrize("number", range(4))
def test_what_is_kept_is_what_was_there(number: int) -> None:
    seed = random.randrange(1 << 30)
    print("seed", seed)
    world = World(seed)
    steps = (
        [world.change] * 8 + [world.checkpoint] * 4 + [world.retain] * 2 + [world.drop, world.clear]
        + [world.reopen, world.open_reader, world.close_reader, world.look]
    )  # fmt: skip
    for _ in range(120):
        world.rng.choice(steps)()
    world.look()
    assert world.db.check() == []
    world.leave()
    while world.kept:
        world.drop()
    world.db.views.close()
    world.checkpoint()
    assert world.db.check() == []
    used = {slot.state for slot in world.db.inspect.file().slots}
    assert "kept" not in used, "something is kept for nobody"
    world.db.close()


def filled(fs: MemoryFileSystem, name: str = "one") -> engine.Database:
    """A database whose retained checkpoint has pages of its own."""
    db = open_in(fs)
    db.tree("t").put_many([(b"%04d" % i, b"old %d " % i * 20) for i in range(200)])
    db.checkpoint(name)
    db.tree("t").put_many([(b"%04d" % i, b"new %d " % i * 20) for i in range(200)])
    db.checkpoint()
    return db


def test_what_a_checkpoint_costs_and_what_dropping_it_frees() -> None:
    fs = MemoryFileSystem()
    db = filled(fs)
    (one,) = db.checkpoints()
    assert one.slots >= 8
    db.checkpoint("two")
    assert [other.slots for other in db.checkpoints()] == [one.slots, 0]
    (row,) = db.execute("SELECT name, slots, bytes FROM sys.checkpoints WHERE slots > 0").fetchall()
    assert row == ("one", one.slots, one.slots * 4096)
    before = db.stats()["slots_used"]
    db.drop_checkpoint("one")
    assert before - db.stats()["slots_used"] >= one.slots
    sizes = []
    for i in range(12):
        db.tree("t").put_many([(b"%04d" % n, b"%d" % (i % 10) * 150) for n in range(200)])
        db.checkpoint()
        sizes.append(fs.size(PATH))
    assert sizes[-1] == sizes[3], "slots are not used again"
    db.close()


def test_more_checkpoints_than_a_block_has_room_for() -> None:
    fs = MemoryFileSystem()
    db = open_in(fs)
    for i in range(70):
        db.tree("t").put(b"n", b"%d" % i)
        db.checkpoint(f"c{i}")
    for i in range(0, 70, 3):
        db.drop_checkpoint(f"c{i}")
    left = [i for i in range(70) if i % 3]
    db.close()
    db = open_in(fs)
    assert [one.name for one in db.checkpoints()] == [f"c{i}" for i in left]
    assert db.check() == []
    for i in left[::7]:
        with db.begin(as_of=f"c{i}") as txn:
            assert txn.tree("t").get(b"n") == b"%d" % i
    db.close()


def test_names() -> None:
    db = engine.open(":memory:")
    db.checkpoint("Montag")
    for name in ("Montag", "MONTAG"):
        with pytest.raises(engine.ProgrammingError, match="retained already"):
            db.checkpoint(name)
    db.checkpoint("ß" * 32)
    with pytest.raises(engine.LimitError):
        db.checkpoint("ß" * 33)
    for bad in ("", "a\nb", "\x1b[2J", 7):
        with pytest.raises(engine.InterfaceError):
            db.checkpoint(bad)  # type: ignore[arg-type]
    with pytest.raises(engine.ProgrammingError, match="no retained checkpoint"):
        db.drop_checkpoint("x")
    with pytest.raises(engine.ProgrammingError, match="no retained checkpoint"):
        db.begin(as_of="x")
    assert [one.name for one in db.checkpoints()] == ["Montag", "ß" * 32]
    db.close()


def test_a_transaction_at_a_checkpoint_sees_its_schema_and_writes_nothing() -> None:
    with engine.open(":memory:") as db:
        db.execute("CREATE TABLE t (id INTEGER PRIMARY KEY, v TEXT)")
        db.execute("INSERT INTO t VALUES (1, 'old')")
        db.execute("CHECKPOINT monday")
        db.execute("ALTER TABLE t ADD COLUMN more INTEGER DEFAULT 7")
        db.execute("UPDATE t SET v = 'new'")
        db.execute("CREATE TABLE later (id INTEGER)")
        with db.begin(as_of="Monday") as txn:
            assert txn.execute("SELECT * FROM t").fetchall() == [(1, "old")]
            with pytest.raises(engine.ProgrammingError, match="later"):
                txn.execute("SELECT * FROM later")
            with pytest.raises(engine.ReadOnlyError):
                txn.execute("DELETE FROM t")
            with pytest.raises(engine.ReadOnlyError):
                txn.tree("x").put(b"k", b"v")
        assert db.execute("SELECT * FROM t").fetchall() == [(1, "new", 7)]


def test_who_reads_a_checkpoint_keeps_it_though_it_is_dropped() -> None:
    fs = MemoryFileSystem()
    db = filled(fs)
    txn = db.begin(as_of="one")
    rows = db.execute("SELECT name FROM sys.checkpoints").fetchall()
    db.drop_checkpoint("one")
    for i in range(5):
        db.tree("t").put_many([(b"%04d" % n, b"%d" % i * 150) for n in range(200)])
        db.checkpoint()
        assert db.check() == []
    assert rows == [("one",)] and db.checkpoints() == []
    assert all(value.startswith(b"old ") for _, value in txn.tree("t").scan())
    txn.rollback()
    db.checkpoint()
    assert db.store.kept == [] and db.check() == []
    abandoned = db.begin(as_of="two") if db.checkpoint("two") else None
    db.drop_checkpoint("two")
    del abandoned
    gc.collect()
    db.checkpoint()
    assert db.store.kept == []
    db.close()


def test_a_closed_database_closes_what_reads_its_checkpoints() -> None:
    db = filled(MemoryFileSystem())
    txn = db.begin(as_of="one")
    db.close()
    with pytest.raises(engine.InterfaceError):
        txn.tree("t").get(b"0001")


def test_vacuum_cuts_the_file_behind_what_is_kept() -> None:
    fs = MemoryFileSystem()
    db = open_in(fs)
    tree = db.tree("t")
    tree.put(b"small", b"1")
    db.checkpoint("one")
    db.tree("big").put_many([(b"%05d" % i, b"x" * 900) for i in range(800)])
    db.checkpoint("two")
    with db.begin() as txn:
        for i in range(800):
            txn.tree("big").delete(b"%05d" % i)
    db.vacuum()
    full = fs.size(PATH)
    with db.begin(as_of="two") as txn:
        assert len(txn.tree("big")) == 800, "what the checkpoint keeps was cut off"
    db.drop_checkpoint("two")
    (block,) = db.store.retained_slots
    assert block > full // 4096 // 2, "the list does not stand where it is in the way"
    db.views.close()
    for i in range(2):
        tree.put(b"small", b"%d" % (i + 2))
        db.vacuum()
    assert fs.size(PATH) < full // 8, "the list of checkpoints holds the end of the file"
    with db.begin(as_of="one") as txn:
        assert len(txn.tree("big")) == 0 and txn.tree("t").get(b"small") == b"1"
    assert db.check() == []
    db.close()


# --- the file ---------------------------------------------------------------------------------------------------------


def poke(fs: MemoryFileSystem, offset: int, data: bytes) -> MemoryFileSystem:
    """A copy of the files with some bytes changed."""
    copy = MemoryFileSystem(fs.contents())
    with copy.open(PATH) as file:
        file.pwrite(data, offset)
    return copy


def meta_of(fs: MemoryFileSystem) -> tuple[int, dict[str, int]]:
    with fs.open(PATH, readonly=True) as file:
        number, meta = read_metas(file)[0]
        return number, meta.as_dict()


def test_a_file_with_retained_checkpoints_is_refused_by_whom_does_not_know_them() -> None:
    """The feature bit is there as long as there is one; the meta verifies by the rules of older engines, too."""
    fs = MemoryFileSystem()
    db = filled(fs)
    assert meta_of(fs)[1]["features"] == 1
    checked = next(field.offset for field in layout.fields("meta") if field.name == "checksum")
    from engine.base.crc32c import checksum

    number, _ = meta_of(fs)
    with fs.open(PATH, readonly=True) as file:
        data = file.pread(checked + 4, number * 4096)
    assert checksum(data[:checked]) == int.from_bytes(data[checked:], "little")
    db.drop_checkpoint("one")
    assert meta_of(fs)[1]["features"] == 0
    db.close()


def test_a_meta_with_a_damaged_end_is_no_meta() -> None:
    fs = MemoryFileSystem()
    filled(fs).close()
    number, fields = meta_of(fs)
    offset = next(field.offset for field in layout.fields("meta") if field.name == "retained_slot")
    damaged = poke(fs, number * 4096 + offset, b"\xff")
    found, other = meta_of(damaged)
    assert found == 1 - number and other["sequence"] == fields["sequence"] - 1


def test_a_torn_meta_counts_whole_or_not_at_all() -> None:
    """Cut at any byte, a new meta written over an old one is the new one, the old one or none: never a mixture."""
    fs = MemoryFileSystem()
    db = filled(fs)
    number, fields = meta_of(fs)
    with fs.open(PATH, readonly=True) as file:
        old = file.pread(128, number * 4096)
    while (now := meta_of(fs))[0] != number or now[1]["sequence"] == fields["sequence"]:
        db.tree("t").put(b"more", str(now[1]["sequence"]).encode())
        db.checkpoint(f"number {now[1]['sequence']}")  # the list changes, and with it the last fields
    db.close()
    with fs.open(PATH, readonly=True) as file:
        new = file.pread(128, number * 4096)
    found = []
    for cut in range(129):
        meta = parse(new[:cut] + old[cut:] + bytes(4096 - 128))
        found.append(None if meta is None else meta.as_dict())
    assert found[0] is not None and found[128] is not None and found[0] != found[128]
    assert all(meta in (None, found[0], found[128]) for meta in found)


def test_a_damaged_list_is_reported_and_reading_goes_on() -> None:
    fs = MemoryFileSystem()
    filled(fs).close()
    slot = meta_of(fs)[1]["retained_slot"]
    for offset in (0, 4, 44, 112, 130, 190, 4000):
        damaged = poke(fs, slot * 4096 + offset, b"\xa5")
        with pytest.raises(engine.CorruptionError, match="retained checkpoints"):
            open_in(damaged)
        with open_in(damaged, readonly=True) as db:
            assert db.tree("t").get(b"0001") == b"new 1 " * 20
            with pytest.raises(engine.CorruptionError, match="retained checkpoints"):
                db.begin(as_of="one")
            assert any("retained checkpoints" in finding.what for finding in db.check())
        with offline(PATH, fs=damaged) as files:
            assert any("retained checkpoints" in text for text in files.file().damage)


def test_a_damaged_page_table_of_a_checkpoint_costs_that_checkpoint_alone() -> None:
    fs = MemoryFileSystem()
    db = filled(fs)
    (root,) = db.store.retained
    db.close()
    damaged = poke(fs, root.table_slot * 4096 + 200, b"\xa5\xa5")
    db = open_in(damaged)
    assert any("checkpoint 'one'" in finding.what for finding in db.check())
    for i in range(6):
        db.tree("t").put_many([(b"%04d" % n, b"%d" % i * 150) for n in range(200)])
        db.checkpoint()
    with pytest.raises(engine.CorruptionError):
        db.begin(as_of="one")
    with pytest.raises(engine.CorruptionError):
        db.checkpoints()
    with open_in(damaged, readonly=True) as reader:
        assert len(reader.tree("t")) == 200
    db.drop_checkpoint("one")
    assert db.check() == [] and db.checkpoints() == []
    db.close()


def test_a_damaged_image_of_a_checkpoint_is_reported_where_it_is_read() -> None:
    fs = MemoryFileSystem()
    db = filled(fs)
    kept = [slot.slot for slot in db.inspect.file().slots if slot.state == "kept" and slot.kind == "leaf"]
    db.close()
    assert len(kept) > 5
    for slot in kept[::4]:
        damaged = poke(fs, slot * 4096 + 2000, b"\xa5\xa5")
        with open_in(damaged) as db:
            assert len(db.check()) == 1
            with pytest.raises(engine.CorruptionError), db.begin(as_of="one") as txn:
                list(txn.tree("t").scan())
            assert dict(db.tree("t").scan())[b"0001"] == b"new 1 " * 20


def test_random_damage_never_gives_a_wrong_row() -> None:
    fs = MemoryFileSystem()
    filled(fs).close()
    seed = random.randrange(1 << 30)
    print("seed", seed)
    rng = random.Random(seed)
    size = fs.size(PATH)
    old, new = ({b"%04d" % i: b"%s %d " % (word, i) * 20 for i in range(200)} for word in (b"old", b"new"))
    for _ in range(150):
        damaged = poke(fs, rng.randrange(8192, size - 8), rng.randbytes(rng.randint(1, 8)))
        try:
            with open_in(damaged) as db:
                db.check()
                with db.begin(as_of="one") as txn:
                    for key, value in txn.tree("t").scan():
                        assert value == old[key]
                for key, value in db.tree("t").scan():
                    assert value == new[key]
        except engine.CorruptionError:
            pass


def test_the_offline_inspector_shows_what_is_kept() -> None:
    fs = MemoryFileSystem()
    db = filled(fs)
    live = db.inspect.file()
    db.close()
    with offline(PATH, fs=fs) as files:
        found = files.file()
        assert [one.name for one in found.checkpoints] == ["one"] == [one.name for one in live.checkpoints]
        kept = {slot.slot for slot in found.slots if slot.state == "kept"}
        assert kept == {slot.slot for slot in live.slots if slot.state == "kept"}
        assert {slot.kind for slot in found.slots if slot.slot in kept} >= {"leaf", "page table"}
        (block,) = [slot.slot for slot in found.slots if slot.kind == "retained checkpoints"]
        shown = files.slot(block)
        assert (
            shown.kind == "retained checkpoints" and shown.damage == () and sum(r.length for r in shown.regions) == 4096
        )
