"""EXPLAIN ANALYZE: what each node of a plan really did, measured where its rows are pulled.

The time of a node includes that of the nodes below it, which it pulls its rows from, and so do the pages it visits, reads and
latches; a node that runs several times (the inner side of lookups, a subquery) has the sums of all its runs. What is a node's own
is that less what its inputs have (engine.sql.explain). Counters are those of the thread that pulls, so others do not count.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from time import perf_counter
from typing import Protocol, TypeVar

from engine.base.counters import NAMES, thread_counters
from engine.base.dataclass import dataclass
from engine.sql.plan import Plan

T = TypeVar("T")
NOTHING = (0,) * len(NAMES)


class Counted(Protocol):
    """What knows its number of rows."""

    rows: int


B = TypeVar("B", bound=Counted)


@dataclass(slots=True)
class Measured:
    """One node: rows it gave, times it was run, bytes it wrote to temporary files; seconds it took and what it did
    (thread_counters) with what is below it.
    """

    rows: int = 0
    loops: int = 0
    seconds: float = 0.0
    spilled: int = 0
    counters: tuple[int, ...] = NOTHING

    def add(self, started: float, before: tuple[int, ...]) -> None:
        """Something has ended that began at `started`, with these counters."""
        self.seconds += perf_counter() - started
        self.counters = tuple(
            total + new - old for total, new, old in zip(self.counters, thread_counters(), before, strict=True)
        )


class Span:
    """What is done from the making of this to `end`, as one run."""

    def __init__(self) -> None:
        self._began = perf_counter(), thread_counters()

    def end(self, rows: int = 0) -> Measured:
        """What was measured."""
        found = Measured(rows, 1)
        found.add(*self._began)
        return found


class Profile:
    """The measurements of one execution, by node."""

    def __init__(self) -> None:
        self._nodes: dict[int, tuple[Plan, Measured]] = {}

    def begin(self) -> None:
        """Start anew."""
        for _, measured in self._nodes.values():
            measured.rows = measured.loops = measured.spilled = 0
            measured.seconds = 0.0
            measured.counters = NOTHING

    def of(self, plan: Plan) -> Measured:
        """What was measured of a node; zeros where it was never run."""
        found = self._nodes.get(id(plan))
        return Measured() if found is None else found[1]

    def of_running(self, plan: Plan) -> Measured:
        """The measurements of a node, to be added to."""
        return self._nodes.setdefault(id(plan), (plan, Measured()))[1]

    def watch(self, plan: Plan, run: Callable[[], Iterable[T]]) -> Callable[[], Iterator[T]]:
        """The function that runs a node, measured."""
        measured = self._nodes.setdefault(id(plan), (plan, Measured()))[1]

        def watched() -> Iterator[T]:
            measured.loops += 1
            started, before = perf_counter(), thread_counters()
            rows = iter(run())
            measured.add(started, before)
            while True:
                started, before = perf_counter(), thread_counters()
                try:
                    row = next(rows)
                except StopIteration:
                    return
                finally:
                    measured.add(started, before)
                measured.rows += 1
                yield row

        return watched

    def watch_batches(self, plan: Plan, run: Callable[[], Iterator[B]]) -> Callable[[], Iterator[B]]:
        """As `watch`, for a node of the column gear, which gives batches."""
        measured = self._nodes.setdefault(id(plan), (plan, Measured()))[1]

        def watched() -> Iterator[B]:
            measured.loops += 1
            started, before = perf_counter(), thread_counters()
            batches = run()
            measured.add(started, before)
            while True:
                started, before = perf_counter(), thread_counters()
                try:
                    batch = next(batches, None)
                finally:
                    measured.add(started, before)
                if batch is None:
                    return
                measured.rows += batch.rows
                yield batch

        return watched
