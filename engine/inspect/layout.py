"""Struct layouts as pahole shows them: fields, holes, cache lines; from the compiler's own offsets."""

from __future__ import annotations

from collections.abc import Iterable

from engine.base.dataclass import dataclass
from engine.base.errors import ProgrammingError
from engine.inspect import probe_layout
from engine.inspect.model import Model
from engine.storage import layout
from engine.wal import records

CACHE_LINE = 64


@dataclass(frozen=True, slots=True)
class FieldModel(Model):
    """A field, or a hole (type "hole"): offset and size in bytes; line: the cache line it begins in."""

    structure: str
    name: str
    type: str
    offset: int
    size: int
    line: int
    doc: str


@dataclass(frozen=True, slots=True)
class StructModel(Model):
    """One struct. where: "page", "data file", "log" or "memory". holes: bytes that belong to no field."""

    name: str
    where: str
    size: int
    lines: int
    holes: int
    fields: tuple[FieldModel, ...]


@dataclass(frozen=True, slots=True)
class LayoutModel(Model):
    """One struct, or all."""

    structures: tuple[StructModel, ...]
    model: str = "layout"
    version: int = 1


def _struct(
    name: str, where: str, rows: Iterable[tuple[str, str, int, int, str]], whole: int | None = None
) -> StructModel:
    found: list[FieldModel] = []
    at = holes = 0
    for field, kind, offset, size, doc in sorted(rows, key=lambda row: row[2]):
        if offset > at:
            found.append(FieldModel(name, "", "hole", at, offset - at, at // CACHE_LINE, "padding"))
            holes += offset - at
        found.append(FieldModel(name, field, kind, offset, size, offset // CACHE_LINE, doc))
        at = max(at, offset + size)
    total = whole if whole is not None else at
    if total > at:
        found.append(FieldModel(name, "", "hole", at, total - at, at // CACHE_LINE, "padding"))
        holes += total - at
    return StructModel(name, where, total, -(-total // CACHE_LINE), holes, tuple(found))


def _structures() -> dict[str, StructModel]:
    found = {}
    for name in layout.structures():
        rows = [(f.name, f.type, f.offset, f.size, f.doc) for f in layout.fields(name)]
        found[name] = _struct(name, "data file" if name == "meta" else "page", rows)
    log = {"segment_header": records.SEGMENT_HEADER, "record_header": records.RECORD_HEADER}
    log |= {f"record_{kind.name.lower()}": kind.fields for kind in records.RECORD_TYPES.values()}
    for name, fields in log.items():
        if fields:
            found[name] = _struct(name, "log", [(f.name, f.type, f.offset, f.size, f.doc) for f in fields])
    for name, (size, rows) in probe_layout.memory_structures().items():
        found[name] = _struct(name, "memory", rows, size)
    return found


def layout_model(struct: str | None = None) -> LayoutModel:
    """The layout of one struct, or of all. Raises ProgrammingError for an unknown name."""
    known = _structures()
    if struct is None:
        return LayoutModel(tuple(known.values()))
    name = {"leaf": "page", "branch": "page"}.get(struct.lower(), struct.lower())
    if name not in known:
        raise ProgrammingError(f"no struct is called {struct}; there are {', '.join(known)}")
    return LayoutModel((known[name],))
