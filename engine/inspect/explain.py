"""EXPLAIN [ANALYZE] as a model: the plan's nodes, and what each did by itself and with what is below it.

The model is made of the rows that the statement gives (engine.sql.explain), so rows, JSON and picture say the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from engine.base.counters import NAMES
from engine.base.dataclass import dataclass
from engine.inspect.model import Model

INDENT = 2


@dataclass(frozen=True, slots=True)
class Work(Model):
    """What was done: time in milliseconds, and the counters of engine.base.counters."""

    ms: float
    pages: int
    reads: int
    dirtied: int
    latches_shared: int
    latches_exclusive: int
    waits: int
    wait_ns: int
    log_records: int
    log_bytes: int
    probes: int


@dataclass(frozen=True, slots=True)
class ExplainNode(Model):
    """A node of a plan; after the plan, where it was run: planning, and the commit of a change.

    depth: 0 for a root; rows: expected; gear: "row", "column", "" of what is no node of the plan. Where it was run: actual_rows, loops:
    how often; whole: with what is below it; own: without.
    """

    depth: int
    operation: str
    detail: str
    rows: int
    gear: str
    actual_rows: int | None = None
    loops: int | None = None
    whole: Work | None = None
    own: Work | None = None


@dataclass(frozen=True, slots=True)
class ExplainModel(Model):
    """A statement's plan. total: what was done altogether, if it was run; its counts are the sums of all `own`."""

    nodes: tuple[ExplainNode, ...]
    total: Work | None
    model: str = "explain"
    version: int = 1


def explain_model(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> ExplainModel:
    """The model of an EXPLAIN statement's rows."""
    nodes = tuple(_node(dict(zip(columns, row, strict=True))) for row in rows)
    own = [node.own for node in nodes if node.own is not None]
    total = None
    if own:
        milliseconds = round(sum(one.ms for one in own), 3)
        total = Work(milliseconds, *(sum(getattr(one, name) for one in own) for name in NAMES))
    return ExplainModel(nodes, total)


def _node(row: dict[str, Any]) -> ExplainNode:
    operation = row["operation"].lstrip(" ")
    depth = (len(row["operation"]) - len(operation)) // INDENT
    node = (depth, operation, row["detail"], row["rows"], row["gear"])
    if "ms" not in row:
        return ExplainNode(*node)
    whole = Work(row["ms"], *(row[name] for name in NAMES))
    own = Work(row["own_ms"], *(row["own_" + name] for name in NAMES))
    return ExplainNode(*node, row["actual_rows"], row["loops"], whole, own)
