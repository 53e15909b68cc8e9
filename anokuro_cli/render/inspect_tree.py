"""Trees: all of them, the shape of one, and the way to a key."""

from __future__ import annotations

from rich.console import RenderableType
from rich.text import Text

from anokuro_cli.render.inspect_parts import (
    Bar,
    bytes_text,
    damage,
    heading,
    kind_style,
    kind_text,
    parts,
    percent,
    safe,
    styled,
    table,
    values_text,
)
from anokuro_cli.render.inspections import renders
from anokuro_cli.text import plural
from engine.inspect.tree import Comparison, Step, TreeModel, TreesModel

ORDERS = {-1: "<", 0: "=", 1: ">"}


@renders(TreesModel)
def trees(model: TreesModel) -> RenderableType:
    rows = [
        (
            one.name, one.kind, one.root, one.depth, f"{one.items:,}", one.leaf_pages, one.branch_pages,
            one.overflow_pages, f"{one.fan_out:g}", percent(one.fill),
        )
        for one in model.trees
    ]  # fmt: skip
    columns = (
        ("tree", False), ("of a", False), ("root", True), ("depth", True), ("items", True), ("leaf", True),
        ("branch", True), ("long", True), ("fan-out", True), ("fill", True),
    )  # fmt: skip
    return parts(*damage(model.damage), table(columns, rows, stretch=0), Text(f"{model.pages:,} pages", style="dim"))


@renders(TreeModel)
def tree(model: TreeModel) -> RenderableType:
    one = model.summary
    root = f"root page {one.root}" if one.root is not None else "root unknown"
    title = styled(_noun(one.kind), "bold") + Text(" ") + safe(one.name, "bold")
    title += Text(
        f"  tree {one.tree}, {root}, depth {one.depth}\n{plural(one.items, 'item')} in {plural(one.leaf_pages, 'leaf page')}"
    )
    title += Text(f", {plural(one.branch_pages, 'branch page')}, {plural(one.overflow_pages, 'overflow page')}")
    title += Text(f"; fan-out {one.fan_out:g}, fill {percent(one.fill)}")
    columns = (
        ("level", True), ("pages", True), ("items", True), ("a page", True), ("fill", True), ("least", True), ("most", True),
    )  # fmt: skip
    rows = [
        (
            Text(f"{level.level} ") + kind_text(level.kind), f"{level.pages:,}", f"{level.items:,}",
            f"{level.fan_out:g}", percent(level.fill), percent(level.fill_min), percent(level.fill_max),
            Bar(level.fill, 20, kind_style(level.kind)),
        )
        for level in model.levels
    ]  # fmt: skip
    shape = table((*columns, ("", False)), rows)
    found: list[RenderableType] = [title, *damage(model.damage), Text(""), shape]
    if model.key is not None:
        found += [Text(""), heading("the way to ") + safe(bytes_text(model.key, 60), "green")]
        found += [line for step in model.path for line in _step(step)]
    return parts(*found)


def _noun(kind: str) -> str:
    """Kinds of trees that are their own name are called trees."""
    return kind if kind in ("table", "index") else "tree"


def _step(step: Step) -> list[RenderableType]:
    line = styled(f"page {step.page} ", "bold") + kind_text(step.kind)
    line += Text(f", level {step.level}, {step.items} items: ")
    if step.kind == "branch":
        taken = f"item {step.index} -> page {step.child}" if step.child is not None else "no child covers the key"
        line += Text(taken, style="bold" if step.child is not None else "red")
    else:
        line += Text(f"item {step.index}" if step.found else f"not there; it would be item {step.index}")
    if step.decoded:
        line += Text("  ") + safe(values_text(step.decoded))
    return [line, *(comparison_lines(step.comparisons))]


def comparison_lines(all_of_them: tuple[Comparison, ...]) -> list[Text]:
    """Hints on one line, then one line a comparison with a slot."""
    lines = []
    hints = [one for one in all_of_them if one.by == "hint"]
    if hints:
        marks = "".join(ORDERS[one.order] for one in hints)
        lines.append(Text(f"  hints {hints[0].index} to {hints[-1].index}: {marks}", style="magenta"))
    for one in all_of_them:
        if one.by != "hint":
            text = Text(f"  item {one.index:<5}") + safe(bytes_text(one.key, 40), "green")
            lines.append(text + Text(f" {ORDERS[one.order]} the key, by its {one.by}", style="dim"))
    return lines
