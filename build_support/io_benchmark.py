"""What asynchronous I/O brings: a database four times its pool, cold, with each way of doing I/O in turn.

    python -m build_support.io_benchmark                     256 MiB of data, a pool of 64 MiB, in a temporary folder
    python -m build_support.io_benchmark --data-mib 1024 --folder /some/disk --rounds 5

Cold means: the database was opened anew, and the system was asked to forget its file (POSIX_FADV_DONTNEED). Per way:
a full scan, the same scan backward, random gets one by one, the same gets by get_many,
and a checkpoint of the given number of dirty pages. Ways take turns within each round, and at being first; the median of
the rounds is printed, with the slowest and the fastest. The tree is loaded twice: keys in order, so that leaves that
follow each other do so in the file, and in random order, so that they do not. What is read is checked.
"""

from __future__ import annotations

import argparse
import os
import platform
import random
import statistics
import tempfile
import time
from collections import defaultdict
from datetime import date
from pathlib import Path
from typing import Any

import engine

WAYS = ("sync", "threads", "uring")
VALUE = 100
TOGETHER = 256
ITEMS_PER_MIB = 7700


def machine() -> str:
    """Processor, number of them, kernel."""
    model = "unknown processor"
    info = Path("/proc/cpuinfo")
    if info.exists():
        names = [
            line.split(":", 1)[1].strip() for line in info.read_text().splitlines() if line.startswith("model name")
        ]
        model = names[0] if names else model
    return f"{model}, {os.cpu_count()} processors, {platform.system()} {platform.release()}"


def key_of(number: int) -> bytes:
    return b"%016d" % number


def value_of(number: int) -> bytes:
    return (b"%012d" % number) * 9


def load(path: str, items: int, shuffled: bool, pool: int) -> None:
    """Make the database: in order, or in random order (then in transactions, as leaves split)."""
    numbers = list(range(items))
    if shuffled:
        random.Random(1).shuffle(numbers)
    with engine.open(path, pool_bytes=pool, synchronous="off") as db:
        tree = db.tree("t")
        for at in range(0, items, 50_000):
            tree.put_many((key_of(number), value_of(number)) for number in numbers[at : at + 50_000])


def forget(path: str) -> None:
    """Ask the system to drop what it has of the file."""
    fd = os.open(path, os.O_RDONLY)
    try:
        os.fsync(fd)
        os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
    finally:
        os.close(fd)


class Bench:
    """The measurements of one database. Times are in seconds, by (what, way)."""

    def __init__(self, path: str, items: int, options: argparse.Namespace) -> None:
        self.path = path
        self.items = items
        self.options = options
        self.times: dict[tuple[str, str], list[float]] = defaultdict(list)
        self.units: dict[str, tuple[int, str]] = {}

    def read(self, number: int, way: str) -> None:
        rng = random.Random(number)
        self._cold("scan", way, self._scan)
        self._cold("scan backward", way, lambda db: self._scan(db, reverse=True))
        some = [rng.randrange(self.items) for _ in range(self.options.gets)]
        self._cold("random gets", way, lambda db: self._gets(db, some, 1))
        self._cold("random gets, get_many of 256", way, lambda db: self._gets(db, some, TOGETHER))

    def _cold(self, what: str, way: str, work: Any) -> None:
        forget(self.path)
        with engine.open(self.path, pool_bytes=self.options.pool_mib << 20, io=way) as db:
            tree = db.tree("t")
            tree.get(b"")  # the way to the tree is not measured
            began = time.perf_counter()
            count, unit = work(db)
            self.times[what, way].append(time.perf_counter() - began)
            self.units[what] = (count, unit)

    def _scan(self, db: Any, reverse: bool = False) -> tuple[int, str]:
        found = sum(1 for _ in db.tree("t").scan(reverse=reverse))
        assert found == self.items, found
        return found, "item"

    def _gets(self, db: Any, numbers: list[int], together: int) -> tuple[int, str]:
        tree = db.tree("t")
        for at in range(0, len(numbers), together):
            part = numbers[at : at + together]
            if together > 1:
                assert tree.get_many([key_of(number) for number in part]) == [value_of(number) for number in part]
            else:
                assert tree.get(key_of(part[0])) == value_of(part[0])
        return len(numbers), "get"

    def checkpoint(self, number: int, way: str) -> None:
        with engine.open(
            self.path, pool_bytes=4 * self.options.pool_mib << 20, io=way, checkpoint_bytes=0, synchronous="off"
        ) as db:
            tree = db.tree("t")
            step = max(1, self.items // self.options.pages)
            first = random.Random(number).randrange(step)
            tree.put_many((key_of(n), value_of(n)) for n in range(first, self.items, step))
            before = db.stats()["page_writes"]
            began = time.perf_counter()
            db.checkpoint()
            self.times["checkpoint", way].append(time.perf_counter() - began)
            self.units["checkpoint"] = (db.stats()["page_writes"] - before, "page")

    def report(self) -> None:
        for what, (count, unit) in self.units.items():
            print(f"  {what} ({count:,} {unit}s)")
            for way in WAYS:
                times = self.times.get((what, way))
                if times:
                    each = [1e6 * seconds / count for seconds in sorted(times)]
                    print(
                        f"    {way:8} {statistics.median(times):8.3f} s   {statistics.median(each):8.2f} us a {unit}"
                        f"   ({each[0]:.2f} to {each[-1]:.2f})"
                    )


def arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m build_support.io_benchmark", description=__doc__.splitlines()[0])
    parser.add_argument("--data-mib", type=int, default=256, help="size of each database, about")
    parser.add_argument("--pool-mib", type=int, default=64)
    parser.add_argument("--gets", type=int, default=5000)
    parser.add_argument("--pages", type=int, default=10_000, help="dirty pages of a checkpoint")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument(
        "--folder", type=Path, default=None, help="where the databases are made; on a disk, not in memory"
    )
    parser.add_argument("--ways", nargs="+", choices=WAYS, default=WAYS)
    return parser


def main() -> None:
    options = arguments().parse_args()
    print(f"{date.today()}, {machine()}; {options.data_mib} MiB of data, a pool of {options.pool_mib} MiB")
    items = options.data_mib * ITEMS_PER_MIB
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        for shuffled in (False, True):
            path = str(Path(folder) / f"{'shuffled' if shuffled else 'sorted'}.ank")
            load(path, items, shuffled, options.pool_mib << 20)
            print(f"loaded in {'random order' if shuffled else 'order'}: {os.path.getsize(path) >> 20:,} MiB")
            bench = Bench(path, items, options)
            for work in (bench.read, bench.checkpoint):  # what checkpoints move would no longer stand as it was loaded
                for number in range(options.rounds):
                    first = number % len(options.ways)
                    for way in [*options.ways[first:], *options.ways[:first]]:
                        work(number, way)
            bench.report()
            os.unlink(path)


if __name__ == "__main__":
    main()
