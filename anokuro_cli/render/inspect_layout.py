"""Struct layouts, as pahole shows them: fields with offset and size, holes, cache lines."""

from __future__ import annotations

from rich.console import RenderableType
from rich.text import Text

from anokuro_cli.render.inspect_parts import parts, safe, styled, table
from anokuro_cli.render.inspections import renders
from engine.inspect.layout import LayoutModel, StructModel

WHERE = {"page": "in pages", "data file": "in the data file", "log": "in the log", "memory": "in memory"}


@renders(LayoutModel)
def render(model: LayoutModel) -> RenderableType:
    found: list[RenderableType] = []
    for struct in model.structures:
        found += [Text("")] if found else []
        found += _struct(struct)
    return parts(*found)


def _struct(struct: StructModel) -> list[RenderableType]:
    holes = f", {struct.holes} bytes in holes" if struct.holes else ", no holes"
    lines = f"{struct.lines} cache line" + ("s" if struct.lines != 1 else "")
    title = styled(struct.name, "bold") + Text(f"  {WHERE[struct.where]}: {struct.size} bytes, {lines}{holes}")
    line = -1
    rows = []
    for field in struct.fields:
        hole = field.type == "hole"
        mark = str(field.line) if field.line != line else ""
        line = field.line
        name = Text("(hole)", style="red") if hole else safe(field.name, "cyan")
        rows.append((field.offset, field.size, mark, "" if hole else field.type, name, field.doc))
    columns = (
        ("offset", True), ("size", True), ("line", True), ("type", False), ("field", False), ("meaning", False),
    )  # fmt: skip
    return [title, table(columns, rows, stretch=5, wrap=True)]
