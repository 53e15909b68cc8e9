"""The process that test_kill.py kills: it commits batches and prints the number of each that was acknowledged.

python -m tests.crash.killed_child <database> <first batch> <rows a batch> <checkpoint every n batches>
"""

from __future__ import annotations

import sys

import engine

TREE = "batches"


def key(batch: int, row: int) -> bytes:
    """Key of one row."""
    return f"{batch:06}/{row:03}".encode()


def value(batch: int, row: int) -> bytes:
    """What that row must hold; every ninth batch has values that need overflow pages."""
    return f"{batch}:{row};".encode() * (900 if batch % 9 == 0 and row == 0 else 10)


def main() -> None:
    """Work until killed."""
    path, first, rows, every = sys.argv[1], *map(int, sys.argv[2:5])
    db = engine.open(path, pool_bytes=4 << 20, segment_size=256 << 10, page_size=4096)
    if first == 0:
        # a child killed before its first batch leaves the table behind
        db.execute("CREATE TABLE IF NOT EXISTS batches (id INTEGER PRIMARY KEY, row_count INTEGER, note TEXT)")
    print("ready", flush=True)
    for batch in range(first, 10**6):
        with db.begin() as txn:
            tree = txn.tree(TREE)
            for row in range(rows):
                tree.put(key(batch, row), value(batch, row))
            txn.execute("INSERT INTO batches VALUES (?, ?, ?)", (batch, rows, "n" * (batch % 50)))
        print(batch, flush=True)
        if batch % every == every - 1:
            db.checkpoint()


if __name__ == "__main__":
    main()
