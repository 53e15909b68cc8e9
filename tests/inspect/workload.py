"""A random workload that makes every kind of log record, and what the pages were after each of its steps."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

from engine.base import trace
from engine.inspect import probe
from engine.inspect.live_source import LiveSource
from engine.inspect.trace import AFTER, FREE, LATCH, PIN, UNLATCH, UNPIN
from engine.wal.reader import LogReader, LogRecord

PAGE = 4096
KEYS = 3000


class Workload:
    """Runs operations on the tree "t" of a database made by `opener()`. `truth`: {page: {LSN: image or None}} as seen live.

    Images are copied by the trace right after each record was applied, and read from the pool at the end of each step (what
    freed pages and rollbacks leave is seen there); checksums are left out.
    """

    def __init__(self, opener: Callable[[], Any], seed: int) -> None:
        self.opener = opener
        self.random = random.Random(seed)
        self.db = opener()
        self.model: dict[bytes, bytes] = {}
        self.truth: dict[int, dict[int, bytes | None]] = {}
        self.records: list[LogRecord] = []
        self.aborted: set[int] = set()
        self._at: int | None = None
        self.copies = 0
        self.first_traced = 0
        self.note()
        self.first_traced = self.records[-1].lsn

    def run(self, operations: int) -> None:
        """So many operations; one in a thousand is a checkpoint, a named one, a rollback or a reopening."""
        for _ in range(operations):
            trace.begin()
            try:
                self._step()
            finally:
                events, lost = trace.end()
            assert lost == 0
            self._copy(events)
            self.note()

    def _copy(self, events: list[trace.Event]) -> None:
        """Take over the copies of pages that the trace has made; what was latched and pinned must be free again."""
        held = 0
        for _, kind, page, _, lsn, _, _, data in events:
            held += {LATCH: 1, PIN: 1, UNLATCH: -1, UNPIN: -1}.get(kind, 0)
            if kind == AFTER:
                self.truth.setdefault(page, {})[lsn] = data[4:]
                self.copies += 1
            elif kind == FREE:
                self.truth.setdefault(page, {})[lsn] = None
        assert held == 0

    def _key(self) -> bytes:
        return b"key %05d" % self.random.randrange(KEYS)

    def _value(self) -> bytes:
        kind = self.random.random()
        size = (
            self.random.randrange(1100, 9000) if kind < 0.02 else self.random.randrange(0, 120 if kind < 0.9 else 900)
        )
        return self.random.randbytes(size)

    def _step(self) -> None:
        tree, chance = self.db.tree("t"), self.random.random()
        if chance < 0.62:
            key, value = self._key(), self._value()
            tree.put(key, value)
            self.model[key] = value
        elif chance < 0.955:
            key = self._key()
            tree.delete(key)
            self.model.pop(key, None)
        elif chance < 0.99:
            pairs = [(self._key(), self._value()) for _ in range(self.random.randrange(2, 40))]
            tree.put_many(pairs)
            self.model.update(pairs)
        elif chance < 0.994:
            low, high = sorted((self._key(), self._key()))
            high = min(high, low[:-3] + b"999")
            tree.delete_range(low, high)
            self.model = {key: value for key, value in self.model.items() if not low <= key < high}
        elif chance < 0.996:
            self._roll_back()
        elif chance < 0.998:
            self.db.checkpoint()
        elif chance < 0.999:
            self.db.checkpoint(f"named {self.random.randrange(1 << 40)}")
        else:
            self.db.close()
            self.db = self.opener()

    def _roll_back(self) -> None:
        """A transaction that outgrows its memory, so that its records are in the log, and ends without a commit."""
        txn = self.db.begin()
        for _ in range(200):
            txn.tree("t").put(self._key(), self.random.randbytes(1500))
        txn.tree("t").delete_range(b"key 01", b"key 02")
        self.note()
        txn.rollback()

    def note(self) -> None:
        """Read the records that are new, and note the live image of every page they changed."""
        new = list(self._new_records())
        self.records += new
        source = LiveSource(self.db.store, self.db.catalog)
        last: dict[int, int] = {}
        for record in new:
            if record.type.name == "ABORT":
                first = record.fields["first_lsn"]
                batch = [one for one in self.records if first <= one.lsn < record.lsn]
                self.aborted |= {one.lsn for one in batch}
                last.update({one.page: record.lsn for one in batch})
            elif record.page:
                last[record.page] = record.lsn
        assert source.problems == []
        for page, lsn in last.items():
            found = probe.page_image(self.db.store, page)
            image = found[0][4:] if found is not None else None
            known = self.truth.setdefault(page, {})
            assert known.get(lsn, image) == image
            known[lsn] = image

    def _new_records(self) -> list[LogRecord]:
        source = LiveSource(self.db.store, self.db.catalog)
        source.hand_out_log()
        reader: LogReader = source.log_reader()
        if self._at is not None:
            reader.seek(self._at)
        found = list(reader)
        if found:
            self._at = found[-1].end_lsn
        return found
