"""The log: statistics by type, and its records."""

from __future__ import annotations

from rich.console import RenderableType
from rich.text import Text

from anokuro_cli.render.inspect_parts import Bar, damage, heading, parts, safe, styled, table
from anokuro_cli.render.inspections import renders
from engine.inspect.wal import WalModel

LISTED = 200
STYLES = {
    "BUILD": "magenta", "INSERT": "green", "UPDATE": "yellow", "DELETE": "red", "TRUNCATE": "magenta", "FREE": "dim",
    "OVERFLOW": "blue", "COMMIT": "cyan", "ABORT": "bold red", "CHECKPOINT": "cyan", "PAD": "dim",
}  # fmt: skip


@renders(WalModel)
def render(model: WalModel) -> RenderableType:
    title = styled(f"log {model.log_id:016x}", "bold")
    title += Text(f"  LSN {model.first_lsn} to {model.end_lsn}, segments of {model.segment_size:,} bytes\n")
    title += Text(f"{model.matching:,} records; {model.end_reason}")
    statistics = table(
        (("type", False), ("records", True), ("%", True), ("bytes", True), ("%", True), ("", False)),
        (
            (
                Text(s.record_type, style=STYLES.get(s.record_type, "")), f"{s.count:,}", f"{s.count_percent:.1f}",
                f"{s.bytes:,}", f"{s.bytes_percent:.1f}", Bar(s.bytes_percent / 100, 16, STYLES.get(s.record_type, "")),
            )
            for s in model.statistics
        ),
    )  # fmt: skip
    records = table(
        (
            ("LSN", True), ("bytes", True), ("txn", True), ("page", True), ("before", True), ("type", False),
            ("what it does", False),
        ),
        (
            (
                r.start_lsn, r.record_length, r.txn or "", r.page or "", r.prev_lsn or "",
                Text(r.record_type, style=STYLES.get(r.record_type, "")), safe(r.description),
            )
            for r in model.records[:LISTED]
        ),
        stretch=6,
    )  # fmt: skip
    more = model.matching - min(len(model.records), LISTED)
    rest = styled(f"and {more:,} further records: INSPECT WAL FROM lsn, or SELECT * FROM sys.wal", "dim")
    return parts(
        title,
        *damage(model.damage),
        Text(""),
        statistics,
        Text(""),
        heading("records"),
        records,
        rest if more else None,
    )
