"""Latches: holders and waiters, counters of the threads, the histogram of waits."""

from __future__ import annotations

from rich.console import RenderableType
from rich.text import Text

from anokuro_cli.render.inspect_parts import Bar, heading, kind_text, parts, safe, styled, table
from anokuro_cli.render.inspections import renders
from anokuro_cli.text import neutralise, plural
from engine.inspect.latches import LatchesModel, ThreadModel
from engine.inspect.wait_graph import SECTION, OrderModel

ORDERS = 5
"""Findings of latches out of order that are shown."""


@renders(LatchesModel)
def render(model: LatchesModel) -> RenderableType:
    title = styled(f"{model.shared:,} shared and {model.exclusive:,} exclusive latches taken", "bold")
    title += Text(f"  {model.contended:,} waits, {model.restarts:,} restarts")
    found: list[RenderableType] = [title, Text("")]
    if model.latches:
        rows = [
            (
                safe(one.name), Text(one.role, style="red" if one.role == "waits" else "green"), one.mode, one.page,
                kind_text(one.kind), one.level, one.operation, f"{one.age_us:,.1f}",
            )
            for one in sorted(model.latches, key=lambda one: (one.page, one.role, -one.age_us))
        ]  # fmt: skip
        columns = (
            ("thread", False), ("", False), ("mode", False), ("page", True), ("kind", False), ("level", True), ("doing", False), ("since us", True),
        )  # fmt: skip
        found.append(table(columns, rows, stretch=0))
    else:
        found.append(Text("no thread holds or waits for a page latch at this moment", style="dim"))
    found += _graph(model)
    of_threads = (
        ("thread", False),
        ("shared", True),
        ("exclusive", True),
        ("waits", True),
        ("restarts", True),
        ("waited us", True),
        ("commit section", False),
    )
    counts = (
        (safe(t.name), f"{t.shared:,}", f"{t.exclusive:,}", t.contended, t.restarts, f"{t.wait_us:,.1f}", _section(t))
        for t in model.threads
    )
    found += [Text(""), table(of_threads, counts, stretch=0)]
    if model.waits:
        most = max(bucket.waits for bucket in model.waits)
        rows_of_waits = (
            (kind_text(b.kind), _duration(b.from_ns), f"{b.waits:,}", Bar(b.waits / most, 30, "yellow"))
            for b in model.waits
        )
        found += [Text(""), heading("how long waits took")]
        found.append(table((("page", False), ("at least", True), ("waits", True), ("", False)), rows_of_waits))
    if model.hottest:
        most = max(1, *(hot.visits for hot in model.hottest))
        rows_of_pages = (
            (
                hot.page, kind_text(hot.kind), safe(hot.owner), hot.level, f"{hot.waits:,}", f"{hot.restarts:,}",
                f"{hot.visits:,}", Bar(hot.visits / most, 12, "red"),
            )
            for hot in model.hottest
        )  # fmt: skip
        of_pages = (
            ("page", True), ("kind", False), ("of", False), ("level", True), ("waits", True), ("restarts", True),
            ("visits", True), ("", False),
        )  # fmt: skip
        found += [Text(""), heading("hottest pages (visits: about)")]
        found.append(table(of_pages, rows_of_pages, stretch=2))
    return parts(*found)


def _graph(model: LatchesModel) -> list[RenderableType]:
    """Who waits for whom, and what was taken out of order: nothing where nobody waits, as it should be."""
    found: list[RenderableType] = []
    if model.graph:
        columns = (
            ("waits", False), ("for", False), ("page", True), ("kind", False), ("of", False), ("held by", False), ("as", False),
            ("us", True), ("cycle", True),
        )  # fmt: skip
        rows = [
            (
                safe(e.waiter_name), e.wanted, e.page or "", kind_text(e.kind), safe(e.owner), safe(e.holder_name), e.held,
                f"{e.since_us:,.1f}", "" if e.cycle is None else Text(str(e.cycle), style="bold red"),
            )
            for e in model.graph
        ]  # fmt: skip
        found += [Text(""), heading("who waits for whom"), table(columns, rows, stretch=4)]
    if model.orders.inversions:
        counts = f"{plural(model.orders.inversions, 'wait')} for a latch while holding another, {plural(model.orders.cycles, 'cycle')}"
        found += [Text(""), Text(counts, style="bold red")]
        found += [_order(one) for one in model.orders.newest[:ORDERS]]
    return found


def _order(one: OrderModel) -> Text:
    what = "cycle" if one.cycle else "out of order"
    text = styled(f"{what}, {one.age_ms / 1000:,.1f} s ago:", "red")
    for m in one.members:
        text += (
            Text("\n  ")
            + safe(m.name, "bold")
            + Text(f" holds {_page(m.held_kind, m.held_page, m.held_owner)} ({m.held})")
        )
        text += Text(f" and waits for {_page(m.wanted_kind, m.wanted_page, m.wanted_owner)} ({m.wanted})")
    return text


def _section(thread: ThreadModel) -> Text:
    if not thread.section:
        return Text("")
    text = thread.section + (f", {thread.section_us:,.1f} us" if thread.section_us else "")
    return Text(text, style="red" if thread.section == "waits" else "green")


def _page(kind: str, page: int, owner: str) -> str:
    if kind == SECTION:
        return f"the {SECTION}"
    return neutralise(f"{kind} page {page}" + (f" of {owner}" if owner else ""))


def _duration(ns: int) -> str:
    for limit, unit in ((1_000, "ns"), (1_000_000, "us"), (1_000_000_000, "ms")):
        if ns < limit:
            return f"{ns * 1000 // limit} {unit}"
    return f"{ns / 1e9:.1f} s"
