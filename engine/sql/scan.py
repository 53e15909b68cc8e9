"""Reading a table: whole, by its key, or through an index; the place where plans meet trees.

A wanted value is first taken to the column's type. What cannot be (1.5 for an INTEGER) finds no row by equality; as a
bound of a range it is left out, and the condition, which stays in the scan's filter, decides.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import islice

from engine.base.errors import CorruptionError
from engine.catalog.objects import Index, IndexColumn, KeyKind, Table
from engine.record.keys import KeyCodec, encode_rowid, items_length, prefix_end
from engine.record.types import PYTHON_TYPES, Type, Value, try_convert
from engine.sql.compile_expr import Closure, Row, Runtime, compile_condition, compile_expr
from engine.sql.expr import Column, SubqueryExpr, conjuncts
from engine.sql.plan import AnyOf, Bound, Distinct, FullScan, KeyAccess, Project, Scan

Pairs = Iterable[tuple[bytes, bytes]]
Range = tuple[bytes | None, bytes | None]
BATCH = 256
ROWID = 8
"""Bytes of a row id."""


def compile_scan(plan: Scan, rt: Runtime) -> Callable[[], Iterator[Row]]:
    """The function that gives a scan's rows."""
    if isinstance(plan.access, KeyAccess) and plan.access.unique and plan.access.index is None:
        return _compile_lookup(plan, plan.access, rt)
    pairs = compile_pairs(plan, rt)
    decoder = plan.table.decoder(plan.positions)
    layout = {column.id: place for place, column in enumerate(plan.columns)}
    condition = None if plan.filter is None else compile_condition(plan.filter, layout, rt)
    rows = decoder.rows
    if condition is None:
        return lambda: rows(pairs(), rt.flag)
    return lambda: filter(condition, rows(pairs(), rt.flag))


def _compile_lookup(plan: Scan, access: KeyAccess, rt: Runtime) -> Callable[[], Iterator[Row]]:
    """A row by its whole key."""
    tree, find_key = plan.table.tree, Finder(plan.table, None).key
    decode = plan.table.decoder(plan.positions).decode
    layout = {column.id: place for place, column in enumerate(plan.columns)}
    condition = None if plan.filter is None else compile_condition(plan.filter, layout, rt)
    equal = [compile_expr(value, {}, rt) for value in access.equal]

    def find() -> Iterator[Row]:
        key = find_key([value(()) for value in equal])
        if key is None:
            return _NOTHING
        stored = rt.txn.get(tree, key)
        if stored is None:
            return _NOTHING
        row = decode(key, stored)
        return iter((row,)) if condition is None or condition(row) else _NOTHING

    return find


_NOTHING: Iterator[Row] = iter(())


Keyed = Iterator[tuple[bytes, Row]]


def compile_keyed_scan(plan: Scan, rt: Runtime) -> Callable[[], Keyed]:
    """As `compile_scan`, but each row with its key; for UPDATE and DELETE."""
    pairs, rows = compile_pairs(plan, rt), compile_keyed_rows(plan, rt)
    return lambda: rows(pairs())


def compile_keyed_rows(plan: Scan, rt: Runtime) -> Callable[[Pairs], Keyed]:
    """The function that gives the rows a scan wants of those it has read, each with its key."""
    decoder = plan.table.decoder(plan.positions)
    layout = {column.id: place for place, column in enumerate(plan.columns)}
    condition = None if plan.filter is None else compile_condition(plan.filter, layout, rt)
    rows = decoder.rows_with_keys
    if condition is None:
        return lambda pairs: rows(pairs, rt.flag)
    return lambda pairs: (pair for pair in rows(pairs, rt.flag) if condition(pair[1]))


def compile_pairs(plan: Scan, rt: Runtime) -> Callable[[], Pairs]:
    """The function that gives the keys and values a scan reads."""
    table, access = plan.table, plan.access
    tree = table.tree
    if isinstance(access, FullScan):
        reverse = access.reverse
        return lambda: rt.txn.scan(tree, None, None, reverse)
    if isinstance(access, AnyOf):
        return _any_of(table, access, rt)
    finder = Finder(table, access.index, bare=_key_only(plan))
    equal = [compile_expr(value, {}, rt) for value in access.equal]
    if access.unique:
        return _point(finder, equal, rt)
    lower, upper = _compile_bound(access.lower, rt), _compile_bound(access.upper, rt)

    def find() -> Pairs:
        bounds = finder.range([value(()) for value in equal], lower(), upper())
        return () if bounds is None else finder.pairs(rt, *bounds, access.reverse)

    return find


def compile_key_range(plan: Scan, rt: Runtime) -> Callable[[], Range | None] | None:
    """The function that gives the range of the table's keys that has the scan's rows and no others, for DELETE.

    None where the plan's conditions say more than that. The function gives None where that depends on values that have
    not their columns' types.
    """
    access = plan.access
    if not isinstance(access, KeyAccess) or access.index is not None or access.unique:
        return None
    if any(part not in access.terms for part in conjuncts(plan.filter)):
        return None
    finder = Finder(plan.table, None)
    equal = [compile_expr(value, {}, rt) for value in access.equal]
    lower, upper = _compile_bound(access.lower, rt), _compile_bound(access.upper, rt)
    usual = PYTHON_TYPES[finder.types[len(equal)]] if access.lower or access.upper else None

    def find() -> Range | None:
        bounds = (lower(), upper())
        given = [bound[0] for bound in bounds if bound is not None]
        if any(type(value) is not usual or value != value for value in given):
            return None
        return finder.range([value(()) for value in equal], *bounds)

    return find


def _compile_bound(bound: Bound | None, rt: Runtime) -> Callable[[], tuple[Value, bool] | None]:
    """The function that gives a range's end: its value, and whether that belongs to the range."""
    if bound is None:
        return lambda: None
    value, inclusive = compile_expr(bound.value, {}, rt), bound.inclusive
    return lambda: (value(()), inclusive)


def _point(finder: Finder, equal: list[Closure], rt: Runtime) -> Callable[[], Pairs]:
    """One row by its whole key, or by that of a UNIQUE index."""
    tree = finder.table.tree
    index = finder.index

    def find_through_index() -> Pairs:
        items = finder.key([value(()) for value in equal])
        key = None if items is None else rt.txn.get(index.tree, items)  # type: ignore[union-attr]
        return () if key is None else finder.rows(rt, tree, [key])

    def find() -> Pairs:
        key = finder.key([value(()) for value in equal])
        if key is None:
            return ()
        stored = rt.txn.get(tree, key)
        return () if stored is None else ((key, stored),)

    return find if index is None else find_through_index


def _any_of(table: Table, access: AnyOf, rt: Runtime) -> Callable[[], Pairs]:
    finder = Finder(table, access.index)
    values = [compile_expr(value, {}, rt) for value in access.values]

    def find() -> Pairs:
        seen = set()
        for closure in values:
            value = closure(())
            if value is None or value in seen:
                continue
            seen.add(value)
            bounds = finder.range([value], None, None)
            if bounds is not None:
                yield from finder.pairs(rt, *bounds, False)

    return find


def compile_probe(query: SubqueryExpr, args: list[Closure], rt: Runtime) -> Closure | None:
    """EXISTS (rows whose key or index has outer values, whatever else they hold): one look at the first of them."""
    plan = query.plan
    while isinstance(plan, (Project, Distinct)):
        plan = plan.input
    if not isinstance(plan, Scan) or plan.filter is not None or not isinstance(plan.access, KeyAccess):
        return None
    access = plan.access
    given = {column.id: arg for column, arg in zip(query.outer, args, strict=True)}
    values = [given.get(value.id) if isinstance(value, Column) else None for value in access.equal]
    if access.lower is not None or access.upper is not None or not values or None in values:
        return None
    finder = Finder(plan.table, access.index)
    tree = plan.table.tree if access.index is None else access.index.tree

    def probe(row: Row) -> bool:
        rt.check()
        bounds = finder.range([value(row) for value in values], None, None)  # type: ignore[misc]
        return bounds is not None and rt.txn.holds(tree, *bounds)

    if finder.rowids or len(values) > 1:
        return probe
    only, usual, encode = values[0], PYTHON_TYPES[finder.types[0]], finder.codec.encode

    def probe_one(row: Row) -> bool:
        """The same for one value, which mostly has the column's type."""
        value: Value = only(row)  # type: ignore[misc]
        if type(value) is not usual:
            return probe(row)
        rt.check()
        start = encode((value,))
        return rt.txn.holds(tree, start, prefix_end(start))  # type: ignore[no-any-return]

    return probe_one


class Finder:
    """Turns wanted values into ranges of keys, of the table itself (index None) or of an index.

    bare: of rows found through an index only what their keys hold is wanted, so that they are not looked up.
    """

    def __init__(self, table: Table, index: Index | None, bare: bool = False):
        self.bare = bare
        self.table = table
        self.index = index
        self.rowids = index is None and table.key is not KeyKind.COLUMNS
        columns = table.primary_key if index is None else index.columns
        if index is None and table.key is KeyKind.ROWID:
            columns = (IndexColumn(len(table.columns)),)
        self.columns = columns
        self.types = [table.type_of(column) for column in columns]
        self.codec: KeyCodec = table.key_codec if index is None else index.codec

    def key(self, values: list[Value]) -> bytes | None:
        """The whole key of the values; None when no row can have it."""
        if self.rowids and type(values[0]) is int:
            return encode_rowid(values[0])
        wanted = []
        for value, kind in zip(values, self.types, strict=True):
            read = try_convert(value, kind)
            if read is None or read != value:
                return None
            wanted.append(read)
        return encode_rowid(wanted[0]) if self.rowids else self.codec.encode(wanted)  # type: ignore[arg-type]

    def range(
        self, equal: list[Value], lower: tuple[Value, bool] | None, upper: tuple[Value, bool] | None
    ) -> Range | None:
        """Start and stop of the keys with these values; None when there can be none."""
        if self.rowids and equal:
            key = self.key(equal)
            return None if key is None else (key, key + b"\0")
        wanted: list[Value] = []
        for value, kind in zip(equal, self.types, strict=False):
            read = try_convert(value, kind)
            if read is None or read != value:
                return None
            wanted.append(read)
        if (lower is not None and lower[0] is None) or (upper is not None and upper[0] is None):
            return None
        if self.rowids:
            return self._rowid_range(lower, upper)
        prefix = self.codec.encode(wanted)
        start: bytes | None = prefix or None
        stop: bytes | None = prefix_end(prefix) if prefix else None
        if lower is None and upper is None:
            return start, stop
        column, kind = self.columns[len(wanted)], self.types[len(wanted)]
        last = column.descending if column.nulls_last is None else column.nulls_last
        null = self.codec.encode([*wanted, None])
        if last:
            stop = null
        else:
            start = prefix_end(null)
        first, second = (upper, lower) if column.descending else (lower, upper)
        low = self._edge(wanted, first, kind, start_side=True)
        high = self._edge(wanted, second, kind, start_side=False)
        return low or start, high or stop

    def _edge(
        self, wanted: list[Value], bound: tuple[Value, bool] | None, kind: Type, start_side: bool
    ) -> bytes | None:
        """The key at one end of a range, or None where the bound says nothing about keys."""
        if bound is None:
            return None
        value = try_convert(bound[0], kind)
        if value is None or value != bound[0]:
            return None
        item = self.codec.encode([*wanted, value])
        return prefix_end(item) if bound[1] != start_side else item

    def _rowid_range(self, lower: tuple[Value, bool] | None, upper: tuple[Value, bool] | None) -> Range:
        start = stop = None
        if lower is not None and type(lower[0]) is int:
            key = encode_rowid(lower[0])
            start = key if lower[1] else key + b"\0"
        if upper is not None and type(upper[0]) is int:
            key = encode_rowid(upper[0])
            stop = key + b"\0" if upper[1] else key
        return start, stop

    def pairs(self, rt: Runtime, start: bytes | None, stop: bytes | None, reverse: bool) -> Pairs:
        """Keys and values of the table's rows in a range."""
        if start is not None and stop is not None and start >= stop:
            return ()
        if self.index is None:
            return rt.txn.scan(self.table.tree, start, stop, reverse)  # type: ignore[no-any-return]
        return self._through_index(rt, start, stop, reverse)

    def _through_index(self, rt: Runtime, start: bytes | None, stop: bytes | None, reverse: bool) -> Pairs:
        """Rows in the order of an index; looked up in batches that grow, so that a LIMIT reads few."""
        assert self.index is not None
        tree, index = self.table.tree, self.index
        if self.bare:
            for key, stored in rt.txn.scan(index.tree, start, stop, reverse):
                yield stored if stored else row_key(self.table, index, key), b""
            return
        size = 4
        entries = iter(rt.txn.scan(index.tree, start, stop, reverse))
        while portion := list(islice(entries, size)):
            yield from self.rows(rt, tree, self._row_keys(portion))
            size = min(size * 2, BATCH)

    def _row_keys(self, entries: list[tuple[bytes, bytes]]) -> list[bytes]:
        """The row's key of each index entry."""
        assert self.index is not None
        if self.table.key is KeyKind.COLUMNS:
            return [stored if stored else row_key(self.table, self.index, key) for key, stored in entries]
        keys = [stored if stored else key[-ROWID:] for key, stored in entries]
        if min(map(len, keys)) < ROWID:
            raise CorruptionError(f"the index {self.index.name} holds a key that is too short")
        return keys

    def rows(self, rt: Runtime, tree: int, keys: list[bytes]) -> Pairs:
        """Rows by their keys."""
        rt.check()
        found = rt.txn.get_many(tree, keys)
        if None in found:
            name = self.index.name if self.index else ""
            raise CorruptionError(f"the index {name} names a row that is not in the table {self.table.name}")
        return zip(keys, found, strict=True)


def _key_only(plan: Scan) -> bool:
    """Whether a scan wants nothing of its rows but what their keys hold."""
    table = plan.table
    kept = {table.rowid_column, *table.key_columns} | ({len(table.columns)} if table.key is KeyKind.ROWID else set())
    return all(position in kept for position in plan.positions)


def row_key(table: Table, index: Index, key: bytes) -> bytes:
    """The row's key at the end of an index key."""
    if table.key is not KeyKind.COLUMNS:
        if len(key) < ROWID:
            raise CorruptionError(f"the index {index.name} holds a key that is too short")
        return key[-ROWID:]
    return key[items_length(key, len(index.columns)) :]
