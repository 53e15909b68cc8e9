"""The bytes of the data file: page kinds, structs and their field tables.

The declarations stand in `layout.pxd`; this module hands the compiler's own offsets to Python, for inspection and
for `engine/FORMAT.md`, which a test compares with them.
"""

from engine.base.dataclass import dataclass

MAGIC = b"ANOKURO\x1a"
PAGE_KINDS = {
    KIND_LEAF: "leaf",
    KIND_BRANCH: "branch",
    KIND_OVERFLOW: "overflow",
    KIND_TABLE: "page table",
    KIND_RETAINED: "retained checkpoints",
}


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a packed struct: `offset` and `size` in bytes as the C compiler laid it out."""

    structure: str
    name: str
    type: str
    offset: int
    size: int
    doc: str


def fields(structure: str) -> list[Field]:
    """Fields of one struct: page, slot, cell, overflow_ref, table_entry, meta or retained."""
    found = []
    for i in range(layout_field_count):
        f = layout_fields[i]
        if f.structure.decode() == structure:
            found.append(Field(structure, f.name.decode(), f.type.decode(), int(f.offset), int(f.size), f.doc.decode()))
    if not found:
        raise KeyError(structure)
    return found


def structures() -> list[str]:
    """Names of the declared structs, in file order."""
    names = []
    for i in range(layout_field_count):
        name = layout_fields[i].structure.decode()
        if name not in names:
            names.append(name)
    return names


def constants() -> dict[str, int]:
    """The named numbers of the format."""
    return {
        "HEADER_SIZE": HEADER_SIZE,
        "SLOT_SIZE": SLOT_SIZE,
        "CELL_SIZE": CELL_SIZE,
        "HINTS": HINTS,
        "META_SLOTS": META_SLOTS,
        "FEATURE_RETAINED": FEATURE_RETAINED,
        "NAME_ROOM": NAME_ROOM,
        "FORMAT_MAJOR": FORMAT_MAJOR,
        "FORMAT_MINOR": FORMAT_MINOR,
        "PAGE_SIZE_MIN": PAGE_SIZE_MIN,
        "PAGE_SIZE_MAX": PAGE_SIZE_MAX,
        "FLAG_UPPER_INFINITE": FLAG_UPPER_INFINITE,
        "VALUE_OVERFLOW": VALUE_OVERFLOW,
    }
