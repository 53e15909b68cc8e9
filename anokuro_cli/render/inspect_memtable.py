"""The memtable, and the transactions."""

from __future__ import annotations

from rich.console import RenderableType
from rich.text import Text

from anokuro_cli.render.inspect_parts import Bar, bytes_text, heading, parts, safe, styled, table, values_text
from anokuro_cli.render.inspections import renders
from anokuro_cli.text import clip, plural
from engine.inspect.memtable import EntryModel, MemtableModel, TransactionModel, TransactionsModel

LISTED = 200
STATES = {
    "pending": "yellow", "committed": "green", "gone": "dim", "writing": "yellow", "large": "bold yellow", "reading": "cyan",
}  # fmt: skip


@renders(MemtableModel)
def render(model: MemtableModel) -> RenderableType:
    title = styled("memtable", "bold")
    title += Text(
        f"  {plural(model.entries_total, 'entry')[:-1]}"
        if model.entries_total == 1
        else f"  {model.entries_total:,} entries"
    )
    title += Text(f" of {plural(model.writers, 'open writer')} and of commits they may conflict with\n")
    title += Text(f"{model.total:,} bytes of {model.budget:,}; ")
    title += Text(
        f"commits up to LSN {model.forgotten_lsn} are not all noted any more"
        if model.forgotten_lsn
        else "nothing forgotten"
    )
    shown = model.entries[:LISTED]
    more = model.more + len(model.entries) - len(shown)
    return parts(
        title,
        Text(""),
        heading("generations"),
        table(
            (("list", True), ("entries", True), ("bytes", True), ("last commit", True), ("writers", True)),
            ((g.number, f"{g.entries:,}", f"{g.bytes:,}", g.last_commit or "", g.bound) for g in model.generations),
        ),
        *_levels(model),
        Text(""),
        heading("entries"),
        _entries(shown) if shown else Text("none: nothing is pending, and nobody could conflict with a commit"),
        Text(f"and {more:,} more: SELECT * FROM sys.memtable", style="dim") if more else None,
    )


def _levels(model: MemtableModel) -> list[RenderableType]:
    if not model.levels:
        return []
    most = model.levels[0].entries
    rows = table(
        (("level", True), ("entries", True), ("by the odds", True), ("", False)),
        (
            (one.level, f"{one.entries:,}", f"{one.expected:g}", Bar(one.entries / most, 24))
            for one in reversed(model.levels)
        ),
    )
    return [Text(""), heading("levels"), rows]


def _entries(entries: tuple[EntryModel, ...]) -> RenderableType:
    return table(
        (("txn", True), ("state", False), ("commit", True), ("write", False), ("levels", True), ("of", False), ("key and value", False)),
        (
            (
                e.txn, Text(e.state, style=STATES.get(e.state, "")), e.commit_lsn or "", e.write, e.height,
                safe(clip(e.owner, 24)), _content(e),
            )
            for e in entries
        ),
        stretch=6,
    )  # fmt: skip


def _content(entry: EntryModel) -> Text:
    if entry.decoded:
        return safe(values_text(entry.decoded))
    value = f"  {bytes_text(entry.value, 40)}" if entry.write == "put" else ""
    return safe(bytes_text(entry.key), "green") + safe(value)


@renders(TransactionsModel)
def render_transactions(model: TransactionsModel) -> RenderableType:
    opened = [one for one in model.transactions if one.state != "committed"]
    recent = [one for one in model.transactions if one.state == "committed"]
    title = styled("transactions", "bold") + Text(f"  last commit at LSN {model.published_lsn}; ")
    title += Text(f"{sum(one.readers for one in opened)} open, {len(recent)} committed just now and still noted")
    return parts(
        title,
        Text(""),
        _transactions(opened + recent) if model.transactions else Text("nobody reads or writes"),
        *(_versions(one) for one in {one.snapshot_lsn: one for one in opened if one.kept}.values()),
    )


def _transactions(found: list[TransactionModel]) -> RenderableType:
    return table(
        (
            ("txn", True), ("state", False), ("readers", True), ("LSN", True), ("for ms", True), ("writes", True),
            ("deletes", True), ("bytes", True), ("versions", True),
        ),
        (
            (
                one.txn or "", Text(one.state, style=STATES.get(one.state, "")), one.readers or "",
                one.snapshot_lsn or one.commit_lsn or "", "" if one.age_ms is None else f"{one.age_ms:,.1f}",
                one.entries or "", one.deletes or "", f"{one.bytes:,}" if one.bytes else "", one.kept or "",
            )
            for one in found
        ),
    )  # fmt: skip


def _versions(one: TransactionModel) -> Text:
    pages = ", ".join(map(str, one.pages_kept[:20]))
    more = " .." if (one.kept or 0) > len(one.pages_kept[:20]) else ""
    return Text(f"the snapshot at LSN {one.snapshot_lsn} keeps older versions of pages {pages}{more}", style="dim")
