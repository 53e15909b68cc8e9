"""The buffer pool: counts, a grid of the frames in use, the busiest of them."""

from __future__ import annotations

from collections.abc import Iterable

from rich.console import Console, ConsoleOptions, RenderableType
from rich.text import Text

from anokuro_cli.render.inspect_parts import (
    PAGES,
    Bar,
    heading,
    kind_text,
    parts,
    plain_console,
    safe,
    styled,
    table,
)
from anokuro_cli.render.inspections import renders
from engine.inspect.pool import Buffer, PoolModel

GRID_FRAMES, LISTED, EVICTED = 8192, 12, 6


@renders(PoolModel)
def render(model: PoolModel) -> RenderableType:
    hits = "nothing asked for yet" if model.hit_rate is None else f"{100 * model.hit_rate:.2f} % of page requests hit"
    title = styled(f"{model.used:,} of {model.frames:,} frames of {model.page_size:,} bytes in use", "bold")
    title += Text(
        f"  {model.dirty:,} dirty, {model.pinned:,} pinned, {model.older_versions:,} older versions\n{hits}; "
    )
    c = model.counters
    title += Text(f"{c['reads']:,} read, {c['writes']:,} written, {c['evictions']:,} evicted")
    title += Text(f" ({c['evicted_dirty']:,} of them dirty), {c['sweeps']:,} steps of the clock hand\n")
    title += Text(f"I/O: {model.io}; {c['read_together']:,} read together with others, ")
    title += Text(f"{c['written_ahead']:,} written ahead of the hand, {c['written_by_misses']:,} by misses, ")
    title += Text(f"{c['reused_by_scans']:,} frames reused by scans")
    usage = table(
        (("usage", True), ("frames", True), ("", False)),
        (
            (count, f"{frames:,}", Bar(frames / max(model.used, 1), 24, "cyan"))
            for count, frames in enumerate(model.usage)
        ),
    )
    found: list[RenderableType] = [title, Text(""), usage, Text(""), FrameGrid(model)]
    if model.victims:
        found.append(Text("next to be evicted: frames " + ", ".join(map(str, model.victims))))
    if model.evictions:
        found += [Text(""), heading("evicted last"), _evicted(model)]
    found += [Text(""), heading(f"the {min(LISTED, model.used)} busiest frames"), _buffers(model)]
    return parts(*found)


def _buffers(model: PoolModel) -> RenderableType:
    busiest = sorted(
        model.buffers, key=lambda b: (-b.shared - b.exclusive - b.pins, -b.usage, b.kind != "branch", b.frame)
    )
    return table(
        (
            ("frame", True), ("page", True), ("kind", False), ("of", False), ("usage", True), ("pins", True),
            ("latch", False), ("state", False), ("LSN", True),
        ),
        (
            (
                b.frame, b.page, kind_text(b.kind), safe(b.owner), b.usage, b.pins, _latch(b), _state(b), b.lsn,
            )
            for b in busiest[:LISTED]
        ),
        stretch=3,
    )  # fmt: skip


def _evicted(model: PoolModel) -> RenderableType:
    return table(
        (
            ("s ago", True), ("page", True), ("kind", False), ("frame", True), ("because", False), ("state", False), ("for", False),
        ),
        (
            (
                f"{e.age_ms / 1000:,.1f}", e.page, kind_text(e.kind), e.frame,
                e.reason + (f", {e.looked_at:,} looked at" if e.looked_at else ""), "dirty" if e.written else "clean", e.operation,
            )
            for e in model.evictions[:EVICTED]
        ),
        stretch=4,
    )  # fmt: skip


def _latch(buffer: Buffer) -> str:
    return "X" if buffer.exclusive else f"S{buffer.shared}" if buffer.shared else "-"


def _state(buffer: Buffer) -> str:
    words = ["dirty"] if buffer.dirty else ["clean"]
    return " ".join(words + (["old"] if buffer.version == "older" else []))


class FrameGrid:
    """One character a frame in use: colour (or letter) is the kind of its page, reverse (or capital) a dirty one."""

    def __init__(self, model: PoolModel) -> None:
        self.model = model

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterable[Text]:
        letters = plain_console(console) or options.ascii_only
        width = max(min(options.max_width - 9, 128) // 16 * 16, 16)
        by_frame = {buffer.frame: buffer for buffer in self.model.buffers}
        last = max(by_frame, default=-1)
        legend = heading("frames  ")
        for kind in dict.fromkeys(buffer.kind for buffer in self.model.buffers):
            legend.append(PAGES[kind][1], style=PAGES[kind][0])
            legend.append(f" {kind}  ")
        legend.append("capital: dirty  " if letters else "reversed: dirty  ", style="dim")
        legend.append(f"the clock hand is at frame {self.model.hand}", style="dim")
        yield legend
        for at in range(0, min(last + 1, GRID_FRAMES), width):
            line = styled(f"{at:>8} ", "dim")
            for frame in range(at, min(at + width, last + 1)):
                line.append(*self._mark(by_frame.get(frame), frame, letters))
            yield line
        if last >= GRID_FRAMES:
            yield Text(f"and further frames, up to {last}: SELECT * FROM sys.buffers", style="dim")

    def _mark(self, buffer: Buffer | None, frame: int, letters: bool) -> tuple[str, str]:
        hand = " underline" if frame == self.model.hand else ""
        if buffer is None:
            return ".", "dim" + hand
        style, letter = PAGES[buffer.kind]
        if letters:
            return (letter if buffer.dirty else letter.lower()), style
        return letter, style + (" reverse" if buffer.dirty else "") + hand
