"""Pages as they were: an image that some checkpoint has of a page, and the log from there.

    checkpoint A (retained)      checkpoint B (previous)       checkpoint C (counts)            now
    image, LSN 40                image, LSN 90                 image, LSN 130
    |--------|...................|-------|--------- log: records of the page ---------------------|
    reached: 40 to A             90 to B, and everything behind where the log begins

What names an image with certainty is a path of checksums from a meta slot or from the list of retained checkpoints: meta ->
blocks of the page table -> image. Three kinds of checkpoint have one: the one that counts, the retained ones, and the one
that the other meta slot still names, as far as its slots were not used again. Images found in free slots are not
believed, for they may be of a batch that never counted.

A state at LSN x is rebuilt from the newest checkpoint that is not newer than x and whose log is still there. Where there is
none, records that say all of a page (BUILD, OVERFLOW) are a beginning, too, and each record names the LSN of the state before
it, which some image may have. Failing that, an image of a later checkpoint is the state at every LSN since its own.

x may lie inside a batch, even one that was rolled back: then the page is shown as it was there, as far as there is log.
"""

from __future__ import annotations

from collections.abc import Iterator

from engine.base.dataclass import dataclass
from engine.base.errors import CorruptionError, Error, HistoryError, ProgrammingError
from engine.inspect.decode import ENTRY_SIZE, HEADER_SIZE, header_of, kind_of, number
from engine.inspect.probe import problem_of
from engine.inspect.replay import PageReplay, batch_end
from engine.inspect.source import Source
from engine.txn.roots import Root, root_of
from engine.wal.records import RECORD_NUMBERS, constants

SEGMENT_HEADER = constants()["SEGMENT_HEADER_SIZE"]
ATTEMPTS = 3
FOREVER = 1 << 62
ABORT = RECORD_NUMBERS["ABORT"]
NEVER = ": this never counted"
UNFIT = "a record of the log does not fit the page it changes"


@dataclass(frozen=True, slots=True)
class Base:
    """What a checkpoint says of one page. image: None where the page id was free; slot: where the image is."""

    root: Root
    image: bytes | None
    slot: int

    @property
    def lsn(self) -> int:
        """From when on the page was like that, as far as is known."""
        return header_of(self.image)["lsn"] if self.image is not None else self.root.checkpoint_lsn


@dataclass(frozen=True, slots=True)
class State:
    """A page at one LSN. image: None where the page id was free. base_lsn: of the checkpoint it was rebuilt from, None: the
    log alone; records: how many were applied. changed: LSN of the record (an ABORT, too) that made it so, 0: of the base."""

    image: bytes | None
    slot: int
    base_lsn: int | None
    records: int
    changed: int = 0


class Past:
    """The states of one page, as far back as they can be reached. Raises CorruptionError, OperationalError."""

    def __init__(self, source: Source, page: int) -> None:
        self.source = source
        self.page = page
        self.written = source.written_lsn()
        self.roots = checkpoints(source)
        self.bases = [base for root in self.roots if (base := base_of(source, root, page)) is not None]
        self.images = {base.lsn: base for base in self.bases if base.image is not None}
        self.reader = source.log_reader()
        self.first = self.reader.first_lsn()

    def at(self, lsn: int) -> State:
        """The state at `lsn`. Raises HistoryError where it is out of reach, ProgrammingError where the log is not there yet."""
        replay, base_found = self._start(lsn)
        count = 0
        last = 0
        while kind := replay.advance(self.reader, lsn, single=True):
            if kind == -1:
                base_found = self._supply(replay) or base_found
                continue
            if kind < 0:
                raise CorruptionError(f"{UNFIT}, or its checkpoint is damaged", file=self.source.path, page=self.page)
            count += 1
            last = replay.changed
        self._check_reached(lsn)
        if not replay.known:
            for base in self.bases:
                if base.image is not None and base.lsn <= lsn <= base.root.checkpoint_lsn:
                    return State(base.image, base.slot, base.root.checkpoint_lsn, 0, base.lsn)
            base_found = self._look_ahead(replay)
        if not replay.known:
            raise self._gone(lsn)
        image = replay.image()
        slot = base_found.slot if base_found is not None else 0
        return State(image, slot, base_found.root.checkpoint_lsn if base_found is not None else None, count, last)

    def states(self) -> Iterator[State]:
        """Every state that can be reached through the log, in its order; the first is that before the first record."""
        replay, base = self._start(-1)
        count = 0
        if replay.known:
            yield State(replay.image(), base.slot if base else 0, base.root.checkpoint_lsn if base else None, 0)
        while kind := replay.advance(self.reader, FOREVER, single=True):
            if kind == -1:
                base = self._supply(replay) or base
                continue
            if kind < 0:
                raise CorruptionError(UNFIT, file=self.source.path, page=self.page)
            count += 1
            if replay.known:
                yield State(
                    replay.image(), base.slot if base else 0, base.root.checkpoint_lsn if base else None, count,
                    replay.changed,
                )  # fmt: skip

    def reach(self) -> list[tuple[int, int]]:
        """The ranges of LSNs, both ends included, whose states can be rebuilt; the last goes on for ever."""
        found = [(base.lsn, base.root.checkpoint_lsn) for base in self.bases]
        starts = [base.lsn for base in self.bases if self._has_log(base.root)]
        replay = PageReplay(self.source.page_size, self.page)
        self._seek(replay, self.first, None)
        while not replay.known and (kind := replay.advance(self.reader, min(starts, default=FOREVER), single=True)):
            if kind == -1:
                waits = replay.needed
                starts += [waits] if self._supply(replay) is not None else []
            elif kind < 0:
                break
            elif replay.known:
                starts.append(replay.changed)
        if starts:
            found.append((min(starts), FOREVER))
        merged: list[tuple[int, int]] = []
        for low, high in sorted(found):
            if merged and low <= merged[-1][1] + 1:
                merged[-1] = (merged[-1][0], max(high, merged[-1][1]))
            else:
                merged.append((low, high))
        return merged

    # --- finding a beginning ------------------------------------------------------------------------------------------

    def _has_log(self, root: Root) -> bool:
        """Whether the log goes on from where this checkpoint's redo begins."""
        return root.redo_lsn >= self.first - SEGMENT_HEADER

    def _start(self, lsn: int) -> tuple[PageReplay, Base | None]:
        """A replay, and the reader, at the newest checkpoint at or before `lsn`, or at the log's beginning (lsn -1: there)."""
        replay = PageReplay(self.source.page_size, self.page)
        for base in sorted(self.bases, key=lambda base: -base.root.checkpoint_lsn):
            if base.root.checkpoint_lsn <= lsn and self._has_log(base.root):
                replay.load(base.image)
                self._seek(replay, base.root.redo_lsn, base.root.redo_prev_crc)
                return replay, base
        self._seek(replay, self.first, None)
        return replay, None

    def _seek(self, replay: PageReplay, lsn: int, prev_crc: int | None) -> None:
        self.reader.seek(lsn, prev_crc)
        replay.begin(lsn)

    def _supply(self, replay: PageReplay) -> Base | None:
        """A record waits for the state before it: load that if some checkpoint has it, else pass over the record."""
        base = self.images.get(replay.needed)
        if base is None:
            replay.skip()
        else:
            replay.load(base.image)
        return base

    def _look_ahead(self, replay: PageReplay) -> Base | None:
        """Nothing is known up to here: the page's next record names the state before it, which is the one here."""
        if replay.peek(self.reader) is None:
            return None
        base = self.images.get(replay.needed)
        if base is not None:
            replay.load(base.image)
        elif replay.needed == 0:
            replay.load(None)
        return base

    # --- where it ends ------------------------------------------------------------------------------------------------

    def _check_reached(self, lsn: int) -> None:
        """The log must have been read up to `lsn`, or the state said to be that of `lsn` would be an older one."""
        reader = self.reader
        end = reader.end_lsn
        if end > lsn:
            return
        if self.written is None:
            reader.check_tail()  # what is broken may have been durable: then this is damage
        elif lsn < self.written:
            raise CorruptionError(
                f"the log cannot be read behind LSN {end}: {reader.reason}", file=reader.directory, offset=None
            )
        raise ProgrammingError(f"LSN {lsn} is not written yet: the log ends at LSN {end}")

    def _gone(self, lsn: int) -> Error:
        reach = self.reach()
        oldest = next((low for low, high in reach if high >= lsn), None)
        if oldest is None:
            return ProgrammingError(f"page {self.page} is in no checkpoint, and the log has no record of it")
        older = [(low, high) for low, high in reach if high < lsn]
        gap = "".join(f"; LSN {low} to {high} can be shown, too" for low, high in older)
        return HistoryError(
            f"page {self.page} cannot be shown at LSN {lsn}: that part of the log is gone. The oldest LSN from which on it can "
            f"be rebuilt is {oldest}{gap}. wal_retention, and named checkpoints, keep more",
            page=self.page,
            lsn=lsn,
            oldest_lsn=oldest,
        )


def state_at(source: Source, page: int, lsn: int) -> State:
    """The state of a page at an LSN; begun again where a writer makes a checkpoint, and removes log, meanwhile."""
    if not 0 < page < 1 << 32 or not 0 <= lsn < FOREVER:
        raise ProgrammingError("pages are numbers from 1, LSNs from 0 on")
    for attempt in range(ATTEMPTS):
        past = Past(source, page)
        try:
            return past.at(lsn)
        except Error:
            if attempt == ATTEMPTS - 1 or source.log_reader().first_lsn() == past.first:
                raise
    raise AssertionError


def batch_note(source: Source, state: State, lsn: int) -> str:
    """Where a state at `lsn` stands inside a batch, how that batch ended; "" where it stands in none."""
    if not state.changed or not state.records:
        return ""
    end = batch_end(source.log_reader(), state.changed)
    if end is None:
        return "inside a batch that is not complete yet"
    counts, first, last, _ = end
    if last <= lsn:
        return ""
    if counts:
        return f"inside the batch from LSN {first}, which is complete, and can be seen, from LSN {last} on"
    return f"inside the batch from LSN {first}, which was rolled back at LSN {last}{NEVER}"


def checkpoints(source: Source) -> list[Root]:
    """The checkpoints whose page tables can be looked at, oldest first."""
    found = {int(meta.as_dict()["sequence"]): root_of(meta) for _, meta in source.metas()}
    for root in source.retained():
        found.setdefault(root.sequence, root)
    return sorted((root for root in found.values() if root.table_depth), key=lambda root: root.checkpoint_lsn)


def base_of(source: Source, root: Root, page: int) -> Base | None:
    """What a checkpoint says of a page; None where it cannot be read (any more)."""
    per = (source.page_size - HEADER_SIZE) // ENTRY_SIZE
    if page >= root.next_page_id or root.table_depth > 5 or page >= per**root.table_depth:
        return Base(root, None, 0)
    slot, tag = root.table_slot, root.table_tag
    for level in range(root.table_depth - 1, -1, -1):
        index = page // per ** (level + 1)
        data = _sealed(source, slot, tag)
        header = header_of(data) if data is not None else {}
        if data is None or kind_of(header) != "page table" or header["level"] != level or header["page_id"] != index:
            return None
        entry = page // per**level % per
        if entry >= header["data_len"]:
            return Base(root, None, 0)
        at = HEADER_SIZE + entry * ENTRY_SIZE
        slot, tag = number(data, at, 4), number(data, at + 4, 4)
        if slot == 0:
            return Base(root, None, 0)
    data = _sealed(source, slot, tag)
    return Base(root, data, slot) if data is not None and header_of(data)["page_id"] == page else None


def _sealed(source: Source, slot: int, tag: int) -> bytes | None:
    """The image in a slot, if it is the one that was meant."""
    data = source.slot_bytes(slot) if slot >= 2 else b""
    if len(data) < source.page_size:
        return None
    crc, _ = problem_of(data)
    return data if crc == tag == number(data, 0, 4) else None
