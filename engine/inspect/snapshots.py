"""Snapshots and the older page versions that they keep."""

from __future__ import annotations

import time

from engine.base.dataclass import dataclass
from engine.inspect import probe
from engine.inspect.live_source import LiveSource
from engine.inspect.model import Model


@dataclass(frozen=True, slots=True)
class KeptVersion(Model):
    """An older version of a page: in a frame, in a slot, or both (None: not there)."""

    page: int
    lsn: int
    frame: int | None
    slot: int | None


@dataclass(frozen=True, slots=True)
class SnapshotModel(Model):
    """A live snapshot, shared by `readers`. kept: how many versions it keeps; the first of them are in `versions`."""

    lsn: int
    readers: int
    kept: int
    since_us: int
    age_ms: float
    versions: tuple[KeptVersion, ...]


@dataclass(frozen=True, slots=True)
class SnapshotsModel(Model):
    """All live snapshots, oldest first, beside the last published commit."""

    published_lsn: int
    writers: int
    snapshots: tuple[SnapshotModel, ...]
    model: str = "snapshots"
    version: int = 1


def snapshots_model(source: LiveSource) -> SnapshotsModel:
    """The snapshots as of now; writers: open transactions that may write."""
    now = time.time_ns() // 1000
    found = tuple(
        SnapshotModel(
            lsn,
            readers,
            kept,
            since,
            round(max(now - since, 0) / 1000, 1),
            tuple(KeptVersion(p, at, f if f >= 0 else None, s or None) for p, at, f, s in versions),
        )
        for lsn, readers, kept, since, versions in probe.snapshots(source.store)
    )
    return SnapshotsModel(source.store.published_lsn, source.store.active_writers, found)
