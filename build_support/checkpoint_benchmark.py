"""What a checkpoint costs the commits beside it, and how quick recovery is. `python -m build_support.checkpoint_benchmark`

    commits     one thread puts single keys at random places of a large tree and notes how long each takes; in every second
                window a checkpoint of many pages is running. p50 and p99 with and without, under synchronous full and normal
    recovery    a log is written without checkpoints, the files are left as a killed process leaves them, and opening
                them is timed: log bytes a second; with a pool that holds all pages and with one that does not

Windows with and without alternate in one run, so that whatever else the machine does falls on both. `--log-mb`: bytes of log for recovery.
"""

from __future__ import annotations

import argparse
import random
import shutil
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import engine

KEYS = 400_000
VALUE = b"v" * 200
WINDOWS = 6
WINDOW_SECONDS = 2.0


def quantile(times: list[float], share: float) -> float:
    """Microseconds."""
    return sorted(times)[min(len(times) - 1, int(len(times) * share))] * 1e6


def commits(directory: Path, synchronous: str) -> None:
    """Latencies of single puts, with and without a checkpoint under way."""
    rng = random.Random(1)
    path = directory / f"commits-{synchronous}.ank"
    with engine.open(path, synchronous=synchronous, checkpoint_bytes=0, pool_bytes=512 << 20) as db:
        tree = db.tree("t")
        tree.put_many((b"%012d" % i, VALUE) for i in range(KEYS))
        db.checkpoint()
        times: dict[bool, list[float]] = {False: [], True: []}
        checkpoints: list[float] = []
        for window in range(2 * WINDOWS):
            during = window % 2 == 1
            stop = threading.Event()
            thread = threading.Thread(target=_checkpoints, args=(db, stop, checkpoints))
            if during:
                _dirty(db, rng)
                thread.start()
            end = time.perf_counter() + WINDOW_SECONDS
            while (now := time.perf_counter()) < end:
                tree.put(b"%012d" % rng.randrange(KEYS), VALUE)
                times[during].append(time.perf_counter() - now)
            if during:
                stop.set()
                thread.join()
    for during, what in ((False, "without"), (True, "during a checkpoint")):
        found = times[during]
        numbers = "  ".join(f"{name} {quantile(found, share):8.0f}" for name, share in (("p50", 0.5), ("p99", 0.99)))
        print(f"  {synchronous:7} {what:20} {numbers}  max {max(found) * 1e6:8.0f} us   {len(found):7} commits")
    print(f"  {synchronous:7} {len(checkpoints)} checkpoints, {sum(checkpoints) / len(checkpoints):.2f} s each")
    print(f"  {synchronous:7} p99 ratio {quantile(times[True], 0.99) / quantile(times[False], 0.99):.1f}", flush=True)


def _dirty(db: Any, rng: random.Random) -> None:
    """Change most leaves, so that the checkpoint has something to write."""
    with db.begin() as txn:
        tree = txn.tree("t")
        for i in range(0, KEYS, 40):
            tree.put(b"%012d" % (i + rng.randrange(40)), VALUE)


def _checkpoints(db: Any, stop: threading.Event, seconds: list[float]) -> None:
    """One checkpoint after the other."""
    while not stop.is_set():
        began = time.perf_counter()
        if db.checkpoint():
            seconds.append(time.perf_counter() - began)


def recovery(directory: Path, log_bytes: int, pool_bytes: int, label: str) -> None:
    """Write a log, leave it, open it."""
    path = directory / f"recovery-{label}.ank"
    rng = random.Random(2)
    db: Any = engine.open(path, synchronous="normal", checkpoint_bytes=0, pool_bytes=pool_bytes)
    tree = db.tree("t")
    count = 0
    while db.stats()["log_bytes"] < log_bytes:
        tree.put_many((b"%016d" % rng.randrange(10**6), VALUE) for _ in range(20_000))
        count += 20_000
    size = db.stats()["log_bytes"]
    pages = db.stats()["pages"]
    db.store.log.sync()
    db.store.close_files()  # no checkpoint: the next opening redoes everything
    began, used = time.perf_counter(), time.process_time()
    db = engine.open(path, pool_bytes=pool_bytes, checkpoint_bytes=0)
    seconds, processor = time.perf_counter() - began, time.process_time() - used
    print(
        f"  recovery, {label}: {size / 1e6:.0f} MB of log, {count} puts, {pages} pages: {seconds:.2f} s, "
        f"{size / 1e6 / seconds:.0f} MB/s ({size / 1e6 / processor:.0f} MB for each second of the processor)",
        flush=True,
    )
    db.store.close_files()
    path.unlink()
    shutil.rmtree(f"{path}-wal")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--directory", default=None, help="where the files are made (default: a temporary directory)")
    parser.add_argument("--log-mb", type=int, default=1000)
    parser.add_argument("--only", choices=("commits", "recovery"))
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=arguments.directory) as name:
        directory = Path(name)
        if arguments.only != "recovery":
            for synchronous in ("normal", "full"):
                commits(directory, synchronous)
        if arguments.only != "commits":
            recovery(directory, arguments.log_mb << 20, 1 << 30, "everything in the pool")
            recovery(directory, arguments.log_mb << 20, 64 << 20, "a pool of 64 MiB")


if __name__ == "__main__":
    main()
