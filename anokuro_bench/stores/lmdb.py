"""LMDB through py-lmdb."""

from __future__ import annotations

import importlib
from itertools import islice
from typing import Any

from anokuro_bench.data import Key, Pair
from anokuro_bench.settings import DURABLE, KV
from anokuro_bench.stores.base import Opening, Session, Store, from_pairs


class Lmdb(Store):
    """Choices, each measured to be the faster one here:

    - bytes, not buffers: for values this small making a memoryview costs more than the copy.
    - one read transaction for many reads, a new one only where newer data must be seen.
    - writemap where single writes are measured (three times as fast without sync, twice as fast with it), not for one
      large transaction, where it is slower. With it a write survives a crash of the process, as the class demands.
    - durable is sync and metasync: without metasync a system crash may undo the last commit.
    - a batch is sorted, and appended where the store is empty.
    - no read-ahead where memory is short (it has no cache of its own to bound).
    """

    engine = "lmdb"
    title = "LMDB"
    face = KV
    module = "lmdb"
    how = "values as bytes; read transaction reused; writemap for single writes; sorted putmulti, append into an empty store"

    def __init__(self, opening: Opening) -> None:
        super().__init__(opening)
        durable = opening.durability == DURABLE
        self.env: Any = importlib.import_module("lmdb").open(
            str(opening.folder),
            map_size=max(1 << 30, 16 * opening.data_bytes),
            writemap=opening.single_writes,
            sync=durable,
            metasync=durable,
            max_readers=512,
            readahead=not opening.bounded,
        )

    @classmethod
    def version(cls) -> str:
        lmdb = importlib.import_module("lmdb")
        return f"{'.'.join(map(str, lmdb.version()))} (py-lmdb {lmdb.__version__})"

    def session(self, access: str) -> Session:
        begin = self.env.begin
        txn: Any = begin() if access in ("read", "both") else None  # a writer pins no old state

        def put_alone(key: Key, value: bytes) -> None:
            with begin(write=True) as writing:
                writing.put(key, value)

        def put_and_see(key: Key, value: bytes) -> None:
            nonlocal txn
            with begin(write=True) as writing:
                writing.put(key, value)
            txn.abort()
            txn = begin()

        def get_here(key: Key) -> bytes | None:
            value: bytes | None = txn.get(key)
            return value

        def get_newest(key: Key) -> bytes | None:
            with begin() as reading:
                value: bytes | None = reading.get(key)
                return value

        def get_many(keys: list[Key]) -> list[Pair]:
            if txn is None:
                with begin() as reading:
                    newest: list[Pair] = reading.cursor().getmulti(keys)
                    return newest
            found: list[Pair] = txn.cursor().getmulti(keys)
            return found

        def range_(start: Key, count: int) -> list[Pair]:
            cursor = txn.cursor()
            return list(islice(cursor.iternext(True, True), count)) if cursor.set_range(start) else []

        return Session(
            get=txn.get if access == "read" else get_here if access == "both" else get_newest,
            get_many=get_many,
            values=from_pairs,
            scan=lambda: txn.cursor().iternext(True, True),
            range=range_,
            put=put_and_see if access == "both" else put_alone,
            close=lambda: txn.abort() if txn is not None else None,
        )

    def put_many(self, pairs: list[Pair]) -> None:
        with self.env.begin(write=True) as txn:
            txn.cursor().putmulti(sorted(pairs), append=self.env.stat()["entries"] == 0)

    def settle(self) -> None:
        self.env.sync(True)

    def close(self) -> None:
        self.env.close()
