"""What a check has found, as a model: findings of the files alone (damage.py) and of an open database (Database.check) in one shape."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from engine.base.dataclass import dataclass
from engine.inspect.model import Model


@dataclass(frozen=True, slots=True)
class FindingModel(Model):
    """One thing that is wrong. page, offset (bytes in `file`): where, None: not at one place. means: what it means, where that is known."""

    finding: str
    file: str | None
    page: int | None
    offset: int | None
    means: str | None


@dataclass(frozen=True, slots=True)
class CheckModel(Model):
    """All that is wrong; sound: nothing is. opening: why the database could not be opened, None: it could, and was checked as a whole."""

    path: str
    sound: bool
    findings: tuple[FindingModel, ...]
    opening: str | None = None
    model: str = "check"
    version: int = 1


def check_model(path: str, found: Iterable[Any], opening: str | None = None) -> CheckModel:
    """The model of these findings: engine.inspect.damage.Damage and engine.btree.check.Finding."""
    findings = tuple(
        FindingModel(one.what, one.file, one.page, one.offset, getattr(one, "means", None)) for one in found
    )
    return CheckModel(path, not findings and opening is None, findings, opening)
