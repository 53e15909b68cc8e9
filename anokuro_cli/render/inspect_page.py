"""A page: summary, header fields, a map to scale, items, and every byte in hexadecimal digits, coloured by kind of field."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from rich.console import Console, ConsoleOptions, RenderableType
from rich.text import Text

from anokuro_cli.render.inspect_parts import (
    KINDS,
    bytes_text,
    damage,
    heading,
    kind_text,
    parts,
    percent,
    plain_console,
    safe,
    styled,
    table,
    values_text,
)
from anokuro_cli.render.inspections import renders
from anokuro_cli.text import plural
from engine.inspect.page import PageModel

BYTES_NARROW, BYTES_WIDE, WIDE = 16, 32, 150


@renders(PageModel)
def render(model: PageModel) -> RenderableType:
    return parts(
        _summary(model),
        *damage(model.damage),
        Text(""),
        _fields(model),
        Text(""),
        PageMap(model),
        Legend(model),
        Text("") if model.items or model.entries else None,
        _items(model),
        _entries(model),
        Text(""),
        heading("bytes"),
        Hex(model),
    )


def _summary(model: PageModel) -> Text:
    name = f"slot {model.slot}" if model.kind == "meta" else f"page {model.page}"
    text = styled(name, "bold") + Text("  ") + kind_text(model.kind)
    if model.owner:
        text += Text(" of ") + safe(model.owner)
    text += Text(f"  level {model.level}  LSN {model.lsn}  {model.page_size:,} bytes\n")
    where = f"in frame {model.frame}" if model.frame is not None else f"in slot {model.slot}"
    if model.at_lsn is not None:
        where = f"as it was at LSN {model.at_lsn}, rebuilt from the log by {plural(model.replayed, 'record')}"
        where += f" upon the checkpoint of LSN {model.base_lsn}" if model.base_lsn is not None else ""
    sealed = {True: ", checksum right", False: ", checksum WRONG", None: ", sealed when it is written"}[model.sealed]
    text += Text(f"{where}{sealed}; {model.live_items} items, {model.live_bytes:,} bytes ({percent(model.fill)})")
    text += Text(f", on average {model.avg_item_size:g}; free {model.free:,}, fragmented {model.fragmented:,}")
    if model.batch:
        text += Text(f"\n{model.batch}", style="yellow")
    if model.kind in ("leaf", "branch"):
        lower = bytes_text(model.lower_fence or b"") if model.lower_fence else "the lowest key"
        upper = bytes_text(model.upper_fence) if model.upper_fence is not None else "the highest key"
        text += Text("\nfences ") + safe(f"{lower} to {upper}", KINDS["fence"][0])
        text += Text("  prefix ") + safe(bytes_text(model.prefix) if model.prefix else "none", KINDS["fence"][0])
    if model.next_page is not None:
        text += Text(f"\n{model.data_len:,} bytes of a long value; next page {model.next_page or 'none'}")
    return text


def _fields(model: PageModel) -> RenderableType:
    return table(
        (("offset", True), ("size", True), ("type", False), ("field", False), ("value", True), ("meaning", False)),
        (
            (f.offset, f.size, f.type, safe(f.name, KINDS["header"][0]), _number(f.name, f.value), f.meaning)
            for f in model.fields
        ),
        stretch=5,
        wrap=True,
    )


def _number(name: str, value: int) -> str:
    return f"{value:#x}" if name in ("checksum", "magic", "database_id", "log_id", "flags") else str(value)


def _items(model: PageModel) -> RenderableType | None:
    if not model.items:
        return None
    rows = []
    for item in model.items:
        if item.damage is not None:
            content = styled("! ", "bold red") + safe(item.damage, "red")
        elif item.child is not None:
            content = safe(f"-> page {item.child}", KINDS["child"][0])
        elif item.overflow_page is not None:
            content = safe(f"-> {item.overflow_len:,} bytes from page {item.overflow_page}", KINDS["reference"][0])
        else:
            content = safe(bytes_text(item.value, 60), KINDS["value"][0])
        if item.decoded is not None and item.damage is None:
            shown = safe(values_text(item.decoded))
            content = shown + Text("  ") + content if item.child or item.overflow_page else shown
        rows.append((item.index, item.cell_offset, item.cell_size, safe(bytes_text(item.key), "green"), content))
    return table(
        (("item", True), ("cell at", True), ("bytes", True), ("key", False), ("value", False)), rows, stretch=4
    )


def _entries(model: PageModel) -> RenderableType | None:
    if not model.entries:
        return None
    what = "page" if model.level == 0 else "block"
    used = [entry for entry in model.entries if entry.slot]
    rows = ((entry.number, entry.offset, entry.slot, f"{entry.tag:08x}") for entry in used)
    return table(((what, True), ("entry at", True), ("slot", True), ("tag", False)), rows)


class PageMap:
    """The page to scale: one character stands for so many bytes, coloured by the kind that most of them are."""

    def __init__(self, model: PageModel) -> None:
        self.model = model

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterable[Text]:
        width = max(min(options.max_width, 128), 16)
        rows = 4
        size = self.model.page_size
        each = max(-(-size // (width * rows)), 1)
        yield heading(f"map, {each} bytes a character")
        letters = plain_console(console) or options.ascii_only
        line = Text()
        for used, kind in enumerate(self._dominant(each), 1):
            style, letter = KINDS[kind]
            line.append(letter if letters else ("·" if kind == "free" else "█"), style=style)
            if used % width == 0:
                yield line
                line = Text()
        if line.plain:
            yield line

    def _dominant(self, each: int) -> Iterator[str]:
        counts: dict[str, int] = {}
        filled = 0
        for region in self.model.regions:
            left = region.length
            while left:
                take = min(left, each - filled)
                counts[region.kind] = counts.get(region.kind, 0) + take
                filled, left = filled + take, left - take
                if filled == each:
                    yield max(counts, key=lambda kind: counts[kind])
                    counts, filled = {}, 0
        if filled:
            yield max(counts, key=lambda kind: counts[kind])


class Legend:
    """What the colours, or letters, mean, for the kinds that occur, with their bytes."""

    def __init__(self, model: PageModel) -> None:
        self.totals: dict[str, int] = {}
        for region in model.regions:
            self.totals[region.kind] = self.totals.get(region.kind, 0) + region.length

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterable[Text]:
        letters = plain_console(console) or options.ascii_only
        line = Text()
        for kind, total in self.totals.items():
            style, letter = KINDS[kind]
            mark = letter if letters else ("·" if kind == "free" else "█")
            entry = styled(mark, style) + Text(f" {kind} {total:,}")
            if line and line.cell_len + 3 + entry.cell_len > options.max_width:
                yield line
                line = Text()
            line = line + Text("   ") + entry if line else entry
        yield line


class Hex:
    """Every byte. Lines that lie wholly in free space are counted, not shown.

    16 bytes a line, 32 on wide terminals. Without colour a letter for each byte says its kind, in the text's place
    where there is no room for both.
    """

    def __init__(self, model: PageModel) -> None:
        self.model = model

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterable[Text]:
        wide = options.max_width >= WIDE
        count = BYTES_WIDE if wide else BYTES_NARROW
        letters = plain_console(console) or options.ascii_only
        kinds = [region.kind for region in self.model.regions for _ in range(region.length)]
        skipped = 0
        for at in range(0, len(self.model.data), count):
            row_kinds = kinds[at : at + count]
            if all(kind == "free" for kind in row_kinds) and at + count < len(self.model.data):
                skipped += len(row_kinds)
                continue
            if skipped:
                yield Text(f"      {skipped:,} free bytes", style="dim")
                skipped = 0
            yield self._line(at, row_kinds, count, letters, wide)

    def _line(self, at: int, kinds: list[str], count: int, letters: bool, wide: bool) -> Text:
        data = self.model.data[at : at + count]
        line = styled(f"{at:04x}  ", "dim")
        for i, (byte, kind) in enumerate(zip(data, kinds, strict=True)):
            line.append(f"{byte:02x}", style=KINDS[kind][0])
            line.append("  " if i % 8 == 7 else " ")
        line.append("   " * (count - len(data)))
        if not letters or wide:
            for byte, kind in zip(data, kinds, strict=True):
                line.append(chr(byte) if 32 <= byte < 127 else ".", style=KINDS[kind][0])
            line.append("  " if letters else "")
        if letters:
            line.append("".join(KINDS[kind][1] for kind in kinds))
        return line
