"""What a checkpoint costs the commits beside it, and how quick recovery is. `python -m build_support.checkpoint_benchmark`

    commits     one thread puts single keys at random places of a large tree and notes how long each takes; in every second
                window another thread changes 2,000 pages, makes a checkpoint of them, and begins anew. p50 and p99 with
                and without a checkpoint under way, under synchronous full and normal. Commits beside the changing (one
                transaction) count as neither
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
PAGES = 2000
NONE, CHECKPOINT, CHANGING = "no checkpoint", "during a checkpoint", "neither"


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
        times: dict[str, list[float]] = {NONE: [], CHECKPOINT: [], CHANGING: []}
        checkpoints: list[float] = []
        for window in range(2 * WINDOWS):
            beside = Beside(db, checkpoints)
            if window % 2 == 1:
                beside.start()
            end = time.perf_counter() + WINDOW_SECONDS
            while (now := time.perf_counter()) < end:
                before = beside.doing
                tree.put(b"%012d" % rng.randrange(KEYS), VALUE)
                times[before if before == beside.doing else CHANGING].append(time.perf_counter() - now)
            beside.stop()
    for what in (NONE, CHECKPOINT):
        found = times[what]
        numbers = "  ".join(f"{name} {quantile(found, share):8.0f}" for name, share in (("p50", 0.5), ("p99", 0.99)))
        print(f"  {synchronous:7} {what:20} {numbers}  max {max(found) * 1e6:8.0f} us   {len(found):7} commits")
    print(f"  {synchronous:7} {len(checkpoints)} checkpoints, {sum(checkpoints) / len(checkpoints):.2f} s each")
    print(
        f"  {synchronous:7} p99 ratio {quantile(times[CHECKPOINT], 0.99) / quantile(times[NONE], 0.99):.1f}", flush=True
    )


class Beside(threading.Thread):
    """Changes pages and makes a checkpoint of them, one after the other. doing: what is under way."""

    def __init__(self, db: Any, seconds: list[float]) -> None:
        super().__init__()
        self.db, self.seconds = db, seconds
        self.doing = NONE
        self.stopped = threading.Event()

    def run(self) -> None:
        rng = random.Random(3)
        while not self.stopped.is_set():
            self.doing = CHANGING
            self.db.tree("t").put_many((b"%012d" % rng.randrange(KEYS), VALUE) for _ in range(PAGES))
            self.doing, began = CHECKPOINT, time.perf_counter()
            self.db.checkpoint()
            self.seconds.append(time.perf_counter() - began)
        self.doing = NONE

    def stop(self) -> None:
        """Waits for its end, if it was begun."""
        self.stopped.set()
        if self.is_alive():
            self.join()


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
