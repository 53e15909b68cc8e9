"""Page latches: every holder and every waiter, what each thread has counted, and how long waits took.

The thread table is the process's: threads of other databases that are open in it are shown too, with their own page ids.
"""

from __future__ import annotations

import threading
from typing import Any

from engine.base.counters import OPERATIONS
from engine.base.dataclass import dataclass
from engine.inspect import probe, probe_threads
from engine.inspect.decode import header_of, kind_of
from engine.inspect.live_source import LiveSource
from engine.inspect.model import Model
from engine.inspect.owners import Owners
from engine.inspect.wait_graph import MODES, Namer, Orders, WaitEdge, orders_of, wait_graph

BUCKETS = 40
HOTTEST = 10


@dataclass(frozen=True, slots=True)
class LatchModel(Model):
    """One thread that holds, or waits for, the latch of a page, and for what operation. age_us: how long already, microseconds."""

    thread: int
    name: str
    role: str
    mode: str
    page: int
    frame: int
    kind: str
    level: int
    age_us: float
    operation: str


@dataclass(frozen=True, slots=True)
class ThreadModel(Model):
    """Counts of one entry of the thread table: of its thread, and of those that had the entry before and have ended.

    system_id: as the operating system numbers the (last) thread; running: whether it still runs. section: "holds" or "waits"
    while it is in a commit section or waits for it, else ""; section_us: for how long it waits, or a large transaction holds it (how long
    others do is not measured: microseconds).
    """

    thread: int
    system_id: int
    name: str
    running: bool
    shared: int
    exclusive: int
    contended: int
    restarts: int
    visits: int
    wait_us: float
    section: str
    section_us: float


@dataclass(frozen=True, slots=True)
class WaitBucket(Model):
    """How many waits for pages of a kind took from `from_ns` to just below twice that."""

    kind: str
    from_ns: int
    waits: int


@dataclass(frozen=True, slots=True)
class HotPage(Model):
    """A page in the pool that is waited for, or visited, more than others. The counts are those of pool.Buffer."""

    page: int
    kind: str
    owner: str
    level: int
    waits: int
    restarts: int
    visits: int


@dataclass(frozen=True, slots=True)
class LatchesModel(Model):
    """Holders and waiters as of now, counters, and the histogram of waits that ended; its sum is `contended`.

    graph: who waits for whom, the commit section included; orders: latches that were taken out of order since the process began. hottest: pages of this database, most waits and restarts first, then most visits; the threads are the process's.
    """

    latches: tuple[LatchModel, ...]
    threads: tuple[ThreadModel, ...]
    shared: int
    exclusive: int
    contended: int
    restarts: int
    waits: tuple[WaitBucket, ...]
    hottest: tuple[HotPage, ...]
    graph: tuple[WaitEdge, ...]
    orders: Orders
    model: str = "latches"
    version: int = 1


def latches_model(source: LiveSource) -> LatchesModel:
    """Copies of the thread table's entries; nobody is stopped."""
    names = {thread.native_id: thread.name for thread in threading.enumerate()}
    latches: list[LatchModel] = []
    threads: list[ThreadModel] = []
    buckets: dict[tuple[int, int], int] = {}
    entries: list[dict[str, Any]] = probe_threads.threads()
    for one in entries:
        name = names.get(one["system_id"], f"thread {one['system_id']}") if one["running"] else "(ended)"
        latches += [latch_model(source, one, name, "holds", held) for held in one["held"]]
        if one["wait"] is not None:
            latches.append(latch_model(source, one, name, "waits", one["wait"]))
        threads.append(
            ThreadModel(
                one["thread"], one["system_id"], name, one["running"], one["shared"], one["exclusive"], one["contended"],
                one["restarts"], one["visits"], round(one["wait_ns"] / 1000, 1), *section_of(one),
            )
        )  # fmt: skip
        for i, count in enumerate(one["wait_counts"]):
            if count:
                place = (i // BUCKETS, i % BUCKETS)
                buckets[place] = buckets.get(place, 0) + count
    namer = Namer(source)

    def name_of(system_id: int) -> str:
        return names.get(system_id, f"thread {system_id}")

    return LatchesModel(
        tuple(latches),
        tuple(threads),
        sum(thread.shared for thread in threads),
        sum(thread.exclusive for thread in threads),
        sum(thread.contended for thread in threads),
        sum(thread.restarts for thread in threads),
        tuple(WaitBucket(_kind_name(kind), 1 << i, count) for (kind, i), count in sorted(buckets.items())),
        _hottest(source),
        wait_graph(namer, entries, name_of, probe_threads.threads),
        orders_of(namer, name_of),
    )


def section_of(entry: dict[str, Any]) -> tuple[str, float]:
    """Whether a thread is in a commit section or waits for it, and for how many microseconds, if that is known."""
    section = entry["section"]
    if section is None:
        return "", 0.0
    return ("holds" if entry["in_section"] else "waits"), round(section[5] / 1000, 1)


def _hottest(source: LiveSource) -> tuple[HotPage, ...]:
    found = []
    owners = source.owners()
    for page, waits, restarts, visits, raw in probe.hottest(source.store, HOTTEST):
        found.append(hot_page(owners, page, waits, restarts, visits, raw))
    return tuple(found)


def hot_page(owners: Owners, page: int, waits: int, restarts: int, visits: int, raw: bytes) -> HotPage:
    """What `probe.hottest` tells of one page. Whose it is is not known before it has been read in."""
    header = header_of(raw)
    owner = str(owners.of(header["tree_id"])) if header["kind"] else ""
    return HotPage(page, _kind_name(header["kind"]), owner, header["level"], waits, restarts, visits)


def _kind_name(kind: int) -> str:
    return kind_of({"kind": kind}) if kind else "not known yet"


def latch_model(
    source: LiveSource, entry: dict[str, Any], name: str, role: str, held: probe_threads.Held
) -> LatchModel:
    """An entry of the thread table: a latch that is held or waited for."""
    mode, page, frame, kind, level, age_ns, _ = held
    if page == 0 and role == "holds":  # a frame taken before it was given a page: it is being loaded now
        page = probe.frame_owner(source.store, frame)
    return LatchModel(
        entry["thread"], name, role, MODES.get(mode, mode), page, frame, _kind_name(kind), level, round(age_ns / 1000, 1),
        OPERATIONS[entry["operation"]],
    )  # fmt: skip
