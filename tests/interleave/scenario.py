"""Threads under the deterministic schedule: commits, readers, checkpoints, eviction, log reset, crashes, chosen by a seed.

    writers (two lanes of keys, interleaved on the same pages)   transactions, single puts in place, deletes, splits, merges
    readers                                                      snapshots held for long, gets without a snapshot, scans
    checkpoints                                                  slots freed and used again, segments of the log removed;
                                                                 some are retained, read later, and dropped
    readers beside                                               read-only handles, opened and read while all this goes on
    killer                                                       copies the files: what the next process would find

The pool has 32 frames, the tree more leaves than that. Oracle: whatever is read is, for each lane, the state after a step
that the lane may be at (acknowledged before the reading began, begun before it got its snapshot); at the end the
structural check is clean, no version and no snapshot is left, and copies, closed files and disks after a loss of power
open to states that their moment allows.
"""

from __future__ import annotations

import contextlib
import errno
import functools
import gc
import random
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any
from unittest import mock

import engine
from engine.base import schedule
from engine.base.options import Options, make_options
from engine.storage.file import FileSystem
from engine.storage.file_faulty import FaultyFileSystem, RandomFaults
from engine.storage.file_memory import MemoryFileSystem
from engine.storage.file_recording import RecordingFileSystem
from tests.crash.disk import Disk
from tests.crash.states import FIXED, RANDOM

PATH = "/db.ank"
TREE = "t"
LANES = 2
KEYS = 150
FRAMES = 32
OPTIONS: dict[str, Any] = {
    "page_size": 4096,
    "segment_size": 16 << 10,
    "checkpoint_bytes": 0,
    "synchronous": "full",
    "isolation": "snapshot",
}

State = dict[bytes, bytes]


def small_pool(values: dict[str, object]) -> Options:
    """Options with a pool below what users may ask for."""
    options = make_options(values)
    object.__setattr__(options, "pool_bytes", FRAMES * options.page_size)
    return options


def open_database(fs: FileSystem) -> engine.Database:
    with mock.patch("engine.api.database.make_options", small_pool):
        return engine.open(PATH, fs=fs, **OPTIONS)


def key(number: int) -> bytes:
    return b"key %03d" % number


@dataclass
class Lane:
    """The keys of one writer: its states after each step, how many steps have begun, how many are acknowledged."""

    number: int
    states: list[State]
    begun: int = 0
    acked: int = 0

    @property
    def state(self) -> State:
        return self.states[-1]

    def keys(self) -> list[bytes]:
        return [key(i) for i in range(self.number, KEYS, LANES)]


@functools.cache
def first_files() -> tuple[dict[str, bytes | None], tuple[State, ...]]:
    """Files with a tree in them, which every run starts from, and what the lanes hold there."""
    rng = random.Random(1)
    lanes: tuple[State, ...] = tuple({} for _ in range(LANES))
    for number in range(KEYS):
        if rng.random() < 0.9:
            lanes[number % LANES][key(number)] = rng.randbytes(rng.randint(600, 1000))
    fs = MemoryFileSystem()
    with engine.open(PATH, fs=fs, **OPTIONS) as db:
        for lane in lanes:
            for k, value in lane.items():
                db.tree(TREE).put(k, value)
    return fs.contents(), lanes


class Wrong(AssertionError):
    """Something that must not be was seen."""


class ScheduledLock:
    """A lock of Python that the schedule knows: who does not get it lets the others go on."""

    def __init__(self) -> None:
        self.lock = threading.RLock()

    def __enter__(self) -> None:
        while not self.lock.acquire(blocking=False):
            schedule.spin()

    def __exit__(self, *_: object) -> None:
        self.lock.release()


class Faults:
    """Reads fail now and then, until it is over; without a seed none does."""

    def __init__(self, seed: int | None) -> None:
        self.seed = seed
        self.plan = RandomFaults(seed or 0, 0.08, (errno.EIO,), ("read",))

    def decide(self, operation: str, path: str) -> int | None:
        return None if self.seed is None else self.plan.decide(operation, path)


@dataclass
class Killed:
    """Files copied at some moment, and what may be in them."""

    files: dict[str, bytes | None]
    windows: list[tuple[int, int]]


@dataclass
class Run:
    """One scenario under one schedule."""

    seed: int
    verbose: bool = False
    copies: list[Killed] = field(default_factory=list)
    errors: list[BaseException] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.rng = random.Random(self.seed)
        self.files, lanes = first_files()
        kind = self.rng.random()
        self.recording = kind < 0.2
        self.faults = Faults(None)
        faulty = kind > 0.75
        memory = MemoryFileSystem(self.files)
        self.fs: Any = memory
        if self.recording:
            self.fs = RecordingFileSystem(memory)
        elif faulty:
            self.fs = FaultyFileSystem(memory, self.faults, seed=self.seed)
        if self.fs is not memory:
            self.fs.mutex = ScheduledLock()
        self.memory = memory
        self.retained: dict[str, list[tuple[int, int]]] = {}
        self.lanes = [Lane(number, [dict(lane)]) for number, lane in enumerate(lanes)]
        self.db = open_database(self.fs)
        self.tree = self.db.tree(TREE)
        self.tree.get(b"")  # looks the tree up, which takes a transaction
        self.faults.seed = self.seed if faulty else None

    # --- what threads do ------------------------------------------------------------------------------------------

    def write(self, lane: Lane, rng: random.Random) -> None:
        for _ in range(rng.randint(2, 5)):
            kind = rng.random()
            if kind < 0.15:
                self.roll_back(lane, rng)
                continue
            changes = self.changes(lane, rng, 1 if kind < 0.5 else rng.choice((2, 4, 18)))
            state = dict(lane.state)
            for k, value in changes.items():
                if value is None:
                    state.pop(k, None)
                else:
                    state[k] = value
            lane.states.append(state)
            lane.begun += 1
            self.mark("begin", lane)
            try:
                if kind < 0.5:
                    ((k, value),) = changes.items()
                    self.tree.delete(k) if value is None else self.tree.put(k, value)
                else:
                    with self.db.begin() as txn:
                        self.fill(txn, changes)
            except engine.OperationalError:
                # a page could not be read, so the batch was undone: a step that changed nothing
                self.expect(self.faults.seed is not None, "an error of the disk, which has none")
                lane.states[-1] = lane.states[-2]
            lane.acked += 1
            self.mark("ack", lane)
            schedule.pause()

    def changes(self, lane: Lane, rng: random.Random, count: int) -> dict[bytes, bytes | None]:
        keys = lane.keys()
        start = rng.randrange(len(keys))
        near = [keys[(start + i) % len(keys)] for i in range(count)] if rng.random() < 0.5 else rng.sample(keys, count)
        deletes = rng.random() < 0.35
        sizes = rng.choice(((10, 300, 900, 1000), (5000, 9000), (900, 6000)))  # over 1000 bytes: on pages of their own
        return {k: None if deletes else rng.randbytes(rng.choice(sizes)) for k in near}

    def fill(self, txn: Any, changes: dict[bytes, bytes | None]) -> None:
        tree = txn.tree(TREE)
        for k, value in changes.items():
            if value is None:
                tree.delete(k)
            else:
                tree.put(k, value)

    def roll_back(self, lane: Lane, rng: random.Random) -> None:
        with self.unless_faulty():
            txn = self.db.begin()
            self.fill(txn, self.changes(lane, rng, 3))
            schedule.pause()
            txn.rollback()

    @contextlib.contextmanager
    def unless_faulty(self) -> Iterator[None]:
        """What comes from a disk that cannot be read at times may fail, and has then shown nothing."""
        try:
            yield
        except engine.OperationalError:
            self.expect(self.faults.seed is not None, "an error of the disk, which has none")

    def mark(self, kind: str, lane: Lane) -> None:
        if self.recording:
            self.fs.mark(kind, lane.begun if kind == "begin" else lane.acked, lane.number)

    def acked(self) -> list[int]:
        return [lane.acked for lane in self.lanes]

    def begun(self) -> list[int]:
        return [lane.begun for lane in self.lanes]

    def read(self, rng: random.Random) -> None:
        for _ in range(rng.randint(1, 3)):
            choice = rng.choice((self.read_snapshot, self.read_keys, self.read_scan, self.read_many))
            with self.unless_faulty():
                choice(rng)
            schedule.pause()

    def read_snapshot(self, rng: random.Random) -> None:
        """A transaction that reads everything twice, and keys in between, while others go on."""
        low = self.acked()
        txn = self.db.begin(readonly=True)
        high = self.begun()
        tree = txn.tree(TREE)
        seen = dict(self.slow(tree.scan(), rng))
        for k in rng.sample([key(i) for i in range(KEYS)], 5):
            schedule.pause()
            self.expect(tree.get(k) == seen.get(k), f"get and scan of one snapshot differ at {k!r}")
        again = dict(tree.scan(reverse=True))
        self.expect(again == seen, f"two scans of one snapshot differ at {differing(seen, again)}")
        txn.rollback()
        self.judge(seen, list(zip(low, high, strict=True)), "a snapshot")

    def slow(self, items: Iterator[tuple[bytes, bytes]], rng: random.Random) -> Iterator[tuple[bytes, bytes]]:
        for item in items:
            if rng.random() < 0.05:
                schedule.pause()
            yield item

    def read_scan(self, rng: random.Random) -> None:
        low = self.acked()
        items = self.tree.scan()
        high = self.begun()
        self.judge(dict(self.slow(items, rng)), list(zip(low, high, strict=True)), "a scan")

    def read_keys(self, rng: random.Random) -> None:
        """Single gets: each sees its lane at a moment between its beginning and its end."""
        for _ in range(12):
            number = rng.randrange(KEYS)
            lane = self.lanes[number % LANES]
            low = lane.acked
            value = self.tree.get(key(number))
            allowed = [state.get(key(number)) for state in lane.states[low : lane.begun + 1]]
            self.expect(value in allowed, f"get of {key(number)!r} gives what it was at no step of {low}..{lane.begun}")

    def read_many(self, rng: random.Random) -> None:
        low = self.acked()
        keys = [key(i) for i in range(KEYS)]
        values = self.tree.get_many(keys)
        high = self.begun()
        seen = {k: value for k, value in zip(keys, values, strict=True) if value is not None}
        self.judge(seen, list(zip(low, high, strict=True)), "get_many")

    def read_beside(self, rng: random.Random) -> None:
        """Another handle on the same files, as another process has it: it pins a checkpoint, and redoes the log behind."""
        for _ in range(rng.randint(1, 3)):
            with self.unless_faulty():
                low = self.acked()
                db = engine.open(PATH, fs=self.fs, readonly=True, **OPTIONS)
                with contextlib.closing(db):
                    high = self.begun()
                    tree = db.tree(TREE)
                    seen = dict(self.slow(tree.scan(), rng))
                    self.judge(seen, list(zip(low, high, strict=True)), "a reader beside")
                    for _ in range(rng.randint(0, 40)):
                        schedule.pause()
                    again = dict(tree.scan(reverse=True))
                    self.expect(again == seen, f"two scans of one reader differ at {differing(seen, again)}")
            schedule.pause()

    def retain(self, rng: random.Random) -> None:
        """A checkpoint that stays readable; some are dropped again."""
        if self.retained and rng.random() < 0.4:
            name = rng.choice(sorted(self.retained))
            del self.retained[name]  # gone even where this fails: what a checkpoint has done before its error is open
            self.db.drop_checkpoint(name)
            return
        name = f"number {self.db.store.meta.as_dict()['sequence']}"
        low = self.acked()
        self.db.checkpoint(name)
        self.retained[name] = list(zip(low, self.begun(), strict=True))

    def read_retained(self, rng: random.Random) -> None:
        for name, window in self.retained.items():
            with self.db.begin(as_of=name) as txn:
                self.judge(dict(self.slow(txn.tree(TREE).scan(), rng)), window, f"checkpoint {name}")

    def checkpoint(self, rng: random.Random) -> None:
        last = 0
        for _ in range(rng.randint(2, 4)):
            for _ in range(rng.randint(10, 200)):  # not one after the other: there would be nothing to do
                if sum(self.acked()) > last:
                    break
                schedule.spin()
            last = sum(self.acked())
            with self.unless_faulty():
                self.retain(rng) if rng.random() < 0.3 else self.db.checkpoint()
            schedule.pause()
            if rng.random() < 0.5:
                with self.unless_faulty():
                    self.read_retained(rng)

    def kill(self, rng: random.Random) -> None:
        """Copy the files as they are in the middle of everything: all writes are there, nothing in memory is."""
        at = rng.randrange(1500)
        while schedule.course()[0] < at and any(lane.acked < lane.begun or not lane.begun for lane in self.lanes):
            schedule.pause()
        windows = list(zip(self.acked(), self.begun(), strict=True))
        self.copies.append(Killed(self.memory.contents(), windows))

    # --- the oracle -----------------------------------------------------------------------------------------------

    def expect(self, holds: bool, text: str) -> None:
        if not holds:
            raise Wrong(text)

    def judge(self, seen: State, windows: list[tuple[int, int]], what: str) -> None:
        """`seen` is, for each lane, a state of its window."""
        for lane, (low, high) in zip(self.lanes, windows, strict=True):
            mine = {k: value for k, value in seen.items() if int(k[4:]) % LANES == lane.number}
            allowed = lane.states[low : high + 1]
            if mine not in allowed:
                at = [i for i, state in enumerate(lane.states) if state == mine]
                where = (
                    f"is that after step {at[0]}" if at else f"differs from {high} at {differing(mine, allowed[-1])}"
                )
                raise Wrong(f"{what}: lane {lane.number} may be after steps {low}..{high}, and {where}")

    def judge_files(self, fs: FileSystem, windows: list[tuple[int, int]], what: str) -> None:
        try:
            db = open_database(fs)
        except engine.Error as error:
            raise Wrong(f"{what}: cannot be opened: {error}") from error
        with contextlib.closing(db):
            findings = db.check()
            self.expect(findings == [], f"{what}: the check finds {findings[:3]}")
            self.judge(dict(db.tree(TREE).scan()), windows, what)

    def judge_end(self) -> None:
        self.faults.seed = None
        final = [(len(lane.states) - 1,) * 2 for lane in self.lanes]
        self.judge(dict(self.tree.scan()), final, "the end")
        self.read_retained(self.rng)
        findings = self.db.check()
        self.expect(findings == [], f"at the end the check finds {findings[:3]}")
        stats = self.db.stats()
        left = {name: stats[name] for name in ("versions", "snapshots") if stats.get(name)}
        self.expect(not left, f"at the end there are {left}")
        for copy in self.copies:
            self.judge_files(MemoryFileSystem(copy.files), copy.windows, "killed in the middle")
        if self.recording:
            self.judge_power_loss()
        if self.rng.random() < 0.3:
            self.db.close()
            self.judge_files(self.memory, final, "closed and opened again")

    def judge_power_loss(self) -> None:
        """What the disk may hold had the power failed at some operation."""
        operations = list(self.fs.operations)
        position = self.rng.randrange(len(operations) + 1)
        disk = Disk(self.files)
        for operation in operations[:position]:
            disk.play(operation)
        choice = self.rng.choice(FIXED + RANDOM)
        image = disk.image(choice(disk.pending, self.rng), choice.__name__)
        windows = list(disk.windows(LANES))
        self.judge_files(image.file_system(), windows, f"power lost after operation {position}, {choice.__name__}")

    # --- the run --------------------------------------------------------------------------------------------------

    def threads(self) -> list[Callable[[random.Random], None]]:
        work: list[Callable[[random.Random], None]] = []
        for lane in self.lanes:
            work.append(functools.partial(self.write, lane))
        work += [self.read, self.checkpoint]
        if self.rng.random() < 0.5:
            work.append(self.read)
        if self.rng.random() < 0.4:
            work.append(self.kill)
        if self.rng.random() < 0.5:
            work.append(self.read_beside)
        return work

    def go(self) -> tuple[int, int, int]:
        """Run the scenario; (steps, switches, hash of the schedule). Raises Wrong, or what a thread raised."""
        work = self.threads()
        priorities = self.rng.random() < 0.5
        schedule.start(
            self.seed,
            len(work),
            changes=self.rng.randint(2, 8) if priorities else 0,
            within=self.rng.choice((500, 2000, 6000)),
            switch_of_256=self.rng.choice((8, 40, 128)),
            limit=500_000,
            verbose=self.verbose,
        )
        threads = [threading.Thread(target=self.scheduled, args=(i, task)) for i, task in enumerate(work)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        if self.errors:
            raise self.errors[0]
        course = schedule.course()
        self.judge_end()
        self.db.close()
        return course

    def scheduled(self, index: int, task: Callable[[random.Random], None]) -> None:
        schedule.enter(index)
        try:
            task(random.Random(f"{self.seed} {index}"))
        except BaseException as error:
            self.errors.append(error)
        finally:
            schedule.leave()


def differing(one: State, other: State) -> list[bytes]:
    """The first keys at which two states differ."""
    return [k for k in sorted(one.keys() | other.keys()) if one.get(k) != other.get(k)][:4]


def run_seed(seed: int, verbose: bool = False) -> tuple[int, int, int]:
    """One interleaving. The collector would run when it likes; so it runs between."""
    gc.collect()
    gc.disable()
    try:
        return Run(seed, verbose).go()
    finally:
        gc.enable()
