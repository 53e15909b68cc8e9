"""What can still be read of a database's files, however damaged: its trees' keys and values.

    page table, or every slot --> newest sealed image of each page --> + its records of the log --> leaves of each tree
                                                                                                        |
    keys of a tree <-- each key from the newest leaf that covers it <-- leaves by LSN, newest first <---+

Branches are not needed: a leaf says by its fences which keys are its, and by `tree_id` whose it is. Where a page cannot be read,
an older image of it, left in a slot that is free or kept, stands in; what it says of keys that a newer leaf covers is not believed. So with
sound files the result is exactly the state of the last commit, and with damaged ones no key has a value older than one that
could be read. What no leaf covers is told as a gap.

Nothing is written. The log is believed as far as its chain of checksums goes from where the last checkpoint's redo begins (from its
beginning where no meta slot is left), and batches in it only if they are complete.
"""

from __future__ import annotations

from collections.abc import Iterator

from engine.base.dataclass import dataclass, field
from engine.base.errors import CorruptionError, Error
from engine.inspect.decode import HEADER_SIZE, INFINITE, Origin, decode_page, header_of, kind_of
from engine.inspect.file_source import FileSource
from engine.inspect.owners import TABLE_TREE
from engine.inspect.probe import problem_of
from engine.inspect.replay import PageReplay, committed_records
from engine.wal.reader import LogReader

READERS = 8
"""Log segments kept in memory while pages are rebuilt."""
Range = tuple[bytes, bytes | None]


@dataclass(slots=True)
class Leaf:
    """A leaf that can be read: which keys are its, and how new it is. older: a newer state of its page was lost.

    image: of a page that has another state now; None: the page's own."""

    page: int
    lsn: int
    lower: bytes
    upper: bytes | None
    older: bool
    image: bytes | None = None


@dataclass(slots=True)
class TreeReport:
    """What reading a tree came to. gaps: ranges of keys that no leaf covers; older: keys from images that are not the newest;
    lost: keys whose value, in pages of its own, cannot be read, and cells that cannot be."""

    tree: int
    keys: int = 0
    older: int = 0
    lost: list[bytes] = field(default_factory=list)
    damaged_cells: int = 0
    gaps: list[Range] = field(default_factory=list)


class Salvage:
    """Reads the trees of a FileSource. problems: what is wrong with the files, in words, for people; log_end: LSN behind the
    last commit that could be read."""

    def __init__(self, source: FileSource) -> None:
        self.source = source
        self.problems: list[str] = list(source.problems)
        self._log = _Log(source, self.problems)
        self.log_end = self._log.end
        self._damaged: set[int] = set()
        self._images: dict[int, list[tuple[int, int]]] | None = None
        self.leaves: dict[int, list[Leaf]] = {}
        self._find_leaves()

    def tree_ids(self) -> list[int]:
        """Trees of which there is a leaf."""
        return sorted(self.leaves)

    def pairs(self, tree: int, report: TreeReport | None = None) -> Iterator[tuple[bytes, bytes]]:
        """The keys of a tree with their values, in key order; what cannot be read is noted in `report`."""
        report = report if report is not None else TreeReport(tree)
        parts, covered = _parts(self.leaves.get(tree, []))
        report.gaps += _gaps(covered)
        for low, high, leaf in parts:
            image = leaf.image if leaf.image is not None else self.state(leaf.page)[0]
            model = decode_page(image or b"", Origin("slot", 0, None, leaf.page))
            for item in sorted(model.items, key=lambda item: item.key):
                if item.damage is not None:
                    report.damaged_cells += 1
                elif item.key >= low and (high is None or item.key < high):
                    value: bytes | None = item.value
                    if item.overflow_page is not None and item.overflow_len is not None:
                        value = self._overflow(item.overflow_page, item.overflow_len)
                    if value is None:
                        report.lost.append(item.key)
                        continue
                    report.keys += 1
                    report.older += leaf.older
                    yield item.key, value

    def state(self, page: int) -> tuple[bytes | None, bool]:
        """The newest state of a page that can be had, None where there is none or the id is free; and whether a newer one was lost."""
        base = self.source.image(page)
        replay = PageReplay(self.source.page_size, page)
        if base is None and self.source.table_is_whole:
            replay.load(None)
            good = self._log.apply(replay, page)
            return replay.image(), not good
        if base is not None and not base.damage:
            replay.load(base.data)
            good = self._log.apply(replay, page)
            if not good:
                self._note(page, "the log does not fit its image in the file", base.slot)
            return replay.image(), not good
        if base is not None and self.source.table_is_whole:
            self._note(page, base.damage[0], base.slot)
        best: bytes | None = None
        for _, slot in self._candidates(page):
            replay = PageReplay(self.source.page_size, page)
            replay.load(self.source.slot_bytes(slot))
            if self._log.apply(replay, page) and page in self._log.pages:
                return replay.image(), False
            best = best or replay.image()
        replay = PageReplay(self.source.page_size, page)
        if self._log.apply(replay, page) and replay.known:
            return replay.image(), False
        return best, True

    def _candidates(self, page: int) -> list[tuple[int, int]]:
        """(LSN, slot) of every sealed image of a page in the file, newest first, but of batches that are not complete."""
        if self._images is None:
            self._images = {}
            for slot in range(2, self.source.slots):
                data = self.source.slot_bytes(slot)
                header = header_of(data)
                if len(data) < self.source.page_size or header["tree_id"] == TABLE_TREE or not header["page_id"]:
                    continue
                crc, problem = problem_of(data)
                if crc == header["checksum"] and not problem and (header["lsn"] < self.log_end or not self.log_end):
                    self._images.setdefault(header["page_id"], []).append((header["lsn"], slot))
        return sorted(self._images.get(page, []), reverse=True)

    def _note(self, page: int, why: str, slot: int) -> None:
        if page not in self._damaged:
            self._damaged.add(page)
            self.problems.append(f"page {page} in slot {slot}, offset {slot * self.source.page_size:#x}: {why}")

    def _find_leaves(self) -> None:
        """The leaves of all trees; where that leaves gaps, also leaves that are no longer in use."""
        pages = sorted(set(self.source.page_ids()) | self._log.pages.keys())
        for page in pages:
            image, older = self.state(page)
            self._add_leaf(page, image, older)
        short = {tree for tree, leaves in self.leaves.items() if _gaps(_parts(leaves)[1])}
        if not short:
            return
        self._candidates(0)
        for page, images in (self._images or {}).items():
            for _, slot in images:
                self._add_leaf(page, self.source.slot_bytes(slot), True, short)

    def _add_leaf(self, page: int, image: bytes | None, older: bool, only: set[int] | None = None) -> None:
        """Enter a leaf. only: the trees wanted; then the image is kept, for it is no state of the page that `state` gives."""
        if image is None:
            return
        header = header_of(image)
        tree = header["tree_id"]
        if (
            kind_of(header) != "leaf"
            or tree == TABLE_TREE
            or problem_of(image)[1]
            or (only is not None and tree not in only)
        ):
            return
        lower, upper = fences_of(image, header)
        self.leaves.setdefault(tree, []).append(
            Leaf(page, header["lsn"], lower, upper, older, image if only is not None else None)
        )

    def _overflow(self, first: int, length: int) -> bytes | None:
        found, page, seen = bytearray(), first, set[int]()
        while len(found) < length and page and page not in seen:
            seen.add(page)
            image, older = self.state(page)
            if image is None or older:
                return None
            header = header_of(image)
            if kind_of(header) != "overflow" or problem_of(image)[1]:
                return None
            found += image[HEADER_SIZE : HEADER_SIZE + header["data_len"]]
            page = header["next"]
        return bytes(found) if len(found) == length else None


def fences_of(image: bytes, header: dict[str, int]) -> Range:
    """Lower and upper fence (None: infinite) of a sound node."""
    lower_at = len(image) - header["lower_len"]
    upper = image[lower_at - header["upper_len"] : lower_at]
    return image[lower_at:], None if header["flags"] & INFINITE else upper


class _Log:
    """The records of complete batches, by page, and readers of the segments they are in."""

    def __init__(self, source: FileSource, problems: list[str]) -> None:
        self.source = source
        self.pages: dict[int, list[int]] = {}
        self.end = 0
        self._readers: dict[int, LogReader] = {}
        self._segment = 0
        meta = source.metas()[0][1].as_dict() if source.metas() else None
        try:
            reader = source.log_reader()
            self._segment = reader.segment_size
            reader.seek(reader.first_lsn())
            self._read(reader)
            redo = int(meta["redo_lsn"]) if meta is not None else 0
            if meta is not None and int(reader.end_lsn) < redo:  # what is older only helps where images are damaged
                problems.append(f"the log cannot be read from LSN {reader.end_lsn} to {redo}: {reader.reason}")
                reader.seek(redo, int(meta["redo_prev_crc"]))
                self._read(reader)
            reader.check_tail()
        except CorruptionError as error:
            problems.append(f"{error}; commits behind LSN {self.end} are lost")
        except Error as error:
            problems.append(f"the log: {error}")

    def _read(self, reader: LogReader) -> None:
        pages, lsns, self.end = committed_records(reader)
        for page, lsn in zip(pages, lsns, strict=True):
            self.pages.setdefault(page, []).append(lsn)

    def apply(self, replay: PageReplay, page: int) -> bool:
        """Apply the page's records that are newer than its image; whether the result is its newest state."""
        good = replay.known
        for lsn in self.pages.get(page, ()):
            if lsn > replay.lsn:
                good = replay.apply_at(self._reader(lsn), lsn)
        return good

    def _reader(self, lsn: int) -> LogReader:
        """A reader that has the record's segment in memory, perhaps."""
        number = lsn // self._segment
        reader = self._readers.pop(number, None)
        if reader is None:
            while len(self._readers) >= READERS:
                del self._readers[next(iter(self._readers))]
            reader = self.source.log_reader()
        self._readers[number] = reader
        return reader


# --- ranges of keys -----------------------------------------------------------------------------------------------------


def _parts(leaves: list[Leaf]) -> tuple[list[tuple[bytes, bytes | None, Leaf]], list[Range]]:
    """Who has the say about which keys: the newest leaf that covers them. In key order; and all that is covered."""
    covered: list[Range] = []
    parts: list[tuple[bytes, bytes | None, Leaf]] = []
    for leaf in sorted(leaves, key=lambda leaf: (leaf.older, -leaf.lsn)):
        for low, high in _minus((leaf.lower, leaf.upper), covered):
            parts.append((low, high, leaf))
        covered = _union(covered, (leaf.lower, leaf.upper))
    return sorted(parts, key=lambda part: part[0]), covered


def _minus(wanted: Range, covered: list[Range]) -> list[Range]:
    """What of a range is not covered."""
    found: list[Range] = []
    low, high = wanted
    for start, stop in covered:
        if stop is not None and stop <= low:
            continue
        if high is not None and start >= high:
            break
        if start > low:
            found.append((low, start))
        if stop is None:
            return found
        low = max(low, stop)
        if high is not None and low >= high:
            return found
    return [*found, (low, high)]


def _union(covered: list[Range], more: Range) -> list[Range]:
    """Ranges in order, touching ones as one."""
    low, high = more
    before = [one for one in covered if one[1] is not None and one[1] < low]
    behind = [one for one in covered if high is not None and one[0] > high]
    for start, stop in covered[len(before) : len(covered) - len(behind)]:
        low = min(low, start)
        high = None if high is None or stop is None else max(high, stop)
    return [*before, (low, high), *behind]


def _gaps(covered: list[Range]) -> list[Range]:
    """What lies between the ranges, before the first and behind the last."""
    return _minus((b"", None), covered)
