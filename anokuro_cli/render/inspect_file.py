"""The data file: census, meta slots, and the space map with one character for each slot."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime

from rich.console import Console, ConsoleOptions, RenderableType
from rich.text import Text

from anokuro_cli.render.inspect_parts import (
    PAGES,
    SHADES,
    damage,
    heading,
    kind_text,
    parts,
    percent,
    plain_console,
    safe,
    styled,
    table,
)
from anokuro_cli.render.inspections import renders
from anokuro_cli.text import neutralise, plural
from engine.inspect.file import FileModel, SlotModel

MAP_SLOTS = 16384
STATES = {"live": "", "retained": " dim", "kept": " dim italic", "writing": " underline", "free": " dim"}


@renders(FileModel)
def render(model: FileModel) -> RenderableType:
    title = safe(model.path, "bold") + Text(
        f"  {model.size:,} bytes, {len(model.slots):,} slots of {model.page_size:,}"
    )
    census = table(
        (
            ("kind", False),
            ("slots", True),
            ("bytes", True),
            ("live", True),
            ("retained", True),
            ("kept", True),
            ("fill", True),
        ),
        (
            (
                kind_text(c.kind),
                f"{c.slots:,}",
                f"{c.bytes:,}",
                f"{c.live:,}",
                f"{c.retained:,}",
                f"{c.kept:,}",
                percent(c.fill),
            )
            for c in model.census
        ),
    )
    found: list[RenderableType] = [title, *damage(model.damage), Text(""), census, Text("")]
    found += [_meta(meta.slot, meta.counts, meta.fields) for meta in model.metas]
    for one in model.checkpoints:
        text = (
            f"retained checkpoint {neutralise(one.name)}: number {one.sequence} at LSN {one.lsn}, {_time(one.time_us)}"
        )
        found.append(Text(text, style=PAGES["retained checkpoints"][0]))
    if model.segments:
        total = sum(size for _, size in model.segments)
        found.append(
            Text(f"log: {plural(len(model.segments), 'segment')}, {total:,} bytes, from LSN {model.segments[0][0]}")
        )
    return parts(*found, Text(""), SlotMap(model.slots))


def _meta(slot: int, counts: bool, fields: dict[str, int]) -> Text:
    when = _time(fields.get("checkpoint_us", 0))
    text = f"meta slot {slot}: checkpoint {fields.get('sequence')} at LSN {fields.get('checkpoint_lsn')}, {when}"
    return Text(text + (", counts" if counts else ""), style="" if counts else "dim")


def _time(microseconds: int) -> str:
    try:
        return datetime.fromtimestamp(microseconds / 1e6, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    except (ValueError, OverflowError, OSError):
        return f"{microseconds} us"


class SlotMap:
    """One character a slot: colour is the kind, the shade how full the page is, dim what only the last checkpoint needs.

    Without colours a letter is the kind, small where the page is less than half full.
    """

    def __init__(self, slots: tuple[SlotModel, ...]) -> None:
        self.slots = slots

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterable[Text]:
        letters = plain_console(console) or options.ascii_only
        width = max(min(options.max_width - 9, 128) // 16 * 16, 16)
        legend = heading("map  ")
        for kind in dict.fromkeys(slot.kind for slot in self.slots):
            style, letter = PAGES[kind]
            legend.append(letter if letters or kind == "free" else "█", style=style)
            legend.append(f" {kind}  ")
        legend.append("capital: at least half full" if letters else f"{SHADES} fill", style="dim")
        yield legend
        for at in range(0, min(len(self.slots), MAP_SLOTS), width):
            line = styled(f"{at:>8} ", "dim")
            for slot in self.slots[at : at + width]:
                line.append(self._mark(slot, letters), style=(PAGES[slot.kind][0] + STATES[slot.state]).strip())
            yield line
        if len(self.slots) > MAP_SLOTS:
            yield Text(f"and {len(self.slots) - MAP_SLOTS:,} further slots: SELECT * FROM sys.slots", style="dim")

    @staticmethod
    def _mark(slot: SlotModel, letters: bool) -> str:
        letter = PAGES[slot.kind][1]
        if slot.kind in ("free", "meta", "unknown"):
            return letter
        if letters:
            return letter if slot.fill >= 0.5 else letter.lower()
        return SHADES[min(int(slot.fill * len(SHADES)), len(SHADES) - 1)]
