"""Models without the values of the database, to be shown to others: what is where, how large, in what order, but not what it says.

Bytes keep their length and become 78 ('x'); decoded rows keep their columns; texts that may quote a key become their kind. In the bytes of a page
whatever can be part of a key or value is covered: cells, fences, heads of keys in slots and hints, and what lies in free space, left over from older cells.
"""

from __future__ import annotations

from typing import Any

from engine.base.dataclass import fields, replace
from engine.inspect.page import (
    DATA,
    FENCE,
    FRAGMENTED,
    FREE,
    HINT,
    KEY,
    SLOT,
    UNKNOWN,
    VALUE,
    PageModel,
)  # fmt: skip

COVERED = frozenset((KEY, VALUE, FENCE, FREE, FRAGMENTED, DATA, UNKNOWN, HINT))
HEAD = 4
"""Bytes of a slot that are the head of its key."""
TEXTS = {"description": "(hidden)", "detail": "(hidden)", "error": "(hidden)", "statement": "(hidden)"}


def redacted(value: Any) -> Any:
    """A model, or a part of one, without values."""
    if isinstance(value, bytes):
        return b"x" * len(value)
    if isinstance(value, PageModel):
        return replace(_parts(value), data=_page(value), prefix=b"x" * len(value.prefix), hints=(0,) * len(value.hints))
    if hasattr(value, "__dataclass_fields__") and not isinstance(value, type):
        return _parts(value)
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        return value  # frames of the pool: no values in them
    if isinstance(value, (tuple, list)):
        return type(value)(redacted(inner) for inner in value)
    return value


def _parts(model: Any) -> Any:
    changes: dict[str, Any] = {}
    for field in fields(model):
        inner = getattr(model, field.name)
        if field.name.startswith("decoded") and isinstance(inner, dict):
            changes[field.name] = dict.fromkeys(inner, "(hidden)")
        elif field.name == "head":
            changes[field.name] = 0
        elif field.name in TEXTS and isinstance(inner, str):
            changes[field.name] = TEXTS[field.name]
        elif field.name == "parts" and isinstance(inner, dict):
            changes[field.name] = {name: redacted(data) for name, data in inner.items()}
        else:
            changes[field.name] = redacted(inner)
    return replace(model, **changes)


def _page(model: PageModel) -> bytes:
    """The bytes of a page with what can be keys or values covered."""
    data = bytearray(model.data)
    for region in model.regions:
        stop = region.offset + (HEAD if region.kind == SLOT else region.length)
        if region.kind in COVERED or region.kind == SLOT:
            data[region.offset : stop] = b"x" * (stop - region.offset)
    return bytes(data)
