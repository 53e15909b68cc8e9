"""The buffer pool: frames, the clock hand, counters, and who would be evicted next."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from engine.base.counters import OPERATIONS
from engine.base.dataclass import dataclass
from engine.inspect import probe, probe_threads
from engine.inspect.live_source import LiveSource
from engine.inspect.model import Model
from engine.storage.layout import PAGE_KINDS
from engine.txn.stats import io_stats

VICTIMS = 8
REASONS = ("its usage count had run down to 0", "an old version that nobody can see", "a scan uses its own frame again")
KINDS = [PAGE_KINDS.get(kind, "unknown") for kind in range(max(PAGE_KINDS) + 2)]


class Buffer(NamedTuple):
    """One frame that holds a page (pg_buffercache's columns, with ours). version: "newest" or "older".

    A named tuple, for there are tens of thousands of them: making one takes a tenth of the time of a frozen dataclass.

    Since the page is in this frame: waits for its latch, restarts of optimistic readers, visits (of which one in 64 is
    counted, so it is a multiple of that and about right where it is large).
    """

    frame: int
    page: int
    kind: str
    tree: int
    owner: str
    level: int
    version: str
    dirty: bool
    garbage: bool
    usage: int
    pins: int
    shared: int
    exclusive: bool
    waiters: bool
    loads: int
    waits: int
    restarts: int
    visits: int
    lsn: int


@dataclass(frozen=True, slots=True)
class Eviction(Model):
    """A page that left its frame. reason: one of REASONS; written: it was dirty, and written by who wanted the frame; looked_at:
    frames the clock hand passed for it; operation: what wanted the frame.
    """

    age_ms: float
    page: int
    kind: str
    level: int
    frame: int
    reason: str
    written: bool
    looked_at: int
    operation: str


@dataclass(frozen=True, slots=True)
class PoolModel(Model):
    """The pool. hand: the frame that the clock sweep looks at next. usage: how many frames have usage count 0, 1, 2, 3.

    hit_rate: None before anything was asked for; a page asked for is one visited, by any database of the process.
    victims: frames that would be evicted next if nothing else happened; none while there are free frames. evictions: the last
    64, newest first.
    io: "uring", "threads" or "sync": how pages are read and written together.
    """

    frames: int
    used: int
    dirty: int
    pinned: int
    older_versions: int
    page_size: int
    hand: int
    usage: tuple[int, ...]
    hit_rate: float | None
    io: str
    counters: dict[str, int]
    victims: tuple[int, ...]
    evictions: tuple[Eviction, ...]
    buffers: tuple[Buffer, ...]
    model: str = "pool"
    version: int = 1


def pool_model(source: LiveSource) -> PoolModel:
    """The pool as it is now; frames are copied one by one, none is stopped."""
    owners = source.owners()
    counters = probe.pool_counters(source.store)
    buffers = list(map(Buffer._make, probe.frames(source.store, KINDS, lambda tree: str(owners.of(tree)))))
    usage_counts = tuple(sum(buffer.usage == n for buffer in buffers) for n in range(4))
    free = counters["frames"] - len(buffers)
    return PoolModel(
        frames=counters["frames"],
        used=len(buffers),
        dirty=sum(buffer.dirty for buffer in buffers),
        pinned=sum(buffer.pins > 0 for buffer in buffers),
        older_versions=sum(buffer.version == "older" for buffer in buffers),
        page_size=counters["page_size"],
        hand=counters["hand"],
        usage=usage_counts,
        hit_rate=hit_rate(counters["reads"]),
        io=str(io_stats(source.store)["io"]),
        counters={name: int(value) for name, value in counters.items()},
        victims=() if free > 0 else _victims(buffers, counters["hand"], counters["frames"]),
        evictions=tuple(_evictions(source)),
        buffers=tuple(buffers),
    )


def _evictions(source: LiveSource) -> Iterator[Eviction]:
    for age, page, frame, kind, level, reason, written, looked_at, operation in probe.evictions(source.store):
        name = KINDS[kind] if 0 < kind < len(KINDS) else "unknown"
        yield Eviction(
            round(age / 1e6, 3), page, name, level, frame, REASONS[reason], written, looked_at, OPERATIONS[operation]
        )


def hit_rate(reads: int) -> float | None:
    """The share of page visits that found the page in the pool, when `reads` pages were read; None before the first visit. Cheap: nothing is looked at but counters."""
    asked = 0
    for thread in probe_threads.threads():
        asked += int(str(thread["visits"]))
    return round(max(0.0, 1 - reads / asked), 6) if asked else None


def _victims(buffers: list[Buffer], hand: int, frames: int) -> tuple[int, ...]:
    """Play the clock sweep (engine.pool.pool.frame_take) on a copy of the usage counts."""
    by_frame = {buffer.frame: buffer for buffer in buffers}
    usage = {buffer.frame: buffer.usage for buffer in buffers}
    found: list[int] = []
    for step in range(frames * 4):
        frame = (hand + step) % frames
        buffer = by_frame.get(frame)
        if buffer is None or frame in found:
            continue
        if usage[frame] > 0 and not buffer.garbage:
            usage[frame] -= 1
        elif not (buffer.pins or buffer.shared or buffer.exclusive):
            found.append(frame)
            if len(found) == VICTIMS:
                break
    return tuple(found)
