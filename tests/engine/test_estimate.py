"""How many keys a tree has, roughly: what the planner asks of a table it meets, without reading it all."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest

import engine


def estimate(db: Any) -> float:
    ((root,),) = db.execute("SELECT root FROM sys.trees WHERE name = 't'").fetchall()
    snapshot = db.store.snapshot()
    try:
        found: float = db.store.estimate(root, snapshot.lsn)
        return found
    finally:
        snapshot.close()


@pytest.mark.parametrize("count", [0, 1, 9000, 40_000])
@pytest.mark.parametrize("order", ["ascending", "random", "thinned"])
def test_an_estimate_is_near(order: str, count: int) -> None:
    rng = random.Random(count)
    keys = [b"%08d" % i for i in range(count)]
    left = count
    with engine.open(":memory:", page_size=4096) as db:
        tree = db.tree("t")
        tree.put(b"x", b"")
        for key in rng.sample(keys, count) if order != "ascending" else keys:
            tree.put(key, b"v" * 20)
        if order == "thinned":
            with db.begin() as txn:
                for key in keys:
                    if rng.random() < 0.5:
                        txn.tree("t").delete(key)
                        left -= 1
        tree.delete(b"x")
        found = estimate(db)
        if left < 9500:
            assert found == left
        assert 0.8 * left <= found <= 1.25 * left, (found, left)


def test_the_first_statement_does_not_read_the_whole_table(tmp_path: Path) -> None:
    path = tmp_path / "e.ank"
    with engine.open(path) as db:
        db.execute("CREATE TABLE t (id INTEGER PRIMARY KEY, v TEXT)")
        db.executemany("INSERT INTO t VALUES (?, ?)", ((i, "v" * 100) for i in range(200_000)))
    with engine.open(path) as db:
        assert db.execute("SELECT v FROM t WHERE id = 77777").fetchone() == ("v" * 100,)
        reads, pages = db.stats()["page_reads"], db.stats()["pages"]
        assert pages > 2500
        assert reads < 400, "10,000 rows to see that the table is large, then samples"
