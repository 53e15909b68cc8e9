"""Checkpoints that are kept: what names one, and how the retained ones stand in the file.

    meta that counts                      block 0 (kind 5)               block 1
    +-----------------------+             +--------------------------+   +--------------+
    | ... retained_slot,tag |-----------> | slot,tag of the next ----|-> | 0, 0         |
    +-----------------------+             | entry  entry  entry  ... |   | entry  entry |
                                          +--------------------------+   +--------------+

A `Root` is what a meta says of its checkpoint: where its page table is, and what belongs to it. A retained checkpoint is
a Root with a name, an entry of these blocks. The blocks are written like pages, to free slots, whenever a checkpoint is
retained or dropped, and count with the meta that names the first of them: the set changes at one stroke with the
checkpoint, and a crash leaves the old set or the new one.

Which slots they keep from being used again is the matter of engine/txn/keep.py.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any

from engine.base.crc32c import checksum
from engine.base.dataclass import dataclass
from engine.base.errors import CorruptionError, InterfaceError, LimitError, ProgrammingError
from engine.storage.layout import constants, fields
from engine.storage.meta import Meta

if TYPE_CHECKING:
    from engine.storage.file import File

_C = constants()
HEADER_SIZE, NAME_ROOM, META_SLOTS = _C["HEADER_SIZE"], _C["NAME_ROOM"], _C["META_SLOTS"]
KIND_RETAINED = 5
NO_TREE = 0xFFFFFFFF
_CODES = {"uint64_t": "Q", "int64_t": "q", "uint32_t": "I"}
_ENTRY = struct.Struct("<" + "".join(_CODES.get(f.type, f"{NAME_ROOM}s") for f in fields("retained")))
_NAMES = tuple(f.name for f in fields("retained"))
_LINK = struct.Struct("<II")
_HEADER = {f.name: f.offset for f in fields("page")}


@dataclass(frozen=True, slots=True)
class Root:
    """A checkpoint, as a meta or an entry says it. name: of a retained one, else "".

    is_known False: somebody reads this checkpoint, and only its number is known; any slot below `slot_count` may be its.
    """

    sequence: int
    slot_count: int
    checkpoint_lsn: int = 0
    redo_lsn: int = 0
    redo_prev_crc: int = 0
    checkpoint_us: int = 0
    table_depth: int = 0
    table_slot: int = 0
    table_tag: int = 0
    next_page_id: int = 0
    next_tree_id: int = 0
    name: str = ""
    is_known: bool = True

    @property
    def key(self) -> str:
        """By what a retained checkpoint is found: names differ in more than case."""
        return self.name.lower()


_COPIED = tuple(name for name in _NAMES if name not in ("name", "name_len"))


def root_of(meta: Meta, name: str = "") -> Root:
    """The checkpoint that a meta describes."""
    found = meta.as_dict()
    values: dict[str, Any] = {field: int(found[field]) for field in _COPIED}
    return Root(name=name, **values)


def meta_of(meta: Meta, root: Root) -> Meta:
    """A meta like `meta`, of the database `root` was a checkpoint of: what opening that state needs."""
    made = Meta()
    made.update(**{**meta.as_dict(), **{field: getattr(root, field) for field in _COPIED}})
    return made


def check_name(name: object) -> str:
    """The name of a checkpoint to be. Raises InterfaceError, LimitError."""
    if not isinstance(name, str) or not name or not name.isprintable():
        raise InterfaceError("a checkpoint's name is a string of printable characters, not empty")
    if len(name.encode("utf-8", "surrogatepass")) > NAME_ROOM:
        raise LimitError(f"a checkpoint's name has at most {NAME_ROOM} bytes")
    return name


def find_root(roots: list[Root], name: str) -> Root:
    """The retained checkpoint of that name. Raises ProgrammingError."""
    for root in roots:
        if root.key == name.lower():
            return root
    raise ProgrammingError(f"there is no retained checkpoint {name!r}")


def entries_in(page_size: int) -> int:
    """How many entries a block has room for."""
    return (page_size - HEADER_SIZE - _LINK.size) // _ENTRY.size


def block_image(page_size: int, index: int, lsn: int, roots: list[Root], following: tuple[int, int]) -> bytes:
    """The image of block `index`, sealed. following: slot and checksum of the next block, or 0, 0."""
    data = bytearray(page_size)
    data[_HEADER["kind"]] = KIND_RETAINED
    struct.pack_into("<I", data, _HEADER["page_id"], index)
    struct.pack_into("<I", data, _HEADER["tree_id"], NO_TREE)
    struct.pack_into("<Q", data, _HEADER["lsn"], lsn)
    struct.pack_into("<I", data, _HEADER["data_len"], len(roots))
    _LINK.pack_into(data, HEADER_SIZE, *following)
    for i, root in enumerate(roots):
        name = root.name.encode("utf-8")
        values = {**{field: getattr(root, field) for field in _COPIED}, "name": name, "name_len": len(name)}
        _ENTRY.pack_into(data, HEADER_SIZE + _LINK.size + i * _ENTRY.size, *(values[field] for field in _NAMES))
    struct.pack_into("<I", data, 0, checksum(bytes(data[4:])))
    return bytes(data)


def read_retained(file: File, path: str, meta: Meta) -> tuple[list[Root], list[int]]:
    """The retained checkpoints that a meta names, oldest first, and the slots of their blocks. Raises CorruptionError."""
    found = meta.as_dict()
    size = int(found["page_size"])
    roots: list[Root] = []
    slots: list[int] = []
    slot, tag = int(found["retained_slot"]), int(found["retained_tag"])
    while slot:
        data = file.pread(size, slot * size) if slot >= META_SLOTS and slot not in slots else b""
        entries = _entries(data, size, len(slots), tag)
        if entries is None:
            raise CorruptionError(
                "a block of retained checkpoints is damaged; restore a backup, or recover what can be read",
                file=path,
                offset=slot * size,
            )
        slots.append(slot)
        roots += entries
        slot, tag = _LINK.unpack_from(data, HEADER_SIZE)
    return roots, slots


def _entries(data: bytes, size: int, index: int, tag: int) -> list[Root] | None:
    """The entries of a block, or None where it is not the sealed block that was meant."""
    if len(data) < size or int.from_bytes(data[:4], "little") != tag or checksum(data[4:]) != tag:
        return None
    count = int.from_bytes(data[_HEADER["data_len"] : _HEADER["data_len"] + 4], "little")
    number = int.from_bytes(data[_HEADER["page_id"] : _HEADER["page_id"] + 4], "little")
    if data[_HEADER["kind"]] != KIND_RETAINED or number != index or not 0 < count <= entries_in(size):
        return None
    found = []
    for i in range(count):
        values = dict(zip(_NAMES, _ENTRY.unpack_from(data, HEADER_SIZE + _LINK.size + i * _ENTRY.size), strict=True))
        length = values.pop("name_len")
        try:
            name = values.pop("name")[:length].decode("utf-8")
        except UnicodeDecodeError:
            return None
        if not 0 < length <= NAME_ROOM or not 1 <= values["table_depth"] <= 5:
            return None
        found.append(Root(name=name, **values))
    return found
