"""Time travel: the history of a page and of a row, and what differs between two states of a page."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from rich.console import RenderableType
from rich.text import Text

from anokuro_cli.render.inspect_parts import (
    bytes_text,
    heading,
    kind_text,
    parts,
    safe,
    styled,
    table,
    values_text,
)
from anokuro_cli.render.inspect_wal import STYLES
from anokuro_cli.render.inspections import renders
from anokuro_cli.text import plural
from engine.inspect.diff import DiffModel, ItemChange, Run
from engine.inspect.history import Change, PageHistoryModel, RowHistoryModel, RowVersion

LISTED = 200
RUNS = 24
ITEMS = {"added": ("green", "+"), "removed": ("red", "-"), "changed": ("yellow", "~"), "moved": ("dim", ">")}
EVENTS = {"inserted": "green", "updated": "yellow", "deleted": "red", "moved": "dim", "built": "magenta"}


def moment(us: int) -> str:
    """Microseconds since 1970 as date and time (UTC)."""
    return datetime.fromtimestamp(us / 1_000_000, UTC).strftime("%Y-%m-%d %H:%M:%S") if us else ""


def _rest(count: int, listed: int, where: str) -> RenderableType | None:
    return Text(f"and {count - listed:,} more: {where}", style="dim") if count > listed else None


# --- histories ------------------------------------------------------------------------------------------------------


@renders(PageHistoryModel)
def render_history(model: PageHistoryModel) -> RenderableType:
    title = styled(f"page {model.page}", "bold") + Text("  ") + kind_text(model.kind)
    title += Text(" of ") + safe(model.owner)
    more = "the newest " if model.more else ""
    title += Text(
        f"\n{more}{plural(len(model.changes), 'change')}, newest first; {model.reason or 'older ones are in the log'}"
    )
    shown = model.changes[:LISTED]
    rest = _rest(len(model.changes), len(shown), f"SELECT * FROM sys.page_history({model.page})")
    hint = styled(f"the page at one of them: INSPECT PAGE {model.page} AT LSN n", "dim")
    return parts(title, Text(""), _changes(shown), rest, hint if shown else None)


def _changes(changes: tuple[Change, ...]) -> RenderableType:
    return table(
        (
            ("LSN", True), ("before", True), ("committed (UTC)", False), ("txn", True), ("type", False), ("bytes", True),
            ("what it does", False),
        ),
        (
            (
                c.record.start_lsn, c.record.prev_lsn or "", moment(c.committed_us), c.record.txn or "",
                Text(c.record.record_type, style=STYLES.get(c.record.record_type, "")), c.record.record_length,
                safe(values_text(c.decoded) if c.decoded else c.record.description),
            )
            for c in changes
        ),
        stretch=6,
    )  # fmt: skip


@renders(RowHistoryModel)
def render_row(model: RowHistoryModel) -> RenderableType:
    key = values_text(model.decoded_key) or bytes_text(model.key)
    title = safe(f"{model.name}, {key}", "bold")
    title += Text(f"\n{plural(len(model.versions), 'event')}, newest first; {model.reason}")
    shown = model.versions[:LISTED]
    rows = table(
        (("LSN", True), ("committed (UTC)", False), ("txn", True), ("page", True), ("event", False), ("value", False)),
        (
            (
                v.lsn, moment(v.committed_us), v.txn or "", v.page, Text(v.event, style=EVENTS.get(v.event, "")),
                _row_value(v, before),
            )
            for v, before in zip(shown, [*model.versions[1 : len(shown) + 1], None][: len(shown)], strict=True)
        ),
        stretch=5,
    )  # fmt: skip
    rest = _rest(len(model.versions), len(shown), "SELECT * FROM sys.row_history(table, key)")
    hint = None
    if shown:
        hint = styled(f"its page at one of them: INSPECT PAGE {shown[0].page} AT LSN {shown[0].lsn}", "dim")
    return parts(title, Text(""), rows if shown else None, rest, hint)


def _row_value(version: RowVersion, before: RowVersion | None) -> Text:
    """The row; of an update, where the version before is known, the columns that it changed."""
    if version.decoded is not None and version.event == "updated" and before is not None and before.decoded is not None:
        old = before.decoded
        changed = [name for name, value in version.decoded.items() if name not in old or old[name] != value]
        return safe("  ".join(f"{name}: {old.get(name)} -> {version.decoded[name]}" for name in changed) or "as it was")
    if version.decoded is not None:
        return safe(values_text(version.decoded))
    if version.overflow is not None:
        return Text(f"{version.overflow:,} bytes, in pages of their own")
    return safe(bytes_text(version.value, 60)) if version.value is not None else Text("")


# --- differences ----------------------------------------------------------------------------------------------------


@renders(DiffModel)
def render_diff(model: DiffModel) -> RenderableType:
    counts = {change: sum(item.change == change for item in model.items) for change in ITEMS}
    title = styled(f"page {model.page}", "bold") + Text(" of ") + safe(model.owner)
    title += Text("  ") + _kind(model.kind_before) + Text(f" at LSN {model.low}  ->  ")
    title += _kind(model.kind_after) + Text(f" at LSN {model.high}\n")
    title += Text(f"{model.bytes_changed:,} of {model.page_size:,} bytes differ; items ")
    title += Text(", ".join(f"{n:,} {change}" for change, n in counts.items() if n) or "all the same")
    title += Text(f"; {plural(len(model.records), 'record')}")
    moved = [item for item in model.items if item.change == "moved"]
    others = [item for item in model.items if item.change != "moved"]
    shown = others[:LISTED]
    return parts(
        title,
        Text(f"the records do not tell all of it: {model.note}", style="dim") if model.note else None,
        Text(""),
        _fields(model) if model.fields else None,
        Text("") if others else None,
        _items(shown) if shown else None,
        _rest(len(others), len(shown), f"SELECT * FROM sys.page_diff({model.page}, {model.low}, {model.high})"),
        Text(f"{plural(len(moved), 'item')} moved: other slot or other place, same value", style="dim")
        if moved
        else None,
        Text(""),
        heading("records in between"),
        _changes(model.records[:LISTED]),
        Text(""),
        heading("bytes"),
        _runs(model.runs[:RUNS]) if model.runs else Text("none differ"),
        _rest(len(model.runs), min(len(model.runs), RUNS), "--json has them all"),
    )


def _kind(kind: str | None) -> Text:
    return kind_text(kind) if kind is not None else Text("no page", style="dim")


def _fields(model: DiffModel) -> RenderableType:
    return table(
        (("offset", True), ("field", False), ("before", True), ("after", True)),
        ((f.offset, safe(f.name, "cyan"), _number(f.before), _number(f.after)) for f in model.fields),
    )


def _number(value: int | None) -> str:
    return "-" if value is None else str(value)


def _items(items: list[ItemChange]) -> RenderableType:
    return table(
        (("", False), ("slot", False), ("key", False), ("value", False), ("by LSN", False)),
        (
            (
                Text(ITEMS[i.change][1], style=ITEMS[i.change][0]),
                _slots(i),
                safe(bytes_text(i.key), ITEMS[i.change][0]),
                _values(i),
                _lsns(i.lsns),
            )
            for i in items
        ),
        stretch=3,
    )


def _slots(item: ItemChange) -> str:
    if item.index_before is None or item.index_after is None or item.index_before == item.index_after:
        return _number(item.index_after if item.index_after is not None else item.index_before)
    return f"{item.index_before} > {item.index_after}"


def _values(item: ItemChange) -> Text:
    before, after = _value(item.decoded_before, item.value_before), _value(item.decoded_after, item.value_after)
    if item.change != "changed":
        return safe(after or before)
    if item.decoded_before is not None and item.decoded_after is not None:
        old, new = item.decoded_before, item.decoded_after
        differ = [name for name in (*old, *(n for n in new if n not in old)) if old.get(name) != new.get(name)]
        return safe("  ".join(f"{name}: {old.get(name)} -> {new.get(name)}" for name in differ))
    return safe(f"{before} -> {after}")


def _value(decoded: dict[str, Any] | None, value: bytes | None) -> str:
    return values_text(decoded) if decoded is not None else bytes_text(value, 30) if value is not None else ""


def _lsns(lsns: tuple[int, ...]) -> str:
    return " ".join(map(str, lsns[:2])) + (f" .. {lsns[-1]}" if len(lsns) > 2 else "")


def _runs(runs: tuple[Run, ...]) -> RenderableType:
    return table(
        (("offset", True), ("bytes", True), ("before", False), ("after", False)),
        (
            (
                f"{r.offset:04x}",
                len(r.before),
                Text(_digits(r.before), style="red"),
                Text(_digits(r.after), style="green"),
            )
            for r in runs
        ),
        stretch=3,
    )


def _digits(data: bytes) -> str:
    return data[:12].hex(" ", 4) + (" .." if len(data) > 12 else "")
