"""Who waits for whom: the graph of page latches and commit sections now, its cycles, and what engine.pool.order has noted of latches
out of order.

    waits for the commit section       waits for page 7        A thread waits, for a page latch or the commit section, only while it
    thread 9 ----------------> thread 3 ----------> thread 5   holds no latch, so a way ends with whoever holds a latch. Where it goes
                                                               on, that is an error of the engine's, and a cycle stands for ever.

The graph is made of copies of the thread table's entries, taken one after the other: an edge may be over when it is shown. A cycle is
named only if a second look finds the same waits, grown older: threads that wait for each other stay, what only seemed so is gone.
What was noted by the threads themselves (orders) is exact.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from engine.base.dataclass import dataclass, replace
from engine.inspect import probe, probe_threads
from engine.inspect.decode import kind_of
from engine.inspect.live_source import LiveSource
from engine.inspect.model import Model

MODES = {"S": "shared", "X": "exclusive", "P": "pin"}
SECTION = "commit section"
KIND_SECTION = 255


@dataclass(frozen=True, slots=True)
class WaitEdge(Model):
    """A thread waits for the latch of a page, or the commit section, that another one holds. since_us: how long already, microseconds.

    page, kind, owner, level: of the page, 0 and "commit section" for that; owner: table, index or tree, "" where that cannot be told. cycle: number of the cycle the edge
    belongs to, None of none.
    """

    waiter: int
    waiter_name: str
    wanted: str
    page: int
    kind: str
    owner: str
    level: int
    holder: int
    holder_name: str
    held: str
    since_us: float
    cycle: int | None = None


@dataclass(frozen=True, slots=True)
class OrderMember(Model):
    """A thread that went to sleep for `wanted_page` while it held `held_page`."""

    thread: int
    name: str
    held: str
    held_page: int
    held_kind: str
    held_owner: str
    wanted: str
    wanted_page: int
    wanted_kind: str
    wanted_owner: str


@dataclass(frozen=True, slots=True)
class OrderModel(Model):
    """One finding: a thread out of order, or, with `cycle`, all threads of a cycle, each waiting for the page the next one holds."""

    age_ms: float
    cycle: bool
    members: tuple[OrderMember, ...]


@dataclass(frozen=True, slots=True)
class Orders(Model):
    """How often a thread has waited for a page latch while it held another, how often that closed a cycle, and the newest findings."""

    inversions: int
    cycles: int
    newest: tuple[OrderModel, ...]


class Namer:
    """Kinds and owners of pages in the pool of one database; latches of others' pages are known by number alone."""

    def __init__(self, source: LiveSource) -> None:
        self.source = source
        self._owners: Any = None

    def of(self, held: probe_threads.Held) -> tuple[int, str, str, int]:
        """(page, kind, owner, level) of a latch that is held or waited for."""
        _, page, frame, kind, level, _, place = held
        if kind == KIND_SECTION:
            return 0, SECTION, "", 0
        name = kind_of({"kind": kind}) if kind else "not known yet"
        if probe.frame_place(self.source.store, frame) != place:
            return page, name, "", level
        page = page or probe.frame_owner(self.source.store, frame)
        says = probe.frame_says(self.source.store, frame, page) if page else None
        if says is None or not says[0]:
            return page, name, "", level
        if self._owners is None:
            self._owners = self.source.owners()
        owner = self._owners.of(says[1])
        return page, kind_of({"kind": says[0]}), "" if owner.kind == "unknown" else str(owner), says[2]


def wait_graph(
    namer: Namer, entries: list[dict[str, Any]], name: Callable[[int], str], again: Callable[[], list[dict[str, Any]]]
) -> tuple[WaitEdge, ...]:
    """The graph of these entries of the thread table. Its cycles are numbered from 1 on, if they last: `again` copies the table once more."""
    edges = edges_of(namer, entries, name)
    if all(edge.cycle is None for edge in edges):
        return edges
    later = {_what(edge): edge.since_us for edge in edges_of(namer, again(), name)}
    lasting = [edge for edge in edges if later.get(_what(edge), -1.0) >= edge.since_us]
    numbers = {_what(edge): edge.cycle for edge in _numbered(lasting)}
    return tuple(replace(edge, cycle=numbers.get(_what(edge))) for edge in edges)


def _what(edge: WaitEdge) -> tuple[int, int, str, int]:
    return edge.waiter, edge.holder, edge.kind, edge.page


def edges_of(namer: Namer, threads: Iterable[dict[str, Any]], name: Callable[[int], str]) -> tuple[WaitEdge, ...]:
    """The graph of these entries of the thread table, everything that looks like a cycle numbered."""
    entries = list(threads)
    found = []
    for one in entries:
        wait = one["wait"] or (None if one["in_section"] else one["section"])
        if wait is None:
            continue
        for other in entries:
            for held in (*other["held"], *([other["section"]] if other["in_section"] and other["section"] else [])):
                if (held[2], held[6]) == (wait[2], wait[6]) and "X" in (held[0], wait[0]):
                    page, kind, owner, level = namer.of(wait)
                    found.append(
                        WaitEdge(
                            one["thread"], name(one["system_id"]), MODES.get(wait[0], wait[0]), page, kind, owner, level,
                            other["thread"], name(other["system_id"]), MODES.get(held[0], held[0]), round(wait[5] / 1000, 1),
                        )
                    )  # fmt: skip
    return _numbered(found)


def _numbered(edges: list[WaitEdge]) -> tuple[WaitEdge, ...]:
    """The edges, with the numbers of their cycles."""
    next_of: dict[int, set[int]] = {}
    for edge in edges:
        next_of.setdefault(edge.waiter, set()).add(edge.holder)
    reached = {thread: _reached(next_of, thread) for thread in next_of}
    cycles: dict[frozenset[int], int] = {}
    found = []
    for edge in edges:
        number = None
        if edge.waiter in reached.get(edge.holder, {edge.holder}):
            around = frozenset(t for t in reached[edge.waiter] if edge.waiter in reached.get(t, ()))
            number = cycles.setdefault(around, len(cycles) + 1)
        found.append(replace(edge, cycle=number))
    return tuple(found)


def _reached(next_of: dict[int, set[int]], start: int) -> set[int]:
    """Every thread that is waited for from here on, over any number of steps."""
    found: set[int] = set()
    todo = list(next_of.get(start, ()))
    while todo:
        thread = todo.pop()
        if thread not in found:
            found.add(thread)
            todo += next_of.get(thread, ())
    return found


def orders_of(namer: Namer, name: Callable[[int], str]) -> Orders:
    """What the threads themselves have noted."""
    inversions, cycles, reports = probe_threads.latch_orders()
    newest = []
    for age_ns, cycle, members in reports:
        made = []
        for thread, system_id, held, wanted in members:
            held_page, held_kind, held_owner, _ = namer.of(held)
            page, kind, owner, _ = namer.of(wanted)
            made.append(
                OrderMember(
                    thread, name(system_id), MODES.get(held[0], held[0]), held_page, held_kind, held_owner,
                    MODES.get(wanted[0], wanted[0]), page, kind, owner,
                )
            )  # fmt: skip
        newest.append(OrderModel(round(age_ns / 1e6, 3), cycle, tuple(made)))
    return Orders(inversions, cycles, tuple(newest))
