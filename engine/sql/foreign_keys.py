"""FOREIGN KEY: what a change of rows means for the tables that refer to each other.

    rows change -> events (a referenced key went, or became another) and keys to look up
    end of the statement:  CASCADE, SET NULL, SET DEFAULT change the rows that refer, which makes further events ...
                           until there are none; then every noted key is looked up
    COMMIT:                the same look for the keys of DEFERRABLE INITIALLY DEFERRED constraints

A noted key is broken when rows refer to it and no row has it; that is asked when it is looked up, so a statement may pass
through wrong states on its way. RESTRICT alone is asked before anything else is done about the event.

Between transactions: under `serializable` the look at the parent and the look for children are reads that are validated
at commit, so a child inserted while its parent is deleted is a conflict. Under `snapshot` reads are not validated; there
the parent that was found is written again with its own content, so that deleting it meanwhile is a conflict of writes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any

from engine.base.dataclass import dataclass
from engine.base.errors import IntegrityError
from engine.catalog.catalog import Schema
from engine.catalog.objects import ForeignKey, Index, KeyKind, Table
from engine.record.keys import encode_rowid
from engine.record.types import describe
from engine.sql.compile_expr import Row, Runtime
from engine.sql.scan import Finder

if TYPE_CHECKING:
    from engine.sql.writer import Writer

Key = tuple[Any, ...]
BATCH = 512


@dataclass(frozen=True)
class Link:
    """A FOREIGN KEY between two tables as they are: columns of both by position, in the order of the constraint.

    target: the UNIQUE index of the parent that holds the key, None for its primary key. way: an index of the child that
    begins with the referring columns; False where there is none, None where the child's own key does.
    """

    child: Table
    key: ForeignKey
    parent: Table
    parent_columns: tuple[int, ...]
    target: Index | None
    way: Index | bool | None

    @property
    def named(self) -> str:
        """The constraint for people."""
        own = ", ".join(self.child.columns[p].name for p in self.key.columns)
        other = ", ".join(self.parent.columns[p].name for p in self.parent_columns)
        title = f"{self.key.name}: " if self.key.name else ""
        return f"{title}{self.child.name} ({own}) REFERENCES {self.parent.name} ({other})"

    def of_child(self, row: Row) -> Key | None:
        """The key a row refers to; None where a part is NULL, which refers to nothing."""
        key = tuple([row[p] for p in self.key.columns])
        return None if None in key else key

    def of_parent(self, row: Row) -> Key | None:
        """The key a row can be referred to by."""
        key = tuple([row[p] for p in self.parent_columns])
        return None if None in key else key

    def parent_key(self, key: Key) -> tuple[int, bytes]:
        """Tree and key to look at for the parent of a key."""
        by_position = dict(zip(self.parent_columns, key, strict=True))
        if self.target is not None:
            return self.target.tree, self.target.codec.encode([by_position[c.position] for c in self.target.columns])
        if self.parent.key is KeyKind.ALIAS:
            return self.parent.tree, encode_rowid(key[0])
        return self.parent.tree, self.parent.key_codec.encode([by_position[p] for p in self.parent.key_columns])


def make_link(schema: Schema, child: Table, key: ForeignKey) -> Link | None:
    """The constraint over the tables of a schema; None where the parent or its key is not there."""
    parent = child if key.table.lower() == child.name.lower() else schema.tables.get(key.table.lower())
    if parent is None:
        return None
    if key.target_columns:
        found = [parent.positions.get(name.lower()) for name in key.target_columns]
    else:
        found = [column.position for column in parent.primary_key]
    positions = tuple(p for p in found if p is not None)
    if len(positions) != len(key.columns) or len(found) != len(positions):
        return None
    target = _target(parent, set(positions))
    if isinstance(target, bool):
        return None
    return Link(child, key, parent, positions, target, _way(child, key.columns))


def _target(parent: Table, positions: set[int]) -> Index | bool | None:
    """The UNIQUE index over exactly these columns; None: the primary key; False: neither."""
    if {column.position for column in parent.primary_key} == positions:
        return None
    for index in parent.indexes:
        if index.unique and index.plain and {column.position for column in index.columns} == positions:
            return index
    return False


def _way(child: Table, positions: tuple[int, ...]) -> Index | bool | None:
    wanted, count = set(positions), len(positions)
    if {column.position for column in child.primary_key[:count]} == wanted:
        return None
    for index in child.indexes:
        if index.plain and {column.position for column in index.columns[:count]} == wanted:
            return index
    return False


def links_to(schema: Schema, parent: Table) -> Iterator[Link]:
    """The constraints that refer to a table."""
    for child, key in schema.referring.get(parent.name.lower(), ()):
        link = make_link(schema, child, key)
        if link is not None:
            yield link


class ForeignKeys:
    """The events and noted keys of one statement, and the writers of all tables it can reach."""

    def __init__(self, rt: Runtime):
        self.rt = rt
        self.writers: dict[str, Writer] = {}
        self.events: list[tuple[Link, Key, Key | None]] = []
        self.noted: dict[Link, dict[Key, None]] = {}

    def begin(self) -> None:
        """Ready for one execution."""
        self.events.clear()
        self.noted.clear()

    def note(self, link: Link, key: Key | None) -> None:
        """A row refers to this key now."""
        if key is not None:
            self.noted.setdefault(link, {})[key] = None

    def gone(self, link: Link, old: Key | None, new: Key | None = None) -> None:
        """A row with this key was deleted (new None), or has another key now."""
        if old is not None and old != new:
            self.events.append((link, old, new))

    def act(self) -> None:
        """Do what the constraints ask for about the events so far. Raises IntegrityError for RESTRICT."""
        while self.events:
            events, self.events = self.events, []
            by_link: dict[tuple[Link, bool], dict[Key, Key | None]] = {}
            for link, old, new in events:
                by_link.setdefault((link, new is None), {})[old] = new
            for (link, deleted), keys in by_link.items():
                self.rt.check()
                self._act(link, link.key.on_delete if deleted else link.key.on_update, keys)

    def finish(self) -> None:
        """The end of a statement. Raises IntegrityError."""
        self.act()
        for link, noted in self.noted.items():
            broken = next(broken_keys(link, noted, self.rt), None)
            if broken is None:
                continue
            if not link.key.deferred:
                raise violation(link, broken)
            deferred = self.rt.session.deferred.setdefault((link.child.name.lower(), link.key), {})
            deferred.update(noted)
        self.noted.clear()

    def _act(self, link: Link, action: str, keys: dict[Key, Key | None]) -> None:
        """What a constraint does about keys that went (to None) or became others."""
        if action == "NO ACTION":
            for key in keys:
                self.note(link, key)
            return
        rows = list(children(link, keys, self.rt))
        if not rows:
            return
        writer = self.writers[link.child.name.lower()]
        if action == "RESTRICT":
            raise violation(link, link.of_child(rows[0][1]), "RESTRICT: rows still refer to it")
        if action == "CASCADE" and None in keys.values():
            for place, row in rows:
                writer.delete(place, row)
            return
        make = self._maker(link, action, keys, writer)
        for row in writer.replace_rows(rows, make, writer.moves(set(link.key.columns))):
            self.note(link, link.of_child(row))  # also where the default is what it was

    def _maker(
        self, link: Link, action: str, keys: dict[Key, Key | None], writer: Writer
    ) -> Callable[[Row], list[Any]]:
        """From a row that refers to what it becomes."""

        def make(row: Row) -> list[Any]:
            values = list(row[: len(link.child.columns)])
            old = link.of_child(row)
            if action == "SET DEFAULT":
                wanted: Iterable[Any] = [writer.default(position) for position in link.key.columns]
            else:
                wanted = (keys[old] if old is not None else None) or [None] * len(link.key.columns)
                wanted = wanted if action == "CASCADE" else [None] * len(link.key.columns)
            for position, value in zip(link.key.columns, wanted, strict=True):
                values[position] = value
            return values

        return make


def children(link: Link, keys: Iterable[Key], rt: Runtime) -> Iterator[tuple[bytes, Row]]:
    """The rows that refer to any of these keys, with their own keys."""
    child = link.child
    width = range(len(child.columns))
    decoder = child.decoder(tuple(width))
    if isinstance(link.way, bool):
        wanted = set(keys)
        pairs = rt.txn.scan(child.tree)
        for key, row in decoder.rows_with_keys(pairs, rt.flag):
            if link.of_child(row) in wanted:
                yield key, row
        return
    finder = Finder(child, link.way)
    order = [column.position for column in finder.columns[: len(link.key.columns)]]
    for wanted_key in keys:
        rt.check()
        by_position = dict(zip(link.key.columns, wanted_key, strict=True))
        bounds = finder.range([by_position[position] for position in order], None, None)
        if bounds is not None:
            yield from decoder.rows_with_keys(iter(list(finder.pairs(rt, *bounds, False))), rt.flag)


def broken_keys(link: Link, keys: Iterable[Key], rt: Runtime) -> Iterator[Key]:
    """Those of the keys that rows refer to although no row has them."""
    missing = [key for key in keys if not _has_parent(link, key, rt)]
    if missing:
        for _, row in children(link, missing, rt):
            key = link.of_child(row)
            assert key is not None
            yield key


def _has_parent(link: Link, key: Key, rt: Runtime) -> bool:
    tree, wanted = link.parent_key(key)
    found = rt.txn.get(tree, wanted)
    if found is not None and rt.txn.isolation == "snapshot" and not rt.txn.readonly:
        rt.txn.put(tree, wanted, found)
    return found is not None


def violation(link: Link, key: Key | None, why: str = "no such row") -> IntegrityError:
    """The error for a key that rows refer to and no row has."""
    values = ", ".join(map(describe, key or ()))
    return IntegrityError(f"FOREIGN KEY constraint failed: {link.named}: {why} ({values})")


def check_deferred(schema: Schema, deferred: dict[tuple[str, ForeignKey], dict[Key, None]], rt: Runtime) -> None:
    """The look at COMMIT. Raises IntegrityError; the keys stay noted."""
    for (name, key), keys in deferred.items():
        table = schema.tables.get(name)
        link = make_link(schema, table, key) if table is not None and key in table.foreign_keys else None
        if link is not None:
            for broken in broken_keys(link, keys, rt):
                raise violation(link, broken)
    deferred.clear()


def check_table(link: Link, rt: Runtime) -> None:
    """The look at all rows of a table that gets a new constraint. Raises IntegrityError."""
    decoder = link.child.decoder(tuple(range(len(link.child.columns))))
    keys: dict[Key, None] = {}
    for row in decoder.rows(rt.txn.scan(link.child.tree), rt.flag):
        key = link.of_child(row)
        if key is not None:
            keys[key] = None
    for key in keys:
        if not _has_parent(link, key, rt):
            raise violation(link, key)
