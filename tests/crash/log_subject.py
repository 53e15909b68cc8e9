"""The log by itself as a subject: batches of records, each ended by a COMMIT, read back after a crash.

Its database is only a file "/made" that says the log exists; without it whatever is in the log's directory is the rest
of a creation that a crash cut short.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence

from engine.storage.file import FileSystem
from engine.wal.log import Log, create_log, open_log
from engine.wal.reader import LogReader
from engine.wal.records import RECORD_NUMBERS, encode_fixed
from tests.crash.harness import REOPEN, Session, Subject

LOG_ID = 0x1234567
DIRECTORY = "/db-wal"
INSERT = RECORD_NUMBERS["INSERT"]
COMMIT = RECORD_NUMBERS["COMMIT"]

# A batch: the lengths of its values.
Batch = tuple[int, ...]


class LogSubject(Subject):
    """segment_size: small ones make batches run over many segments."""

    def __init__(self, segment_size: int = 4096, ring_size: int = 4096) -> None:
        self.segment_size = segment_size
        self.ring_size = ring_size

    def open(self, fs: FileSystem) -> Session:
        return LogSession(self, fs)

    def model(self, steps: Sequence[object]) -> list[Hashable]:
        states: list[tuple[tuple[bytes, ...], ...]] = [()]
        for step in steps:
            assert step == REOPEN or isinstance(step, tuple)
            batch = () if step == REOPEN else (values_of(len(states[-1]), step),)
            states.append(states[-1] + batch)
        return list(states)


def values_of(number: int, batch: object) -> tuple[bytes, ...]:
    """The values of batch `number`."""
    assert isinstance(batch, tuple)
    return tuple(bytes([65 + (number + i) % 26]) * length for i, length in enumerate(batch))


class LogSession(Session):
    """An open log and the batches it holds."""

    def __init__(self, subject: LogSubject, fs: FileSystem) -> None:
        self.batches: list[tuple[bytes, ...]] = []
        sizes = {"segment_size": subject.segment_size, "ring_size": subject.ring_size}
        if not fs.exists("/made"):
            self.log: Log = create_log(fs, DIRECTORY, LOG_ID, discard=True, **sizes)
            fs.open("/made", create=True).close()
            fs.sync_dir("/")
            return
        # The process that made it may have died before the name was durable.
        fs.sync_dir("/")
        reader = LogReader(fs, DIRECTORY, LOG_ID, subject.segment_size)
        end, crc, open_batch = reader.end_lsn, reader.end_crc, list[bytes]()
        for record in reader:
            if record.type.number == COMMIT:
                assert record.fields["records"] == len(open_batch)
                self.batches.append(tuple(open_batch))
                open_batch, end, crc = [], record.end_lsn, record.crc
            else:
                open_batch.append(record.parts["value"])
        reader.check_tail()
        self.log = open_log(fs, DIRECTORY, LOG_ID, end, crc, **sizes)

    def apply(self, step: object) -> None:
        values = values_of(len(self.batches), step)
        first = self.log.end()
        for slot, value in enumerate(values):
            fixed = encode_fixed(INSERT, {"slot": slot, "key_len": 3, "value_len": len(value)})
            self.log.append(INSERT, fixed, (b"key", value), txn=1, page=slot)
        commit = {"time_us": 0, "synced_lsn": self.log.synced(), "first_lsn": first, "records": len(values), "flags": 0}
        self.log.append(COMMIT, encode_fixed(COMMIT, commit))
        self.log.sync()
        self.batches.append(values)

    def state(self) -> Hashable:
        return tuple(self.batches)

    def check(self) -> Sequence[object]:
        return []

    def close(self) -> None:
        self.log.close()
