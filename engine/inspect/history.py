"""Histories: the records that changed a page, followed backward, and those that made a row what it is, read forward.

    page's LSN -> record -> its page_prev_lsn -> record -> ... -> BUILD with 0: the page was made     (or the log's beginning)

A page id can live several times; an opening does not know of earlier lives, so where a chain ends with 0 the log before
it is searched for one. Records of batches that did not count are not part of a history.

A row moves: splits and merges make another page its leaf. So its history is searched in the log of its tree, in order: by
its key in INSERT, UPDATE and DELETE, and by the fences of the leaves that BUILD makes (RowScan of replay.py).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from engine.base.dataclass import dataclass
from engine.base.errors import ProgrammingError
from engine.inspect.decode import header_of, kind_of
from engine.inspect.model import Model
from engine.inspect.owners import Owner
from engine.inspect.past import Base, base_of, checkpoints
from engine.inspect.replay import RowScan, batch_end, last_change, record_at
from engine.inspect.source import Source
from engine.inspect.wal import RecordModel, record_model, wal_model
from engine.storage.layout import constants
from engine.wal.reader import LogReader, LogRecord
from engine.wal.records import RECORD_NUMBERS

SHOWN = 1000
KEEP = "a larger wal_retention keeps more"
OVERFLOW = constants()["VALUE_OVERFLOW"]
COMMIT = RECORD_NUMBERS["COMMIT"]


@dataclass(frozen=True, slots=True)
class Change(Model):
    """One record of a page's history. commit_lsn: of the commit it belongs to; committed_us: when, microseconds since 1970.

    decoded: the key, and the row where the record has it, as SQL values by column.
    """

    record: RecordModel
    commit_lsn: int
    committed_us: int
    decoded: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class PageHistoryModel(Model):
    """The records that changed a page, newest first, SHOWN of them at the most (more: there are older ones in the log).

    complete: the oldest of them made the page id's first life, as far as this log knows; reason: why there are no older ones.
    """

    page: int
    kind: str
    owner: str
    changes: tuple[Change, ...]
    more: bool
    complete: bool
    reason: str
    first_lsn: int
    model: str = "page history"
    version: int = 1


class Chain:
    """The changes of a page, newest first; afterwards `complete` and `reason` say how it ended."""

    def __init__(self, source: Source, page: int) -> None:
        if not 0 < page < 1 << 32:
            raise ProgrammingError("pages are numbers from 1 on")
        source.written_lsn()  # what a live log has in memory still is handed to its file
        self.source, self.page = source, page
        self.reader = source.log_reader()
        self.first = self.reader.first_lsn()
        self.complete = False
        self.reason = ""
        self._owners = source.owners()
        self._batch: tuple[bool, int, int, int] | None = None

    def __iter__(self) -> Iterator[Change]:
        lsn = self._head()
        self.reason = "the log has no record of the page" if lsn == 0 else ""
        while lsn:
            if lsn < self.first:
                self.reason = f"the change before, at LSN {lsn}, is no longer in the log, which begins at LSN {self.first}; {KEEP}"
                return
            record = record_at(self.reader, lsn)
            if record is None or record.page != self.page:
                self.reason = f"there is no record of the page at LSN {lsn}: {self.reader.reason}"
                return
            batch = self._batch_of(record)
            if batch is not None and batch[0]:
                yield Change(
                    record_model(record), batch[2], batch[3], decoded_row(self._owners.of(record.tree), record)
                )
            lsn = record.page_prev_lsn or last_change(self.reader, self.page, self.first, record.lsn)
            if not lsn:
                self.complete = record.page_prev_lsn == 0 and record.type.name in ("BUILD", "OVERFLOW")
                self.reason = "the page was made by the oldest of these records"

    def _head(self) -> int:
        """LSN of the newest record of the page, whose batch need not count (yet); 0 for none."""
        published = self.source.published_lsn()
        image = self.source.image(self.page)
        if image is not None and published is not None:
            return header_of(image.data)["lsn"]
        start = self.first
        if image is not None and self.source.metas():  # in the file: what is newer stands behind its checkpoint's redo
            start = max(int(self.source.metas()[0][1].as_dict()["redo_lsn"]), self.first)
        below = published + 1 if published is not None else 1 << 62
        found = last_change(self.reader, self.page, start, below)
        return found or (header_of(image.data)["lsn"] if image is not None else 0)

    def _batch_of(self, record: LogRecord) -> tuple[bool, int, int, int] | None:
        if self._batch is None or not self._batch[1] <= record.lsn <= self._batch[2]:
            self._batch = batch_end(self.reader, record.lsn)
        return self._batch


def decoded_row(owner: Owner, record: LogRecord) -> dict[str, Any] | None:
    """The row, or the key, that a record inserts, updates or deletes; None where the bytes alone do not tell it."""
    key, length = record.parts.get("key"), record.fields.get("value_len", OVERFLOW)
    if key is None or owner.decode is None:
        return None
    for kind in ("branch",) if length & OVERFLOW else ("leaf", "branch"):
        try:
            return owner.decode(kind, key, record.parts.get("value", b""))
        except Exception:  # a branch's cell, or columns of another time: the bytes are shown
            continue
    return None


def page_history(source: Source, page: int) -> PageHistoryModel:
    """The history of a page. Raises ProgrammingError where neither file nor log know of it."""
    chain = Chain(source, page)
    changes: list[Change] = []
    more = False
    for change in chain:
        if len(changes) == SHOWN:
            more = True
            break
        changes.append(change)
    image = source.image(page)
    if not changes and image is None:
        rolled_back = wal_model(source, None, page, None).records
        if rolled_back:
            raise ProgrammingError(
                f"page {page} is free, and was only ever part of batches that were rolled back or are not complete; "
                f"their records, up to LSN {rolled_back[-1].start_lsn}, are shown by INSPECT WAL PAGE {page}"
            )
        raise ProgrammingError(f"page {page} is free, and the log, which begins at LSN {chain.first}, does not know it")
    owners = source.owners()
    tree = header_of(image.data)["tree_id"] if image is not None else changes[0].record.tree
    return PageHistoryModel(
        page=page,
        kind=kind_of(header_of(image.data)) if image is not None else "free",
        owner=str(owners.of(tree)),
        changes=tuple(changes),
        more=more,
        complete=chain.complete,
        reason=chain.reason,
        first_lsn=chain.first,
    )


# --- rows -------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class RowVersion(Model):
    """What one record did to a row, or key. event: inserted, updated, deleted, moved (to another page, unchanged) or built
    (with its page: no record tells of the row before). value: None where it is gone; decoded: the row; overflow: bytes of a
    value that stands in pages of its own, None of one that does not."""

    lsn: int
    commit_lsn: int
    committed_us: int
    txn: int
    page: int
    event: str
    value: bytes | None
    overflow: int | None
    decoded: dict[str, Any] | None
    description: str


@dataclass(frozen=True, slots=True)
class RowHistoryModel(Model):
    """The versions of a row, newest first. complete: the oldest is the row's beginning; reason: why there are no older ones."""

    name: str
    tree: int
    key: bytes
    decoded_key: dict[str, Any] | None
    versions: tuple[RowVersion, ...]
    complete: bool
    reason: str
    first_lsn: int
    model: str = "row history"
    version: int = 1


_Cell = tuple[bytes, bool]


class _Row:
    """What is known of the row while the log is read: its value (None: not there), once anything is known."""

    def __init__(self, source: Source, owner: Owner, key: bytes) -> None:
        self.source, self.owner, self.key = source, owner, key
        self.known = False
        self.cell: _Cell | None = None
        self.open: list[tuple[LogRecord, str, _Cell | None]] = []
        self.versions: list[RowVersion] = []
        self._branches: dict[int, bool] = {}
        self._roots: list[Any] = checkpoints(source)
        self._lost: LogRecord | None = None

    def tell(self, record: LogRecord, leaf: int) -> None:
        """A record of a batch that is not complete yet. leaf: the page that covers the key, 0 while that is not known."""
        kind = record.type.name
        length = record.fields.get("value_len", 0)
        cell = (record.parts.get("value", b""), bool(length & OVERFLOW))
        if kind in ("INSERT", "UPDATE", "DELETE"):
            if record.page != leaf and self._is_branch(record, length):
                return  # the key is a separator, too
            events = {"INSERT": "inserted", "UPDATE": "updated", "DELETE": "deleted"}
            self._set(record, events[kind], None if kind == "DELETE" else cell)
        elif kind == "BUILD" and record.page == leaf and record.fields["level"] == 0:
            self._lost = None
            found = cell_in(record, self.key)
            if found is not None:
                same = self.known and found == self.cell
                self._set(record, "moved" if same else "updated" if self.known and self.cell else "built", found)
            elif self.cell is not None:
                self._lost = record
            else:
                self.known = True  # it is not there
        elif kind == "TRUNCATE":
            if record.parts["upper"] <= self.key and self._holds(record):
                self._lost = record
        elif kind in ("FREE", "BUILD") and self._holds(record):
            self._lost = record

    def _holds(self, record: LogRecord) -> bool:
        """Whether the row stood in the record's page, and nothing in the batch so far put it elsewhere."""
        last = self.open[-1][0].page if self.open else self.versions[-1].page if self.versions else 0
        return self.cell is not None and last == record.page

    def _set(self, record: LogRecord, event: str, cell: _Cell | None) -> None:
        self.known, self.cell, self._lost = True, cell, None
        self.open.append((record, event, cell))

    def end(self, record: LogRecord, before: tuple[bool, _Cell | None]) -> None:
        """A batch is over; `before`: known and cell at its beginning, which hold again if it does not count."""
        if record.type.number != COMMIT:
            self.known, self.cell = before
        else:
            if self._lost is not None and self.cell is not None:
                self._set(self._lost, "deleted", None)  # with its page, or its part of one
            for one, event, cell in self.open:
                self.versions.append(self._version(one, event, cell, record))
        self.open, self._lost = [], None

    def _version(self, record: LogRecord, event: str, cell: _Cell | None, commit: LogRecord) -> RowVersion:
        value = cell[0] if cell is not None else None
        overflow = int.from_bytes(value[:8], "little") if cell is not None and cell[1] and value else None
        decoded = None
        if value is not None and overflow is None and self.owner.decode is not None:
            try:
                decoded = self.owner.decode("leaf", self.key, value)
            except Exception:  # the table had other columns then, perhaps: the bytes are shown
                decoded = None
        return RowVersion(
            record.lsn, commit.lsn, commit.fields["time_us"], record.txn, record.page, event, value, overflow, decoded,
            record_model(record).description,
        )  # fmt: skip

    def _is_branch(self, record: LogRecord, value_len: int) -> bool:
        """Whether a record that has the key changed a branch: by what is known of its page from the images there are."""
        if record.type.name != "DELETE" and value_len != 4:
            return False
        page = record.page
        if page not in self._branches:
            images: list[bytes] = []
            now = self.source.image(page)
            if now is not None:
                images.append(now.data)
            found: list[Base | None] = [base_of(self.source, root, page) for root in self._roots]
            images += [base.image for base in found if base is not None and base.image is not None]
            self._branches[page] = bool(images) and all(kind_of(header_of(image)) == "branch" for image in images)
        return self._branches[page]


def cell_in(record: LogRecord, key: bytes) -> _Cell | None:
    """The value of a key among the cells of a BUILD, and whether it is a reference to a long one; None where it is not there."""
    cells, at = record.parts["cells"], 0
    prefix = record.parts["lower"][: record.fields["prefix_len"]]
    if not key.startswith(prefix):
        return None
    suffix = key[len(prefix) :]
    while at + 4 <= len(cells):
        key_len = int.from_bytes(cells[at : at + 2], "little")
        raw = int.from_bytes(cells[at + 2 : at + 4], "little")
        length = raw & (OVERFLOW - 1)
        at += 4
        if key_len == len(suffix) and cells[at : at + key_len] == suffix:
            return cells[at + key_len : at + key_len + length], bool(raw & OVERFLOW)
        at += key_len + length
    return None


def row_history(source: Source, name: str | int, key: Any) -> RowHistoryModel:
    """The history of a row of a table, an entry of an index, or a key of a tree. Raises ProgrammingError."""
    source.written_lsn()
    owner = source.owners().named(name)
    wanted = owner.key_of(key)
    reader = source.log_reader()
    row = _Row(source, owner, wanted)
    _read(reader, row, RowScan(owner.tree, wanted))
    first = reader.first_lsn()
    versions = tuple(reversed(row.versions))
    begun = bool(versions) and versions[-1].event in ("inserted", "built")
    if begun:
        reason = "the oldest of these made it"
    elif versions:
        reason = f"what was before is no longer in the log, which begins at LSN {first}; {KEEP}"
    else:
        reason = f"the log, which begins at LSN {first}, does not tell of it; {KEEP}"
    return RowHistoryModel(
        name=str(owner), tree=owner.tree, key=wanted, decoded_key=_decoded_key(owner, wanted), versions=versions,
        complete=begun, reason=reason, first_lsn=first,
    )  # fmt: skip


def _read(reader: LogReader, row: _Row, scan: RowScan) -> None:
    before = (row.known, row.cell)
    leaf = scan.leaf
    while (record := scan.find(reader)) is not None:
        if record.type.name in ("COMMIT", "ABORT"):
            row.end(record, before)
            if record.type.number != COMMIT:
                scan.leaf = leaf
            before, leaf = (row.known, row.cell), scan.leaf
        else:
            row.tell(record, scan.leaf)


def _decoded_key(owner: Owner, key: bytes) -> dict[str, Any] | None:
    """The key as SQL values, where the bytes alone tell (not of an index, whose keys end in the row's)."""
    if owner.decode is None or owner.index is not None:
        return None
    try:
        return owner.decode("branch", key, b"")
    except Exception:  # only a label: a key that cannot be decoded is shown as bytes
        return None
