"""Record types of the log: what a record is made of, as the compiler laid it out.

    | header, 40 bytes | fixed part | tail part ... | zeros to a multiple of 8 |

The declarations stand in records.pxd, once; everything here is read from the tables the C compiler made of them: the
shapes by which the reader takes records apart, and the descriptions (`record_types`, `structure_fields`) that the
inspector shows and `engine/FORMAT.md` is tested against.
"""

import cython
from cython.cimports.engine.base.crc32c import crc32c
from cython.cimports.engine.wal.records_tables import (
    field_row_count,
    field_rows,
    part_row_count,
    part_rows,
    record_row_count,
    record_rows,
)
from cython.cimports.libc.string import memcpy

from engine.base.dataclass import dataclass

_C_TYPES = {"ank_u8x7": "uint8_t[7]"}


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a packed struct: `offset` and `size` in bytes as the C compiler laid it out."""

    structure: str
    name: str
    type: str
    offset: int
    size: int
    doc: str


@dataclass(frozen=True, slots=True)
class TailPart:
    """A run of bytes behind the fixed part; its length is the fixed field `length_field` and-ed with `mask`."""

    name: str
    length_field: str
    mask: int
    doc: str


@dataclass(frozen=True, slots=True)
class RecordType:
    """A record type: its number, name, meaning, bytes of the fixed part, fields of that and parts of the tail."""

    number: int
    name: str
    doc: str
    fixed_len: int
    fields: tuple[Field, ...]
    parts: tuple[TailPart, ...]


def split_payload(type, payload, length, parts):
    if type >= REC_LIMIT or not shapes[type].known:
        return -1
    shape = cython.address(shapes[type])
    if length < shape.fixed_len:
        return -1
    at: cython.size_t = shape.fixed_len
    i: cython.int
    wide: cython.uint
    narrow: cython.ushort
    for i in range(shape.part_count):
        if shape.parts[i].size == 4:
            memcpy(cython.address(wide), payload + shape.parts[i].offset, 4)
        else:
            memcpy(cython.address(narrow), payload + shape.parts[i].offset, 2)
            wide = narrow
        wide &= shape.parts[i].mask
        if wide > length - at:
            return -1
        parts[i].data = payload + at
        parts[i].len = wide
        at += wide
    return 0 if at == length else -1


def log_seed(log_id):
    """The checksum every record's checksum starts from, before its LSN is added."""
    return crc32c(0, cython.address(log_id), 8)


def segment_header_crc(header):
    return crc32c(0, header, SEGMENT_HEADER_SIZE - 4)


def structure_fields(structure: str) -> tuple[Field, ...]:
    """Fields of one struct by its C name: segment_header_t, record_header_t, or the fixed part of a record type."""
    found = []
    i: cython.int
    for i in range(field_row_count):
        row = cython.address(field_rows[i])
        if row.structure.decode() == structure:
            c_type = row.type.decode()
            found.append(
                Field(
                    structure,
                    row.name.decode(),
                    _C_TYPES.get(c_type, c_type),
                    int(row.offset),
                    int(row.size),
                    row.doc.decode(),
                )
            )
    return tuple(found)


def _tail_parts(structure: str) -> tuple[TailPart, ...]:
    found = []
    i: cython.int
    for i in range(part_row_count):
        row = cython.address(part_rows[i])
        if row.structure.decode() == structure:
            found.append(TailPart(row.name.decode(), row.length.decode(), int(row.mask), row.doc.decode()))
    return tuple(found)


def _load_record_types() -> dict[int, RecordType]:
    types = {}
    i: cython.int
    for i in range(record_row_count):
        row = cython.address(record_rows[i])
        structure = row.structure.decode()
        types[int(row.number)] = RecordType(
            int(row.number),
            row.name.decode(),
            row.doc.decode(),
            int(row.fixed_len),
            structure_fields(structure),
            _tail_parts(structure),
        )
    return types


def _fill_shapes(types: dict[int, RecordType]) -> None:
    for number, kind in types.items():
        shape = cython.address(shapes[cython.cast(cython.int, number)])
        shape.known = True
        shape.fixed_len = kind.fixed_len
        shape.part_count = len(kind.parts)
        offsets = {field.name: field for field in kind.fields}
        for i, part in enumerate(kind.parts):
            place = cython.address(shape.parts[cython.cast(cython.int, i)])
            place.offset = offsets[part.length_field].offset
            place.size = offsets[part.length_field].size
            place.mask = part.mask


RECORD_TYPES: dict[int, RecordType] = _load_record_types()
RECORD_NUMBERS: dict[str, int] = {kind.name: number for number, kind in RECORD_TYPES.items()}
SEGMENT_HEADER: tuple[Field, ...] = structure_fields("segment_header_t")
RECORD_HEADER: tuple[Field, ...] = structure_fields("record_header_t")
SEGMENT_MAGIC = b"ANKWAL\x1a\x01"

_fill_shapes(RECORD_TYPES)
segment_magic = int.from_bytes(SEGMENT_MAGIC, "little")


def constants() -> dict[str, int]:
    """The named numbers of the log's format."""
    return {
        "LOG_VERSION": LOG_VERSION,
        "RECORD_HEADER_SIZE": RECORD_HEADER_SIZE,
        "SEGMENT_HEADER_SIZE": SEGMENT_HEADER_SIZE,
        "RECORD_ALIGNMENT": RECORD_ALIGNMENT,
    }


def encode_fixed(number: int, fields: dict[str, int]) -> bytes:
    """Bytes of a record type's fixed part from its fields; a missing field is zero. KeyError for an unknown one."""
    kind = RECORD_TYPES[number]
    known = {field.name: field for field in kind.fields}
    fixed = bytearray(kind.fixed_len)
    for name, value in fields.items():
        field = known[name]
        signed = field.type.startswith("int")
        fixed[field.offset : field.offset + field.size] = value.to_bytes(field.size, "little", signed=signed)
    return bytes(fixed)


def decode_fields(fields: tuple[Field, ...], data: bytes) -> dict[str, int]:
    """Values of packed fields by name, from the bytes of their struct."""
    return {
        field.name: int.from_bytes(
            data[field.offset : field.offset + field.size], "little", signed=field.type.startswith("int")
        )
        for field in fields
    }
