"""Workloads that only write."""

from __future__ import annotations

from collections.abc import Sequence

from anokuro_bench.data import Data, Pair
from anokuro_bench.settings import DURABLE, KV, UNSYNCED
from anokuro_bench.stores.base import Session
from anokuro_bench.workloads.base import DURABLE_SHARE, Operation, Role, Single, Step, Workload, cut


def bytes_of(pair: Pair) -> int:
    """Bytes of a key and a value."""
    return 8 + len(pair[1])


class FillRandom(Workload):
    name = "fillrandom"
    title = "single puts in random order"
    unit = "puts"
    durability = UNSYNCED
    loaded = False
    writes = True

    def roles(self, data: Data) -> list[Role]:
        return [Role(cut(data.pairs), "write")]

    def single(self, session: Session) -> Single:
        put = session.put
        return lambda pair: put(*pair)

    def step(self, session: Session) -> Step:
        put = session.put

        def puts(pairs: Sequence[Pair]) -> None:
            for key, value in pairs:
                put(key, value)

        return puts

    def written(self, operations: Sequence[Operation]) -> int:
        return sum(map(bytes_of, operations))


class FillSeq(FillRandom):
    name = "fillseq"
    title = "single puts in key order"

    def roles(self, data: Data) -> list[Role]:
        pairs = sorted(data.pairs)
        values = [value[:1] + value[1:] for _, value in pairs]
        return [Role(cut(list(zip(data.fresh([key for key, _ in pairs]), values, strict=True))), "write")]


class Overwrite(FillRandom):
    name = "overwrite"
    title = "single puts of keys that exist, random"
    loaded = True

    def roles(self, data: Data) -> list[Role]:
        keys = data.uniform(self.name, data.count)
        return [Role(cut(list(zip(keys, data.values(self.name, len(keys)), strict=True))), "write")]


class FillSync(FillRandom):
    name = "fillsync"
    title = "durable single puts"
    durability = DURABLE
    group = "fillsync"
    turns = 8
    alternates = True

    def roles(self, data: Data) -> list[Role]:
        return [Role(cut(data.pairs[: max(20, data.count // DURABLE_SHARE)], 5), "write")]


class FillSyncThreads(FillSync):
    name = "fillsyncthreads"
    title = "durable single puts, many threads (32 unless said)"
    faces = (KV,)
    threaded = True
    alternates = False

    def roles(self, data: Data) -> list[Role]:
        threads = data.settings.threads
        share = max(2, data.count // DURABLE_SHARE // 4)
        share = min(share, data.count // threads)
        return [Role(cut(data.pairs[thread * share : (thread + 1) * share], 10), "write") for thread in range(threads)]


class FillMany(Workload):
    name = "fillmany"
    title = "put_many of all, random order, one durable transaction"
    has_latency = False
    unit = "records"
    durability = DURABLE
    loaded = False
    writes = True
    bulk = True

    def roles(self, data: Data) -> list[Role]:
        return [Role([[data.pairs]], "bulk")]

    def single(self, session: Session) -> Single:
        raise NotImplementedError("a batch is the store's, not a session's")

    def items(self, operation: Operation) -> int:
        return len(operation)

    def written(self, operations: Sequence[Operation]) -> int:
        return sum(bytes_of(pair) for pairs in operations for pair in pairs)
