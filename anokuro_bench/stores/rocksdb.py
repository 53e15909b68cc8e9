"""RocksDB through rocksdict, in its raw mode (bytes in, bytes out)."""

from __future__ import annotations

import importlib
import importlib.metadata
from itertools import islice
from typing import Any

from anokuro_bench.data import Pair
from anokuro_bench.settings import DURABLE, KV, NONE
from anokuro_bench.stores.base import Opening, Session, Store, as_they_are, nothing

WRITE_BUFFER_BYTES = 64 << 20


class RocksDb(Store):
    """Choices: bloom filter of 10 bits a key, hash index in data blocks of 4 KiB, no compression, mmap for reading unless the
    cache is to be bounded (together a quarter faster here), two background threads; class "none" writes no log; compacted
    after loading."""

    engine = "rocksdb"
    title = "RocksDB"
    face = KV
    module = "rocksdict"
    how = "bloom filter, hash index, mmap reads, 64 MiB write buffer, no compression; multi_get; one write batch; compacted after loading"

    def __init__(self, opening: Opening) -> None:
        super().__init__(opening)
        self.rocks: Any = importlib.import_module("rocksdict")
        rocks = self.rocks
        table = rocks.BlockBasedOptions()
        table.set_block_cache(rocks.Cache(opening.cache_bytes))
        table.set_bloom_filter(10, False)
        table.set_block_size(4096)
        table.set_format_version(5)
        table.set_data_block_index_type(rocks.DataBlockIndexType.binary_and_hash())
        options = rocks.Options(raw_mode=True)
        options.create_if_missing(True)
        options.set_block_based_table_factory(table)
        options.set_compression_type(rocks.DBCompressionType.none())
        options.set_write_buffer_size(WRITE_BUFFER_BYTES)
        options.set_allow_mmap_reads(not opening.bounded)
        options.increase_parallelism(2)
        self.db: Any = rocks.Rdict(str(opening.folder), options)
        self.writing: Any = rocks.WriteOptions()
        self.writing.sync = opening.durability == DURABLE
        self.writing.disable_wal = opening.durability == NONE
        self.db.set_write_options(self.writing)

    @classmethod
    def version(cls) -> str:
        return f"of rocksdict {importlib.metadata.version('rocksdict')}"

    def session(self, access: str) -> Session:
        db = self.db
        items = db.items
        return Session(
            get=db.get,
            get_many=db.get,
            values=as_they_are,
            scan=items,
            range=lambda start, count: list(islice(items(from_key=start), count)),
            put=db.put,
            close=nothing,
        )

    def put_many(self, pairs: list[Pair]) -> None:
        batch = self.rocks.WriteBatch(raw_mode=True)
        put = batch.put
        for key, value in pairs:
            put(key, value)
        self.db.write(batch, self.writing)

    def settle(self) -> None:
        self.db.flush()
        self.db.compact_range(None, None)

    def close(self) -> None:
        self.db.close()
