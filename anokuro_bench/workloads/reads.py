"""Workloads that only read."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice
from typing import Any, ClassVar

from anokuro_bench.data import Data, Key
from anokuro_bench.settings import KV
from anokuro_bench.stores.base import Session
from anokuro_bench.workloads.base import BATCH, RANGE, Operation, Role, Single, Workload, cut, hash_pairs, hash_values


class ReadRandom(Workload):
    name = "readrandom"
    title = "get of random keys"
    unit = "gets"

    def roles(self, data: Data) -> list[Role]:
        return [Role(cut(data.uniform(self.name, data.count)), "read")]

    def single(self, session: Session) -> Single:
        return session.get

    def check(self, session: Session, operations: Sequence[Operation], answers: Any) -> int:
        return hash_values(answers)


class ReadMissing(ReadRandom):
    name = "readmissing"
    title = "get of keys that do not exist"

    def roles(self, data: Data) -> list[Role]:
        return [Role(cut(data.uniform(self.name, data.count, data.missing)), "read")]


class ReadCold(ReadRandom):
    """LMDB takes no part: it has no cache of its own to bound."""

    name = "readcold"
    title = "get of random keys, data four times the pool"
    cold = True
    engines = ("anokuro", "sqlite", "leveldb", "rocksdb")

    def roles(self, data: Data) -> list[Role]:
        return [Role(cut(data.uniform(self.name, max(1000, data.count // 2))), "read")]


class ReadSeq(Workload):
    name = "readseq"
    title = "scan of everything, in key order"
    has_latency = False
    unit = "items"

    def roles(self, data: Data) -> list[Role]:
        full, rest = divmod(data.count, 1000)
        return [Role([[1000]] * full + ([[rest]] if rest else []), "read")]

    def single(self, session: Session) -> Single:
        pairs = session.scan()
        return lambda count: list(islice(pairs, count))

    def items(self, operation: Operation) -> int:
        return int(operation)

    def check(self, session: Session, operations: Sequence[Operation], answers: Any) -> int:
        return hash_pairs(pair for pairs in answers for pair in pairs)


class SeekRandom(Workload):
    name = "seekrandom"
    title = f"range scans of {RANGE} from random keys on"
    unit = "scans"

    def roles(self, data: Data) -> list[Role]:
        return [Role(cut(data.uniform(self.name, max(100, data.count // 25)), 100), "read")]

    def single(self, session: Session) -> Single:
        scan = session.range
        return lambda key: scan(key, RANGE)

    def check(self, session: Session, operations: Sequence[Operation], answers: Any) -> int:
        return hash_pairs(pair for pairs in answers for pair in pairs)


class ReadMany(Workload):
    name = "readmany"
    title = f"get_many of {BATCH:,} random keys"
    unit = "gets"
    group = "readmany"
    threaded = True
    threads: ClassVar[int] = 1
    access: ClassVar[str] = "read"

    def roles(self, data: Data) -> list[Role]:
        def batches(thread: int) -> list[list[list[Key]]]:
            keys = self.keys(data)
            drawn = data.uniform(f"readmany {thread}", max(BATCH, data.count), keys)
            return [[batch] for batch in cut(drawn, BATCH)]

        return [Role(batches(thread), self.access) for thread in range(self.threads)]

    def keys(self, data: Data) -> list[Key]:
        """The keys that may be asked for."""
        return data.keys

    def single(self, session: Session) -> Single:
        return session.get_many

    def items(self, operation: Operation) -> int:
        return len(operation)

    def check(self, session: Session, operations: Sequence[Operation], answers: Any) -> int:
        return hash_values(
            value for keys, found in zip(operations, answers, strict=True) for value in session.values(keys, found)
        )


class ReadMany2(ReadMany):
    name = "readmany2"
    title = f"two threads, each get_many of {BATCH:,}"
    faces = (KV,)
    threaded = True
    threads = 2
