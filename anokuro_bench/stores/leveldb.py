"""LevelDB through plyvel."""

from __future__ import annotations

import importlib
from itertools import islice
from typing import Any

from anokuro_bench.data import Key, Pair
from anokuro_bench.settings import DURABLE, KV
from anokuro_bench.stores.base import Opening, Session, Store, as_they_are, nothing

WRITE_BUFFER_BYTES = 64 << 20


class LevelDb(Store):
    """Choices: bloom filter of 10 bits a key; no compression, as the values are random; a memtable of 64 MiB; a batch in the
    order it comes in, which is faster than sorting it first; compacted after loading."""

    engine = "leveldb"
    title = "LevelDB"
    face = KV
    module = "plyvel"
    how = "bloom filter, block cache, 64 MiB write buffer, no compression; one write batch; compacted after loading"

    def __init__(self, opening: Opening) -> None:
        super().__init__(opening)
        self.sync = opening.durability == DURABLE
        self.db: Any = importlib.import_module("plyvel").DB(
            str(opening.folder),
            create_if_missing=True,
            write_buffer_size=WRITE_BUFFER_BYTES,
            lru_cache_size=opening.cache_bytes,
            bloom_filter_bits=10,
            compression=None,
            max_open_files=1000,
        )

    @classmethod
    def version(cls) -> str:
        plyvel = importlib.import_module("plyvel")
        return f"{plyvel.__leveldb_version__} (plyvel {plyvel.__version__})"

    def session(self, access: str) -> Session:
        get, put, iterator = self.db.get, self.db.put, self.db.iterator
        durable = self.sync

        def put_synced(key: Key, value: bytes) -> None:
            put(key, value, sync=True)

        return Session(
            get=get,
            get_many=lambda keys: [get(key) for key in keys],
            values=as_they_are,
            scan=iterator,
            range=lambda start, count: list(islice(iterator(start=start), count)),
            put=put_synced if durable else put,
            close=nothing,
        )

    def put_many(self, pairs: list[Pair]) -> None:
        with self.db.write_batch(sync=self.sync) as batch:
            put = batch.put
            for key, value in pairs:
                put(key, value)

    def settle(self) -> None:
        self.db.compact_range()

    def close(self) -> None:
        self.db.close()
