"""The micro-benchmark of the developer's command: single gets and puts, and one batch, through the public API.

In memory, so that it measures the engine and not the disk. It checks what it reads; a wrong answer is a failure.
"""

from __future__ import annotations

import importlib
import random
import sys
import time
from typing import Any

KEYS = 50_000
SINGLE_PUTS = 5_000


def run(open_database: Any) -> None:
    """Print operations per second; raises AssertionError when the engine answers wrongly."""
    keys = [b"%012d" % number for number in range(KEYS)]
    value = bytes(range(100))
    shuffled = random.Random(1).sample(keys, len(keys))
    with open_database(":memory:") as db:
        tree = db.tree("benchmark")
        began = time.perf_counter()
        tree.put_many((key, value) for key in shuffled)
        loaded = time.perf_counter()
        same = 0
        for key in shuffled:
            same += tree.get(key) == value
        got = time.perf_counter()
        other = value[::-1]
        for key in shuffled[:SINGLE_PUTS]:
            tree.put(key, other)
        put = time.perf_counter()
        scanned = sum(1 for _ in tree.scan())
        done = time.perf_counter()
        if same != KEYS or scanned != KEYS or tree.get(shuffled[0]) != other or db.check():
            raise AssertionError("the engine lost or changed data during the micro-benchmark")
    print(
        f"  per second: get {KEYS / (got - loaded):,.0f}   put, one transaction each {SINGLE_PUTS / (put - got):,.0f}"
        f"   put, one batch {KEYS / (loaded - began):,.0f}   scan {KEYS / (done - put):,.0f}"
        f"   ({KEYS:,} keys of 12 bytes, values of 100)"
    )


def main() -> int:
    try:
        engine = importlib.import_module("engine")
        open_database = engine.open
    except (ImportError, AttributeError) as error:
        print(f"  no benchmark: {error}")
        return 0
    run(open_database)
    return 0


if __name__ == "__main__":
    sys.exit(main())
