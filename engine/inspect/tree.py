"""Trees: their shape from the headers of their pages, and the path of one key with the comparisons made on it.

The shape is counted from every page that says it belongs to the tree, not by walking down: it is right for damaged trees
too, and reads 112 bytes a page.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from engine.base.dataclass import dataclass
from engine.inspect.decode import HEADER_SIZE, HINTS, NODES, SLOT_SIZE, header_fields
from engine.inspect.model import Model
from engine.inspect.owners import TABLE_TREE, Owner, Owners
from engine.inspect.page import PageModel
from engine.inspect.source import DEPTH_MAX, ROOT_CATALOG, ROOT_DIRECTORY, PageRef, Source, read_page, scan_tree
from engine.storage.layout import PAGE_KINDS


@dataclass(frozen=True, slots=True)
class PageSummary(Model):
    """One page from its header. payload: bytes in slots and cells, or of a long value; unused: the rest behind the header.

    frame: None where the page is in none. older_versions: whether a snapshot keeps one.
    """

    page: int
    tree: int
    owner: str
    kind: str
    level: int
    items: int
    payload: int
    unused: int
    fill: float
    lsn: int
    slot: int
    durable_slot: int
    frame: int | None
    older_versions: bool


@dataclass(frozen=True, slots=True)
class Level(Model):
    """The nodes of one height above the leaves. fan_out: items a page, on average; fill: used part of the pages."""

    level: int
    kind: str
    pages: int
    items: int
    fan_out: float
    payload: int
    fill: float
    fill_min: float
    fill_max: float


@dataclass(frozen=True, slots=True)
class TreeSummary(Model):
    """One tree. items: keys in its leaves; root None: unknown; fan_out: children a branch page, on average."""

    tree: int
    name: str
    kind: str
    root: int | None
    depth: int
    pages: int
    leaf_pages: int
    branch_pages: int
    overflow_pages: int
    items: int
    fan_out: float
    payload: int
    overflow_bytes: int
    fill: float


@dataclass(frozen=True, slots=True)
class Comparison(Model):
    """One comparison of a search: with hint or slot `index`; by "hint", "head" or "key"; order of that key to the sought one."""

    by: str
    index: int
    key: bytes
    order: int


@dataclass(frozen=True, slots=True)
class Step(Model):
    """One page on the way to a key. index: the slot taken, or, in a leaf, where the key is or would be."""

    page: int
    kind: str
    level: int
    items: int
    comparisons: tuple[Comparison, ...]
    index: int
    key: bytes | None
    decoded: dict[str, Any] | None
    child: int | None
    found: bool


@dataclass(frozen=True, slots=True)
class TreeModel(Model):
    """The shape of one tree, and, where a key was asked for, the path to it."""

    summary: TreeSummary
    levels: tuple[Level, ...]
    key: bytes | None
    path: tuple[Step, ...]
    damage: tuple[str, ...]
    model: str = "tree"
    version: int = 1


@dataclass(frozen=True, slots=True)
class TreesModel(Model):
    """All trees."""

    trees: tuple[TreeSummary, ...]
    pages: int
    damage: tuple[str, ...]
    model: str = "trees"
    version: int = 1


def summarise(ref: PageRef, page_size: int, owners: Owners) -> PageSummary:
    """A page from its header; impossible numbers are cut to what a page can have."""
    header = header_fields(ref.header)
    kind = PAGE_KINDS.get(header.kind, "unknown")
    room = page_size - HEADER_SIZE
    if kind in NODES:
        free = header.heap_start - HEADER_SIZE - header.count * SLOT_SIZE + header.fragmented
        items, payload = header.count, room - free
    else:
        items, payload = int(kind == "overflow"), header.data_len
    payload = max(0, min(payload, room))
    return PageSummary(
        ref.page,
        header.tree_id,
        owners.name_of(header.tree_id),
        kind,
        header.level,
        items,
        payload,
        room - payload,
        round(payload / room, 4),
        header.lsn,
        ref.slot,
        ref.durable_slot,
        ref.frame,
        ref.older,
    )


def page_summaries(source: Source, owners: Owners) -> Iterable[PageSummary]:
    """All pages in use, by page id."""
    return (summarise(ref, source.page_size, owners) for ref in source.refs())


def roots_of(source: Source) -> dict[int, int]:
    """Tree id -> root page id, from the images of the directory."""
    found = {0: ROOT_DIRECTORY, 1: ROOT_CATALOG}
    for key, value in scan_tree(source, ROOT_DIRECTORY):
        if len(key) == 8 and len(value) == 4:
            found[int.from_bytes(key, "big")] = int.from_bytes(value, "little")
    return found


def _summary(owner: Owner, root: int | None, pages: list[PageSummary]) -> TreeSummary:
    leaves = [page for page in pages if page.kind == "leaf"]
    branches = [page for page in pages if page.kind == "branch"]
    overflow = [page for page in pages if page.kind == "overflow"]
    nodes = leaves + branches
    return TreeSummary(
        tree=owner.tree,
        name=owner.name,
        kind=owner.kind,
        root=root,
        depth=max((page.level + 1 for page in nodes), default=0),
        pages=len(pages),
        leaf_pages=len(leaves),
        branch_pages=len(branches),
        overflow_pages=len(overflow),
        items=sum(page.items for page in leaves),
        fan_out=_mean([page.items for page in branches]),
        payload=sum(page.payload for page in nodes),
        overflow_bytes=sum(page.payload for page in overflow),
        fill=round(_mean([page.fill for page in nodes], 4), 4),
    )


def _mean(values: list[int] | list[float], digits: int = 1) -> float:
    return round(sum(values) / len(values), digits) if values else 0.0


def _levels(pages: list[PageSummary]) -> tuple[Level, ...]:
    found = []
    for level in sorted({page.level for page in pages if page.kind in NODES}, reverse=True):
        here = [page for page in pages if page.level == level and page.kind in NODES]
        fills = [page.fill for page in here]
        items = [page.items for page in here]
        payload = sum(page.payload for page in here)
        kind = "leaf" if level == 0 else "branch"
        found.append(
            Level(level, kind, len(here), sum(items), _mean(items), payload, _mean(fills, 4), min(fills), max(fills))
        )
    return tuple(found)


def trees_model(source: Source) -> TreesModel:
    """All trees that have pages, or that the catalog names."""
    owners = source.owners()
    roots = roots_of(source)
    by_tree: dict[int, list[PageSummary]] = {tree: [] for tree in roots}
    for page in page_summaries(source, owners):
        by_tree.setdefault(page.tree, []).append(page)
    found = [
        _summary(owners.of(tree), roots.get(tree), pages)
        for tree, pages in sorted(by_tree.items())
        if tree != TABLE_TREE
    ]
    return TreesModel(tuple(found), sum(tree.pages for tree in found), tuple(source.problems))


def tree_model(source: Source, name: str | int, key: Any = None) -> TreeModel:
    """One tree, with the path to `key` where it is not None. Raises ProgrammingError for an unknown name or a wrong key."""
    owners = source.owners()
    owner = owners.named(name)
    roots = roots_of(source)
    pages = [page for page in page_summaries(source, owners) if page.tree == owner.tree]
    damage = list(source.problems)
    raw = None if key is None else owner.key_of(key)
    path: tuple[Step, ...] = ()
    root = roots.get(owner.tree)
    if root is None:
        damage.append("the directory does not name the tree's root")
    elif raw is not None:
        path = _path(source, owners, owner, root, raw, damage)
    return TreeModel(_summary(owner, root, pages), _levels(pages), raw, path, tuple(damage))


def _path(source: Source, owners: Owners, owner: Owner, root: int, key: bytes, damage: list[str]) -> tuple[Step, ...]:
    steps: list[Step] = []
    page: int | None = root
    while page is not None and len(steps) < DEPTH_MAX:
        found = read_page(source, page, owners)
        if found is None or found.kind not in NODES:
            damage.append(f"page {page} on the way to the key is no node")
            break
        damage += [f"page {page}: {problem}" for problem in found.damage]
        if found.tree != owner.tree:
            damage.append(f"page {page} on the way to the key belongs to tree {found.tree}")
            break
        step = search(found, key)
        steps.append(step)
        page = step.child
    return tuple(steps)


def search(page: PageModel, key: bytes) -> Step:
    """The search of engine.btree.node.node_search, step by step: hints, then halving by heads, then by whole keys."""
    comparisons: list[Comparison] = []
    count = len(page.items)
    suffix = key[len(page.prefix) :]
    head = int.from_bytes(suffix[:4].ljust(4, b"\0"), "big")
    low, high = 0, count
    if count > 2 * HINTS:
        distance = count // (HINTS + 1)
        first = 0
        while first < HINTS and page.hints[first] < head:
            comparisons.append(_hint(page, first, -1))
            first += 1
        last = first
        while last < HINTS and page.hints[last] == head:
            comparisons.append(_hint(page, last, 0))
            last += 1
        low = first * distance
        if last < HINTS:
            comparisons.append(_hint(page, last, 1))
            high = (last + 1) * distance
    found = False
    while low < high and not found:
        middle = (low + high) >> 1
        item = page.items[middle]
        by = "head" if item.head != head else "key"
        other, sought = (item.head, head) if by == "head" else (item.key, key)
        order = (other > sought) - (other < sought)  # type: ignore[operator]
        comparisons.append(Comparison(by, middle, item.key, order))
        if order == 0:
            low, found = middle, True
        elif order < 0:
            low = middle + 1
        else:
            high = middle
    index = low
    child = None
    if page.kind == "branch":
        index = low if found else low - 1
        child = page.items[index].child if 0 <= index < count else None
    taken = page.items[index] if 0 <= index < count and (found or page.kind == "branch") else None
    return Step(
        page.page,
        page.kind,
        page.level,
        count,
        tuple(comparisons),
        index,
        taken.key if taken else None,
        taken.decoded if taken else None,
        child,
        found and page.kind == "leaf",
    )


def _hint(page: PageModel, index: int, order: int) -> Comparison:
    return Comparison("hint", index, page.hints[index].to_bytes(4, "big"), order)
