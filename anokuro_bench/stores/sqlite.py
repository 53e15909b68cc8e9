"""SQLite through APSW where it is installed, else through the standard library's sqlite3 (about half as fast)."""

from __future__ import annotations

import importlib
from typing import Any

from anokuro_bench.data import Key, Pair
from anokuro_bench.settings import DURABLE, KV, SQL, UNSYNCED
from anokuro_bench.stores.base import Opening, Session, Store, from_pairs

SYNCHRONOUS = {DURABLE: "FULL", UNSYNCED: "NORMAL"}
TABLES = {
    KV: "CREATE TABLE IF NOT EXISTS bench (k BLOB PRIMARY KEY, v BLOB NOT NULL) WITHOUT ROWID",
    SQL: "CREATE TABLE IF NOT EXISTS bench (k INTEGER PRIMARY KEY, v BLOB NOT NULL)",
}
UPSERT = "INSERT INTO bench VALUES (?, ?) ON CONFLICT (k) DO UPDATE SET v = excluded.v"
CHECKPOINT_BYTES = 64 << 20  # of log before a checkpoint, as Anokuro's default
PAGE_BYTES = 4096


def _binding() -> Any:
    try:
        return importlib.import_module("apsw")
    except ImportError:
        return importlib.import_module("sqlite3")


class _Sqlite(Store):
    """Choices: WAL; a statement is prepared once and found in the binding's cache; reading sessions stay in one read
    transaction (twice as fast as a transaction for each get); mmap, except where the cache is to be bounded; an upsert, as
    REPLACE deletes first; a batch is sorted."""

    engine = "sqlite"
    title = "SQLite"
    module = "sqlite3"
    how = (
        "WAL, synchronous FULL/NORMAL/OFF by class; WITHOUT ROWID (k BLOB) or INTEGER PRIMARY KEY through SQL; mmap; "
        "one read transaction for many reads; log checkpointed every 64 MiB; a batch is sorted"
    )

    def __init__(self, opening: Opening) -> None:
        super().__init__(opening)
        self.main = self._connect()
        self._run(self.main, TABLES[self.face])

    @classmethod
    def version(cls) -> str:
        binding = _binding()
        if binding.__name__ == "apsw":
            return f"{binding.sqlite_lib_version()} (apsw {binding.apsw_version()})"
        return f"{binding.sqlite_version} (sqlite3)"

    @staticmethod
    def _run(connection: Any, sql: str) -> None:
        list(connection.cursor().execute(sql))

    def _connect(self) -> Any:
        binding, path = _binding(), str(self.opening.folder / "bench.sqlite")
        if binding.__name__ == "apsw":
            connection = binding.Connection(path)
            connection.set_busy_timeout(60_000)
        else:
            connection = binding.connect(path, isolation_level=None, timeout=60, check_same_thread=False)
        for pragma in (
            f"page_size={PAGE_BYTES}",
            "journal_mode=WAL",
            f"synchronous={SYNCHRONOUS.get(self.opening.durability, 'OFF')}",
            f"cache_size=-{self.opening.cache_bytes >> 10}",
            f"mmap_size={0 if self.opening.bounded else 1 << 36}",
            f"wal_autocheckpoint={CHECKPOINT_BYTES // PAGE_BYTES}",
        ):
            self._run(connection, f"PRAGMA {pragma}")
        return connection

    def session(self, access: str) -> Session:
        connection = self._connect()
        cursor = connection.cursor()
        execute = cursor.execute
        reading = access == "read"

        def get(key: Key) -> bytes | None:
            row = execute("SELECT v FROM bench WHERE k = ?", (key,)).fetchone()
            return row[0] if row else None

        def get_many(keys: list[Key]) -> list[Pair]:
            marks = ",".join("?" * len(keys))
            return list(execute(f"SELECT k, v FROM bench WHERE k IN ({marks})", keys))

        if reading:
            execute("BEGIN")
        return Session(
            get=get,
            get_many=get_many,
            values=from_pairs,
            scan=lambda: iter(connection.cursor().execute("SELECT k, v FROM bench ORDER BY k")),
            range=lambda start, count: list(
                execute("SELECT k, v FROM bench WHERE k >= ? ORDER BY k LIMIT ?", (start, count))
            ),
            put=lambda key, value: execute(UPSERT, (key, value)),
            close=connection.close,
        )

    def put_many(self, pairs: list[Pair]) -> None:
        self._run(self.main, "BEGIN IMMEDIATE")
        self.main.cursor().executemany(UPSERT, sorted(pairs))
        self._run(self.main, "COMMIT")

    def settle(self) -> None:
        self._run(self.main, "PRAGMA wal_checkpoint(TRUNCATE)")

    def close(self) -> None:
        self.main.close()


class SqliteBlobs(_Sqlite):
    face = KV


class SqliteTable(_Sqlite):
    face = SQL
