"""Latches: holders and waiters, counters of the threads, the histogram of waits."""

from __future__ import annotations

from rich.console import RenderableType
from rich.text import Text

from anokuro_cli.render.inspect_parts import Bar, heading, kind_text, parts, safe, table
from anokuro_cli.render.inspections import renders
from engine.inspect.latches import LatchesModel


@renders(LatchesModel)
def render(model: LatchesModel) -> RenderableType:
    title = Text(f"{model.shared:,} shared and {model.exclusive:,} exclusive latches taken", style="bold")
    title += Text(f"  {model.contended:,} waits, {model.restarts:,} restarts")
    found: list[RenderableType] = [title, Text("")]
    if model.latches:
        rows = [
            (
                safe(one.name), Text(one.role, style="red" if one.role == "waits" else "green"), one.mode, one.page,
                kind_text(one.kind), one.level, f"{one.age_us:,.1f}",
            )
            for one in sorted(model.latches, key=lambda one: (one.page, one.role, -one.age_us))
        ]  # fmt: skip
        columns = (
            ("thread", False), ("", False), ("mode", False), ("page", True), ("kind", False), ("level", True), ("since us", True),
        )  # fmt: skip
        found.append(table(columns, rows, stretch=0))
    else:
        found.append(Text("no thread holds or waits for a page latch at this moment", style="dim"))
    of_threads = (
        ("thread", False),
        ("shared", True),
        ("exclusive", True),
        ("waits", True),
        ("restarts", True),
        ("waited us", True),
    )
    counts = (
        (safe(t.name), f"{t.shared:,}", f"{t.exclusive:,}", t.contended, t.restarts, f"{t.wait_us:,.1f}")
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
                f"{hot.visits:,}", Bar(hot.visits / most, 20, "red"),
            )
            for hot in model.hottest
        )  # fmt: skip
        of_pages = (
            ("page", True), ("kind", False), ("of", False), ("level", True), ("waits", True), ("restarts", True),
            ("visits, about", True), ("", False),
        )  # fmt: skip
        found += [Text(""), heading("hottest pages")]
        found.append(table(of_pages, rows_of_pages, stretch=2))
    return parts(*found)


def _duration(ns: int) -> str:
    for limit, unit in ((1_000, "ns"), (1_000_000, "us"), (1_000_000_000, "ms")):
        if ns < limit:
            return f"{ns * 1000 // limit} {unit}"
    return f"{ns / 1e9:.1f} s"
