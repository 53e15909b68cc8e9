"""A database small enough to be seen to be right, with switches that break it: the harness is proved on it.

    /toy/log:  record | record | record ...      record = length u32, crc32(payload) u32, payload (changes, as JSON)

A transaction is one record, synced before it is acknowledged. Compaction writes the whole state as one record to
/toy/new, syncs it, renames it over the log and syncs the directory. Opening reads records up to the first that does
not verify and cuts the file there.
"""

from __future__ import annotations

import json
import struct
import zlib
from collections.abc import Hashable, Sequence
from dataclasses import dataclass

from engine.storage.file import File, FileSystem
from tests.crash.harness import REOPEN, Session, Subject

HEADER = struct.Struct("<II")
COMPACT = "compact"


@dataclass(frozen=True)
class Toy(Subject):
    """The toy's switches; all of them on is the correct toy."""

    sync_append: bool = True
    sync_before_ack: bool = True  # off: the sync comes at the beginning of the next transaction
    sync_new: bool = True
    sync_cut: bool = True
    sync_names_at_creation: bool = True
    sync_names_at_rename: bool = True
    rename_into_place: bool = True  # off: compaction rewrites the log in its place
    verify_checksum: bool = True
    cut_tail: bool = True
    one_record: bool = True  # off: a transaction of two changes is two records

    def open(self, fs: FileSystem) -> Session:
        return ToySession(self, fs)

    def model(self, steps: Sequence[object]) -> list[Hashable]:
        state: dict[str, str] = {}
        states: list[Hashable] = [()]
        for step in steps:
            if isinstance(step, dict):
                state.update(step)
            states.append(tuple(sorted(state.items())))
        return states


def encode(changes: dict[str, str]) -> bytes:
    """One record."""
    payload = json.dumps(changes).encode()
    return HEADER.pack(len(payload), zlib.crc32(payload)) + payload


class ToySession(Session):
    """The toy, open: all of it in `values`, the end of the log in `end`."""

    def __init__(self, toy: Toy, fs: FileSystem) -> None:
        self.toy = toy
        self.fs = fs
        self.values: dict[str, str] = {}
        self.end = 0
        self.owed = False
        if not fs.exists("/toy"):
            fs.mkdir("/toy")
        if fs.exists("/toy/new"):
            fs.unlink("/toy/new")
        self.log: File = fs.open("/toy/log", create=True)
        if toy.sync_names_at_creation:
            fs.sync_dir("/toy")
            fs.sync_dir("/")
        self._read()

    def _read(self) -> None:
        data = self.log.pread(self.log.size(), 0)
        while self.end + HEADER.size <= len(data):
            length, checksum = HEADER.unpack_from(data, self.end)
            payload = data[self.end + HEADER.size : self.end + HEADER.size + length]
            if length == 0 or len(payload) < length:
                break
            if self.toy.verify_checksum and zlib.crc32(payload) != checksum:
                break
            self.values.update(json.loads(payload))
            self.end += HEADER.size + length
        if self.end < len(data) and self.toy.cut_tail:
            self.log.truncate(self.end)
            if self.toy.sync_cut:
                self.log.sync()

    def apply(self, step: object) -> None:
        if step == COMPACT:
            self._compact()
            return
        assert isinstance(step, dict)
        if self.owed:
            self.log.sync()
        parts = [step] if self.toy.one_record else [{key: value} for key, value in step.items()]
        for part in parts:
            data = encode(part)
            end = self.end if self.toy.cut_tail else self.log.size()
            self.log.pwrite(data, end)
            self.end = end + len(data)
        if self.toy.sync_append and self.toy.sync_before_ack:
            self.log.sync()
        self.owed = self.toy.sync_append and not self.toy.sync_before_ack
        self.values.update(step)

    def _compact(self) -> None:
        data = encode(self.values)
        if not self.toy.rename_into_place:
            self.log.truncate(0)
            self.log.pwrite(data, 0)
            self.log.sync()
            self.end = len(data)
            return
        new = self.fs.open("/toy/new", create=True, exclusive=True)
        new.pwrite(data, 0)
        if self.toy.sync_new:
            new.sync()
        self.fs.rename("/toy/new", "/toy/log")
        if self.toy.sync_names_at_rename:
            self.fs.sync_dir("/toy")
        self.log.close()
        self.log, self.end = new, len(data)

    def state(self) -> Hashable:
        return tuple(sorted(self.values.items()))

    def check(self) -> Sequence[object]:
        return [] if self.end <= self.log.size() else ["the log is shorter than what was read from it"]

    def close(self) -> None:
        self.log.close()


def steps(count: int, compact_every: int = 4, reopen_every: int = 7) -> list[object]:
    """A workload: transactions of two changes, one of them some sectors long, with compactions and reopenings."""
    made: list[object] = []
    for i in range(1, count + 1):
        made.append({f"k{i % 5}": f"{i}" * 40, "big": f"{i:04}" * (i % 3 * 200)})
        if i % compact_every == 0:
            made.append(COMPACT)
        if i % reopen_every == 0:
            made.append(REOPEN)
    return made
