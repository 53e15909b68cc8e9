"""The catalog: what is in the database, itself rows of a tree (tree 1), so that DDL is part of transactions.

    key (ordered items)             value (a row, see engine.record.rows)
    ("cookie")                      version
    ("index", name)                 spelling, tree, definition as JSON
    ("table", name)                 "
    ("view", name)                  "
    ("stats", table)                table, its rows, statistics of ANALYZE as JSON
    ("tree", name)                  name, tree id, {}

Names are compared without regard to case; the key holds the name in lower case, the value as it was written. Tables,
views and indexes share one name space. Trees of the key-value interface have their own, are compared exactly, and do
not count as changes of the schema.

The cookie counts changes of the schema. A transaction reads it first; the snapshot of the schema (`Schema`) of that
version is taken from a cache, or read once and cached. Under `serializable` that read makes a statement conflict with
DDL committed beside it, as it must. A change writes the object and cookie + 1 inside the transaction; until that
commits, its Schema is private to it, because versions in the cache are only those of committed cookies.

Invariant: two committed states with the same cookie have the same catalog.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from functools import cached_property
from typing import Any, Protocol

from engine.base.dataclass import asdict, dataclass, field
from engine.base.errors import CorruptionError, ProgrammingError
from engine.catalog.objects import Check, Column, ForeignKey, Index, IndexColumn, KeyKind, NamedTree, Table, View
from engine.catalog.statistics import ColumnStatistics, TableStatistics
from engine.record import keys, rows
from engine.record.types import Type, Value

CATALOG_TREE = 1
RESERVED_SCHEMA = "sys"
COOKIE = keys.encode(("cookie",))
"""The key of the catalog's version."""
_CACHED_MAX = 8


class TransactionLike(Protocol):
    """What the catalog needs of a transaction; see engine.txn."""

    def get(self, tree: int, key: bytes) -> bytes | None: ...
    def put(self, tree: int, key: bytes, value: bytes) -> None: ...
    def delete(self, tree: int, key: bytes) -> bool: ...
    def scan(
        self, tree: int, start: bytes | None = None, stop: bytes | None = None, reverse: bool = False
    ) -> Iterator[tuple[bytes, bytes]]: ...
    def create_tree(self) -> int: ...
    def drop_tree(self, tree: int) -> None: ...


@dataclass
class Schema:
    """All objects of one version of the catalog, by lower-case name. Not to be changed once made."""

    version: int = 0
    tables: dict[str, Table] = field(default_factory=dict)
    views: dict[str, View] = field(default_factory=dict)
    indexes: dict[str, Index] = field(default_factory=dict)
    private: bool = False
    statistics: dict[str, TableStatistics] = field(default_factory=dict)

    @cached_property
    def referring(self) -> dict[str, list[tuple[Table, ForeignKey]]]:
        """By the lower-case name of a table, the FOREIGN KEYs that refer to it, with the tables they belong to."""
        found: dict[str, list[tuple[Table, ForeignKey]]] = {}
        for table in self.tables.values():
            for key in table.foreign_keys:
                found.setdefault(key.table.lower(), []).append((table, key))
        return found

    def has(self, name: str) -> bool:
        """Whether a table, view or index has this name."""
        low = name.lower()
        return low in self.tables or low in self.views or low in self.indexes


class Catalog:
    """Reads and changes the catalog through transactions; one for each open database, shared by its sessions.

    attached: what layers above keep for the same database (the statement cache), by name.
    """

    def __init__(self) -> None:
        self._cached: dict[int, Schema] = {}
        self._newest: tuple[bytes | None, Schema] = (b"", Schema())
        self.attached: dict[str, Any] = {}

    def schema(self, txn: TransactionLike, changed: bool = False) -> Schema:
        """The schema the transaction sees. changed: it has changed the schema itself, so the cache is of no use."""
        raw = txn.get(CATALOG_TREE, COOKIE)
        newest = self._newest  # read once: another thread may replace it
        if not changed and raw == newest[0]:
            return newest[1]
        version = 0 if raw is None else _cookie(raw)
        if not changed:
            found = self._cached.get(version)
            if found is not None:
                self._newest = (raw, found)
                return found
        schema = _load(txn, version)
        if changed:
            schema.private = True
            return schema
        if len(self._cached) >= _CACHED_MAX:
            self._cached.pop(min(self._cached), None)
        self._cached[version] = schema
        return schema

    def version(self, txn: TransactionLike) -> int:
        """The schema version the transaction sees."""
        raw = txn.get(CATALOG_TREE, COOKIE)
        return 0 if raw is None else _cookie(raw)

    def put_table(self, txn: TransactionLike, table: Table) -> None:
        """Store a table's definition (its indexes are stored by themselves)."""
        definition = {
            "columns": [_column_out(column) for column in table.columns],
            "key": str(table.key),
            "primary_key": [_index_column_out(column) for column in table.primary_key],
            "checks": [asdict(check) for check in table.checks],
            "foreign_keys": [asdict(key) for key in table.foreign_keys],
            "sql": table.sql,
        }
        self._put(txn, "table", table.name, table.tree, definition)

    def put_index(self, txn: TransactionLike, index: Index) -> None:
        """Store an index's definition."""
        definition = {
            "table": index.table,
            "columns": [_index_column_out(column) for column in index.columns],
            "unique": index.unique,
            "origin": index.origin,
            "sql": index.sql,
        }
        if index.where is not None:
            definition["where"] = index.where
        self._put(txn, "index", index.name, index.tree, definition)

    def put_view(self, txn: TransactionLike, view: View) -> None:
        """Store a view's definition."""
        self._put(txn, "view", view.name, 0, {"sql": view.sql, "columns": list(view.columns)})

    def put_statistics(self, txn: TransactionLike, table: str, found: TableStatistics) -> None:
        """Store what ANALYZE found of a table."""
        definition = {
            name: {
                "distinct": round(column.distinct, 1),
                "nulls": round(column.nulls, 6),
                "common": [[_value_out(value), round(share, 6)] for value, share in column.common],
                "bounds": [_value_out(value) for value in column.bounds],
            }
            for name, column in found.columns.items()
        }
        self._put(txn, "stats", table, found.rows, definition)

    def forget_statistics(self, txn: TransactionLike, table: str) -> None:
        """Forget what ANALYZE found of a table, if it did."""
        txn.delete(CATALOG_TREE, keys.encode(("stats", table.lower())))

    def remove(self, txn: TransactionLike, kind: str, name: str) -> None:
        """Forget an object; kind is "table", "index", "view" or "tree". Its pages are the caller's to drop."""
        if not txn.delete(CATALOG_TREE, keys.encode((kind, name.lower()))):
            raise ProgrammingError(f"no such {kind}: {name}")
        self._bump(txn)

    def named_tree(self, txn: TransactionLike, name: str, create: bool = False) -> int | None:
        """The id of a tree of the key-value interface, made on demand; None when there is none.

        Names are compared exactly here: they are data of the program, not words of a language.
        """
        key = keys.encode(("tree", name))
        raw = txn.get(CATALOG_TREE, key)
        if raw is not None:
            return int(rows.decode_row(raw)[1])
        if not create:
            return None
        tree = txn.create_tree()
        txn.put(CATALOG_TREE, key, rows.encode_row((name, tree, "{}")))
        return tree

    def named_trees(self, txn: TransactionLike) -> list[NamedTree]:
        """The trees of the key-value interface."""
        prefix = keys.encode(("tree",))
        found = (rows.decode_row(raw) for _, raw in txn.scan(CATALOG_TREE, prefix, keys.prefix_end(prefix)))
        return [NamedTree(str(row[0]), int(row[1])) for row in found]

    def _put(self, txn: TransactionLike, kind: str, name: str, tree: int, definition: dict[str, Any]) -> None:
        import json  # 5 ms, and a database without tables needs none

        text = json.dumps(definition, ensure_ascii=False, separators=(",", ":"))
        txn.put(CATALOG_TREE, keys.encode((kind, name.lower())), rows.encode_row((name, tree, text)))
        self._bump(txn)

    def _bump(self, txn: TransactionLike) -> None:
        raw = txn.get(CATALOG_TREE, COOKIE)
        version = 0 if raw is None else _cookie(raw)
        txn.put(CATALOG_TREE, COOKIE, rows.encode_row((version + 1,)))


def _cookie(raw: bytes) -> int:
    values = rows.decode_row(raw)
    if len(values) != 1 or type(values[0]) is not int:
        raise CorruptionError("the catalog's cookie cannot be read")
    return int(values[0])


def _load(txn: TransactionLike, version: int) -> Schema:
    schema = Schema(version)
    indexes: dict[str, list[Index]] = {}
    for key, raw in txn.scan(CATALOG_TREE):
        kind, *rest = keys.decode(key)
        if not rest:
            continue
        name = rest[0]
        try:
            name, tree, text = rows.decode_row(raw)
            import json

            definition = json.loads(text)
            if kind == "index":
                index = _index_in(name, tree, definition)
                schema.indexes[name.lower()] = index
                indexes.setdefault(index.table.lower(), []).append(index)
            elif kind == "table":
                schema.tables[name.lower()] = _table_in(name, tree, definition, indexes)
            elif kind == "stats":
                schema.statistics[name.lower()] = _statistics_in(tree, definition)
            elif kind == "view":
                schema.views[name.lower()] = View(name, definition["sql"], tuple(definition["columns"]))
        except (KeyError, ValueError, TypeError) as error:
            raise CorruptionError(f"the catalog's entry for {kind!r} {name!r} cannot be read") from error
    return schema


def _statistics_in(rows: int, definition: dict[str, Any]) -> TableStatistics:
    columns = {
        name: ColumnStatistics(
            float(stored["distinct"]),
            float(stored["nulls"]),
            tuple((_value_in(value), float(share)) for value, share in stored["common"]),
            tuple(_value_in(value) for value in stored["bounds"]),
        )
        for name, stored in definition.items()
    }
    return TableStatistics(rows, columns)


def _index_in(name: str, tree: int, definition: dict[str, Any]) -> Index:
    columns = tuple(_index_column_in(column) for column in definition["columns"])
    unique, origin, sql = definition["unique"], definition["origin"], definition["sql"]
    return Index(name, definition["table"], tree, columns, unique, origin, sql, definition.get("where"))


def _table_in(name: str, tree: int, definition: dict[str, Any], indexes: dict[str, list[Index]]) -> Table:
    foreign = [
        ForeignKey(**{**key, "columns": tuple(key["columns"]), "target_columns": tuple(key["target_columns"])})
        for key in definition["foreign_keys"]
    ]
    return Table(
        name,
        tree,
        tuple(_column_in(column) for column in definition["columns"]),
        KeyKind(definition["key"]),
        tuple(_index_column_in(column) for column in definition["primary_key"]),
        tuple(indexes.get(name.lower(), ())),
        tuple(Check(**check) for check in definition["checks"]),
        tuple(foreign),
        definition["sql"],
    )


def _index_column_out(column: IndexColumn) -> dict[str, Any]:
    out: dict[str, Any] = {
        "position": column.position,
        "descending": column.descending,
        "nulls_last": column.nulls_last,
    }
    if column.expr is not None:
        out |= {"expr": column.expr, "type": None if column.type is None else int(column.type)}
    return out


def _index_column_in(stored: dict[str, Any]) -> IndexColumn:
    kind = stored.get("type")
    return IndexColumn(**{**stored, "type": None if kind is None else Type(kind)})


def _column_out(column: Column) -> dict[str, Any]:
    out = asdict(column)
    out["type"] = int(column.type)
    out["missing"] = _value_out(column.missing)
    if not column.collation:
        del out["collation"]
    return out


def _column_in(stored: dict[str, Any]) -> Column:
    return Column(**{**stored, "type": Type(stored["type"]), "missing": _value_in(stored["missing"])})


def _value_out(value: Value) -> Any:
    """A value as JSON that reads back as the same value."""
    if isinstance(value, bytes):
        return {"blob": value.hex()}
    if isinstance(value, datetime.datetime):
        return {"timestamp": value.isoformat()}
    if isinstance(value, datetime.date):
        return {"date": value.isoformat()}
    return value


def _value_in(stored: Any) -> Value:
    if not isinstance(stored, dict):
        return stored  # type: ignore[no-any-return]
    if "blob" in stored:
        return bytes.fromhex(stored["blob"])
    if "timestamp" in stored:
        return datetime.datetime.fromisoformat(stored["timestamp"])
    return datetime.date.fromisoformat(stored["date"])
