"""The images of an open database: frames first, then slots; what is committed, and what a commit is just changing."""

from __future__ import annotations

from collections.abc import Iterator

from engine.base.errors import CorruptionError
from engine.catalog.catalog import Catalog
from engine.inspect import probe
from engine.inspect.decode import HEADER_SIZE, header_fields
from engine.inspect.owners import Owners
from engine.inspect.source import Image, PageRef, SlotUse, Source
from engine.storage.meta import Meta, read_metas
from engine.txn.opening import log_directory
from engine.txn.roots import Root
from engine.txn.store import Store
from engine.txn.transaction import Transaction
from engine.txn.views import retained_roots
from engine.wal.reader import LogReader

LIVE, DURABLE, PENDING, RETAINED = 1, 2, 4, 8


class LiveSource(Source):
    """See the module. store, catalog: of an open engine.Database."""

    def __init__(self, store: Store, catalog: Catalog) -> None:
        self.store = store
        self.catalog = catalog
        self.path = store.path
        self.page_size = int(store.page_size)
        self.problems = []

    def image(self, page: int) -> Image | None:
        try:
            found = probe.page_image(self.store, page) if 0 < page < 1 << 32 else None
        except CorruptionError as error:
            slot = probe.page_refs(self.store, page, 1)[0][1]
            return Image(self.slot_bytes(slot).ljust(self.page_size, b"\0"), "slot", slot, None, (error.args[0],))
        if found is None:
            return None
        data, frame, slot = found
        return Image(data, "frame" if frame >= 0 else "slot", slot, frame if frame >= 0 else None)

    def refs(self) -> Iterator[PageRef]:
        known = probe.page_refs(self.store)
        copies = probe.header_copies(self.store, [(ref[0], ref[5]) for ref in known])
        absent = [ref[1] for ref, copy in zip(known, copies, strict=True) if copy is None and ref[1]]
        stored = iter(probe.slot_headers(self.store, absent))
        for (page, slot, _, durable, _, frame, _, older), copy in zip(known, copies, strict=True):
            header = copy
            if header is None and slot:
                header = next(stored)
                if header_fields(header).page_id != page:  # damaged, or the slot has another use by now
                    image = self.image(page)
                    header = image.data[:HEADER_SIZE] if image is not None else None
            if header is not None and len(header) == HEADER_SIZE:
                yield PageRef(page, header, slot, durable, frame if frame >= 0 else None, older)

    def slot_bytes(self, slot: int, length: int | None = None) -> bytes:
        return bytes(self.store.file.pread(length or self.page_size, slot * self.page_size))

    def slot_headers(self, slots: list[int]) -> list[bytes]:
        return probe.slot_headers(self.store, slots)

    def slot_uses(self) -> Iterator[SlotUse]:
        flags = probe.slot_flags(self.store)
        pages: dict[int, int] = {}
        for page, slot, _, durable, _, _, _, _ in probe.page_refs(self.store):
            pages[durable] = page
            pages[slot] = page
        for _, _, _, _, kept in probe.snapshots(self.store):
            pages.update({slot: page for page, _, _, slot in kept if slot})
        blocks = probe.table_slots(self.store)
        for slot, use in enumerate(flags):
            if slot < 2:
                yield SlotUse(slot, True, True, False, None, None)
            else:
                yield SlotUse(
                    slot,
                    bool(use & LIVE),
                    bool(use & DURABLE),
                    bool(use & PENDING),
                    pages.get(slot) if use else None,
                    blocks.get(slot),
                    bool(use & RETAINED),
                )

    def metas(self) -> list[tuple[int, Meta]]:
        return read_metas(self.store.file)

    def retained(self) -> list[Root]:
        return retained_roots(self.store)

    def log_reader(self) -> LogReader:
        fields = self.store.meta.as_dict()
        return LogReader(self.store.fs, log_directory(self.path), fields["log_id"], fields["segment_size"])

    def file_size(self) -> int:
        return int(self.store.file.size())

    def owners(self) -> Owners:
        with Transaction(self.store, readonly=True) as txn:
            return Owners(self.catalog.schema(txn), self.catalog.named_trees(txn))

    def written_lsn(self) -> int | None:
        return self.hand_out_log()

    def published_lsn(self) -> int | None:
        return int(self.store.published_lsn)

    def hand_out_log(self) -> int | None:
        """Hand what the log still has in memory to its file; up to where that has it, None without a log of one's own."""
        log = self.store.log
        if log is None:
            return None
        if not log.stats().poisoned:
            log.write()
        return int(log.stats().written_lsn)
