"""What the catalog describes: tables, columns, indexes, views and named trees; immutable, without behaviour of storage.

How a table's rows are keyed (`Table.key`):

    ROWID    a hidden 64-bit row id                                     no primary key declared
    ALIAS    the row id is the column declared INTEGER PRIMARY KEY      not stored in the row
    COLUMNS  the primary key's columns as ordered items                 not stored in the row

An index is a tree of its own:

    of a UNIQUE index, no NULL among the items    key: the items                    value: the row's key
    every other entry                             key: the items, the row's key     value: empty

where the items are the indexed columns in the encoding of engine.record.keys and the row's key is 8 bytes of row id or
the items of the primary key. So uniqueness is one look at one key, and rows with a NULL never collide.
"""

from __future__ import annotations

import enum
from collections.abc import Sequence
from functools import cached_property

from engine.base.dataclass import dataclass, field, replace
from engine.record.columns import ColumnReader
from engine.record.keys import KeyCodec
from engine.record.rows import RowDecoder, RowEncoder
from engine.record.types import Type, Value


class KeyKind(enum.StrEnum):
    """How the rows of a table are keyed."""

    ROWID = "rowid"
    ALIAS = "alias"
    COLUMNS = "columns"


@dataclass(frozen=True)
class Column:
    """A column. `default` is SQL text or None; `missing` is the value in rows older than the column; `collation` is "" or "NOCASE"."""

    name: str
    type: Type
    declared: str = ""
    not_null: bool = False
    default: str | None = None
    missing: Value = None
    collation: str = ""


@dataclass(frozen=True)
class IndexColumn:
    """A column of an index or key, by its position in the table; or an expression as SQL, with its type (position -1)."""

    position: int
    descending: bool = False
    nulls_last: bool | None = None
    expr: str | None = None
    type: Type | None = None


@dataclass(frozen=True)
class Index:
    """An index. origin: "c" made by CREATE INDEX, "u" by a UNIQUE constraint. where: a partial index holds these rows only."""

    name: str
    table: str
    tree: int
    columns: tuple[IndexColumn, ...]
    unique: bool = False
    origin: str = "c"
    sql: str = ""
    where: str | None = None

    @property
    def plain(self) -> bool:
        """Whether it is over columns alone and holds every row."""
        return self.where is None and all(column.expr is None for column in self.columns)

    @cached_property
    def codec(self) -> KeyCodec:
        """Encodes the indexed columns; the row's key follows."""
        down = [column.descending for column in self.columns]
        last = [c.descending if c.nulls_last is None else c.nulls_last for c in self.columns]
        return KeyCodec(down, last)

    def entry(self, values: Sequence[Value], key: bytes) -> tuple[bytes, bytes]:
        """Key and value of the entry for a row with these indexed values and this key."""
        items = self.codec.encode(values)
        return (items, key) if self.unique and None not in values else (items + key, b"")


@dataclass(frozen=True)
class Check:
    """A CHECK constraint: its name (or None) and its expression as SQL."""

    name: str | None
    sql: str


@dataclass(frozen=True)
class ForeignKey:
    """A FOREIGN KEY; columns by position, target columns by name (empty: the primary key of the target)."""

    columns: tuple[int, ...]
    table: str
    target_columns: tuple[str, ...] = ()
    on_delete: str = "NO ACTION"
    on_update: str = "NO ACTION"
    name: str | None = None
    deferred: bool = False


@dataclass(frozen=True)
class Table:
    """A table with everything that belongs to it."""

    name: str
    tree: int
    columns: tuple[Column, ...]
    key: KeyKind = KeyKind.ROWID
    primary_key: tuple[IndexColumn, ...] = ()
    indexes: tuple[Index, ...] = ()
    checks: tuple[Check, ...] = ()
    foreign_keys: tuple[ForeignKey, ...] = ()
    sql: str = ""
    positions: dict[str, int] = field(default_factory=dict, compare=False, repr=False)

    def __post_init__(self) -> None:
        self.positions.update((column.name.lower(), i) for i, column in enumerate(self.columns))

    def type_of(self, column: IndexColumn) -> Type:
        """The type of what an index or key holds of a row."""
        if column.type is not None:
            return column.type
        return self.columns[column.position].type if column.position < len(self.columns) else Type.INTEGER

    def name_of(self, column: IndexColumn) -> str:
        """What an index or key holds of a row, for people: a column's name or an expression."""
        if column.expr is not None:
            return column.expr
        return self.columns[column.position].name if column.position < len(self.columns) else "rowid"

    @property
    def rowid_column(self) -> int:
        """The position of the column that is the row id, or -1."""
        return self.primary_key[0].position if self.key is KeyKind.ALIAS else -1

    @cached_property
    def key_columns(self) -> tuple[int, ...]:
        """The columns that are kept in the key, in its order, of a table keyed by columns."""
        return tuple(c.position for c in self.primary_key) if self.key is KeyKind.COLUMNS else ()

    @cached_property
    def key_codec(self) -> KeyCodec:
        """Encodes the key of a table keyed by columns."""
        return KeyCodec([c.descending for c in self.primary_key])

    def encoder(self) -> RowEncoder:
        """A new encoder of this table's rows (an encoder belongs to one thread)."""
        kept = {*self.key_columns, self.rowid_column}
        alias = self.rowid_column
        return RowEncoder(
            [f"{self.name}.{column.name}" for column in self.columns],
            [column.type for column in self.columns],
            [column.not_null and i != alias for i, column in enumerate(self.columns)],
            [i not in kept for i in range(len(self.columns))],
        )

    def decoder(self, columns: list[int] | tuple[int, ...]) -> RowDecoder:
        """A new decoder of the columns at these positions (a decoder belongs to one thread).

        The position behind the last column means the row id of a table that has a hidden one.
        """
        missing = [column.missing for column in self.columns]
        if self.key is KeyKind.ROWID:
            return RowDecoder(columns, len(missing) + 1, len(missing), (), [*missing, None])
        return RowDecoder(columns, len(missing), self.rowid_column, self.key_columns, missing)

    def column_reader(self, columns: Sequence[int]) -> ColumnReader:
        """A new reader of the columns at these positions, as `decoder`, for the column gear."""
        missing = [column.missing for column in self.columns]
        types = [column.type for column in self.columns]
        if self.key is KeyKind.ROWID:
            return ColumnReader(columns, [*types, Type.INTEGER], len(types), (), [*missing, None])
        return ColumnReader(columns, types, self.rowid_column, self.key_columns, missing)

    def with_indexes(self, indexes: tuple[Index, ...]) -> Table:
        """The same table with other indexes."""
        return replace(self, indexes=indexes, positions={})


@dataclass(frozen=True)
class View:
    """A view: its defining query as SQL, and its column names where declared."""

    name: str
    sql: str
    columns: tuple[str, ...] = ()


@dataclass(frozen=True)
class NamedTree:
    """A tree of the key-value interface."""

    name: str
    tree: int
