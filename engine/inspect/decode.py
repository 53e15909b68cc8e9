"""From the bytes of an image to a PageModel; see page.py for the rules."""

from __future__ import annotations

import struct
from array import array
from collections import namedtuple
from collections.abc import Callable
from itertools import groupby
from typing import Any

from engine.base.dataclass import dataclass
from engine.inspect import page as model
from engine.inspect.page import Entry, FieldValue, Item, PageModel, Region
from engine.inspect.probe import problem_of
from engine.storage.layout import PAGE_KINDS, constants, fields
from engine.storage.meta import parse
from engine.storage.page import PROBLEMS

_C = constants()
HEADER_SIZE, SLOT_SIZE, CELL_SIZE, HINTS = _C["HEADER_SIZE"], _C["SLOT_SIZE"], _C["CELL_SIZE"], _C["HINTS"]
INFINITE, OVERFLOW = _C["FLAG_UPPER_INFINITE"], _C["VALUE_OVERFLOW"]
_PAGE = [field for field in fields("page") if field.name != "hint"]
_HINT = next(field for field in fields("page") if field.name == "hint")
_SLOT = {field.name: field for field in fields("slot")}
_ENTRY = {field.name: field for field in fields("table_entry")}
_REF = {field.name: field for field in fields("overflow_ref")}
ENTRY_SIZE = sum(field.size for field in _ENTRY.values())
REF_SIZE = sum(field.size for field in _REF.values())
NODES = ("leaf", "branch")
_NAMES = tuple(field.name for field in _PAGE)
_HEADER = struct.Struct("<" + "".join({1: "B", 2: "H", 4: "I", 8: "Q"}[field.size] for field in _PAGE))
Header: Any = namedtuple("Header", [field.name for field in _PAGE])  # type: ignore[misc]
assert _HEADER.size == _HINT.offset, "the fields stand side by side, without holes"

Decode = Callable[[str, bytes, bytes], dict[str, Any] | None]


@dataclass(frozen=True, slots=True)
class Origin:
    """Where an image came from, and what is known of it from elsewhere. expected: the page id it should have."""

    source: str
    slot: int = 0
    frame: int | None = None
    expected: int | None = None
    damage: tuple[str, ...] = ()
    owner: str = ""
    decode: Decode | None = None


def number(data: bytes, offset: int, size: int, signed: bool = False) -> int:
    """A little-endian integer; bytes behind the end of `data` count as zero."""
    return int.from_bytes(data[offset : offset + size], "little", signed=signed)


def header_of(data: bytes) -> dict[str, int]:
    """The header's fields by name."""
    if len(data) < _HEADER.size:
        data = data.ljust(_HEADER.size, b"\0")
    return dict(zip(_NAMES, _HEADER.unpack_from(data), strict=True))


def header_fields(data: bytes) -> Any:
    """The header's fields as attributes: where thousands of pages are looked at."""
    return Header(*_HEADER.unpack_from(data if len(data) >= _HEADER.size else data.ljust(_HEADER.size, b"\0")))


def kind_of(header: dict[str, int]) -> str:
    """The kind's name; "unknown" for a number that none has."""
    return PAGE_KINDS.get(header["kind"], "unknown")


class _Map:
    """Which region each byte belongs to, while an image is decoded. Painting outside the page is cut off."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.kinds: list[tuple[str, int]] = [(model.UNKNOWN, -1)]
        self.bytes = array("I", bytes(4 * size))
        self.overlaps = 0

    def paint(self, offset: int, length: int, kind: str, item: int = -1) -> None:
        start, stop = max(offset, 0), min(offset + length, self.size)
        if stop <= start:
            return
        if any(self.bytes[start:stop]):
            self.overlaps += 1
        self.kinds.append((kind, item))
        self.bytes[start:stop] = array("I", [len(self.kinds) - 1]) * (stop - start)

    def fill(self, start: int, stop: int, kind: str) -> int:
        """Give every byte of [start, stop) that has no kind yet this one; how many."""
        self.kinds.append((kind, -1))
        mark, count, at = len(self.kinds) - 1, 0, max(start, 0)
        for painted, run in groupby(self.bytes[at : max(stop, at)]):
            length = len(list(run))
            if not painted:
                self.bytes[at : at + length] = array("I", [mark]) * length
                count += length
            at += length
        return count

    def regions(self) -> tuple[Region, ...]:
        found, at = [], 0
        for mark, run in groupby(self.bytes):
            length = len(list(run))
            found.append(Region(at, length, *self.kinds[mark]))
            at += length
        return tuple(found)


def decode_page(data: bytes, origin: Origin) -> PageModel:
    """Take an image apart. `data`: a whole page, or what there is of it."""
    header = header_of(data)
    kind = kind_of(header)
    crc, problem = problem_of(data)
    damage = list(origin.damage)
    sealed = None if origin.source == "frame" else crc == header["checksum"]
    if sealed is False:
        damage.append(f"the checksum is {header['checksum']:#010x}, the content's is {crc:#010x}")
    if problem:
        damage.append(PROBLEMS[problem])
    if origin.expected is not None and header["page_id"] != origin.expected:
        damage.append(f"the image says it is page {header['page_id']}")
    painted = _Map(len(data))
    for field in _PAGE:
        painted.paint(field.offset, field.size, model.HEADER)
    parts = _Parts()
    if kind in NODES:
        painted.paint(_HINT.offset, _HINT.size, model.HINT)
        _node(data, header, kind, painted, parts, origin.decode)
    elif kind == "page table":
        _table(data, header, painted, parts)
    elif kind == "retained checkpoints":
        _retained(data, header, painted, parts)
    elif kind == "overflow":
        parts.data_len = min(header["data_len"], max(len(data) - HEADER_SIZE, 0))
        painted.paint(HEADER_SIZE, parts.data_len, model.DATA)
        parts.next_page = header["next"]
        parts.live_bytes = parts.data_len
        painted.fill(_HINT.offset, HEADER_SIZE, model.FREE)
        parts.free = painted.fill(0, len(data), model.FREE)
    if painted.overlaps:
        damage.append(f"parts of the page overlap in {painted.overlaps} places")
    return _finish(data, header, kind, origin, sealed, painted, parts, damage)


class _Parts:
    """What the decoder of one kind of page has found."""

    def __init__(self) -> None:
        self.items: list[Item] = []
        self.entries: list[Entry] = []
        self.lower: bytes | None = None
        self.upper: bytes | None = None
        self.prefix = b""
        self.hints: tuple[int, ...] = ()
        self.data_len = 0
        self.next_page: int | None = None
        self.live_bytes = 0
        self.free = 0
        self.fragmented = 0


def _finish(
    data: bytes,
    header: dict[str, int],
    kind: str,
    origin: Origin,
    sealed: bool | None,
    painted: _Map,
    parts: _Parts,
    damage: list[str],
) -> PageModel:
    count = len(parts.items) or sum(1 for entry in parts.entries if entry.slot)
    room = max(len(data) - HEADER_SIZE, 1)
    return PageModel(
        page=origin.expected if origin.expected is not None else header["page_id"],
        kind=kind,
        level=header["level"],
        tree=header["tree_id"],
        owner=origin.owner,
        lsn=header["lsn"],
        page_size=len(data),
        source=origin.source,
        frame=origin.frame,
        slot=origin.slot,
        sealed=sealed,
        fields=tuple(_value(data, field) for field in _PAGE),
        lower_fence=parts.lower,
        upper_fence=parts.upper,
        prefix=parts.prefix,
        hints=parts.hints,
        items=tuple(parts.items),
        entries=tuple(parts.entries),
        data_len=parts.data_len,
        next_page=parts.next_page,
        live_items=count,
        live_bytes=parts.live_bytes,
        avg_item_size=round(parts.live_bytes / count, 1) if count else 0.0,
        free=parts.free,
        fragmented=parts.fragmented,
        fill=round(min(parts.live_bytes / room, 1.0), 4),
        damage=tuple(damage),
        regions=painted.regions(),
        data=data,
    )


def _value(data: bytes, field: Any) -> FieldValue:
    return FieldValue(
        field.name,
        field.offset,
        field.size,
        field.type,
        number(data, field.offset, field.size, field.type.startswith("int")),
        field.doc,
    )


# --- leaf and branch ------------------------------------------------------------------------------------------------


def _node(data: bytes, header: dict[str, int], kind: str, painted: _Map, parts: _Parts, decode: Decode | None) -> None:
    size = len(data)
    lower_at = size - header["lower_len"]
    upper_at = lower_at - header["upper_len"]
    if lower_at >= HEADER_SIZE:
        parts.lower = data[lower_at:]
        parts.prefix = parts.lower[: header["prefix_len"]]
        painted.paint(lower_at, header["lower_len"], model.FENCE)
    if upper_at >= HEADER_SIZE:
        parts.upper = None if header["flags"] & INFINITE else data[upper_at:lower_at]
        painted.paint(upper_at, header["upper_len"], model.FENCE)
    parts.hints = tuple(number(data, _HINT.offset + 4 * i, 4) for i in range(HINTS))
    slots_end = HEADER_SIZE
    for index in range(min(header["count"], max(size - HEADER_SIZE, 0) // SLOT_SIZE)):
        slots_end += SLOT_SIZE
        painted.paint(HEADER_SIZE + index * SLOT_SIZE, SLOT_SIZE, model.SLOT, index)
        parts.items.append(_item(data, index, kind, parts.prefix, upper_at, painted, decode))
    parts.live_bytes = sum(item.cell_size for item in parts.items) + SLOT_SIZE * len(parts.items)
    heap_start = header["heap_start"]
    parts.free = painted.fill(slots_end, heap_start, model.FREE)
    parts.fragmented = painted.fill(heap_start, size, model.FRAGMENTED)


def _item(data: bytes, index: int, kind: str, prefix: bytes, limit: int, painted: _Map, decode: Decode | None) -> Item:
    at = HEADER_SIZE + index * SLOT_SIZE
    head, offset, key_len = (number(data, at + _SLOT[n].offset, _SLOT[n].size) for n in ("head", "offset", "key_len"))
    raw = number(data, offset, CELL_SIZE)
    value_at, value_len = offset + CELL_SIZE + key_len, raw & (OVERFLOW - 1)
    if offset < HEADER_SIZE or value_at + value_len > limit:
        damage = f"the cell, {offset} to {value_at + value_len}, is not inside the heap"
        return Item(index, at, head, offset, 0, b"", b"", None, None, None, None, damage)
    key = prefix + data[offset + CELL_SIZE : value_at]
    value = data[value_at : value_at + value_len]
    child = overflow_len = overflow_page = None
    damage_found = None
    value_kind = model.VALUE
    if kind == "branch":
        value_kind = model.CHILD
        child = number(value, 0, 4) if raw == 4 else None
        damage_found = None if raw == 4 else f"a child reference has 4 bytes, this one {value_len}"
    elif raw & OVERFLOW:
        value_kind = model.REFERENCE
        if value_len == REF_SIZE:
            overflow_len, overflow_page = (
                number(value, _REF[n].offset, _REF[n].size) for n in ("length", "first_page")
            )
        else:
            damage_found = f"a reference to a long value has {REF_SIZE} bytes, this one {value_len}"
    if head != int.from_bytes(data[offset + CELL_SIZE : offset + CELL_SIZE + min(key_len, 4)].ljust(4, b"\0"), "big"):
        damage_found = damage_found or "the slot's head is not the beginning of its key"
    painted.paint(offset, CELL_SIZE, model.CELL, index)
    painted.paint(offset + CELL_SIZE, key_len, model.KEY, index)
    painted.paint(value_at, value_len, value_kind, index)
    decoded = None
    if decode is not None:
        try:
            decoded = decode("branch" if kind == "branch" else "overflow" if raw & OVERFLOW else "leaf", key, value)
        except Exception as error:  # whatever a decoder of rows makes of damaged bytes: it is the finding
            damage_found = damage_found or f"cannot be decoded: {error}"
    size = CELL_SIZE + key_len + value_len
    return Item(index, at, head, offset, size, key, value, child, overflow_len, overflow_page, decoded, damage_found)


# --- page table and meta --------------------------------------------------------------------------------------------


def _retained(data: bytes, header: dict[str, int], painted: _Map, parts: _Parts) -> None:
    size = sum(field.size for field in fields("retained"))
    painted.paint(HEADER_SIZE, ENTRY_SIZE, model.REFERENCE)
    room = max(len(data) - HEADER_SIZE - ENTRY_SIZE, 0) // size
    count = min(header["data_len"], room)
    for i in range(count):
        painted.paint(HEADER_SIZE + ENTRY_SIZE + i * size, size, model.ENTRY, i)
    parts.data_len = parts.live_bytes = ENTRY_SIZE + count * size
    painted.fill(_HINT.offset, HEADER_SIZE, model.FREE)
    parts.free = painted.fill(0, len(data), model.FREE)


def _table(data: bytes, header: dict[str, int], painted: _Map, parts: _Parts) -> None:
    per = max(len(data) - HEADER_SIZE, 0) // ENTRY_SIZE
    for i in range(min(header["data_len"], per)):
        at = HEADER_SIZE + i * ENTRY_SIZE
        slot, tag = (number(data, at + _ENTRY[n].offset, _ENTRY[n].size) for n in ("slot", "tag"))
        painted.paint(at, ENTRY_SIZE, model.ENTRY, i)
        parts.entries.append(Entry(header["page_id"] * per + i, at, slot, tag))
    parts.data_len = len(parts.entries)
    parts.live_bytes = ENTRY_SIZE * sum(1 for entry in parts.entries if entry.slot)
    painted.fill(_HINT.offset, HEADER_SIZE, model.FREE)
    parts.free = painted.fill(0, len(data), model.FREE)


def decode_meta(data: bytes, slot: int, owner: str) -> PageModel:
    """Take a meta slot apart; its fields are those of the struct meta."""
    damage = []
    if parse(data) is None:
        damage.append("magic or checksum of the meta slot are wrong")
    painted = _Map(len(data))
    declared = fields("meta")
    for field in declared:
        painted.paint(field.offset, field.size, model.HEADER)
    values = {field.name: number(data, field.offset, field.size) for field in declared}
    painted.fill(0, len(data), model.FREE)
    used = sum(field.size for field in declared)
    return PageModel(
        page=0,
        kind="meta",
        level=0,
        tree=0,
        owner=owner,
        lsn=values["checkpoint_lsn"],
        page_size=len(data),
        source="slot",
        frame=None,
        slot=slot,
        sealed=not damage,
        fields=tuple(_value(data, field) for field in declared),
        lower_fence=None,
        upper_fence=None,
        prefix=b"",
        hints=(),
        items=(),
        entries=(),
        data_len=used,
        next_page=None,
        live_items=0,
        live_bytes=used,
        avg_item_size=0.0,
        free=max(len(data) - used, 0),
        fragmented=0,
        fill=round(used / max(len(data), 1), 4),
        damage=tuple(damage),
        regions=painted.regions(),
        data=data,
    )
