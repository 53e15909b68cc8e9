"""A statement that runs for long leaves Python's other threads their share of the GIL."""

from __future__ import annotations

import threading
import time

import engine

STATEMENTS = 5


def test_other_threads_go_on_beside_a_long_scan() -> None:
    """Scans of the row gear release the GIL at every leaf, for less than another thread takes to wake up (engine/base/gil.pxd)."""
    ticks, over = 0, threading.Event()

    def tick() -> None:
        nonlocal ticks
        while not over.is_set():
            time.sleep(0.0005)
            ticks += 1

    with engine.open() as db:
        db.execute("CREATE TABLE t (id INTEGER PRIMARY KEY, k INTEGER)")
        db.executemany("INSERT INTO t VALUES (?, ?)", ((n, n % 20) for n in range(200_000)))
        thread = threading.Thread(target=tick)
        thread.start()
        try:
            for _ in range(STATEMENTS):
                db.execute("DELETE FROM t WHERE k = k + 1")
        finally:
            over.set()
            thread.join()
    assert ticks >= 5 * STATEMENTS  # one a statement and fewer, where the GIL is kept
