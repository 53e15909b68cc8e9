"""Workloads that read and write: YCSB A to F, and readers beside a writer.

YCSB's records have ten fields of 100 bytes; here a record is one value. Its writes are of class "unsynced".
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from anokuro_bench.data import Data, Key
from anokuro_bench.settings import DURABLE, KV, READ, UNSYNCED
from anokuro_bench.stores.base import Session
from anokuro_bench.workloads.base import (
    Operation,
    Role,
    Single,
    Step,
    Workload,
    cut,
    hash_pairs,
    hash_values,
)
from anokuro_bench.workloads.reads import ReadMany, ReadRandom

GET, PUT, SCAN, MODIFY = range(4)
LONGEST_SCAN = 100


class Ycsb(Workload):
    """shares: of reads, updates, inserts, scans and read-modify-writes, in percent. latest: new records are read most."""

    durability = UNSYNCED
    writes = True
    several = True
    shares: ClassVar[dict[str, int]]
    latest: ClassVar[bool] = False
    share_of_count: ClassVar[int] = 5  # one operation for so many records

    def roles(self, data: Data) -> list[Role]:
        count = max(200, data.count // self.share_of_count)
        kinds = data.random(f"{self.name} kinds").choices(list(self.shares), list(self.shares.values()), k=count)
        values = iter(data.values(f"{self.name} values", count))
        lengths = data.random(f"{self.name} lengths")
        inserted = iter(data.missing)
        known = list(data.keys)
        if self.latest:
            ranks = iter(data.zipfian_ranks(f"{self.name} keys", count))
        else:
            keys = iter(data.zipfian(f"{self.name} keys", count))
        operations: list[Operation] = []
        for kind in kinds:
            if kind == "insert":
                key = next(inserted)
                known.append(key)
                operations.append((PUT, key, next(values)))
                continue
            key = data.fresh([known[-1 - next(ranks)]])[0] if self.latest else next(keys)
            if kind == "read":
                operations.append((GET, key, None))
            elif kind == "scan":
                operations.append((SCAN, key, lengths.randint(1, LONGEST_SCAN)))
            else:
                operations.append((PUT if kind == "update" else MODIFY, key, next(values)))
        return [Role(cut(operations), "both" if self.writes else "read")]

    def step(self, session: Session) -> Step:
        get, put, scan = session.get, session.put, session.range

        def run(operations: Sequence[Operation]) -> list[Any]:
            answers: list[Any] = []
            answered = answers.append
            for kind, key, argument in operations:
                if kind == GET:
                    answered(get(key))
                elif kind == PUT:
                    put(key, argument)
                elif kind == MODIFY:
                    answered(get(key))
                    put(key, argument)
                else:
                    answered(scan(key, argument))
            return answers

        return run

    def single(self, session: Session) -> Single:
        run = self.step(session)
        return lambda operation: run((operation,))

    def check(self, session: Session, operations: Sequence[Operation], answers: Any) -> int:
        values = hash_values(answer for answer in answers if not isinstance(answer, list))
        return hash_pairs((pair for answer in answers if isinstance(answer, list) for pair in answer), values)

    def written(self, operations: Sequence[Operation]) -> int:
        return sum(8 + len(argument) for kind, _, argument in operations if kind in (PUT, MODIFY))


class YcsbA(Ycsb):
    name = "ycsb-a"
    title = "half reads, half updates, zipfian"
    shares = {"read": 50, "update": 50}  # noqa: RUF012


class YcsbB(Ycsb):
    name = "ycsb-b"
    title = "95% reads, 5% updates, zipfian"
    shares = {"read": 95, "update": 5}  # noqa: RUF012


class YcsbC(Ycsb):
    name = "ycsb-c"
    title = "reads, zipfian"
    durability = READ
    writes = False
    shares = {"read": 100}  # noqa: RUF012


class YcsbD(Ycsb):
    name = "ycsb-d"
    title = "95% reads of the latest, 5% inserts"
    shares = {"read": 95, "insert": 5}  # noqa: RUF012
    latest = True


class YcsbE(Ycsb):
    name = "ycsb-e"
    title = "95% range scans of 1 to 100, 5% inserts"
    shares = {"scan": 95, "insert": 5}  # noqa: RUF012
    share_of_count = 25


class YcsbF(Ycsb):
    name = "ycsb-f"
    title = "half reads, half read-modify-writes, zipfian"
    shares = {"read": 50, "modify": 50}  # noqa: RUF012


def _readable(data: Data) -> int:
    """How many of the keys, from the first on, are asked for beside a writer; it writes the others.

    So what readers find can be foretold, while in every page there are keys of both.
    """
    return data.count - data.count // 10


def _writer(data: Data) -> Role:
    keys = data.keys[_readable(data) :]
    drawn = data.uniform("writer", min(len(keys), 100_000), keys)
    return Role(cut(list(zip(drawn, data.values("writer", len(drawn)), strict=True)), 100), "write", background=True)


def _puts(session: Session) -> Step:
    put = session.put

    def run(pairs: Sequence[Operation]) -> None:
        for key, value in pairs:
            put(key, value)

    return run


class ReadWhileWriting(ReadRandom):
    """The reader sees every commit at once: engines that read from a snapshot take a new one for each get."""

    name = "readwhilewriting"
    title = "get of random keys beside a thread that writes"
    durability = UNSYNCED
    writes = True
    threaded = True
    faces = (KV,)

    def roles(self, data: Data) -> list[Role]:
        readable = data.keys[: _readable(data)]
        return [Role(cut(data.uniform(self.name, data.count // 2, readable)), "fresh"), _writer(data)]

    def background_step(self, session: Session) -> Step:
        return _puts(session)


class ReadMany2Writing(ReadMany):
    """The writer waits for the disk. One that never waits is a third of the work of two processors, whatever the engine does."""

    name = "readmany2writing"
    title = "the same beside a thread of durable puts"
    durability = DURABLE
    writes = True
    threaded = True
    threads = 2
    access = "fresh"
    faces = (KV,)

    def roles(self, data: Data) -> list[Role]:
        return [*super().roles(data), _writer(data)]

    def keys(self, data: Data) -> list[Key]:
        return data.keys[: _readable(data)]

    def background_step(self, session: Session) -> Step:
        return _puts(session)
