"""Snapshots, and the older page versions that they keep."""

from __future__ import annotations

from rich.console import RenderableType
from rich.text import Text

from anokuro_cli.render.inspect_parts import parts, styled, table
from anokuro_cli.render.inspections import renders
from engine.inspect.snapshots import SnapshotsModel


@renders(SnapshotsModel)
def render(model: SnapshotsModel) -> RenderableType:
    title = styled(f"{len(model.snapshots)} snapshots", "bold")
    title += Text(f"  last commit at LSN {model.published_lsn}; {model.writers} open transactions may write")
    columns = (("LSN", True), ("readers", True), ("versions kept", True), ("age ms", True), ("of pages", False))
    rows = (
        (s.lsn, s.readers, s.kept, f"{s.age_ms:,.1f}", ", ".join(str(v.page) for v in s.versions[:20]))
        for s in model.snapshots
    )
    return parts(title, Text(""), table(columns, rows, stretch=4)) if model.snapshots else parts(title)
