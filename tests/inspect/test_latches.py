"""Who waits for whom: every holder and waiter, latches out of order, and cycles, by the names of threads and pages."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

import engine
from engine.api.database import open_database
from engine.inspect.wait_graph import Namer, wait_graph
from engine.storage.file_os import OsFileSystem
from tests.conftest import CHECKED_BUILD, TSAN_BUILD
from tests.inspect.blocking import BlockingFileSystem
from tests.inspect.crossing import KEYS, make, wait_until

INSTRUMENTED = pytest.mark.skipif(CHECKED_BUILD or TSAN_BUILD, reason="ends the process where a latch is out of order")


def test_three_readers_and_two_writers_are_five_rows(tmp_path: Path) -> None:
    path = str(tmp_path / "five.ank")
    with engine.open(path) as made:
        made.execute("CREATE TABLE t (a INTEGER PRIMARY KEY, b TEXT)")
        made.execute("INSERT INTO t VALUES (1, 'one')")
        made.execute("CREATE TABLE other (a INTEGER PRIMARY KEY)")
        page = made.execute("SELECT root FROM sys.trees WHERE name = 't'").fetchall()[0][0]
    fs = BlockingFileSystem(OsFileSystem(), "five.ank")
    db: Any = open_database(path, fs)
    txns = [db.begin() for _ in range(5)]
    for txn in txns:
        txn.execute("SELECT * FROM other").fetchall()  # catalog and directory are in the pool now
    assert page not in {buffer.page for buffer in db.inspect.pool().buffers}
    before = db.inspect.latches().contended
    texts = ["SELECT b FROM t WHERE a = 1"] * 3 + [f"INSERT INTO t VALUES ({i}, 'more')" for i in (2, 3)]
    names = ["reader 0", "reader 1", "reader 2", "writer 0", "writer 1"]
    threads = [
        threading.Thread(target=lambda txn=txn, text=text: txn.execute(text).rowcount, name=name)
        for txn, text, name in zip(txns, texts, names, strict=True)
    ]
    fs.blocked = True
    try:
        for thread in threads:
            thread.start()
        assert fs.arrived.acquire(timeout=30)
        wait_until(lambda: len(db.inspect.latches().latches) == 5)
        model = db.inspect.latches()
        rows = db.execute("SELECT name, role, page FROM sys.latches").fetchall()
        doing = db.execute("SELECT DISTINCT operation FROM sys.latches").fetchall()
        graph = db.execute("SELECT waiter_name, page, cycle FROM sys.latch_graph").fetchall()
    finally:
        fs.blocked = False
        fs.go.set()
        for thread in threads:
            thread.join(30)
    assert sorted(row[0] for row in rows) == names and {row[0] for row in doing} <= {"get", "scan"}
    assert Counter((role, where) for _, role, where in rows) == {("holds", page): 1, ("waits", page): 4}
    assert sorted((one.name, one.role, one.page) for one in model.latches) == sorted(rows)
    (holder,) = (name for name, role, _ in rows if role == "holds")
    assert sorted(graph) == [(name, page, None) for name in names if name != holder]
    assert {edge.holder_name for edge in model.graph} == {holder}
    after = db.inspect.latches()
    assert after.latches == () and after.graph == () and after.orders.cycles == 0
    assert sum(bucket.waits for bucket in after.waits) == after.contended >= before + 4
    for txn in txns:
        txn.commit()
    assert db.execute("SELECT count(*) FROM t").fetchone() == (3,)
    db.close()


@INSTRUMENTED
def test_a_latch_out_of_order_is_noted(tmp_path: Path) -> None:
    db, fs = make(str(tmp_path / "order.ank"))
    tree, held, go = db.tree("t"), threading.Event(), threading.Event()
    fs.first["holder"] = lambda: (held.set(), go.wait(30))
    fs.first["crosser"] = lambda: tree.get(KEYS[-1])
    before = db.inspect.latches().orders
    found: list[bytes | None] = []
    threads = [
        threading.Thread(target=lambda key=key: found.append(tree.get(key)), name=name)
        for name, key in (("holder", KEYS[-1]), ("crosser", KEYS[300]))
    ]
    try:
        threads[0].start()
        assert held.wait(30)
        threads[1].start()
        wait_until(lambda: db.inspect.latches().orders.inversions > before.inversions)
        model = db.inspect.latches()
        rows = db.execute("SELECT * FROM sys.latch_orders WHERE finding = 0").fetchall()
    finally:
        go.set()
        for thread in threads:
            thread.join(30)
    assert sorted(found, key=str) == sorted((KEYS[300] * 20, KEYS[-1] * 20), key=str)
    assert model.orders.inversions == before.inversions + 1 and model.orders.cycles == before.cycles
    (newest,) = model.orders.newest[0].members
    assert not model.orders.newest[0].cycle and newest.name == "crosser" and newest.held == "exclusive"
    (edge,) = model.graph
    assert (edge.waiter_name, edge.holder_name, edge.cycle) == ("crosser", "holder", None)
    assert edge.page == newest.wanted_page != newest.held_page
    assert [row[4] for row in rows] == ["crosser"] and rows[0][10] == edge.page
    pages = {row[0] for row in db.execute("SELECT page FROM sys.pages WHERE owner = 'tree t'").fetchall()}
    assert {newest.held_page, newest.wanted_page} <= pages
    db.close()


@INSTRUMENTED
def test_a_cycle_is_found_and_named(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.inspect.crossing", str(tmp_path / "cycle.ank")],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout.partition("\n")[0])
    orders = told["model"]["orders"]
    assert orders["inversions"] == 2 and orders["cycles"] == 1
    newest = orders["newest"][0]
    assert newest["cycle"] and {one["name"] for one in newest["members"]} == {"left", "right"}
    first, second = newest["members"]
    assert first["wanted_page"] == second["held_page"] and second["wanted_page"] == first["held_page"]
    assert first["held_page"] != first["wanted_page"]
    graph = told["model"]["graph"]
    assert {(edge["waiter_name"], edge["holder_name"], edge["cycle"]) for edge in graph} == {
        ("left", "right", 1),
        ("right", "left", 1),
    }
    assert told["rows"] == sorted([e["waiter_name"], e["holder_name"], e["page"], 1] for e in graph)


@INSTRUMENTED
def test_a_cycle_through_the_commit_section(tmp_path: Path) -> None:
    """A thread in the section waits for a page that another one holds, which waits for the section."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.inspect.crossing", str(tmp_path / "cycle.ank"), "section"],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    first, _, picture = done.stdout.partition("\n")
    model = json.loads(first)["model"]
    found = {(e["waiter_name"], e["holder_name"], e["kind"], e["held"], e["cycle"]) for e in model["graph"]}
    assert ("left", "right", "commit section", "exclusive", 1) in found and len(found) == 2
    (other,) = (one for one in model["graph"] if one["waiter_name"] == "right")
    assert other["holder_name"] == "left" and other["page"] > 0 and other["cycle"] == 1
    assert {t["name"]: t["section"] for t in model["threads"] if t["section"]} == {"left": "waits", "right": "holds"}
    orders = model["orders"]
    assert orders["inversions"] == 1 and orders["cycles"] == 1
    (newest,) = orders["newest"]
    assert newest["cycle"] and {one["name"] for one in newest["members"]} == {"left", "right"}
    assert {one["wanted_kind"] for one in newest["members"]} >= {"commit section"}
    assert "and waits for the commit section" in " ".join(picture.split())


def test_waiting_for_the_commit_section(tmp_path: Path) -> None:
    """A transaction that outgrew the memory for writes keeps the section: others wait for it, and are told so."""
    with engine.open(str(tmp_path / "large.ank"), memtable_bytes=1 << 18) as db:
        large = db.begin()
        for i in range(100):
            large.tree("t").put(b"%03d" % i, bytes(2000))
        writer = threading.Thread(target=lambda: db.tree("u").put(b"k", b"v"), name="writer")
        writer.start()
        try:
            wait_until(lambda: len(db.inspect.latches().graph) == 1)
            (edge,) = db.inspect.latches().graph
            rows = db.execute("SELECT name, section FROM sys.latch_stats WHERE section <> ''").fetchall()
        finally:
            large.commit()
            writer.join(30)
        assert (edge.waiter_name, edge.holder_name, edge.kind) == ("writer", "MainThread", "commit section")
        assert edge.cycle is None and edge.page == 0 and edge.since_us > 0
        assert sorted(rows) == [("MainThread", "holds"), ("writer", "waits")]
        after = db.inspect.latches()
        assert after.graph == () and not any(thread.section for thread in after.threads)
        assert db.tree("u").get(b"k") == b"v"


def test_a_cycle_must_last() -> None:
    """What looks like one in copies that were taken one after the other, and is gone at the second look, is not named."""

    def entry(thread: int, holds: int, wants: int, since: int) -> dict[str, Any]:
        held, wanted = (("X", 0, frame, 1, 0, since, 9) for frame in (holds, wants))
        return {
            "thread": thread,
            "system_id": thread,
            "held": [held],
            "wait": wanted,
            "section": None,
            "in_section": False,
        }

    with engine.open(":memory:") as db:
        namer = Namer(db.inspect.source)
        now = [entry(1, 5, 6, 1000), entry(2, 6, 5, 1000), entry(3, 7, 5, 1000)]
        for later, cycles in (
            ([entry(1, 5, 6, 2000), entry(2, 6, 5, 2000), entry(3, 7, 5, 2000)], [1, 1, None]),
            ([entry(1, 5, 6, 2000), entry(2, 6, 5, 10)], [None, None, None]),
            ([], [None, None, None]),
        ):
            graph = wait_graph(namer, now, str, lambda later=later: later)
            assert [edge.cycle for edge in graph] == cycles


def test_the_engine_takes_none_out_of_order(tmp_path: Path) -> None:
    """A mixed workload of threads, with evictions: nobody waits for a latch while holding another."""
    with engine.open(str(tmp_path / "work.ank"), page_size=4096, pool_bytes=1 << 20, synchronous="off") as db:
        before = db.inspect.latches().orders.inversions
        tree = db.tree("t")
        tree.put_many((b"%06d" % i, b"v" * 300) for i in range(6000))

        def work(seed: int) -> None:
            for i in range(3000):
                key = b"%06d" % ((i * 7919 + seed * 101) % 6000)
                tree.put(key, b"w" * (i % 900)) if i % 3 == 0 else tree.get(key)

        threads = [threading.Thread(target=work, args=(seed,)) for seed in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert db.inspect.latches().orders.inversions == before
