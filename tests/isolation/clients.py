"""Clients that run list-append transactions on the engine and write down what they saw.

A key holds a list of elements; a transaction appends by reading the list and putting a longer one. A few keys are hot;
one whose list has grown long is replaced by a new key, so that lists stay short and keys keep coming into being inside
ranges that others have scanned.

    interleaved   one thread, many open transactions, one operation of one of them at a time: a seed repeats the history
    threaded      one thread a client: the interleavings of the machine, commits included

The transactions come from a `Begin`, by default the engine's own; broken.py has others.
"""

from __future__ import annotations

import itertools
import random
import struct
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Protocol

import engine
from tests.isolation.checker import ABORTED, COMMITTED, Append, Elements, Read, Transaction

TREE = "lists"
LONGEST = 24
RETRIES = 3


class Open(Protocol):
    """An open transaction, as the clients use it."""

    def get(self, key: bytes) -> bytes | None: ...
    def put(self, key: bytes, value: bytes) -> None: ...
    def scan(self, start: bytes, stop: bytes) -> Iterator[tuple[bytes, bytes]]: ...
    def commit(self) -> None: ...
    def rollback(self) -> None: ...


class EngineTransaction:
    """A transaction of the engine on one tree."""

    def __init__(self, db: engine.Database, isolation: str, readonly: bool) -> None:
        self.txn = db.begin(isolation=isolation, readonly=readonly)
        self.tree = self.txn.tree(TREE)

    def get(self, key: bytes) -> bytes | None:
        return self.tree.get(key)

    def put(self, key: bytes, value: bytes) -> None:
        self.tree.put(key, value)

    def scan(self, start: bytes, stop: bytes) -> Iterator[tuple[bytes, bytes]]:
        return self.tree.scan(start, stop)

    def commit(self) -> None:
        self.txn.commit()

    def rollback(self) -> None:
        self.txn.rollback()


Begin = Callable[[engine.Database, str, bool], Open]


def pack(elements: Elements) -> bytes:
    return struct.pack(f"<{len(elements)}Q", *elements)


def unpack(data: bytes | None) -> Elements:
    return () if data is None else struct.unpack(f"<{len(data) // 8}Q", data)


@dataclass
class Log:
    """What all clients of a history share: the clock, the transactions so far, the keys in use.

    clock: moments; a crash test uses the position in the record of disk operations instead.
    """

    hot: int = 7
    clock: Callable[[], int] = field(default_factory=lambda: itertools.count().__next__)
    transactions: list[Transaction] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.numbers = itertools.count(1)
        self.elements = itertools.count(1)
        self.keys = itertools.count(self.hot)
        self.active = [f"{i:06}" for i in range(self.hot)]
        self.retiring = threading.Lock()

    def begin(self) -> Transaction:
        transaction = Transaction(next(self.numbers), self.clock())
        self.transactions.append(transaction)
        return transaction

    def grown(self, key: str, length: int) -> None:
        """A list has this length now: a long one is retired, by the first of the threads that find it long."""
        if length < LONGEST:
            return
        with self.retiring:
            if key in self.active:
                self.active[self.active.index(key)] = f"{next(self.keys):06}"


@dataclass(frozen=True)
class Plan:
    """What a transaction is going to do: keys to read, whether all keys are scanned first, keys to append to, its end."""

    reads: tuple[str, ...]
    scans: bool
    appends: tuple[str, ...]
    gives_up: bool


def make_plan(log: Log, rng: random.Random) -> Plan:
    kind = rng.random()
    keys = rng.sample(log.active, min(3, log.hot))
    scans = kind < 0.35
    if rng.random() < 0.15:
        return Plan(tuple(keys), scans, (), False)
    appends = tuple(rng.choice(keys) for _ in range(rng.choice((1, 1, 1, 2, 3))))
    return Plan(() if scans else tuple(keys[: rng.randint(0, 3)]), scans, appends, rng.random() < 0.06)


def client(
    db: engine.Database, log: Log, rng: random.Random, isolation: str, count: int, begin: Begin
) -> Iterator[None]:
    """Run transactions, yielding after every operation; a conflict is tried again with the same plan."""
    for _ in range(count):
        plan = make_plan(log, rng)
        for _ in range(RETRIES):
            steps = attempt(db, log, plan, isolation, begin)
            while True:
                try:
                    next(steps)
                except StopIteration as end:
                    ended: bool = end.value
                    break
                yield
            yield
            if ended:
                break


def attempt(db: engine.Database, log: Log, plan: Plan, isolation: str, begin: Begin) -> Iterator[None]:
    """One transaction; the generator's value says whether it is over (False: a conflict)."""
    noted = log.begin()
    txn = begin(db, isolation, not plan.appends)
    yield
    if plan.scans:
        yield from scan(txn, noted, log)
    for key in plan.reads:
        noted.operations.append(Read(key, unpack(txn.get(key.encode()))))
        yield
    for key in plan.appends:
        before = unpack(txn.get(key.encode()))
        noted.operations.append(Read(key, before))
        element = next(log.elements)
        yield
        noted.operations.append(Append(key, element))
        txn.put(key.encode(), pack((*before, element)))
        log.grown(key, len(before) + 1)
        yield
    if plan.gives_up:
        txn.rollback()
        noted.outcome = ABORTED
    else:
        try:
            txn.commit()
        except engine.ConflictError:
            noted.outcome = ABORTED
        else:
            noted.outcome = COMMITTED
    noted.ended = log.clock()
    return noted.outcome == COMMITTED or plan.gives_up


def scan(txn: Open, noted: Transaction, log: Log) -> Iterator[None]:
    """Read all keys from the first hot one on; hot keys that are not there were read as empty lists."""
    expected = sorted(log.active)
    found: dict[str, Elements] = {}
    for key, value in txn.scan(expected[0].encode(), b"\xff"):
        found[key.decode()] = unpack(value)
        yield
    for key in sorted(set(expected) | found.keys()):
        noted.operations.append(Read(key, found.get(key, ())))


def run_interleaved(
    db: engine.Database,
    isolation: str,
    seed: int,
    *,
    clients: int = 6,
    count: int = 60,
    begin: Begin = EngineTransaction,
    hot: int = 7,
) -> list[Transaction]:
    """A history in one thread: the operations of several clients in an order that the seed decides."""
    rng = random.Random(seed)
    log = Log(hot)
    running = [client(db, log, random.Random(f"{seed} {i}"), isolation, count, begin) for i in range(clients)]
    while running:
        chosen = rng.choice(running)
        if next(chosen, StopIteration) is StopIteration:
            running.remove(chosen)
    return log.transactions


def run_threaded(
    db: engine.Database,
    isolation: str,
    seed: int,
    *,
    clients: int = 6,
    count: int = 200,
    begin: Begin = EngineTransaction,
    log: Log | None = None,
) -> list[Transaction]:
    """A history from as many threads as there are clients; the processor is given up at random places."""
    shared = log if log is not None else Log()
    errors: list[BaseException] = []
    gate = threading.Barrier(clients)

    def work(number: int) -> None:
        rng = random.Random(f"{seed} {number}")
        try:
            gate.wait()
            for _ in client(db, shared, rng, isolation, count, begin):
                if rng.random() < 0.25:
                    time.sleep(0)
        except BaseException as error:
            errors.append(error)

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-4)
    try:
        threads = [threading.Thread(target=work, args=(i,)) for i in range(clients)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(interval)
    if errors:
        raise errors[0]
    return shared.transactions


def read_all(db: engine.Database, log: Log, keys: set[str]) -> Transaction:
    """A transaction that reads every key there is, noted in the log: what a history ends with."""
    noted = log.begin()
    txn: Any = db.begin(readonly=True)
    found = {key.decode(): unpack(value) for key, value in txn.tree(TREE).scan()}
    txn.commit()
    noted.operations += [Read(key, found.get(key, ())) for key in sorted(keys | found.keys())]
    noted.outcome, noted.ended = COMMITTED, log.clock()
    return noted
