"""EXPLAIN [ANALYZE]: the plan as a tree; rows, time, and what each node did by itself and with what is below it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from rich.console import RenderableType
from rich.text import Text

from anokuro_cli.render.inspect_parts import Bar, parts, safe, table
from anokuro_cli.render.inspections import renders
from engine.inspect.explain import ExplainModel, ExplainNode, Work

# column: heading, counter
COUNTERS = (
    ("pages", "pages"), ("read", "reads"), ("dirtied", "dirtied"), ("S", "latches_shared"), ("X", "latches_exclusive"),
    ("waits", "waits"), ("records", "log_records"), ("log bytes", "log_bytes"), ("probes", "probes"),
)  # fmt: skip
LEGEND = "pages visited; S, X: latches; records: of the log; probes: searches in the memtable. 2/7: 2 by itself, 7 with what is below"


@renders(ExplainModel)
def explain(model: ExplainModel) -> RenderableType:
    if model.total is None:
        columns = (("operation", False), ("rows", True), ("gear", False), ("detail", False))
        rows = [(_name(node), f"{node.rows:,}", node.gear, safe(node.detail)) for node in model.nodes]
        return parts(table(columns, rows, stretch=3, wrap=True))
    return parts(_times(model, model.total), *_work(model, model.total))


def _name(node: ExplainNode) -> Text:
    return Text("  " * node.depth) + safe(node.operation, "bold" if node.gear else "dim")


def _times(model: ExplainModel, total: Work) -> RenderableType:
    columns = (
        ("operation", False), ("expected", True), ("rows", True), ("runs", True), ("ms", True), ("", False), ("gear", False),
        ("detail", False),
    )  # fmt: skip
    rows: list[tuple[Any, ...]] = []
    for node in model.nodes:
        own = node.own.ms if node.own is not None else 0.0
        counts = (f"{node.rows:,}", f"{node.actual_rows:,}", f"{node.loops:,}") if node.gear else ("", "", "")
        bar = Bar(own / total.ms if total.ms else 0, 8, "yellow")
        rows.append((_name(node), *counts, f"{own:,.3f}", bar, node.gear, safe(node.detail)))
    rows.append((Text("together", style="dim"), "", "", "", f"{total.ms:,.3f}", "", "", ""))
    return table(columns, rows, stretch=7, wrap=True)


def _work(model: ExplainModel, total: Work) -> Iterator[RenderableType]:
    """The counters that are not 0 everywhere."""
    used = [(name, counter) for name, counter in COUNTERS if getattr(total, counter)]
    if not used:
        return
    rows = [
        (_name(node), *(_shares(getattr(node.own, counter), getattr(node.whole, counter)) for _, counter in used))
        for node in model.nodes
    ]
    rows.append((Text("together", style="dim"), *(Text(f"{getattr(total, counter):,}") for _, counter in used)))
    yield Text("")
    yield table((("operation", False), *((name, True) for name, _ in used)), rows, stretch=0)
    if total.wait_ns:
        yield Text(f"{total.wait_ns / 1e6:,.3f} ms of it were waits for latches", style="dim")
    yield Text("")
    yield Text(LEGEND, style="dim")


def _shares(own: int, whole: int) -> Text:
    if not whole:
        return Text("")
    return Text(f"{own:,}") if own == whole else Text(f"{own:,}") + Text(f"/{whole:,}", style="dim")
