"""How long the parts of a statement took, and how far it has come: for whoever watches a session while it works.

    text --parse--> tree --plan (bind, optimise, compile)--> plan --execute--> rows
             |                  |                              |
             +------ Phases ----+                              +-- flag[2]: rows its scans have read   (rows_to_read: of how many)

A session without a watcher pays one look a statement. Where a statement was seen before there is nothing to parse or plan.
"""

from __future__ import annotations

from collections.abc import Callable
from time import perf_counter
from typing import TYPE_CHECKING, TypeVar

from engine.base.dataclass import dataclass
from engine.sql.plan import FullScan, Join, KeyAccess, Plan, Recurse, Rows, Scan, SystemScan, inputs

if TYPE_CHECKING:
    from engine.sql.shared import Shared

T = TypeVar("T")


@dataclass(slots=True)
class Phases:
    """Seconds, added up since `Session.time_phases` was called."""

    parse: float = 0.0
    plan: float = 0.0

    def parsing(self, work: Callable[[], T]) -> T:
        """What `work` gives, its time counted as parsing."""
        began = perf_counter()
        try:
            return work()
        finally:
            self.parse += perf_counter() - began

    def planning(self, work: Callable[[], T]) -> T:
        """What `work` gives, its time counted as planning, but for what is parsed in it."""
        began, parsed = perf_counter(), self.parse
        try:
            return work()
        finally:
            self.plan += perf_counter() - began - (self.parse - parsed)


def rows_to_read(plan: Plan, shared: Shared) -> float:
    """How many rows the scans of a plan read until it ends; 0 where only running it tells (lookups, recursion)."""
    if isinstance(plan, Scan):
        if isinstance(plan.access, FullScan):
            return shared.known_size(plan.table)
        return 1.0 if isinstance(plan.access, KeyAccess) and plan.access.unique else 0.0
    if isinstance(plan, Recurse) or (isinstance(plan, Join) and plan.method != "hash"):
        return 0.0
    below = [rows_to_read(node, shared) for node in inputs(plan)]
    return sum(below) if all(below) else float(isinstance(plan, (Rows, SystemScan)))


__all__ = ["Phases", "rows_to_read"]
