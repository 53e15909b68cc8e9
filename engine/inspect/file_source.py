"""The images in files alone, even broken ones.

    meta slots ---> page table ---> slot of each page          what the last checkpoint wrote
        |               |
        +-- damaged? ---+---> every slot of the file is looked at; the newest sealed image of each page id is taken

Nothing is changed; a writer that has the file open is asked, by a pin, to keep the checkpoint shown and the log behind it until
this is closed, and is not held up. Nothing in the file is believed: sizes, slots and counts are checked against the file
before they are used, every block and image against its checksum. The log behind the checkpoint is shown by the log's
own inspection; it is not applied to the pages.
"""

from __future__ import annotations

from collections.abc import Iterator

from engine.base.errors import CorruptionError, Error, OperationalError
from engine.inspect.decode import ENTRY_SIZE, HEADER_SIZE, header_of, kind_of, number
from engine.inspect.owners import TABLE_TREE, Owners
from engine.inspect.probe import problem_of
from engine.inspect.source import Image, PageRef, SlotUse, Source, owners_from_images
from engine.storage.file import FileSystem
from engine.storage.meta import PAGE_SIZES, Meta, read_metas
from engine.txn.opening import log_directory
from engine.txn.pins import Pinned, pin_newest
from engine.txn.roots import Root, read_retained
from engine.wal.reader import LogReader

PAGE_OK = 0

META_BYTES = 4096
"""As many of a meta slot are looked at."""


class FileSource(Source):
    """See the module. Raises OperationalError where the file is missing, a directory, or cannot be read."""

    def __init__(self, fs: FileSystem, path: str) -> None:
        if fs.is_dir(path):
            raise OperationalError(f"{path} is a directory, not a database")
        if not fs.exists(path):
            raise OperationalError(f"{path} does not exist")
        self.fs = fs
        self.path = fs.real_path(path)
        self.file = fs.open(self.path, readonly=True)
        self.problems = []
        self._pinned: Pinned | None = None
        self._metas = self._pin()
        self.page_size = self._find_page_size()
        self.slots = -(-self.file_size() // self.page_size)
        self.table: dict[int, tuple[int, int]] = {}
        self.blocks: dict[int, tuple[int, int]] = {}
        self._scanned: dict[int, int] | None = None
        self._owners: Owners | None = None
        self._retained: list[Root] = []
        self._lists: set[int] = set()
        self.kept: dict[int, int] = {}
        self.kept_blocks: dict[int, tuple[int, int]] = {}
        self._load_table()
        self._load_retained()

    def close(self) -> None:
        """Close the file."""
        self.file.close()

    def _pin(self) -> list[tuple[int, Meta]]:
        """The valid metas, first the one that counts, which a writer that has the file open keeps readable from here on."""
        try:
            self._pinned = pin_newest(self.fs, self.file, self.path)
        except Error:  # damaged, of another format, or no pins to be had: it is shown as it is found
            return read_metas(self.file)
        counts = (self._pinned.meta_slot, self._pinned.meta)
        return [counts, *(found for found in read_metas(self.file) if found[0] != counts[0])]

    # --- finding one's way -------------------------------------------------------------------------------------------

    def _find_page_size(self) -> int:
        """From the meta slots, or the size at which most of the first pages have a right checksum."""
        if not self._metas:
            self.problems.append("no meta slot is valid")
        elif len(self._metas) < 2 and self._was_written(1 - self._metas[0][0], self._metas[0][1].as_dict()):
            self.problems.append(f"meta slot {1 - self._metas[0][0]} is damaged")
        for _, meta in self._metas:
            size = int(meta.as_dict()["page_size"])
            if size in PAGE_SIZES:
                return size
        sealed = {size: sum(self._is_sealed(size, slot) for slot in range(2, 34)) for size in PAGE_SIZES}
        best = max(PAGE_SIZES, key=lambda size: sealed[size])
        if sealed[best]:
            self.problems.append(f"the page size, {best}, was found by trying")
            return best
        self.problems.append("no page of any size was found: this may not be an Anokuro database")
        return 8192

    def _was_written(self, slot: int, other: dict[str, int]) -> bool:
        """Whether a meta slot that is not valid ever was; `other`: the valid one. The first checkpoint writes but one of them."""
        return other["sequence"] > 1 or any(self.file.pread(META_BYTES, slot * other["page_size"]))

    def _is_sealed(self, size: int, slot: int) -> bool:
        data = self.file.pread(size, slot * size)
        return len(data) == size and any(data) and problem_of(data)[0] == number(data, 0, 4)

    def _load_table(self) -> None:
        if not self._metas:
            return
        meta = self._metas[0][1].as_dict()
        depth = int(meta["table_depth"])
        if not 1 <= depth <= 5:
            self.problems.append(f"the page table cannot have {depth} levels")
            return
        per = (self.page_size - HEADER_SIZE) // ENTRY_SIZE
        level = {0: (int(meta["table_slot"]), int(meta["table_tag"]))}
        for height in range(depth - 1, -1, -1):
            below: dict[int, tuple[int, int]] = {}
            for index, (slot, tag) in level.items():
                for i, entry in enumerate(self._read_block(height, index, slot, tag)):
                    if entry[0]:
                        below[index * per + i] = entry
            level = below
        self.table = {page: entry for page, entry in level.items() if page}

    def _read_block(self, level: int, index: int, slot: int, tag: int) -> list[tuple[int, int]]:
        where = f"page table block {index} of level {level}, slot {slot}"
        if not 2 <= slot < self.slots or slot in self.blocks:
            self.problems.append(f"{where}: no such slot, or used twice")
            return []
        self.blocks[slot] = (level, index)
        data = self.slot_bytes(slot)
        header = header_of(data)
        reason = self._why_not(data, index, tag)
        if not reason and (kind_of(header) != "page table" or header["level"] != level):
            reason = "it is no such block"
        if reason:
            self.problems.append(f"{where}: {reason}")
            return []
        count = min(header["data_len"], (len(data) - HEADER_SIZE) // ENTRY_SIZE)
        starts = range(HEADER_SIZE, HEADER_SIZE + count * ENTRY_SIZE, ENTRY_SIZE)
        return [(number(data, at, 4), number(data, at + 4, 4)) for at in starts]

    def _why_not(self, data: bytes, page: int, tag: int) -> str:
        """Why an image is not the one that an entry means; empty where it is."""
        if len(data) < self.page_size:
            return "the file ends before the page does"
        crc, _ = problem_of(data)
        header = header_of(data)
        if crc != header["checksum"]:
            return "the checksum does not match the content"
        if crc != tag:
            return "the page table expects another image (a lost or misplaced write)"
        return "" if header["page_id"] == page else f"the image says it is page {header['page_id']}"

    def _scan(self) -> dict[int, int]:
        """Page id -> slot of its newest sealed image, from looking at every slot."""
        if self._scanned is None:
            newest: dict[int, tuple[int, int]] = {}
            for slot in range(2, self.slots):
                data = self.slot_bytes(slot)
                header = header_of(data)
                if len(data) < self.page_size or header["tree_id"] == TABLE_TREE or not header["page_id"]:
                    continue
                crc, problem = problem_of(data)
                if crc == header["checksum"] and problem == PAGE_OK:
                    newest[header["page_id"]] = max(newest.get(header["page_id"], (-1, 0)), (header["lsn"], slot))
            self._scanned = {page: slot for page, (_, slot) in newest.items()}
        return self._scanned

    @property
    def table_is_whole(self) -> bool:
        """Whether the page table could be read to its last block."""
        return bool(self._metas) and not any("page table" in problem for problem in self.problems)

    # --- the interface -----------------------------------------------------------------------------------------------

    def image(self, page: int) -> Image | None:
        entry = self.table.get(page)
        if entry is not None:
            slot, tag = entry
            data = self.slot_bytes(slot) if 2 <= slot < self.slots else b""
            reason = self._why_not(data, page, tag) if data else "its slot is outside the file"
            if data:
                return Image(data.ljust(self.page_size, b"\0"), "slot", slot, None, (reason,) if reason else ())
        if entry is None and self.table_is_whole:
            return None
        found = self._scan().get(page)
        if found is None:
            return None
        note = "found by looking at every slot; it may be older than the last checkpoint"
        return Image(self.slot_bytes(found), "slot", found, None, (note,))

    def page_ids(self) -> list[int]:
        """Ids of the pages that the page table names, and, where it is damaged, that were found."""
        found = set(self.table)
        if not self.table_is_whole:
            found |= set(self._scan())
        return sorted(found)

    def refs(self) -> Iterator[PageRef]:
        for page in self.page_ids():
            slot = self.table[page][0] if page in self.table else self._scan()[page]
            header = self.slot_bytes(slot, HEADER_SIZE) if 2 <= slot < self.slots else b""
            if len(header) == HEADER_SIZE:
                yield PageRef(page, header, slot, slot if page in self.table else 0, None, False)

    def slot_bytes(self, slot: int, length: int | None = None) -> bytes:
        return bytes(self.file.pread(length or self.page_size, slot * self.page_size))

    def slot_uses(self) -> Iterator[SlotUse]:
        pages = {slot: page for page, (slot, _) in self.table.items()}
        if not self.table_is_whole:
            pages = {slot: page for page, slot in self._scan().items()} | pages
        for slot in range(self.slots):
            used = slot < 2 or slot in pages or slot in self.blocks or slot in self._lists
            kept = slot in self.kept or slot in self.kept_blocks
            block = self.blocks.get(slot, self.kept_blocks.get(slot))
            yield SlotUse(slot, used, used, False, pages.get(slot, self.kept.get(slot)), block, kept)

    def metas(self) -> list[tuple[int, Meta]]:
        return self._metas

    def retained(self) -> list[Root]:
        return self._retained

    def _load_retained(self) -> None:
        """The list of retained checkpoints, and the slots that their page tables name."""
        if not self._metas:
            return
        try:
            self._retained, slots = read_retained(self.file, self.path, self._metas[0][1])
        except CorruptionError as error:
            self.problems.append(str(error))
            return
        self._lists = set(slots)
        for root in self._retained:
            if not self._keep(root.table_depth - 1, root.table_slot, root.table_tag):
                self.problems.append(f"checkpoint {root.name!r}: its page directory is damaged")

    def _keep(self, level: int, slot: int, tag: int) -> bool:
        """Note the slots of a block and of all below it; whether they could be read. Shared blocks are read once."""
        if slot in self.kept_blocks:
            return True
        data = self.slot_bytes(slot) if 2 <= slot < self.slots else b""
        if len(data) < self.page_size or problem_of(data)[0] != tag:
            return False
        header = header_of(data)
        if kind_of(header) != "page table" or header["level"] != level:
            return False
        self.kept_blocks[slot] = (level, header["page_id"])
        count = min(header["data_len"], (len(data) - HEADER_SIZE) // ENTRY_SIZE)
        sound = True
        for i in range(count):
            child, child_tag = (
                number(data, HEADER_SIZE + i * ENTRY_SIZE, 4),
                number(data, HEADER_SIZE + i * ENTRY_SIZE + 4, 4),
            )
            if child and level:
                sound = self._keep(level - 1, child, child_tag) and sound
            elif child:
                self.kept[child] = header["page_id"] * ((self.page_size - HEADER_SIZE) // ENTRY_SIZE) + i
        return sound

    def log_reader(self) -> LogReader:
        if self._metas:
            fields = self._metas[0][1].as_dict()
            return LogReader(self.fs, log_directory(self.path), fields["log_id"], fields["segment_size"])
        return LogReader(self.fs, log_directory(self.path))

    def written_lsn(self) -> int | None:
        return None

    def published_lsn(self) -> int | None:
        return None

    def file_size(self) -> int:
        return int(self.file.size())

    def owners(self) -> Owners:
        if self._owners is None:
            self._owners = owners_from_images(self)
            if self._owners.problem:
                self.problems.append(self._owners.problem)
        return self._owners
