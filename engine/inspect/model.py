"""What all models have in common: frozen data, one generic way to JSON, rows for the sys tables.

JSON shape, version 1. A model is an object whose members are the dataclass's fields, in order; nested models, and named tuples, likewise.
`model` names the kind of inspection and `version` counts incompatible changes of that kind's shape; further members may
be added without a new version. Bytes are hexadecimal digits, dates ISO 8601 texts, NaN and the infinities texts; LSNs,
page ids and sizes are plain integers (an LSN may exceed 2**53: readers that take numbers for doubles must not).
"""

from __future__ import annotations

import datetime
import math
from typing import Any


class Model:
    """Base of the models: frozen dataclasses that hold data only."""

    __slots__ = ()

    def to_json(self) -> dict[str, Any]:
        """The model as objects that the json module can write."""
        found = to_json(self)
        assert isinstance(found, dict)
        return found


def to_json(value: Any) -> Any:
    """A value inside a model as JSON has it; see the module."""
    from dataclasses import fields, is_dataclass  # 10 ms to import, and only JSON wants it

    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: to_json(getattr(value, field.name)) for field in fields(value)}
    if value is None or isinstance(value, (bool, int, str)):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    if isinstance(value, (bytes, bytearray)):
        return value.hex()
    if isinstance(value, dict):
        return {str(key): to_json(inner) for key, inner in value.items()}
    if isinstance(value, tuple) and hasattr(value, "_asdict"):
        return {name: to_json(inner) for name, inner in value._asdict().items()}
    if isinstance(value, (list, tuple)):
        return [to_json(inner) for inner in value]
    if isinstance(value, (datetime.date, datetime.datetime)):
        return value.isoformat()
    raise TypeError(f"no model holds a {type(value).__name__}")
