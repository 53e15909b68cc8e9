"""The engines that can be measured, one file each."""

from __future__ import annotations

from anokuro_bench.settings import BenchmarkError
from anokuro_bench.stores.anokuro import AnokuroTable, AnokuroTree
from anokuro_bench.stores.base import Opening, Session, Store
from anokuro_bench.stores.leveldb import LevelDb
from anokuro_bench.stores.lmdb import Lmdb
from anokuro_bench.stores.rocksdb import RocksDb
from anokuro_bench.stores.sqlite import SqliteBlobs, SqliteTable

STORES: tuple[type[Store], ...] = (AnokuroTree, Lmdb, SqliteBlobs, LevelDb, RocksDb, AnokuroTable, SqliteTable)
ENGINES = tuple(dict.fromkeys(store.engine for store in STORES))
TITLES = {store.engine: store.title for store in STORES}


def stores_of(face: str, engines: tuple[str, ...]) -> list[type[Store]]:
    """The stores of a face, of these engines (all, where none are named), whether they are installed or not."""
    for name in engines:
        if name not in ENGINES:
            raise BenchmarkError(f"there is no engine {name!r}", f"one of {', '.join(ENGINES)}")
    return [store for store in STORES if store.face == face and (not engines or store.engine in engines)]


__all__ = ["ENGINES", "STORES", "TITLES", "Opening", "Session", "Store", "stores_of"]
