"""What is in the database, as the shell needs it for .tables, .schema and completion: read from the sys schema."""

from __future__ import annotations

from typing import Any

from anokuro_cli.protocols import Database
from engine.base.dataclass import dataclass, field


@dataclass(frozen=True, slots=True)
class Column:
    """A column; key: it belongs to the primary key."""

    name: str
    type: str = ""
    not_null: bool = False
    key: bool = False


@dataclass(frozen=True, slots=True)
class Table:
    """A table, view or system table ("kind") and the statement that made it. A system table's name is qualified: sys.tables."""

    name: str
    kind: str = "table"
    sql: str = ""
    columns: tuple[Column, ...] = ()


@dataclass(frozen=True, slots=True)
class Index:
    """An index and the statement that made it; "" where a constraint did."""

    name: str
    table: str
    unique: bool = False
    columns: str = ""
    sql: str = ""


@dataclass(frozen=True, slots=True)
class Schema:
    """Tables, indexes and functions in order of their names. system: the tables of sys. by_name holds those too."""

    tables: tuple[Table, ...] = ()
    system: tuple[Table, ...] = ()
    indexes: tuple[Index, ...] = ()
    functions: tuple[str, ...] = ()
    by_name: dict[str, Table] = field(default_factory=dict)

    def table(self, name: str) -> Table | None:
        """The table or view of this name, whatever its case."""
        return self.by_name.get(name.lower())


def read_schema(db: Database) -> Schema:
    """The database's schema as its own session sees it now."""
    columns: dict[str, list[Column]] = {}
    for row in _records(db, "SELECT * FROM sys.columns"):
        column = Column(row["name"], row["type"], bool(row["not_null"]), row["key_position"] is not None)
        columns.setdefault(row["table_name"].lower(), []).append(column)
    tables = [
        Table(row["name"], row["kind"], row["sql"] or "", tuple(columns.get(row["name"].lower(), ())))
        for row in _records(db, "SELECT * FROM sys.tables")
    ]
    indexes = [
        Index(row["name"], row["table_name"], bool(row["is_unique"]), row["columns"], row["sql"] or "")
        for row in _records(db, "SELECT * FROM sys.indexes")
    ]
    functions = [row["name"] for row in _records(db, "SELECT * FROM sys.functions")]
    tables.sort(key=_name)
    indexes.sort(key=_name)
    inner: dict[str, list[Column]] = {}
    for row in _records(db, "SELECT * FROM sys.system_columns"):
        inner.setdefault(row["table_name"], []).append(Column(row["name"], row["type"]))
    system = tuple(Table(name, "system table", "", tuple(found)) for name, found in inner.items())
    by_name = {table.name.lower(): table for table in (*system, *tables)}
    return Schema(tuple(tables), system, tuple(indexes), tuple(sorted(functions)), by_name)


def _records(db: Database, sql: str) -> list[dict[str, Any]]:
    result = db.execute(sql)
    return [dict(zip(result.columns, row, strict=True)) for row in result]


def _name(thing: Table | Index) -> str:
    return thing.name.lower()
