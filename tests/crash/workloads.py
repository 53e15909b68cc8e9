"""The engine's workloads for crash enumeration. Each is small, and made to go through one part of the engine."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass

from tests.crash.engine_subject import (
    BACKUP,
    CHECKPOINT,
    HOLD,
    LET_GO,
    VACUUM,
    WAIT,
    Alone,
    Bulk,
    Change,
    Drop,
    EngineSubject,
    Erase,
    Parts,
    Retain,
    RolledBack,
    Transaction,
)
from tests.crash.harness import REOPEN, Workload

# Workloads with large states, or states that take long to read, or thousands of operations: the share of states, and of
# crash points, that they get.
LARGE = {
    "larger_than_the_pool": 0.05,
    "one_big_transaction": 0.1,
    "large_checkpoints": 0.3,
    "trimmed": 0.3,
    "retained_checkpoints": 0.6,
    "retained_schemas": 0.4,
    "retained_and_vacuumed": 0.4,
}


@dataclass(frozen=True)
class Case:
    """A workload, the subject it runs on, and the share of the ordinary number of states that it gets."""

    subject: EngineSubject
    workload: Workload
    share: float


CASES: dict[str, Callable[[], Case]] = {}


def case(make: Callable[[], tuple[EngineSubject, list[object], object]]) -> Callable[[], Case]:
    """Register a workload; its name is the function's. It returns the subject, the steps and the further step."""
    name = make.__name__

    def build() -> Case:
        subject, steps, further = make()
        return Case(subject, Workload(name, steps, further), LARGE.get(name, 1.0))

    CASES[name] = build
    return build


def put(tree: str, key: str, value: bytes) -> Change:
    return Change(tree, key.encode(), value)


def delete(tree: str, key: str) -> Change:
    return Change(tree, key.encode(), None)


def one(*changes: Change) -> Transaction:
    return Transaction(tuple(changes))


def sql(*statements: str | tuple[str, tuple[object, ...]]) -> Transaction:
    return Transaction(statements=tuple(s if isinstance(s, tuple) else (s, ()) for s in statements))


MORE = one(put("t", "zz more", b"after recovery"), put("t", "a more", b"x" * 600))


@case
def small_puts() -> tuple[EngineSubject, list[object], object]:
    """One key a commit, some of them twice."""
    rng = random.Random(1)
    steps: list[object] = [one(put("t", f"key{rng.randrange(25)}", rng.randbytes(20))) for _ in range(30)]
    return EngineSubject(("t",)), steps, MORE


@case
def splits() -> tuple[EngineSubject, list[object], object]:
    """Random keys with middling values until the tree has three levels: leaf and branch splits, root growth."""
    rng = random.Random(2)
    steps: list[object] = []
    for _ in range(24):
        steps.append(one(*(put("t", f"{rng.randrange(10**9):09}" + "k" * 150, rng.randbytes(350)) for _ in range(8))))
    steps.insert(14, CHECKPOINT)
    return EngineSubject(("t",)), steps, MORE


@case
def deletes_and_merges() -> tuple[EngineSubject, list[object], object]:
    """A bulk load, then deletion in batches from both ends and at random until the tree is empty."""
    rng = random.Random(3)
    keys = [f"{i:05}" for i in range(240)]
    steps: list[object] = [Bulk("t", tuple((key.encode(), rng.randbytes(200)) for key in keys)), CHECKPOINT]
    rng.shuffle(keys)
    while keys:
        steps.append(one(*(delete("t", keys.pop()) for _ in range(min(len(keys), rng.randint(6, 20))))))
        if len(steps) % 7 == 0:
            steps.append(CHECKPOINT)
    return EngineSubject(("t",)), steps, MORE


@case
def checkpoints_over_the_same_pages() -> tuple[EngineSubject, list[object], object]:
    """The same few pages change again and again between checkpoints: slots become free and are used again."""
    rng = random.Random(4)
    steps: list[object] = [Bulk("t", tuple((f"{i:03}".encode(), bytes(150)) for i in range(60)))]
    for i in range(24):
        steps.append(one(*(put("t", f"{rng.randrange(60):03}", rng.randbytes(150)) for _ in range(4))))
        if i % 2:
            steps.append(CHECKPOINT)
    return EngineSubject(("t",)), steps, MORE


@case
def growing_file() -> tuple[EngineSubject, list[object], object]:
    """Each transaction adds pages, each checkpoint makes the file longer."""
    rng = random.Random(5)
    steps: list[object] = []
    for i in range(10):
        steps.append(one(*(put("t", f"{i:02}{j:02}", rng.randbytes(800)) for j in range(12))))
        steps.append(CHECKPOINT)
    return EngineSubject(("t",)), steps, MORE


@case
def overflow_values() -> tuple[EngineSubject, list[object], object]:
    """Values over several pages, replaced by longer and shorter ones, and deleted."""
    rng = random.Random(6)
    steps: list[object] = []
    for i in range(16):
        length = rng.choice((900, 3000, 5000, 12000, 30000))
        change = (
            delete("t", f"{rng.randrange(4)}") if i % 5 == 4 else put("t", f"{rng.randrange(4)}", rng.randbytes(length))
        )
        steps.append(one(change, put("t", "small", b"%d" % i)))
        if i % 6 == 5:
            steps.append(CHECKPOINT)
    return EngineSubject(("t",)), steps, MORE


@case
def several_trees() -> tuple[EngineSubject, list[object], object]:
    """Transactions over three trees that come into being on the way: all of a transaction or nothing."""
    rng = random.Random(7)
    steps: list[object] = []
    for i in range(18):
        trees = ("t", "u", "v")[: 1 + i // 5]
        steps.append(one(*(put(tree, f"{rng.randrange(30)}", b"%d " % i * 12) for tree in trees for _ in range(3))))
        if i % 6 == 5:
            steps.append(CHECKPOINT)
    return EngineSubject(("t", "u", "v")), steps, MORE


@case
def bulk_loads() -> tuple[EngineSubject, list[object], object]:
    """put_many into an empty tree, then into a full one; a log of many small segments."""
    rng = random.Random(8)
    steps: list[object] = [Bulk("t", tuple((f"{i:04}".encode(), rng.randbytes(60)) for i in range(200)))]
    steps.append(Bulk("t", tuple((f"{i:04}x".encode(), rng.randbytes(60)) for i in range(0, 200, 2))))
    steps.append(CHECKPOINT)
    steps.append(Bulk("u", tuple((rng.randbytes(8), rng.randbytes(60)) for _ in range(150))))
    return EngineSubject(("t", "u"), options={"segment_size": 16 << 10}), steps, MORE


@case
def reopened() -> tuple[EngineSubject, list[object], object]:
    """Closing (which makes a checkpoint) and opening between transactions."""
    rng = random.Random(9)
    steps: list[object] = []
    for i in range(14):
        steps.append(one(*(put("t", f"{rng.randrange(40):02}", rng.randbytes(100)) for _ in range(5))))
        if i % 3 == 2:
            steps.append(REOPEN)
    return EngineSubject(("t",)), steps, MORE


@case
def small_segments() -> tuple[EngineSubject, list[object], object]:
    """Transactions that run over several segments of the log, and checkpoints that remove segments."""
    rng = random.Random(10)
    steps: list[object] = []
    for i in range(12):
        steps.append(one(*(put("t", f"{rng.randrange(99):02}", rng.randbytes(700)) for _ in range(rng.randint(1, 25)))))
        if i % 4 == 3:
            steps.append(CHECKPOINT)
    return EngineSubject(("t",), options={"segment_size": 8 << 10}), steps, MORE


@case
def kept_log() -> tuple[EngineSubject, list[object], object]:
    """The log is kept behind the checkpoint for history."""
    rng = random.Random(11)
    steps: list[object] = []
    for i in range(14):
        steps.append(one(*(put("t", f"{rng.randrange(50):02}", rng.randbytes(300)) for _ in range(6))))
        if i % 4 == 3:
            steps.append(CHECKPOINT)
    options = {"segment_size": 8 << 10, "wal_retention": 24 << 10}
    return EngineSubject(("t",), options=options), steps, MORE


@case
def rolled_back() -> tuple[EngineSubject, list[object], object]:
    """Transactions that are rolled back between others, one of them large."""
    rng = random.Random(12)
    steps: list[object] = []
    for i in range(14):
        steps.append(one(*(put("t", f"{rng.randrange(40):02}", rng.randbytes(80)) for _ in range(3))))
        count = 120 if i == 7 else 4
        steps.append(RolledBack(tuple(put("t", f"{rng.randrange(90):02}", b"never" * 20) for _ in range(count))))
        if i % 5 == 4:
            steps.append(CHECKPOINT)
    return EngineSubject(("t",)), steps, MORE


@case
def unsynced() -> tuple[EngineSubject, list[object], object]:
    """synchronous=normal: nothing is promised, but what is there is a prefix of the commits, each of them whole."""
    rng = random.Random(13)
    steps: list[object] = []
    for i in range(20):
        changes = tuple(put("t", f"{rng.randrange(40):02}", rng.randbytes(120)) for _ in range(4))
        steps.append(Transaction(changes, acknowledged=False))
        if i % 6 == 5:
            steps.append(CHECKPOINT)
    return EngineSubject(("t",), options={"synchronous": "normal"}), steps, None


@case
def larger_than_the_pool() -> tuple[EngineSubject, list[object], object]:
    """Twice as many pages as the pool has frames: changed pages are written to free slots between checkpoints."""
    rng = random.Random(14)
    steps: list[object] = [Bulk("t", tuple((f"{i:04}".encode(), bytes([i % 251]) * 900) for i in range(1600)))]
    for i in range(8):
        steps.append(one(*(put("t", f"{rng.randrange(1600):04}", bytes([i]) * 890) for _ in range(60))))
        if i in (2, 5):
            steps.append(CHECKPOINT)
    return EngineSubject(("t",), options={"segment_size": 256 << 10}), steps, MORE


@case
def large_checkpoints() -> tuple[EngineSubject, list[object], object]:
    """Checkpoints of several batches of pages: images of neighbouring slots in one write, slots that lie scattered."""
    rng = random.Random(16)
    steps: list[object] = [Bulk("t", tuple((f"{i:04}".encode(), bytes([i % 251]) * 700) for i in range(400)))]
    steps.append(CHECKPOINT)
    for i in range(4):
        changed = range(i, 400, (5, 15, 25, 5)[i])
        steps.append(one(*(put("t", f"{j:04}", rng.randbytes(700)) for j in changed)))
        steps.append(CHECKPOINT)
    return EngineSubject(("t",), options={"segment_size": 128 << 10}), steps, MORE


@case
def background_checkpoints() -> tuple[EngineSubject, list[object], object]:
    """The engine itself decides when to make a checkpoint, beside the commits."""
    rng = random.Random(15)
    steps: list[object] = []
    for _ in range(25):
        steps.append(one(*(put("t", f"{rng.randrange(60):02}", rng.randbytes(300)) for _ in range(6))))
    options = {"segment_size": 8 << 10, "checkpoint_bytes": 12 << 10}
    return EngineSubject(("t",), options=options), steps, MORE


INSERT = "INSERT INTO items VALUES (?, ?, ?)"


@case
def tables() -> tuple[EngineSubject, list[object], object]:
    """DDL and rows: a table, an index made on existing rows, updates, deletes, a dropped table."""
    steps: list[object] = [
        sql("CREATE TABLE items (id INTEGER PRIMARY KEY, name TEXT, amount INTEGER)"),
        sql(*((INSERT, (i, f"name {i}", i * 7 % 10)) for i in range(12))),
        sql("CREATE INDEX by_amount ON items (amount)"),
        sql("UPDATE items SET amount = amount + 1 WHERE id < 6"),
        CHECKPOINT,
        sql(*((INSERT, (i, "x" * 300, i)) for i in range(20, 40))),
        sql("DELETE FROM items WHERE id > 8 AND id < 25"),
        sql("CREATE TABLE other (k TEXT PRIMARY KEY, v INTEGER)", ("INSERT INTO other VALUES (?, ?)", ("a", 1))),
        sql("UPDATE other SET v = v + 1", "DELETE FROM items WHERE id = 1"),
        sql("DROP TABLE other"),
        CHECKPOINT,
        sql("UPDATE items SET name = 'same', amount = id"),
        sql("DROP TABLE items"),
        sql("CREATE TABLE items (id INTEGER PRIMARY KEY, name TEXT, amount INTEGER)", (INSERT, (1, "again", 1))),
    ]
    return EngineSubject(tables=("items", "other")), steps, sql("CREATE TABLE more (id INTEGER PRIMARY KEY)")


@case
def tables_and_trees() -> tuple[EngineSubject, list[object], object]:
    """Rows and tree entries in one transaction are durable together."""
    steps: list[object] = [sql("CREATE TABLE items (id INTEGER PRIMARY KEY, name TEXT, amount INTEGER)")]
    for i in range(16):
        changes = (put("t", f"{i % 7}", b"%d" % i * 30),)
        steps.append(Transaction(changes, ((INSERT, (i, "n" * (i * 37 % 400), i)),)))
        if i % 5 == 4:
            steps.append(CHECKPOINT)
    return EngineSubject(("t",), ("items",)), steps, MORE


@case
def creation() -> tuple[EngineSubject, list[object], object]:
    """Nothing but making the database, and closing it."""
    return EngineSubject(("t",)), [REOPEN], MORE


@case
def alone() -> tuple[EngineSubject, list[object], object]:
    """Puts and deletes outside transactions: leaves changed in place, splits and merges where they do not fit."""
    rng = random.Random(20)
    steps: list[object] = []
    for i in range(60):
        name = f"{rng.randrange(40):02}"
        steps.append(Alone(delete("t", name) if rng.random() < 0.3 else put("t", name, rng.randbytes(300))))
        if i % 20 == 19:
            steps.append(CHECKPOINT)
    return EngineSubject(("t",)), steps, Alone(put("t", "zz", b"after recovery"))


@case
def alone_beside_a_reader() -> tuple[EngineSubject, list[object], object]:
    """The same while a reader keeps old versions of the pages: nothing may be changed in place."""
    rng = random.Random(21)
    steps: list[object] = [Bulk("t", tuple((f"{i:02}".encode(), rng.randbytes(200)) for i in range(40)))]
    for i in range(30):
        if i % 10 == 0:
            steps.append(HOLD)
        steps.append(Alone(put("t", f"{rng.randrange(40):02}", rng.randbytes(rng.choice((20, 400))))))
        if i % 10 == 6:
            steps += [CHECKPOINT, LET_GO]
    return EngineSubject(("t",)), steps, MORE


@case
def roots_grow_and_shrink() -> tuple[EngineSubject, list[object], object]:
    """From one leaf to three levels and back to nothing, twice; page ids are used again."""
    rng = random.Random(22)
    names = [f"{i:03}" + "k" * 200 for i in range(60)]
    steps: list[object] = []
    for _ in range(2):
        rng.shuffle(names)
        steps += [one(*(put("t", name, rng.randbytes(500)) for name in names[i : i + 15])) for i in range(0, 60, 15)]
        steps.append(CHECKPOINT)
        rng.shuffle(names)
        steps += [one(*(delete("t", name) for name in names[i : i + 20])) for i in range(0, 60, 20)]
    return EngineSubject(("t",)), steps, MORE


@case
def tables_dropped_and_made_again() -> tuple[EngineSubject, list[object], object]:
    """Pages of dropped tables and indexes come back as pages of other trees."""
    steps: list[object] = []
    for i in range(5):
        steps.append(sql("CREATE TABLE items (id INTEGER PRIMARY KEY, name TEXT, amount INTEGER)"))
        steps.append(sql(*((INSERT, (j, "n" * 300, j * i)) for j in range(30))))
        steps.append(sql("CREATE INDEX by_name ON items (name, id)"))
        steps.append(one(*(put("t", f"{j}", bytes([i]) * 500) for j in range(6))))
        if i % 2:
            steps.append(CHECKPOINT)
        steps.append(sql("DROP TABLE items"))
    return EngineSubject(("t",), ("items",)), steps, MORE


@case
def schema_in_one_transaction() -> tuple[EngineSubject, list[object], object]:
    """Tables, indexes, rows and their removal in one transaction: all of it or nothing."""
    make = "CREATE TABLE items (id INTEGER PRIMARY KEY, name TEXT, amount INTEGER)"
    steps: list[object] = [
        sql(make, "CREATE INDEX by_name ON items (name)", *((INSERT, (i, "x" * 200, i)) for i in range(20))),
        sql(
            "CREATE TABLE other (k TEXT PRIMARY KEY, v INTEGER)",
            ("INSERT INTO other VALUES (?, ?)", ("a", 1)),
            "DROP TABLE items",
        ),
        CHECKPOINT,
        sql(make, (INSERT, (1, "again", 1)), "DELETE FROM other"),
        sql("DROP INDEX IF EXISTS by_name", "CREATE INDEX by_amount ON items (amount)", (INSERT, (2, "two", 2))),
        sql("DROP TABLE other", "UPDATE items SET amount = 7"),
    ]
    return EngineSubject(tables=("items", "other")), steps, sql("CREATE TABLE more (id INTEGER PRIMARY KEY)")


@case
def upserts_under_a_unique_index() -> tuple[EngineSubject, list[object], object]:
    """Rows replaced, and their entries in a unique index moved."""
    upsert = "INSERT INTO items VALUES (?, ?, ?) ON CONFLICT (id) DO UPDATE SET name = excluded.name, amount = excluded.amount"
    steps: list[object] = [
        sql("CREATE TABLE items (id INTEGER PRIMARY KEY, name TEXT, amount INTEGER)"),
        sql("CREATE UNIQUE INDEX by_name ON items (name)"),
    ]
    for i in range(18):
        steps.append(sql((upsert, (i % 5, f"name {i}", i)), (upsert, (10 + i % 3, f"other {i}" * 20, i))))
        if i % 6 == 5:
            steps.append(CHECKPOINT)
    return EngineSubject(tables=("items",)), steps, sql("CREATE TABLE more (id INTEGER PRIMARY KEY)")


@case
def long_keys() -> tuple[EngineSubject, list[object], object]:
    """Keys of the greatest length, which differ at the end only: few cells a page, long fences."""
    rng = random.Random(23)
    steps: list[object] = []
    for i in range(20):
        name = "k" * 506 + f"{rng.randrange(40):04}"
        steps.append(one(delete("t", name) if i % 5 == 4 else put("t", name, rng.randbytes(rng.randrange(300)))))
        if i == 12:
            steps.append(CHECKPOINT)
    return EngineSubject(("t",)), steps, MORE


@case
def savepoints() -> tuple[EngineSubject, list[object], object]:
    """Transactions of which parts are rolled back to a savepoint."""
    rng = random.Random(24)
    steps: list[object] = []
    for i in range(16):
        parts = tuple(
            tuple(put("t", f"{rng.randrange(30):02}", rng.randbytes(150)) for _ in range(3)) for _ in range(3)
        )
        steps.append(Parts(parts, tuple(rng.random() < 0.5 for _ in parts)))
        if i % 6 == 5:
            steps.append(CHECKPOINT)
    return EngineSubject(("t",)), steps, MORE


@case
def one_big_transaction() -> tuple[EngineSubject, list[object], object]:
    """A transaction of more pages than the pool has frames, over many segments, between two small ones."""
    rng = random.Random(25)
    steps: list[object] = [
        one(put("t", "first", b"1")),
        one(*(put("t", f"{rng.randrange(10**6):06}", rng.randbytes(900)) for _ in range(1300))),
        one(put("t", "last", b"1")),
        CHECKPOINT,
    ]
    return EngineSubject(("t",), options={"segment_size": 128 << 10}), steps, MORE


@case
def pages_of_64_kib() -> tuple[EngineSubject, list[object], object]:
    """The largest pages: 128 sectors, each kept or lost by itself."""
    rng = random.Random(26)
    steps: list[object] = []
    for i in range(12):
        steps.append(one(*(put("t", f"{rng.randrange(60):02}", rng.randbytes(3000)) for _ in range(6))))
        if i % 4 == 3:
            steps.append(CHECKPOINT)
    return EngineSubject(("t",), options={"page_size": 65536, "segment_size": 256 << 10}), steps, MORE


@case
def pages_of_16_kib() -> tuple[EngineSubject, list[object], object]:
    """Middling pages, ascending keys, values that overflow beside values that do not."""
    rng = random.Random(27)
    steps: list[object] = []
    for i in range(14):
        steps.append(one(*(put("t", f"{i:02}{j}", rng.randbytes(rng.choice((50, 3000, 5000)))) for j in range(4))))
        if i % 5 == 4:
            steps.append(CHECKPOINT)
    return EngineSubject(("t",), options={"page_size": 16384}), steps, MORE


@case
def ascending() -> tuple[EngineSubject, list[object], object]:
    """Keys in order: every split is at the right edge."""
    rng = random.Random(28)
    steps: list[object] = []
    for i in range(16):
        steps.append(one(*(put("t", f"{i:03}{j}", rng.randbytes(250)) for j in range(6))))
        if i % 7 == 6:
            steps.append(CHECKPOINT)
    return EngineSubject(("t",)), steps, MORE


@case
def descending() -> tuple[EngineSubject, list[object], object]:
    """Keys in reverse order, deleted again from the front: every split and merge is at the left edge."""
    rng = random.Random(29)
    steps: list[object] = [one(*(put("t", f"{99 - i:02}{j}", rng.randbytes(250)) for j in range(6))) for i in range(10)]
    steps.append(CHECKPOINT)
    steps += [one(*(delete("t", f"{90 + i:02}{j}") for j in range(6))) for i in range(8)]
    return EngineSubject(("t",)), steps, MORE


@case
def checkpoint_after_every_commit() -> tuple[EngineSubject, list[object], object]:
    """Slots are freed and used again at once; the log is cut all the time."""
    rng = random.Random(30)
    steps: list[object] = []
    for _ in range(14):
        steps.append(one(*(put("t", f"{rng.randrange(20):02}", rng.randbytes(400)) for _ in range(3))))
        steps.append(CHECKPOINT)
    return EngineSubject(("t",), options={"segment_size": 8 << 10}), steps, MORE


@case
def backups() -> tuple[EngineSubject, list[object], object]:
    """Copies are made beside the database, which goes on as if nothing had happened."""
    rng = random.Random(31)
    steps: list[object] = []
    for i in range(9):
        steps.append(one(*(put("t", f"{rng.randrange(30):02}", rng.randbytes(300)) for _ in range(4))))
        if i % 3 == 1:
            steps.append(BACKUP)
    return EngineSubject(("t",)), steps, MORE


@case
def kept_log_and_reopened() -> tuple[EngineSubject, list[object], object]:
    """A log that is kept for history goes on over reopenings."""
    rng = random.Random(32)
    steps: list[object] = []
    for i in range(12):
        steps.append(one(*(put("t", f"{rng.randrange(40):02}", rng.randbytes(250)) for _ in range(5))))
        if i % 4 == 3:
            steps.append(REOPEN)
    options = {"segment_size": 8 << 10, "wal_retention": 32 << 10}
    return EngineSubject(("t",), options=options), steps, MORE


@case
def unwritten() -> tuple[EngineSubject, list[object], object]:
    """synchronous=off: the log stays in memory until there is a reason to write it."""
    rng = random.Random(33)
    steps: list[object] = []
    for i in range(24):
        changes = tuple(put("t", f"{rng.randrange(40):02}", rng.randbytes(120)) for _ in range(4))
        steps.append(Transaction(changes, acknowledged=False))
        if i % 8 == 7:
            steps.append(CHECKPOINT)
    return EngineSubject(("t",), options={"synchronous": "off"}), steps, None


@case
def vacuums() -> tuple[EngineSubject, list[object], object]:
    """Most of a tree goes, the rest moves to the front, the file is cut; commits before, between and after."""
    rng = random.Random(34)
    steps: list[object] = []
    for i in range(4):
        steps.append(Bulk("t", tuple((f"{j:03}".encode(), rng.randbytes(700)) for j in range(100))))
        steps.append(one(put("u", f"{i}", rng.randbytes(9000))))
        if i % 2:
            steps.append(CHECKPOINT)
        gone = [f"{j:03}" for j in range(100) if rng.random() < 0.9]
        steps.append(one(*(delete("t", name) for name in gone)))
        steps += [VACUUM, one(put("t", "x", b"%d" % i)), VACUUM]
    return EngineSubject(("t", "u"), options={"segment_size": 32 << 10}), steps, MORE


@case
def thinned_out_and_vacuumed() -> tuple[EngineSubject, list[object], object]:
    """Scattered deletions leave thin pages, VACUUM merges them in small batches, commits come between."""
    rng = random.Random(38)
    steps: list[object] = []
    for i in range(3):
        steps.append(Bulk("t", tuple((f"{j:04}".encode(), rng.randbytes(200)) for j in range(400))))
        steps.append(one(*(delete("t", f"{j:04}") for j in range(400) if rng.random() < 0.6)))
        if i != 1:
            steps.append(CHECKPOINT)
        steps += [VACUUM, one(put("t", f"{i}", b"y"), delete("t", "0007"))]
    return EngineSubject(("t",)), steps, MORE


@case
def vacuum_beside_a_reader() -> tuple[EngineSubject, list[object], object]:
    """A reader keeps old versions, in slots too: the file is cut behind them, and shorter when the reader has ended."""
    rng = random.Random(35)
    steps: list[object] = [Bulk("t", tuple((f"{j:03}".encode(), rng.randbytes(800)) for j in range(120)))]
    for i in range(3):
        steps += [CHECKPOINT, HOLD]
        steps.append(one(*(delete("t", f"{j:03}") for j in range(i * 30, 120 if i == 2 else i * 30 + 28))))
        steps += [VACUUM, one(put("t", "x", rng.randbytes(300))), LET_GO, VACUUM]
    return EngineSubject(("t",)), steps, MORE


@case
def trimmed() -> tuple[EngineSubject, list[object], object]:
    """A large tree is dropped; the checkpoints that follow move what is left and cut the file by themselves."""
    rng = random.Random(36)
    steps: list[object] = [
        sql("CREATE TABLE items (id INTEGER PRIMARY KEY, name TEXT, amount INTEGER)"),
        sql(*((INSERT, (i, "n" * 900, i)) for i in range(700))),
        one(put("t", "behind it", rng.randbytes(500))),
        CHECKPOINT,
        sql("DROP TABLE items"),
    ]
    for i in range(14):
        steps += [one(put("t", f"{i % 3}", rng.randbytes(400))), CHECKPOINT]
    return EngineSubject(("t",), ("items",), {"segment_size": 128 << 10}), steps, MORE


@case
def ranges_deleted() -> tuple[EngineSubject, list[object], object]:
    """Ranges of any length deleted, and keys put back into them: subtrees, parts of leaves, long values, everything."""
    rng = random.Random(37)
    steps: list[object] = []

    def load(low: int, high: int, size: int = 330) -> Bulk:
        return Bulk("t", tuple((f"{j:03}".encode() + b"k" * 120, rng.randbytes(size)) for j in range(low, high)))

    def name(number: int) -> bytes:
        return f"{number:03}".encode()

    steps += [load(0, 200), Erase("t", name(50), name(160)), load(60, 80), CHECKPOINT, Erase("t", name(2), name(3))]
    steps += [Erase("t", name(70), None, (put("t", "075", b"1"),), (put("t", "300", b"2"),)), load(100, 180, 3000)]
    steps += [
        Erase("t", name(110), name(175)),
        CHECKPOINT,
        Erase("t", None, None),
        load(0, 90),
        Erase("t", None, name(80)),
    ]
    for _ in range(8):
        low = rng.randrange(190)
        steps.append(load(low, min(200, low + rng.randrange(1, 40))))
        low = rng.randrange(190)
        behind = tuple(put("t", f"{rng.randrange(200):03}", rng.randbytes(50)) for _ in range(rng.randrange(3)))
        steps.append(Erase("t", name(low), name(low + rng.randrange(1, 80)), (), behind))
    return EngineSubject(("t",), options={"segment_size": 32 << 10}), steps, MORE


@case
def tickets() -> tuple[EngineSubject, list[object], object]:
    """Commits that are not waited for, several at a time: what is waited for, and all before it, is there."""
    rng = random.Random(38)
    steps: list[object] = []
    for i in range(36):
        changes = tuple(put("t", f"{rng.randrange(40):02}", rng.randbytes(150)) for _ in range(3))
        steps.append(Transaction(changes, acknowledged=False, ticket=True))
        if i % 5 == 4:
            steps.append(WAIT)
        if i % 9 == 8:
            steps.append(one(put("u", "x", b"%d" % i)))
        if i % 14 == 13:
            steps.append(CHECKPOINT)
    return EngineSubject(("t", "u"), options={"segment_size": 8 << 10}), steps, MORE


@case
def retained_checkpoints() -> tuple[EngineSubject, list[object], object]:
    """Checkpoints with names are made and dropped between others, in another order, over reopenings."""
    rng = random.Random(34)
    steps: list[object] = [Bulk("t", tuple((f"{i:02}".encode(), bytes(200)) for i in range(40)))]
    names = [f"number {i}" for i in range(7)]
    kept: list[str] = []
    for i in range(28):
        steps.append(one(*(put("t", f"{rng.randrange(40):02}", rng.randbytes(200)) for _ in range(4))))
        if i % 4 == 1:
            kept.append(names.pop())
            steps.append(Retain(kept[-1]))
        elif i % 4 == 3 and len(kept) > 1:
            steps.append(Drop(kept.pop(rng.randrange(len(kept)))))
        elif i % 5 == 0:
            steps.append(CHECKPOINT)
        if i % 11 == 9:
            steps.append(REOPEN)
    return EngineSubject(("t",)), steps, MORE


@case
def retained_schemas() -> tuple[EngineSubject, list[object], object]:
    """What a checkpoint keeps is a state with its tables: they are changed, emptied and dropped behind it."""
    steps: list[object] = [sql("CREATE TABLE items (id INTEGER PRIMARY KEY, name TEXT, amount INTEGER)")]
    steps.append(sql(*((INSERT, (i, "n" * 90, i)) for i in range(40))))
    steps += [Retain("full"), sql("DELETE FROM items WHERE id > 5"), CHECKPOINT, Retain("nearly empty")]
    steps += [sql("DROP TABLE items"), Retain("without"), CHECKPOINT]
    steps += [sql("CREATE TABLE items (name TEXT PRIMARY KEY, id INTEGER)", "INSERT INTO items VALUES ('a', 1)")]
    steps += [CHECKPOINT, Drop("nearly empty"), REOPEN, sql("INSERT INTO items VALUES ('b', 2)"), CHECKPOINT]
    steps += [Drop("full"), Drop("without"), CHECKPOINT]
    return EngineSubject(("t",), ("items",)), steps, MORE


@case
def retained_and_vacuumed() -> tuple[EngineSubject, list[object], object]:
    """VACUUM moves what a retained checkpoint shares with the present, and cuts the file as far as that allows."""
    rng = random.Random(39)
    steps: list[object] = []
    for i in range(3):
        steps.append(Bulk("t", tuple((f"{j:03}".encode(), rng.randbytes(500)) for j in range(60))))
        steps.append(Retain(f"number {i}"))
        steps.append(one(*(delete("t", f"{j:03}") for j in range(60) if rng.random() < 0.85)))
        steps += [VACUUM, one(put("t", "x", b"%d" % i)), CHECKPOINT, VACUUM]
        if i:
            steps += [Drop(f"number {i - 1}"), VACUUM]
    return EngineSubject(("t",), options={"segment_size": 32 << 10}), steps, MORE
