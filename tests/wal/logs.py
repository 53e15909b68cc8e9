"""Small logs for the tests, and the images of their files."""

from __future__ import annotations

import struct
from collections.abc import Sequence

from engine.base.crc32c import checksum
from engine.storage.file_memory import MemoryFileSystem
from engine.wal.log import Log, create_log
from engine.wal.reader import LogReader, LogRecord
from engine.wal.records import RECORD_NUMBERS, encode_fixed

DIRECTORY = "/w"
LOG_ID = 0x1122334455667788
SEGMENT = 1024
RING = 1024


def new_log(fs: MemoryFileSystem, **options: int) -> Log:
    return create_log(fs, DIRECTORY, LOG_ID, **{"segment_size": SEGMENT, "ring_size": RING, **options})  # type: ignore[arg-type]


def insert(log: Log, key: bytes, value: bytes, txn: int = 1, page: int = 9, prev: int = 0) -> int:
    fixed = encode_fixed(RECORD_NUMBERS["INSERT"], {"slot": 3, "key_len": len(key), "value_len": len(value)})
    return log.append(RECORD_NUMBERS["INSERT"], fixed, [key, value], txn=txn, page=page, tree=2, page_prev_lsn=prev)


def commit(log: Log, synced: int | None = None, txn: int = 1) -> int:
    fields = {"time_us": 1_700_000_000_000_000, "synced_lsn": log.synced() if synced is None else synced, "records": 1}
    return log.append(RECORD_NUMBERS["COMMIT"], encode_fixed(RECORD_NUMBERS["COMMIT"], fields), txn=txn)


def transactions(log: Log, count: int, size: int = 40, first: int = 0) -> list[int]:
    """`count` batches of one insert and a commit, each synced; LSNs of the commits."""
    found = []
    for i in range(first, first + count):
        insert(log, b"key%05d" % i, bytes([i % 251]) * (size + i % 7), txn=i)
        found.append(commit(log, txn=i))
        log.sync()
    return found


def read_all(fs: MemoryFileSystem, log_id: int | None = LOG_ID) -> tuple[list[LogRecord], LogReader]:
    reader = LogReader(fs, DIRECTORY, log_id)
    return list(reader), reader


def image(fs: MemoryFileSystem) -> dict[str, bytes | None]:
    return dict(fs.contents())


def segment_name(first: int) -> str:
    return f"{DIRECTORY}/{first:016x}.wal"


def sealed(record: bytes, lsn: int, log_id: int = LOG_ID) -> bytes:
    """The record with its checksum computed anew, as FORMAT.md states it."""
    body = record[4:]
    crc = checksum(body, checksum(struct.pack("<QQ", log_id, lsn)))
    return struct.pack("<I", crc) + body


def keys(records: Sequence[LogRecord]) -> list[bytes]:
    return [record.parts["key"] for record in records if "key" in record.parts]
