"""What happened to a page between two LSNs: two states of it (past.py) compared, and the records in between.

Items are told apart by their keys. One that is in both states with the same value has moved if its slot or its cell is
elsewhere. `runs` are the bytes that differ, checksum left out (it follows from the rest): `apply` makes the later state of
the earlier one with them.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from engine.base.crc32c import checksum
from engine.base.dataclass import dataclass
from engine.base.errors import CorruptionError, Error, ProgrammingError
from engine.inspect.decode import NODES, Origin, decode_page, header_of
from engine.inspect.history import Chain, Change
from engine.inspect.model import Model
from engine.inspect.owners import Owners
from engine.inspect.page import Item, PageModel
from engine.inspect.past import NEVER, State, batch_note, state_at
from engine.inspect.source import Source
from engine.storage.layout import fields

CHECKSUM_SIZE = next(field.size for field in fields("page") if field.name == "checksum")
GAP = 4
"""Equal bytes between two runs below which they are one."""
SHOWN = 1000


@dataclass(frozen=True, slots=True)
class FieldChange(Model):
    """A header field that differs; before, after: None where the page did not exist."""

    name: str
    offset: int
    before: int | None
    after: int | None


@dataclass(frozen=True, slots=True)
class ItemChange(Model):
    """A slot that differs: added, removed, changed (its value) or moved. lsns: of the records that did it."""

    change: str
    index_before: int | None
    index_after: int | None
    cell_before: int | None
    cell_after: int | None
    key: bytes
    value_before: bytes | None
    value_after: bytes | None
    decoded_before: dict[str, Any] | None
    decoded_after: dict[str, Any] | None
    lsns: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Run(Model):
    """Bytes that differ, from `offset` on; a page that does not exist counts as zeros."""

    offset: int
    before: bytes
    after: bytes


@dataclass(frozen=True, slots=True)
class DiffModel(Model):
    """A page at LSN `low` and at LSN `high`. kind_before, kind_after: None where the page id was free.

    records: those that changed it in between and count, oldest first, SHOWN of them at the most. note: why they do not tell
    all of the difference, "" where they do.
    """

    page: int
    low: int
    high: int
    page_size: int
    owner: str
    kind_before: str | None
    kind_after: str | None
    lsn_before: int
    lsn_after: int
    fields: tuple[FieldChange, ...]
    items: tuple[ItemChange, ...]
    runs: tuple[Run, ...]
    bytes_changed: int
    records: tuple[Change, ...]
    more: bool
    note: str
    model: str = "diff"
    version: int = 1

    def apply(self, image: bytes | None) -> bytes | None:
        """The later state, from the earlier one (None: there was no such page). Raises ProgrammingError where it is not that."""
        if (image is None) != (self.kind_before is None):
            raise ProgrammingError("the difference is one of another state")
        data = bytearray(image if image is not None else bytes(self.page_size))
        for run in self.runs:
            here = slice(run.offset, run.offset + len(run.before))
            if data[here] != run.before:
                raise ProgrammingError(f"the difference is one of another state: byte {run.offset} is not as it was")
            data[here] = run.after
        if self.kind_after is None:
            return None
        data[:CHECKSUM_SIZE] = checksum(bytes(data[CHECKSUM_SIZE:])).to_bytes(CHECKSUM_SIZE, "little")
        return bytes(data)


def diff_model(source: Source, page: int, low: int, high: int) -> DiffModel:
    """Compare a page at two LSNs. Raises HistoryError, ProgrammingError, CorruptionError."""
    if low > high:
        raise ProgrammingError(f"BETWEEN {low} AND {high}: the earlier LSN comes first")
    before, after = state_at(source, page, low), state_at(source, page, high)
    if before.image is None and after.image is None:
        raise ProgrammingError(f"page {page} is free at LSN {low} and at LSN {high}")
    owners = source.owners()
    old, new = _decoded(before, page, owners), _decoded(after, page, owners)
    known = new or old
    assert known is not None
    records, more, note = _records(source, page, low, high)
    rolled_back = [
        f"LSN {lsn} is {said}"
        for state, lsn in ((before, low), (after, high))
        if (said := batch_note(source, state, lsn)).endswith(NEVER)
    ]
    runs = tuple(_runs(before.image, after.image, source.page_size))
    return DiffModel(
        page=page,
        low=low,
        high=high,
        page_size=source.page_size,
        owner=known.owner,
        kind_before=old.kind if old is not None else None,
        kind_after=new.kind if new is not None else None,
        lsn_before=old.lsn if old is not None else 0,
        lsn_after=new.lsn if new is not None else 0,
        fields=tuple(_fields(before.image, after.image)),
        items=tuple(item_changes(old, new, records)),
        runs=runs,
        bytes_changed=sum(a != b for run in runs for a, b in zip(run.before, run.after, strict=True)),
        records=records,
        more=more,
        note="; ".join(part for part in (note, *rolled_back) if part),
    )


def _decoded(state: State, page: int, owners: Owners) -> PageModel | None:
    if state.image is None:
        return None
    owner = owners.of(header_of(state.image)["tree_id"])
    return decode_page(state.image, Origin("log", state.slot, None, page, (), str(owner), owner.decode))


def _records(source: Source, page: int, low: int, high: int) -> tuple[tuple[Change, ...], bool, str]:
    """The records behind `low` and up to `high` whose batches count, oldest first; and a word where not all are there."""
    found: list[Change] = []
    chain = Chain(source, page)
    try:
        for change in chain:
            if change.record.start_lsn <= low:
                return tuple(reversed(found[-SHOWN:])), len(found) > SHOWN, ""
            if change.record.start_lsn <= high:
                found.append(change)
    except Error as error:  # the states are known from checkpoints; the log in between is damaged
        return tuple(reversed(found[-SHOWN:])), len(found) > SHOWN, str(error)
    gone = "" if chain.complete or chain.first <= low else chain.reason
    return tuple(reversed(found[-SHOWN:])), len(found) > SHOWN, gone


def _fields(before: bytes | None, after: bytes | None) -> Iterator[FieldChange]:
    old = header_of(before) if before is not None else {}
    new = header_of(after) if after is not None else {}
    for field in fields("page"):
        if field.name not in ("checksum", "hint") and old.get(field.name) != new.get(field.name):
            yield FieldChange(field.name, field.offset, old.get(field.name), new.get(field.name))


def item_changes(
    old: PageModel | None, new: PageModel | None, records: tuple[Change, ...] = ()
) -> Iterator[ItemChange]:
    """The items that differ between two states of a page, by key; lsns: of those `records` that touch them."""
    was = {item.key: item for item in old.items} if old is not None and old.kind in NODES else {}
    now = {item.key: item for item in new.items} if new is not None and new.kind in NODES else {}
    by_key: dict[bytes, list[int]] = {}
    whole: list[int] = []
    for change in records:
        key = change.record.parts.get("key")
        (by_key.setdefault(key, []) if key is not None else whole).append(change.record.start_lsn)
    other = old is not None and new is not None and old.kind != new.kind  # the same key is another thing in a branch
    for key, a, b in _pairs(was, now, other):
        what = _what(a, b)
        if what is None:
            continue
        own = by_key.get(key, [])
        causes = own if own and what != "moved" else own + whole
        yield ItemChange(
            what,
            a.index if a else None,
            b.index if b else None,
            a.cell_offset if a else None,
            b.cell_offset if b else None,
            key,
            a.value if a else None,
            b.value if b else None,
            a.decoded if a else None,
            b.decoded if b else None,
            tuple(sorted(causes)),
        )


def _pairs(
    was: dict[bytes, Item], now: dict[bytes, Item], apart: bool
) -> Iterator[tuple[bytes, Item | None, Item | None]]:
    """Items of two states by key, in key order; `apart`: none of one is any of the other."""
    for key in sorted(was.keys() | now.keys()):
        if apart and key in was and key in now:
            yield key, was[key], None
            yield key, None, now[key]
        else:
            yield key, was.get(key), now.get(key)


def _what(a: Item | None, b: Item | None) -> str | None:
    if a is None or b is None:
        return "added" if a is None else "removed"
    if a.value != b.value or a.overflow_page != b.overflow_page:
        return "changed"
    return "moved" if (a.index, a.cell_offset) != (b.index, b.cell_offset) else None


def _runs(before: bytes | None, after: bytes | None, size: int) -> Iterator[Run]:
    a, b = before or bytes(size), after or bytes(size)
    if len(a) != len(b):
        raise CorruptionError("the two states have different sizes")
    start = last = -1
    for at in range(CHECKSUM_SIZE, size):
        if a[at] == b[at]:
            continue
        if start >= 0 and at - last > GAP:
            yield Run(start, a[start : last + 1], b[start : last + 1])
            start = at
        elif start < 0:
            start = at
        last = at
    if start >= 0:
        yield Run(start, a[start : last + 1], b[start : last + 1])
