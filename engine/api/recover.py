"""Recovery of what can be read from damaged files into a new database; the files themselves are only read.

    files --salvage--> keys and values of each tree --catalog readable?--> tables, indexes, views, named trees
                                                    \\--what nothing owns--> trees "recovered N" of the key-value interface

Rows are put as they are, with the definitions as they were: constraints do not refuse any here. Indexes are made anew from the rows. A
row that is no row of its table's (it cannot be decoded), or whose UNIQUE key another row has, is put into the tree "recovered T".
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from engine.base.dataclass import dataclass, field, replace
from engine.base.errors import Error, OperationalError, ProgrammingError
from engine.catalog.catalog import CATALOG_TREE, Catalog, Schema
from engine.catalog.objects import Table
from engine.inspect.file_source import FileSource
from engine.inspect.model import Model
from engine.inspect.owners import Owner, Owners
from engine.inspect.salvage import Salvage, TreeReport
from engine.record import keys
from engine.sql.compile_expr import Runtime
from engine.sql.index_entries import IndexEntries, compile_entries
from engine.storage.file import FileSystem
from engine.storage.file_os import OsFileSystem

RUN = 20_000
SORTED = 500_000
DIRECTORY = 0


@dataclass(frozen=True, slots=True)
class RecoveredTree(Model):
    """What was saved of a tree. kind: table, tree, or unknown (nothing readable names it). saved: rows or keys. older: of these, how
    many come from images older than the last commit. lost: rows whose long value, or whose cell, cannot be read. gaps: ranges of
    keys of which nothing can be read, in words. set_aside: rows in the tree "recovered NAME"."""

    name: str
    kind: str
    tree: int
    saved: int
    older: int
    lost: tuple[str, ...]
    damaged_cells: int
    gaps: tuple[str, ...]
    set_aside: int

    @property
    def is_whole(self) -> bool:
        """Whether everything there was has been saved, as of the last commit."""
        return not (self.older or self.lost or self.damaged_cells or self.gaps or self.set_aside)


@dataclass(frozen=True, slots=True)
class RecoverReport(Model):
    """What became of a damaged database. problems: what is wrong with its files; log_end: LSN behind the last commit saved."""

    path: str
    output: str
    log_end: int
    problems: tuple[str, ...]
    trees: tuple[RecoveredTree, ...]
    model: str = "recover"
    version: int = 1

    @property
    def is_whole(self) -> bool:
        """Whether nothing was lost."""
        return all(tree.is_whole for tree in self.trees)


def recover(
    path: str, output: str, *, fs: FileSystem | None = None, progress: Callable[[str, int], None] | None = None
) -> RecoverReport:
    """Save what can be read of the database at `path` into a new one at `output`, which must not exist.

    progress: called with a tree's name and the rows saved so far. Raises OperationalError, ProgrammingError (output exists).
    """
    system = fs if fs is not None else OsFileSystem()
    if system.exists(output) or system.exists(output + "-wal"):
        raise ProgrammingError(f"{output} exists already; what is recovered goes to a new file")
    source = FileSource(system, path)
    try:
        salvage = Salvage(source)
        if not salvage.leaves:
            raise OperationalError(f"nothing can be recovered from {path}: " + "; ".join(salvage.problems[:3]))
        return _Recovery(salvage, output, system, progress or (lambda name, rows: None)).run()
    finally:
        source.close()


class _Pairs:
    """As much of a transaction as the catalog needs to read itself from keys and values in memory."""

    def __init__(self, pairs: list[tuple[bytes, bytes]]) -> None:
        self.pairs = pairs

    def get(self, tree: int, key: bytes) -> bytes | None:
        return next((value for other, value in self.pairs if other == key), None)

    def scan(
        self, tree: int, start: bytes | None = None, stop: bytes | None = None, reverse: bool = False
    ) -> Iterator[tuple[bytes, bytes]]:
        found = [p for p in self.pairs if (start is None or p[0] >= start) and (stop is None or p[0] < stop)]
        return iter(found)

    def put(self, tree: int, key: bytes, value: bytes) -> None:
        raise NotImplementedError

    def delete(self, tree: int, key: bytes) -> bool:
        raise NotImplementedError

    def create_tree(self) -> int:
        raise NotImplementedError

    def drop_tree(self, tree: int) -> None:
        raise NotImplementedError


@dataclass
class _Target:
    """Where a table's rows go."""

    table: Table
    tree: int
    indexes: list[IndexEntries]
    rows: int = 0
    aside: list[tuple[bytes, bytes]] = field(default_factory=list)


class _Recovery:
    def __init__(self, salvage: Salvage, output: str, fs: FileSystem, progress: Callable[[str, int], None]) -> None:
        self.salvage, self.output, self.fs, self.progress = salvage, output, fs, progress
        self.problems = salvage.problems
        catalog_report = TreeReport(CATALOG_TREE)
        pairs = list(salvage.pairs(CATALOG_TREE, catalog_report))
        self.schema, self.catalog_pairs = self._readable(pairs)
        if catalog_report.gaps or catalog_report.lost or catalog_report.damaged_cells:
            self.problems.append("parts of the catalog cannot be read: tables may be among the trees without a name")
        self.named = Catalog().named_trees(_Pairs(self.catalog_pairs))
        self.owners = Owners(self.schema, self.named)

    def _readable(self, pairs: list[tuple[bytes, bytes]]) -> tuple[Schema, list[tuple[bytes, bytes]]]:
        """The schema of the catalog's entries that can be read, each tried by itself."""
        good = []
        for pair in pairs:
            try:
                if keys.decode(pair[0])[0] == "stats":
                    continue  # ANALYZE finds them again
                Catalog().schema(_Pairs([pair]), changed=True)
                good.append(pair)
            except (Error, ValueError, TypeError, IndexError, KeyError, AttributeError) as error:
                self.problems.append(f"an entry of the catalog cannot be read: {error}")
        return Catalog().schema(_Pairs(good), changed=True), good

    def run(self) -> RecoverReport:
        from engine.api.database import Database

        self.db = Database(
            self.output,
            self.fs,
            {"page_size": self.salvage.source.page_size, "synchronous": "off", "isolation": "snapshot"},
        )
        try:
            found = [self._table(table) for table in self.schema.tables.values()]
            found += [self._tree(tree.tree, tree.name, "tree", tree.name) for tree in self.named]
            owned = {DIRECTORY, CATALOG_TREE, *(one.tree for one in found)}
            owned |= {index.tree for index in self.schema.indexes.values()}
            known = _tree_ids(self.salvage)
            for tree in self.salvage.tree_ids():
                if tree not in owned and (known is None or tree in known):
                    found.append(self._tree(tree, f"tree {tree}", "unknown", f"recovered {tree}"))
            self._views()
            self.db.checkpoint()
        finally:
            self.db.close()
        return RecoverReport(
            self.salvage.source.path, self.output, self.salvage.log_end, tuple(self.problems), tuple(found)
        )

    def _views(self) -> None:
        with self.db.begin() as txn:
            for view in self.schema.views.values():
                self.db.catalog.put_view(txn.inner, view)

    # --- tables ---------------------------------------------------------------------------------------------------------

    def _table(self, table: Table) -> RecoveredTree:
        target = self._make(table)
        report = TreeReport(table.tree)
        decoder = table.decoder(tuple(range(len(table.columns))))
        encoder = table.encoder()
        entries: list[list[tuple[bytes, bytes]]] = [[] for _ in target.indexes]
        run: list[tuple[bytes, bytes]] = []
        for key, value in self.salvage.pairs(table.tree, report):
            try:
                row = encoder.check(decoder.decode(key, value))
                made = [index.entry(row, key) for index in target.indexes]
            except (Error, ValueError, TypeError, IndexError, OverflowError) as error:
                self.problems.append(f"table {table.name}, row with key {key.hex()}: {error}")
                target.aside.append((key, value))
                continue
            for found, entry in zip(entries, made, strict=True):
                if entry is not None:
                    found.append(entry)
            run.append((key, value))
            if len(run) == RUN:
                self._put(target, run)
        self._put(target, run)
        for index, found in zip(target.indexes, entries, strict=True):
            self._index(target, index, found)
        self._set_aside(table.name, target.aside)
        owner = self.owners.of(table.tree)
        return self._result(table.name, "table", report, owner, target.rows, len(target.aside))

    def _make(self, table: Table) -> _Target:
        """The table with its indexes, empty."""
        with self.db.begin() as txn:
            made = replace(table, tree=txn.inner.create_tree(), positions={})
            indexes = [replace(index, tree=txn.inner.create_tree()) for index in table.indexes]
            self.db.catalog.put_table(txn.inner, made)
            for index in indexes:
                self.db.catalog.put_index(txn.inner, index)
        return _Target(made, made.tree, [compile_entries(None, made, index, Runtime()) for index in indexes])

    def _put(self, target: _Target, run: list[tuple[bytes, bytes]]) -> None:
        with self.db.begin() as txn:
            for key, value in run:
                txn.inner.put(target.tree, key, value)
        target.rows += len(run)
        run.clear()
        self.progress(target.table.name, target.rows)

    def _index(self, target: _Target, index: IndexEntries, entries: list[tuple[bytes, bytes]]) -> None:
        """Fill an index; of rows with the same UNIQUE key the first stays, the others are set aside."""
        entries.sort()
        before: bytes | None = None
        doubles: list[bytes] = []
        for start in range(0, len(entries), SORTED):
            with self.db.begin() as txn:
                for items, value in entries[start : start + SORTED]:
                    if items == before:
                        doubles.append(value)
                    else:
                        txn.inner.put(index.index.tree, items, value)
                    before = items
        if doubles:
            self.problems.append(f"index {index.index.name}: {len(doubles)} rows have a key that another row has")
        for key in doubles:
            self._remove(target, key)

    def _remove(self, target: _Target, key: bytes) -> None:
        """Take a row out of the table again, and of the indexes filled so far, and set it aside."""
        with self.db.begin() as txn:
            value = txn.inner.get(target.tree, key)
            if value is None:
                return
            row = target.table.decoder(tuple(range(len(target.table.columns)))).decode(key, value)
            txn.inner.delete(target.tree, key)
            for index in target.indexes:
                entry = index.entry(row, key)
                if entry is not None and txn.inner.get(index.index.tree, entry[0]) == entry[1]:
                    txn.inner.delete(index.index.tree, entry[0])
        target.rows -= 1
        target.aside.append((key, value))

    # --- trees ------------------------------------------------------------------------------------------------------------

    def _tree(self, tree: int, name: str, kind: str, into: str) -> RecoveredTree:
        report = TreeReport(tree)
        saved = 0
        run: list[tuple[bytes, bytes]] = []
        made = self.db.tree(into)
        for pair in self.salvage.pairs(tree, report):
            run.append(pair)
            if len(run) == RUN:
                made.put_many(run)
                saved += len(run)
                run.clear()
                self.progress(name, saved)
        if run:
            made.put_many(run)
        return self._result(name, kind, report, self.owners.of(tree), saved + len(run), 0)

    def _set_aside(self, name: str, pairs: list[tuple[bytes, bytes]]) -> None:
        if pairs:
            self.db.tree(f"recovered {name}").put_many(pairs)

    def _result(self, name: str, kind: str, report: TreeReport, owner: Owner, saved: int, aside: int) -> RecoveredTree:
        return RecoveredTree(
            name, kind, report.tree, saved, report.older, tuple(_shown(owner, key) for key in report.lost),
            report.damaged_cells, tuple(_gap(owner, low, high) for low, high in report.gaps), aside,
        )  # fmt: skip


def _tree_ids(salvage: Salvage) -> set[int] | None:
    """The trees that the directory names; None where it cannot be read whole. Leaves of others are of trees dropped long ago."""
    report = TreeReport(DIRECTORY)
    found = {int.from_bytes(key, "big") for key, _ in salvage.pairs(DIRECTORY, report)}
    return None if report.gaps or report.damaged_cells or report.older else found


def _shown(owner: Owner, key: bytes) -> str:
    """A key for people: as SQL values where it is a table's."""
    decoded = None
    if owner.decode is not None and owner.index is None:
        try:
            decoded = owner.decode("branch", key, b"")
        except Exception:  # only a label
            decoded = None
    if decoded:
        return ", ".join(f"{name}={value}" for name, value in decoded.items())
    return repr(key) if all(32 <= byte < 127 for byte in key) else key.hex()


def _gap(owner: Owner, low: bytes, high: bytes | None) -> str:
    start = f"from {_shown(owner, low)} on" if low else "from the first key on"
    return f"{start}, {'below ' + _shown(owner, high) if high is not None else 'to the last'}"
