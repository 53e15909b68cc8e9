"""What the trees are: names and decoders from directory and catalog, so that cells can be shown as SQL values."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from engine.base.dataclass import dataclass, field
from engine.base.errors import Error, ProgrammingError
from engine.catalog.catalog import Schema
from engine.catalog.objects import Index, KeyKind, NamedTree, Table
from engine.inspect.decode import Decode
from engine.record import keys, rows
from engine.record.types import Type, convert

DIRECTORY, CATALOG = 0, 1
TABLE_TREE = 0xFFFFFFFF


@dataclass(frozen=True)
class Owner:
    """A tree's owner. kind: directory, catalog, table, index, tree, or unknown; decode: see engine.inspect.decode."""

    tree: int
    name: str
    kind: str
    table: Table | None = None
    index: Index | None = None
    decode: Decode | None = field(default=None, compare=False)

    def __str__(self) -> str:
        return self.name if self.kind in ("directory", "catalog") else f"{self.kind} {self.name}"

    def key_of(self, key: Any) -> bytes:
        """The bytes of a key given as bytes, "0x..." or SQL value (a tuple for several columns). ProgrammingError."""
        if isinstance(key, bytes):
            return key
        if isinstance(key, str) and key[:2].lower() == "0x":
            try:
                return bytes.fromhex(key[2:])
            except ValueError:
                pass
        try:
            return self._encode(key)
        except (Error, TypeError, ValueError, OverflowError) as error:
            raise ProgrammingError(f"{key!r} is no key of {self}: {error}") from error

    def _encode(self, key: Any) -> bytes:
        values = list(key) if isinstance(key, (tuple, list)) else [key]
        if self.index is not None and self.table is not None:
            return _items(self.table, self.index.columns, values)
        if self.table is not None and self.table.key is KeyKind.COLUMNS:
            return _items(self.table, self.table.primary_key, values)
        if self.table is not None:
            return keys.encode_rowid(int(convert(values[0], Type.INTEGER)))  # type: ignore[arg-type]
        if self.kind == "catalog":
            return keys.encode(tuple(values))
        if self.kind == "directory":
            return int(values[0]).to_bytes(8, "big")
        return str(values[0]).encode("utf-8", "surrogateescape")


def _items(table: Table, columns: Iterable[Any], values: list[Any]) -> bytes:
    used = list(columns)[: len(values)]
    if len(used) < len(values):
        raise ValueError(f"it has {len(used)} columns")
    converted = [convert(value, table.type_of(c)) for value, c in zip(values, used, strict=True)]
    last = [c.descending if c.nulls_last is None else c.nulls_last for c in used]
    return keys.KeyCodec([c.descending for c in used], last).encode(converted)


class Owners:
    """All owners by tree id and by name."""

    def __init__(self, schema: Schema, named: Iterable[NamedTree], problem: str = "") -> None:
        self.problem = problem
        self._names: dict[int, str] = {}
        self.by_tree: dict[int, Owner] = {
            DIRECTORY: Owner(DIRECTORY, "tree directory", "directory", decode=_decode_directory),
            CATALOG: Owner(CATALOG, "catalog", "catalog", decode=_decode_catalog),
            TABLE_TREE: Owner(TABLE_TREE, "page table", "directory"),
        }
        for table in schema.tables.values():
            self.by_tree[table.tree] = Owner(table.tree, table.name, "table", table, decode=_table_decoder(table))
            for index in table.indexes:
                decoder = _index_decoder(table, index)
                self.by_tree[index.tree] = Owner(index.tree, index.name, "index", table, index, decoder)
        for tree in named:
            self.by_tree[tree.tree] = Owner(tree.tree, tree.name, "tree")

    def of(self, tree: int) -> Owner:
        """The owner of a tree id."""
        return self.by_tree.get(tree) or Owner(tree, str(tree), "unknown")

    def name_of(self, tree: int) -> str:
        """The owner of a tree id as it is shown."""
        found = self._names.get(tree)
        if found is None:
            found = self._names[tree] = str(self.of(tree))
        return found

    def named(self, name: str | int) -> Owner:
        """The tree of that name: of a table or index, else of the key-value interface, else a tree id."""
        text = str(name)
        for kinds in (("table", "index"), ("tree",), ("catalog", "directory")):
            for owner in self.by_tree.values():
                same = owner.name == text or (kinds[0] != "tree" and owner.name.lower() == text.lower())
                if same and owner.kind in kinds and owner.tree != TABLE_TREE:
                    return owner
        if text.lower() in ("directory", "trees"):
            return self.by_tree[DIRECTORY]
        if text.isdecimal():
            return self.of(int(text))
        known = ", ".join(sorted(o.name for o in self.by_tree.values() if o.tree != TABLE_TREE)[:20])
        raise ProgrammingError(f"no tree is called {text}; there are {known}")


def _table_decoder(table: Table) -> Decode:
    positions = list(range(len(table.columns)))
    names = [column.name for column in table.columns]
    if table.key is KeyKind.ROWID:
        positions.append(len(positions))
        names.append("rowid")
    decoder = table.decoder(positions)
    key_names = [names[position] for position in table.key_columns]
    rowid = names[table.rowid_column] if table.rowid_column >= 0 else "rowid"

    def decode(kind: str, key: bytes, value: bytes) -> dict[str, Any] | None:
        if kind == "leaf":
            return dict(zip(names, decoder.decode(key, value), strict=True))
        if table.key is not KeyKind.COLUMNS:
            return {rowid: keys.decode_rowid(key)} if len(key) == 8 else None
        return _whole(key_names, key)

    return decode


def _index_decoder(table: Table, index: Index) -> Decode:
    names = [table.name_of(column) for column in index.columns]
    key_names = [table.columns[position].name for position in table.key_columns]

    def decode(kind: str, key: bytes, value: bytes) -> dict[str, Any] | None:
        if kind == "branch":
            return None
        length = keys.items_length(key, len(names))
        found = dict(zip(names, keys.decode(key[:length]), strict=True))
        row = value if length == len(key) else key[length:]
        if table.key is not KeyKind.COLUMNS:
            found.setdefault("rowid", keys.decode_rowid(row))
        else:
            for name, item in zip(key_names, keys.decode(row), strict=True):
                found.setdefault(name, item)
        return found

    return decode


def _whole(names: list[str], key: bytes) -> dict[str, Any] | None:
    """The items of a key; None where it is only the beginning of one, as separators in branches are."""
    try:
        values = keys.decode(key)
    except Error:
        return None
    return dict(zip(names, values, strict=True)) if len(values) == len(names) else None


def _decode_directory(kind: str, key: bytes, value: bytes) -> dict[str, Any] | None:
    if len(key) != 8:
        return None
    found: dict[str, Any] = {"tree": int.from_bytes(key, "big")}
    if kind == "leaf" and len(value) == 4:
        found["root"] = int.from_bytes(value, "little")
    return found


def _decode_catalog(kind: str, key: bytes, value: bytes) -> dict[str, Any] | None:
    if kind == "branch":
        return None
    names = keys.decode(key)
    found: dict[str, Any] = {"kind": names[0] if names else None}
    if kind == "leaf":
        row = rows.decode_row(value)
        if len(row) == 3:
            found.update(name=row[0], tree=row[1], definition=row[2])
        else:
            found["version"] = row[0] if row else None
    elif len(names) > 1:
        found["name"] = names[1]
    return found
