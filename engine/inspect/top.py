"""What a database does per second: differences of its counters between two looks.

    look --counters--> [ before ] ... a while ... look --counters--> [ now ] --differences over the time between--> TopModel

A look copies counters and the thread table; no frame is visited but by `hottest`, which runs without the GIL. So a dashboard
that looks once a second costs nearly nothing.
"""

from __future__ import annotations

import time
from dataclasses import asdict
from typing import Any, Self

from engine.base.dataclass import dataclass
from engine.inspect import probe, probe_threads
from engine.inspect.latches import BUCKETS, HotPage, LatchModel, hot_page, latch_model
from engine.inspect.live_source import LiveSource
from engine.inspect.model import Model
from engine.inspect.owners import Owners
from engine.txn.stats import store_stats

HOTTEST = 8
COUNTED = (
    "page_reads", "page_writes", "evictions", "evictions_dirty", "version_copies", "latches_shared", "latches_exclusive",
    "latch_waits", "restarts", "log_bytes", "log_appends", "log_syncs", "log_groups", "checkpoints", "visits", "wait_ns",
)  # fmt: skip
OWNERS_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class TopModel(Model):
    """One look. at_us: when, microseconds since 1970; seconds: since the look before, 0.0 at the first. rates: per second, by
    counter. gauges: as of now. waits_us: waits for latches that ended since, by the power of two of their microseconds.
    groups: syncs of the log since, by the power of two of the commits that each served. latches: holders and waiters now.
    workload: what a workload says of itself, by name, per second."""

    at_us: int
    seconds: float
    rates: dict[str, float]
    gauges: dict[str, float]
    waits_us: dict[str, int]
    groups: dict[str, int]
    latches: tuple[LatchModel, ...]
    hottest: tuple[HotPage, ...]
    workload: dict[str, float]
    model: str = "top"
    version: int = 1

    @classmethod
    def from_json(cls, stored: dict[str, Any]) -> Self:
        """The model that `to_json` gave this. Raises ValueError where it is none of this version."""
        if stored.get("model") != "top" or stored.get("version") != 1:
            raise ValueError("this is no recording of .top, or one of another version")
        try:
            latches = tuple(LatchModel(**one) for one in stored["latches"])
            return cls(**{**stored, "latches": latches, "hottest": tuple(HotPage(**one) for one in stored["hottest"])})
        except (KeyError, TypeError) as error:
            raise ValueError(f"the recording cannot be read: {error}") from error


class Top:
    """Looks at one open database, again and again."""

    def __init__(self, source: LiveSource) -> None:
        self._source = source
        self._before: tuple[float, dict[str, float], list[int], tuple[int, ...]] | None = None
        self._owners: tuple[float, Owners] | None = None

    def look(self, workload: dict[str, float] | None = None) -> TopModel:
        """How things stand, and what has happened since the last look."""
        store = self._source.store
        stats = asdict(store_stats(store))
        threads: list[dict[str, Any]] = probe_threads.threads()
        waits = [0] * BUCKETS
        for one in threads:
            for i, count in enumerate(one["wait_counts"]):
                waits[i % BUCKETS] += count
        counters = {name: float(stats[name]) for name in COUNTED if name in stats}
        counters["visits"] = float(sum(one["visits"] for one in threads))
        counters["wait_ns"] = float(sum(one["wait_ns"] for one in threads))
        log = store.log.stats() if store.log is not None else None
        groups = log.group_sizes if log is not None else ()
        now = time.perf_counter()
        before, self._before = self._before, (now, counters, waits, groups)
        seconds = now - before[0] if before is not None else 0.0
        return TopModel(
            at_us=time.time_ns() // 1000,
            seconds=round(seconds, 3),
            rates={name: round((counters[name] - before[1][name]) / seconds, 1) for name in counters} if before else {},
            gauges=self._gauges(stats),
            waits_us=_buckets(waits, before[2] if before else None, 10),
            groups=_buckets(groups, before[3] if before else None, 0),
            latches=self._latches(threads),
            hottest=self._hottest(),
            workload=workload or {},
        )

    def _gauges(self, stats: dict[str, Any]) -> dict[str, float]:
        store = self._source.store
        counters = probe.pool_counters(store)
        snapshots = probe.snapshots(store)
        return {
            "pages": stats["pages"],
            "frames": stats["pool_frames"],
            "changed_pages": int(counters["changed"]),
            "versions": stats["versions"],
            "snapshots": len(snapshots),
            "oldest_snapshot_ms": round((time.time_ns() // 1000 - snapshots[0][3]) / 1000, 1) if snapshots else 0.0,
            "log_since_checkpoint": max(stats["log_bytes"] - stats["redo_lsn"], 0),
            "checkpoint_bytes": int(store.options.checkpoint_bytes),
            "slots_used": stats["slots_used"],
            "slots": stats["slots"],
            "published_lsn": stats["published_lsn"],
        }

    def _latches(self, threads: list[dict[str, Any]]) -> tuple[LatchModel, ...]:
        found = []
        for one in threads:
            name = f"thread {one['system_id']}"
            found += [latch_model(self._source, one, name, "holds", held) for held in one["held"]]
            if one["wait"] is not None:
                found.append(latch_model(self._source, one, name, "waits", one["wait"]))
        return tuple(found)

    def _hottest(self) -> tuple[HotPage, ...]:
        now = time.perf_counter()
        if self._owners is None or now - self._owners[0] > OWNERS_SECONDS:
            self._owners = (now, self._source.owners())
        found = []
        for page, waits, restarts, visits, raw in probe.hottest(self._source.store, HOTTEST):
            found.append(hot_page(self._owners[1], page, waits, restarts, visits, raw))
        return tuple(found)


def _buckets(now: Any, before: Any, shift: int) -> dict[str, int]:
    """What was added to a histogram of powers of two; buckets below 2 ** shift are one."""
    found: dict[str, int] = {}
    for i, count in enumerate(now):
        added = count - (before[i] if before is not None else 0)
        if added:
            name = str(1 << max(i - shift, 0))
            found[name] = found.get(name, 0) + added
    return found
