"""The dashboard: what a database does per second."""

from __future__ import annotations

from datetime import UTC, datetime

from rich.console import RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from anokuro_cli.render.inspect_parts import Bar, kind_style, parts, safe, styled, table
from anokuro_cli.render.inspections import renders
from engine.inspect.top import TopModel


@renders(TopModel)
def render(model: TopModel) -> RenderableType:
    when = datetime.fromtimestamp(model.at_us / 1_000_000, UTC).strftime("%H:%M:%S UTC")
    title = styled("anokuro", "bold") + Text(f"  {when}  ")
    title += Text(f"over {model.seconds:.1f} s" if model.seconds else "the first look: no rates yet", style="dim")
    if model.workload:
        title += Text(f"   workload {model.workload.get('operations', 0):,.0f} operations a second", style="green")
    return parts(
        title,
        side_by_side((_pool(model), "pool"), (_latches(model), "latches"), (_log(model), "log")),
        _checkpoint(model),
        _workload(model) if model.workload else None,
        _held(model),
        _hottest(model) if model.hottest else None,
    )


def side_by_side(*panels: tuple[RenderableType, str]) -> Table:
    """Panels in one row, of the same width."""
    grid = Table.grid(expand=True, padding=(0, 0))
    for _ in panels:
        grid.add_column(ratio=1)
    grid.add_row(*(Panel(content, title=title, height=13) for content, title in panels))
    return grid


def _rates(model: TopModel, *names: tuple[str, str]) -> RenderableType:
    rows = ((text, f"{model.rates.get(name, 0):,.0f}") for name, text in names)
    return table((("per second", False), ("", True)), rows)


def _pool(model: TopModel) -> RenderableType:
    g = model.gauges
    asked, read = model.rates.get("visits", 0), model.rates.get("page_reads", 0)
    hit = f"{100 * max(1 - read / asked, 0):.2f} %" if asked else "-"
    return parts(
        _rates(
            model, ("visits", "page visits"), ("page_reads", "pages read"), ("page_writes", "pages written"),
            ("evictions", "evictions"), ("version_copies", "versions kept"),
        ),
        Text(f"hits {hit}\n{g['versions']:,.0f} older versions\n{g['snapshots']:,.0f} snapshots", style="dim"),
    )  # fmt: skip


def _latches(model: TopModel) -> RenderableType:
    waited = model.rates.get("wait_ns", 0) / 1e9
    return parts(
        _rates(
            model, ("latches_shared", "shared"), ("latches_exclusive", "exclusive"), ("latch_waits", "waits"),
            ("restarts", "restarts"),
        ),
        Text(f"waited {100 * waited:.2f} % of a thread", style="dim"),
        _histogram("waits by us", model.waits_us),
    )  # fmt: skip


def _log(model: TopModel) -> RenderableType:
    return parts(
        _rates(model, ("log_appends", "records"), ("log_bytes", "bytes"), ("log_syncs", "syncs")),
        _histogram("syncs by commits", model.groups),
    )


def _histogram(title: str, buckets: dict[str, int]) -> Text:
    """One line: the bounds and counts of what there is."""
    shown = "  ".join(f"{name}: {count}" for name, count in sorted(buckets.items(), key=lambda one: int(one[0]))[:6])
    return Text(f"{title}  {shown or 'none'}", style="dim")


def _checkpoint(model: TopModel) -> RenderableType:
    g = model.gauges
    room = g["checkpoint_bytes"]
    part = g["log_since_checkpoint"] / room if room else 0.0
    words = f"{g['log_since_checkpoint'] / 1e6:.1f} MB of log since the last, {g['changed_pages']:,.0f} pages changed"
    return table((("to the next checkpoint", False), ("", False)), [(Bar(part, 24, "blue"), words)])


def _workload(model: TopModel) -> RenderableType:
    most = max((rate for name, rate in model.workload.items() if name != "operations"), default=1) or 1
    return table(
        (("workload", False), ("per second", True), ("", False)),
        ((name, f"{rate:,.0f}", Bar(rate / most, 24)) for name, rate in model.workload.items() if name != "operations"),
    )


def _held(model: TopModel) -> RenderableType:
    if not model.latches:
        return Text("nobody holds or waits for a latch at this moment", style="dim")
    return table(
        (("thread", False), ("", False), ("mode", False), ("page", True), ("kind", False), ("for us", True)),
        (
            (
                safe(one.name),
                Text(one.role, style="red" if one.role == "waits" else ""),
                one.mode,
                one.page,
                one.kind,
                f"{one.age_us:,.1f}",
            )
            for one in model.latches
        ),
    )


def _hottest(model: TopModel) -> RenderableType:
    return table(
        (("hottest page", True), ("kind", False), ("of", False), ("waits", True), ("restarts", True), ("visits", True)),
        (
            (
                hot.page, Text(hot.kind, style=kind_style(hot.kind)), safe(hot.owner), f"{hot.waits:,}", f"{hot.restarts:,}",
                f"{hot.visits:,}",
            )
            for hot in model.hottest
        ),
        stretch=2,
    )  # fmt: skip
