"""A trace: the events of one statement in order, and the pages it changed; and one event by itself, for whoever steps through."""

from __future__ import annotations

from rich.console import RenderableType
from rich.text import Text

from anokuro_cli.render.inspect_page import Legend, PageMap
from anokuro_cli.render.inspect_parts import bytes_text, heading, parts, safe, styled, table, values_text
from anokuro_cli.render.inspect_tree import comparison_lines
from anokuro_cli.render.inspections import renders
from anokuro_cli.text import plural
from engine.inspect.decode import Origin, decode_page
from engine.inspect.diff import ItemChange
from engine.inspect.trace import TraceChange, TraceEvent, TraceModel

LISTED = 400
ITEMS = 12
STYLES = {
    "latch": "cyan", "unlatch": "dim", "pin": "dim", "unpin": "dim", "wait": "bold red", "seek": "bold", "search": "green",
    "load": "bright_magenta", "evict": "magenta", "version": "magenta", "allocate": "yellow", "free": "red",
    "split": "bold yellow", "grow root": "bold yellow", "merge": "bold yellow", "log": "blue",
    "before": "dim", "changed": "yellow", "publish": "bold green", "sync": "bright_blue", "synced": "bright_blue",
    "probe": "cyan", "write": "bold cyan",
}  # fmt: skip
MARKS = {"added": ("green", "+"), "removed": ("red", "-"), "changed": ("yellow", "~"), "moved": ("dim", ">")}


@renders(TraceModel)
def render(model: TraceModel) -> RenderableType:
    shown = model.events[:LISTED]
    more = len(model.events) + model.lost - len(shown)
    return parts(
        *summary(model),
        Text(""),
        events_table(shown),
        Text(f"and {more:,} more: SELECT * FROM sys.trace, or .trace-steps", style="dim") if more else None,
        Text("") if model.changes else None,
        heading("pages changed") if model.changes else None,
        *(line for change in model.changes[:ITEMS] for line in change_lines(change)),
        Text(f"and {len(model.changes) - ITEMS} more", style="dim") if len(model.changes) > ITEMS else None,
    )


def summary(model: TraceModel) -> list[Text]:
    """The statement, how it ended, and totals."""
    first = safe(model.statement, "bold")
    if model.error is not None:
        first += styled("  failed: ", "red") + safe(model.error, "red")
    else:
        first += Text(f"  {plural(model.rows, 'row')}")
    found = Text(f"{plural(len(model.events), 'event')} in {model.duration_ns / 1000:,.0f} us, tracing included; ")
    found += Text(f"{model.latches:,} latches and {plural(model.pins, 'pin')}, ")
    found += Text(
        "all given back" if model.held == 0 else f"{model.held} NOT given back",
        style="" if model.held == 0 else "bold red",
    )
    found += Text(
        f"; {plural(model.log_records, 'log record')}, {model.log_bytes:,} bytes; {plural(len(model.changes), 'page change')}"
    )
    return [first, found]


def events_table(events: tuple[TraceEvent, ...], at: int = -1) -> RenderableType:
    """Events, one a line; the one with number `at` is marked."""
    return table(
        (("", False), ("#", True), ("us", True), ("event", False), ("page", True), ("LSN", True), ("what", False)),
        (
            (
                ">" if one.number == at else "",
                one.number,
                f"{one.at_ns / 1000:.1f}",
                Text(one.event, style=STYLES.get(one.event, "")),
                one.page or "",
                one.lsn or "",
                safe(one.detail),
            )
            for one in events
        ),
        stretch=6,
    )


def change_lines(change: TraceChange) -> list[Text]:
    """One page change: what became of its slots."""
    what = "made" if change.before is None else "gone" if change.after is None else "changed"
    title = styled(f"page {change.page}", "bold") + Text(f" {what} by {change.record_type} at LSN {change.lsn}, ")
    title += safe(change.owner) + Text(f" (events {change.first} to {change.last})", style="dim")
    moved = [item for item in change.items if item.change == "moved"]
    others = [item for item in change.items if item.change != "moved"]
    lines = [title, *(_item(item) for item in others[:ITEMS])]
    rest = [f"{len(others) - ITEMS} more differ"] if len(others) > ITEMS else []
    rest += [f"{plural(len(moved), 'slot')} moved"] if moved else []
    return [*lines, Text("  " + ", ".join(rest), style="dim")] if rest else lines


def _item(item: ItemChange) -> Text:
    style, mark = MARKS[item.change]
    index = item.index_after if item.index_after is not None else item.index_before
    decoded = item.decoded_after if item.decoded_after is not None else item.decoded_before
    value = item.value_after if item.value_after is not None else item.value_before
    text = values_text(decoded) if decoded else f"{bytes_text(item.key)}  {bytes_text(value or b'', 30)}"
    return styled(f"  {mark} slot {index}: ", style) + safe(text)


def step(model: TraceModel, number: int, around: int) -> RenderableType:
    """One event, with those around it, and what belongs to it: comparisons, or the page before and after."""
    first = max(min(number - around // 2, len(model.events) - around), 0)
    event = model.events[number]
    found: list[RenderableType | None] = [
        *summary(model),
        Text(""),
        events_table(model.events[first : first + around], number),
        Text(""),
    ]
    if event.comparisons:
        found += [heading(f"page {event.page}: comparisons"), *comparison_lines(event.comparisons)]
    elif event.change is not None:
        change = model.changes[event.change]
        found += change_lines(change)
        image = change.before if event.event == "before" else change.after
        if image is not None:
            page = decode_page(image, Origin("frame", 0, 0))
            when = "before" if event.event == "before" else "after"
            found += [Text(""), heading(f"page {change.page} {when}"), PageMap(page), Legend(page)]
    return parts(*found)
