from dataclasses import dataclass

@dataclass(frozen=True, slots=True)
class Field:
    structure: str
    name: str
    type: str
    offset: int
    size: int
    doc: str

@dataclass(frozen=True, slots=True)
class TailPart:
    name: str
    length_field: str
    mask: int
    doc: str

@dataclass(frozen=True, slots=True)
class RecordType:
    number: int
    name: str
    doc: str
    fixed_len: int
    fields: tuple[Field, ...]
    parts: tuple[TailPart, ...]

RECORD_TYPES: dict[int, RecordType]
RECORD_NUMBERS: dict[str, int]
SEGMENT_HEADER: tuple[Field, ...]
RECORD_HEADER: tuple[Field, ...]
SEGMENT_MAGIC: bytes

def structure_fields(structure: str) -> tuple[Field, ...]: ...
def constants() -> dict[str, int]: ...
def encode_fixed(number: int, fields: dict[str, int]) -> bytes: ...
def decode_fields(fields: tuple[Field, ...], data: bytes) -> dict[str, int]: ...
