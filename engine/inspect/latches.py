"""Page latches: every holder and every waiter, what each thread has counted, and how long waits took.

The thread table is the process's: threads of other databases that are open in it are shown too, with their own page ids.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import Any

from engine.inspect import probe
from engine.inspect.decode import kind_of
from engine.inspect.live_source import LiveSource
from engine.inspect.model import Model

MODES = {"S": "shared", "X": "exclusive"}


@dataclass(frozen=True, slots=True)
class LatchModel(Model):
    """One thread that holds, or waits for, the latch of a page. age_us: how long already, microseconds."""

    thread: int
    name: str
    role: str
    mode: str
    page: int
    frame: int
    kind: str
    level: int
    age_us: float


@dataclass(frozen=True, slots=True)
class ThreadModel(Model):
    """Counts of one entry of the thread table: of its thread, and of those that had the entry before and have ended.

    system_id: as the operating system numbers the (last) thread; running: whether it still runs.
    """

    thread: int
    system_id: int
    name: str
    running: bool
    shared: int
    exclusive: int
    contended: int
    restarts: int
    wait_us: float


@dataclass(frozen=True, slots=True)
class WaitBucket(Model):
    """How many waits took from `from_ns` to just below twice that."""

    from_ns: int
    waits: int


@dataclass(frozen=True, slots=True)
class LatchesModel(Model):
    """Holders and waiters as of now, counters, and the histogram of waits that ended; its sum is `contended`."""

    latches: tuple[LatchModel, ...]
    threads: tuple[ThreadModel, ...]
    shared: int
    exclusive: int
    contended: int
    restarts: int
    waits: tuple[WaitBucket, ...]
    model: str = "latches"
    version: int = 1


def latches_model(source: LiveSource) -> LatchesModel:
    """Copies of the thread table's entries; nobody is stopped."""
    names = {thread.native_id: thread.name for thread in threading.enumerate()}
    latches: list[LatchModel] = []
    threads: list[ThreadModel] = []
    buckets = [0] * 40
    for entry in probe.threads():
        one: dict[str, Any] = entry
        name = names.get(one["system_id"], f"thread {one['system_id']}") if one["running"] else "(ended)"
        latches += [_latch(source, one["thread"], name, "holds", held) for held in one["held"]]
        if one["wait"] is not None:
            latches.append(_latch(source, one["thread"], name, "waits", one["wait"]))
        threads.append(
            ThreadModel(
                one["thread"], one["system_id"], name, one["running"], one["shared"], one["exclusive"], one["contended"],
                one["restarts"], round(one["wait_ns"] / 1000, 1),
            )
        )  # fmt: skip
        for i, count in enumerate(one["wait_counts"]):
            buckets[i % 40] += count
    return LatchesModel(
        tuple(latches),
        tuple(threads),
        sum(thread.shared for thread in threads),
        sum(thread.exclusive for thread in threads),
        sum(thread.contended for thread in threads),
        sum(thread.restarts for thread in threads),
        tuple(WaitBucket(1 << i, count) for i, count in enumerate(buckets) if count),
    )


def _latch(
    source: LiveSource, thread: int, name: str, role: str, held: tuple[str, int, int, int, int, int]
) -> LatchModel:
    mode, page, frame, kind, level, age_ns = held
    if page == 0 and role == "holds":  # a frame taken before it was given a page: it is being loaded now
        page = probe.frame_owner(source.store, frame)
    kind_name = kind_of({"kind": kind}) if kind else "not known yet"
    return LatchModel(thread, name, role, MODES.get(mode, mode), page, frame, kind_name, level, round(age_ns / 1000, 1))
