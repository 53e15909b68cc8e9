"""EXPLAIN ANALYZE: what each node of a plan really did, measured where its rows are pulled.

The time of a node includes that of the nodes below it, which it pulls its rows from; a node that runs several times (the
inner side of lookups, a subquery) has the sums of all its runs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from time import perf_counter
from typing import Protocol, TypeVar

from engine.sql.plan import Plan

T = TypeVar("T")


class Counted(Protocol):
    """What knows its number of rows."""

    rows: int


B = TypeVar("B", bound=Counted)


@dataclass(slots=True)
class Measured:
    """One node: rows it gave, times it was run, seconds it took with what is below it, bytes it wrote to temporary files."""

    rows: int = 0
    loops: int = 0
    seconds: float = 0.0
    spilled: int = 0


class Profile:
    """The measurements of one execution, by node."""

    def __init__(self) -> None:
        self._nodes: dict[int, tuple[Plan, Measured]] = {}

    def begin(self) -> None:
        """Start anew."""
        for _, measured in self._nodes.values():
            measured.rows = measured.loops = measured.spilled = 0
            measured.seconds = 0.0

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
            started = perf_counter()
            rows = iter(run())
            measured.seconds += perf_counter() - started
            while True:
                started = perf_counter()
                try:
                    row = next(rows)
                except StopIteration:
                    return
                finally:
                    measured.seconds += perf_counter() - started
                measured.rows += 1
                yield row

        return watched

    def watch_batches(self, plan: Plan, run: Callable[[], Iterator[B]]) -> Callable[[], Iterator[B]]:
        """As `watch`, for a node of the column gear, which gives batches."""
        measured = self._nodes.setdefault(id(plan), (plan, Measured()))[1]

        def watched() -> Iterator[B]:
            measured.loops += 1
            started = perf_counter()
            batches = run()
            measured.seconds += perf_counter() - started
            while True:
                started = perf_counter()
                try:
                    batch = next(batches, None)
                finally:
                    measured.seconds += perf_counter() - started
                if batch is None:
                    return
                measured.rows += batch.rows
                yield batch

        return watched
