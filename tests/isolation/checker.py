"""Which isolation anomalies does a history of list-append transactions show?

    history: transactions with the lists they read and the elements they appended
       |  versions of each key: every list is a prefix of the longest one, so it says who wrote before whom
       v
    graph: T1 -ww-> T2  T2's element follows T1's        T1 -wr-> T2  T2 read T1's element as the last one
           T1 -rw-> T2  T2 appended to what T1 had read  T1 -rt-> T2  T1 had ended before T2 began
       |  strongly connected components (Tarjan, 1972)
       v
    anomalies, each with a cycle that shows it

What a cycle proves (Adya, 2000): without rw edges G0 (only ww) or G1c, which no isolation level here allows. For the rest, snapshot
isolation holds exactly if no cycle remains in D + D;RW, where D are the other edges and ; is "followed by": every
cycle has two rw edges in a row (Cerone, Gotsman, 2016). So a cycle found there is G-single (one rw edge) or G-nonadjacent, and a
cycle found only with all edges is write skew (G2), which `serializable` excludes and `snapshot` permits. With rt edges the levels are
the strict ones: a transaction sees all that had ended when it began.

Not cycles: G1a (an element of a transaction that did not commit was read), G1b (one that its own transaction had yet to follow by another),
`internal` (a transaction disagrees with itself), `order` (two lists of one key, neither a prefix of the other: an update was lost).

The idea of inferring the order from lists is that of Elle (Kingsbury, Alvaro, 2020).
"""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

COMMITTED = "committed"
ABORTED = "aborted"
UNKNOWN = "unknown"

Elements = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Read:
    """The list that a key held; empty where there was none."""

    key: str
    elements: Elements


@dataclass(frozen=True, slots=True)
class Append:
    """An element, unique in the history, was added to the list that the transaction had read last."""

    key: str
    element: int


@dataclass(slots=True)
class Transaction:
    """What one transaction did. began, ended: moments of one clock; ended is None where no answer came."""

    number: int
    began: int
    ended: int | None = None
    outcome: str = UNKNOWN
    operations: list[Read | Append] = field(default_factory=list)


@dataclass(frozen=True)
class Anomaly:
    """One anomaly: its name, and what shows it."""

    kind: str
    text: str

    def __str__(self) -> str:
        return f"{self.kind}: {self.text}"


DEPENDENCIES = ("ww", "wr", "rt")
ALLOWED = {"serializable": frozenset[str](), "snapshot": frozenset({"G2"})}
"""The anomalies that each isolation level permits."""


def check(history: Sequence[Transaction]) -> list[Anomaly]:
    """All anomalies of a history, the most elementary ones first."""
    found: list[Anomaly] = []
    views = [View(transaction, found) for transaction in history]
    _settle_unknown(views)
    committed = [view for view in views if view.committed]
    versions = _versions(committed, found)
    writers = _writers(views)
    found += _unfinished_reads(committed, writers)
    return found + list(_cycles(_graph(committed, versions, writers)))


def forbidden(history: Sequence[Transaction], isolation: str) -> list[Anomaly]:
    """The anomalies of a history that the isolation level does not permit."""
    return [anomaly for anomaly in check(history) if anomaly.kind not in ALLOWED[isolation]]


class View:
    """A transaction seen from outside: first list read of each key, last list left behind, elements appended."""

    def __init__(self, transaction: Transaction, found: list[Anomaly]) -> None:
        self.transaction = transaction
        self.committed = transaction.outcome == COMMITTED
        self.first: dict[str, Elements] = {}
        self.last: dict[str, Elements] = {}
        self.appended: dict[str, list[int]] = {}
        for operation in transaction.operations:
            key = operation.key
            if isinstance(operation, Append):
                self.last[key] = (*self.last.get(key, ()), operation.element)
                self.appended.setdefault(key, []).append(operation.element)
            elif key not in self.last:
                self.first[key] = self.last[key] = operation.elements
            elif operation.elements != self.last[key]:
                text = f"T{transaction.number} read {operation.elements} of {key} after {self.last[key]}"
                found.append(Anomaly("internal", text))


def _settle_unknown(views: Sequence[View]) -> None:
    """A transaction of unknown outcome has committed if one that did has seen an element of it."""
    seen = {element for view in views if view.committed for elements in view.last.values() for element in elements}
    for view in views:
        if view.transaction.outcome == UNKNOWN:
            view.committed = any(e in seen for elements in view.appended.values() for e in elements)


def _versions(views: Iterable[View], found: list[Anomaly]) -> dict[str, Elements]:
    """The longest list of each key; every other one must be a prefix of it."""
    longest: dict[str, Elements] = {}
    for view in views:
        for key, elements in view.last.items():
            if len(elements) > len(longest.get(key, ())):
                longest[key] = elements
    for view in views:
        for key, elements in view.last.items():
            whole = longest.get(key, ())
            if elements != whole[: len(elements)]:
                text = f"T{view.transaction.number} leaves {elements} in {key}, but another {whole}"
                found.append(Anomaly("order", text))
    return longest


@dataclass(frozen=True, slots=True)
class Writer:
    """Who appended an element, whether he committed, and whether it was his last one for the key."""

    number: int
    committed: bool
    final: bool


def _writers(views: Iterable[View]) -> dict[int, Writer]:
    return {
        element: Writer(view.transaction.number, view.committed, element == elements[-1])
        for view in views
        for elements in view.appended.values()
        for element in elements
    }


def _unfinished_reads(views: Iterable[View], writers: dict[int, Writer]) -> Iterator[Anomaly]:
    """G1a and G1b."""
    for view in views:
        for key, elements in view.first.items():
            reader = f"T{view.transaction.number} read {key} as {elements}"
            for element in elements:
                if element not in writers:
                    yield Anomaly("G1a", f"{reader}; nobody appended {element}")
                elif not writers[element].committed:
                    number = writers[element].number
                    yield Anomaly("G1a", f"{reader}; {element} is of T{number}, which did not commit")
            if elements and elements[-1] in writers and not writers[elements[-1]].final:
                number = writers[elements[-1]].number
                yield Anomaly("G1b", f"{reader}; T{number} appended more after {elements[-1]}")


class Graph:
    """Nodes are transactions (by number) and moments of the clock (negative); edges have one of the four kinds."""

    def __init__(self) -> None:
        self.edges: dict[int, dict[int, str]] = {}

    def add(self, start: int, kind: str, end: int) -> None:
        """The first kind of an edge stays: ww before wr before rw."""
        if start != end:
            self.edges.setdefault(start, {}).setdefault(end, kind)

    def only(self, kinds: Sequence[str]) -> Graph:
        """The edges of some kinds."""
        part = Graph()
        for start, ends in self.edges.items():
            part.edges[start] = {end: kind for end, kind in ends.items() if kind in kinds}
        return part

    def snapshot_order(self) -> Graph:
        """D + D;RW, the second named "d,rw"; acyclic exactly if snapshot isolation holds."""
        composed = self.only(DEPENDENCIES)
        for middle, start in [(m, s) for s, ends in composed.edges.items() for m in ends]:
            for end, kind in self.edges.get(middle, {}).items():
                if kind == "rw":
                    composed.edges[start].setdefault(end, "d,rw")
        return composed


def _graph(views: Sequence[View], versions: dict[str, Elements], writers: dict[int, Writer]) -> Graph:
    graph = Graph()
    for elements in versions.values():
        for before, after in itertools.pairwise(elements):
            if before in writers and after in writers:
                graph.add(writers[before].number, "ww", writers[after].number)
    for view in views:
        number = view.transaction.number
        for elements in view.first.values():
            if elements and elements[-1] in writers:
                graph.add(writers[elements[-1]].number, "wr", number)
    for view in views:
        number = view.transaction.number
        for key, elements in view.first.items():
            whole = versions.get(key, ())
            if len(elements) < len(whole) and whole[len(elements)] in writers:
                graph.add(number, "rw", writers[whole[len(elements)]].number)
    _add_clock(graph, [view.transaction for view in views])
    return graph


def _add_clock(graph: Graph, transactions: Iterable[Transaction]) -> None:
    """Who had ended before whom: a chain of moments, one for each end, instead of an edge for each pair."""
    events = [(t.began, 1, t.number) for t in transactions]
    events += [(t.ended, 0, t.number) for t in transactions if t.ended is not None]
    moment = -1
    for _, begins, number in sorted(events):
        if begins:
            graph.add(moment, "rt", number)
        else:
            graph.add(moment, "rt", moment - 1)
            moment -= 1
            graph.add(number, "rt", moment)


def components(edges: dict[int, dict[int, str]]) -> Iterator[list[int]]:
    """Strongly connected components of more than one node, and single nodes with an edge to themselves."""
    index: dict[int, int] = {}
    low: dict[int, int] = {}
    stack: list[int] = []
    on_stack: set[int] = set()
    for root in edges:
        if root in index:
            continue
        index[root] = low[root] = len(index)
        stack.append(root)
        on_stack.add(root)
        work = [(root, iter(edges[root]))]
        while work:
            node, successors = work[-1]
            for other in successors:
                if other not in index:
                    index[other] = low[other] = len(index)
                    stack.append(other)
                    on_stack.add(other)
                    work.append((other, iter(edges.get(other, ()))))
                    break
                if other in on_stack:
                    low[node] = min(low[node], index[other])
            else:
                work.pop()
                if work:
                    low[work[-1][0]] = min(low[work[-1][0]], low[node])
                if low[node] == index[node]:
                    component = [stack.pop()]
                    while component[-1] != node:
                        component.append(stack.pop())
                    on_stack.difference_update(component)
                    if len(component) > 1 or node in edges.get(node, ()):
                        yield component


def shortest_cycle(edges: dict[int, dict[int, str]], component: Sequence[int]) -> list[tuple[int, str]]:
    """A shortest cycle through the first node of a component: nodes, each with the kind of the edge that leaves it."""
    inside = set(component)
    start = component[0]
    came: dict[int, int] = {}
    queue = deque([start])
    while queue:
        node = queue.popleft()
        for other in edges.get(node, {}):
            if other == start:
                path = [node]
                while path[-1] != start:
                    path.append(came[path[-1]])
                path.reverse()
                return [(a, edges[a][b]) for a, b in zip(path, [*path[1:], start], strict=True)]
            if other in inside and other not in came:
                came[other] = node
                queue.append(other)
    raise AssertionError("a component has a cycle through each of its nodes")


def describe(cycle: Sequence[tuple[int, str]]) -> str:
    """`T3 -rw-> T5 -rt-> T3`; moments of the clock are left out."""
    parts = [f"T{node} -{kind}->" for node, kind in cycle if node >= 0]
    first = next(node for node, _ in cycle if node >= 0)
    return " ".join([*parts, f"T{first}"])


def _cycles(graph: Graph) -> Iterator[Anomaly]:
    """One anomaly for each component of the first graph that has any; later graphs would only repeat it."""
    for kinds, name in ((("ww", "rt"), "G0"), (DEPENDENCIES, "G1c")):
        part = graph.only(kinds)
        found = [Anomaly(name, describe(shortest_cycle(part.edges, c))) for c in components(part.edges)]
        if found:
            yield from found
            return
    composed = graph.snapshot_order()
    skewed = False
    for component in components(composed.edges):
        skewed = True
        cycle = shortest_cycle(composed.edges, component)
        rw = sum(kind == "d,rw" for _, kind in cycle)
        yield Anomaly("G-single" if rw == 1 else "G-nonadjacent", describe(cycle))
    if not skewed:
        for component in components(graph.edges):
            yield Anomaly("G2", describe(shortest_cycle(graph.edges, component)))
