"""The page model: one image taken apart, every byte accounted for.

    image --decode--> header fields, fences, hints, slots and cells or entries, and a list of regions

The regions follow each other without gap or overlap from byte 0 to the last, each with the kind of field it is, so that
colour can mean kind. The decoder trusts nothing: every offset and length is checked against the page before it is
followed, and what cannot be is reported in `damage`, of the page or of the item, while the rest is still decoded.
"""

from __future__ import annotations

from typing import Any

from engine.base.dataclass import dataclass
from engine.inspect.model import Model

HEADER, HINT, SLOT, CELL, KEY, VALUE = "header", "hint", "slot", "cell", "key", "value"
REFERENCE, CHILD, FENCE, FREE, FRAGMENTED = "reference", "child", "fence", "free", "fragmented"
ENTRY, DATA, UNKNOWN = "entry", "data", "unknown"
REGION_KINDS = (
    HEADER, HINT, SLOT, CELL, KEY, VALUE, REFERENCE, CHILD, FENCE, FREE, FRAGMENTED, ENTRY, DATA, UNKNOWN,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class FieldValue(Model):
    """A field of a struct with its value in this page: offset (in the page) and size as the compiler laid it out."""

    name: str
    offset: int
    size: int
    type: str
    value: int
    meaning: str


@dataclass(frozen=True, slots=True)
class Region(Model):
    """A run of bytes of one kind (REGION_KINDS); item: the slot or entry it belongs to, -1 for none."""

    offset: int
    length: int
    kind: str
    item: int


@dataclass(frozen=True, slots=True)
class Item(Model):
    """One slot with its cell.

    key: whole, prefix included. value: as stored in the cell. child: of a branch. overflow_len, overflow_page: where the
    cell holds a reference to a long value. decoded: the key and, in a leaf, the value as SQL values or ids, by column;
    None where the tree belongs to nothing that has columns, or the bytes are not a whole key. damage: what is wrong.
    """

    index: int
    slot_offset: int
    head: int
    cell_offset: int
    cell_size: int
    key: bytes
    value: bytes
    child: int | None
    overflow_len: int | None
    overflow_page: int | None
    decoded: dict[str, Any] | None
    damage: str | None


@dataclass(frozen=True, slots=True)
class Entry(Model):
    """One entry of a page table block: `number` is the page id, or the index of the block below; slot 0 is free."""

    number: int
    offset: int
    slot: int
    tag: int


@dataclass(frozen=True, slots=True)
class PageModel(Model):
    """A page image decoded.

    kind: leaf, branch, overflow, page table, meta, or unknown. owner: what the tree is, in words. source: "frame" (the
    newest version, in the pool), "slot" (read from the file), "log" (rebuilt as it was at `at_lsn`, by `replayed` records
    upon the image in `slot`, of the checkpoint of `base_lsn`). slot: where the file has it, 0 if nowhere. sealed: whether the
    stored checksum matches the content; None for a frame, whose checksum is computed when it is written.
    batch: of a state at an LSN inside a batch, how that ended: what is shown never counted, or not yet then; "" elsewhere.
    lower_fence, upper_fence: None for an infinite one. live_bytes: in cells and slots. free: contiguous; fragmented: between cells.
    """

    page: int
    kind: str
    level: int
    tree: int
    owner: str
    lsn: int
    page_size: int
    source: str
    frame: int | None
    slot: int
    sealed: bool | None
    fields: tuple[FieldValue, ...]
    lower_fence: bytes | None
    upper_fence: bytes | None
    prefix: bytes
    hints: tuple[int, ...]
    items: tuple[Item, ...]
    entries: tuple[Entry, ...]
    data_len: int
    next_page: int | None
    live_items: int
    live_bytes: int
    avg_item_size: float
    free: int
    fragmented: int
    fill: float
    damage: tuple[str, ...]
    regions: tuple[Region, ...]
    data: bytes
    at_lsn: int | None = None
    base_lsn: int | None = None
    replayed: int = 0
    batch: str = ""
    model: str = "page"
    version: int = 1
