"""Anokuro through its public API: trees, and SQL."""

from __future__ import annotations

from itertools import islice

import engine
from anokuro_bench.data import Key, Pair
from anokuro_bench.settings import DURABLE, KV, NONE, SQL, UNSYNCED
from anokuro_bench.stores.base import Opening, Session, Store, as_they_are, from_pairs, nothing

SYNCHRONOUS = {DURABLE: "full", UNSYNCED: "normal", NONE: "off"}


class _Anokuro(Store):
    engine = "anokuro"
    title = "Anokuro"
    module = "engine"

    def __init__(self, opening: Opening) -> None:
        super().__init__(opening)
        self.db = engine.open(
            opening.folder / "bench.ank",
            pool_bytes=opening.cache_bytes,
            synchronous=SYNCHRONOUS[opening.durability],
        )

    @classmethod
    def version(cls) -> str:
        return engine.__version__

    def settle(self) -> None:
        self.db.checkpoint()

    def close(self) -> None:
        self.db.close()


class AnokuroTree(_Anokuro):
    face = KV
    how = "one tree; default options but pool_bytes and synchronous (full, normal, off by class)"

    def __init__(self, opening: Opening) -> None:
        super().__init__(opening)
        self.tree = self.db.tree("bench")

    def session(self, access: str) -> Session:
        tree = self.tree
        scan = tree.scan
        return Session(
            get=tree.get,
            get_many=tree.get_many,
            values=as_they_are,
            scan=scan,
            range=lambda start, count: list(islice(scan(start), count)),
            put=tree.put,
            close=nothing,
        )

    def put_many(self, pairs: list[Pair]) -> None:
        self.tree.put_many(pairs)


class AnokuroTable(_Anokuro):
    face = SQL
    how = "CREATE TABLE bench (k INTEGER PRIMARY KEY, v BLOB NOT NULL), Database.execute with parameters"

    def __init__(self, opening: Opening) -> None:
        super().__init__(opening)
        self.db.execute("CREATE TABLE IF NOT EXISTS bench (k INTEGER PRIMARY KEY, v BLOB NOT NULL)")

    def session(self, access: str) -> Session:
        execute = self.db.execute

        def get(key: Key) -> bytes | None:
            row = execute("SELECT v FROM bench WHERE k = ?", (key,)).fetchone()
            return row[0] if row else None

        def get_many(keys: list[Key]) -> list[Pair]:
            marks = ",".join("?" * len(keys))
            return execute(f"SELECT k, v FROM bench WHERE k IN ({marks})", keys).fetchall()

        return Session(
            get=get,
            get_many=get_many,
            values=from_pairs,
            scan=lambda: iter(execute("SELECT k, v FROM bench ORDER BY k")),
            range=lambda start, count: execute(
                "SELECT k, v FROM bench WHERE k >= ? ORDER BY k LIMIT ?", (start, count)
            ).fetchall(),
            put=lambda key, value: execute(
                "INSERT INTO bench VALUES (?, ?) ON CONFLICT (k) DO UPDATE SET v = excluded.v", (key, value)
            ),
            close=nothing,
        )

    def put_many(self, pairs: list[Pair]) -> None:
        self.db.executemany("INSERT INTO bench VALUES (?, ?) ON CONFLICT (k) DO UPDATE SET v = excluded.v", pairs)
