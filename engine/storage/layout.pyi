from dataclasses import dataclass

MAGIC: bytes
PAGE_KINDS: dict[int, str]

@dataclass(frozen=True, slots=True)
class Field:
    structure: str
    name: str
    type: str
    offset: int
    size: int
    doc: str

def fields(structure: str) -> list[Field]: ...
def structures() -> list[str]: ...
def constants() -> dict[str, int]: ...
