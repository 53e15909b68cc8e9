"""What is in the database."""

from __future__ import annotations

import os
from fnmatch import fnmatch
from typing import TYPE_CHECKING

from anokuro_cli.dot.registry import command
from anokuro_cli.errors import ShellError
from anokuro_cli.opening import MEMORY
from anokuro_cli.render.formats import show_rows
from anokuro_cli.schema import Table, read_schema
from anokuro_cli.text import did_you_mean, neutralise, neutralise_lines

if TYPE_CHECKING:
    from anokuro_cli.protocols import Row
    from anokuro_cli.shell import Session


def _matches(name: str, words: list[str]) -> bool:
    return not words or fnmatch(name.lower(), words[0].lower().replace("%", "*"))


def _show(session: Session, columns: tuple[str, ...], rows: list[Row]) -> None:
    with session.paged() as output:
        show_rows(columns, iter([rows] if rows else []), output, session.settings)


@command(
    ".tables [PATTERN]",
    "List tables and views; PATTERN has * and ?. sys.* lists the system tables.",
    aliases=("\\dt",),
    completes="table",
    most=1,
)
def tables(session: Session, words: list[str]) -> bool | None:
    everything = read_schema(session.db)
    among = everything.system if words and words[0].lower().startswith("sys.") else everything.tables
    found = [table for table in among if _matches(table.name, words)]
    if session.output.terminal and session.settings.mode in ("table", "box"):
        rows: list[Row] = [
            (table.name, table.kind, ", ".join(column.name for column in table.columns)) for table in found
        ]
        if not rows:
            session.output.line("(no tables)" if not words else f"(no table is like {neutralise(words[0])})")
            return None
        _show(session, ("table", "kind", "columns"), rows)
        return None
    for table in found:
        session.output.line(neutralise(table.name))
    return None


@command(".schema [TABLE]", "Show the statements that made the tables and indexes.", completes="table", most=1)
def schema(session: Session, words: list[str]) -> bool | None:
    everything = read_schema(session.db)
    found = [table for table in everything.tables if _matches(table.name, words)]
    if words and not found:
        near = did_you_mean(words[0], [table.name for table in everything.tables])
        raise ShellError(f"no such table: {words[0]}", f"did you mean {near}?" if near else None)
    with session.paged() as output:
        for table in found:
            indexes = [index.sql for index in everything.indexes if index.table.lower() == table.name.lower()]
            for sql in (table.sql, *indexes):
                if sql:
                    output.line(neutralise_lines(sql.rstrip().rstrip(";") + ";"))
    return None


@command("\\d [TABLE]", "Describe a table: columns, types, indexes.", completes="table", most=1)
def describe(session: Session, words: list[str]) -> bool | None:
    if not words:
        return tables(session, words)
    everything = read_schema(session.db)
    table = everything.table(words[0])
    if table is None:
        near = did_you_mean(words[0], [table.name for table in everything.tables])
        raise ShellError(f"no such table: {words[0]}", f"did you mean {near}?" if near else None)
    _describe_columns(session, table)
    for index in everything.indexes:
        if index.table.lower() == table.name.lower():
            kind = "unique index" if index.unique else "index"
            session.output.line(neutralise(f"{kind} {index.name} ({index.columns})"))
    return None


def _describe_columns(session: Session, table: Table) -> None:
    rows: list[Row] = [
        (column.name, column.type, "not null" if column.not_null else "", "primary key" if column.key else "")
        for column in table.columns
    ]
    _show(session, ("column", "type", "null", "key"), rows)


@command(".indexes [TABLE]", "List indexes.", aliases=("\\di",), completes="table", most=1)
def indexes(session: Session, words: list[str]) -> bool | None:
    rows: list[Row] = [
        (index.name, index.table, index.columns, index.unique)
        for index in read_schema(session.db).indexes
        if _matches(index.table, words)
    ]
    if rows or not session.output.terminal:
        _show(session, ("index", "table", "columns", "unique"), rows)
    else:
        session.output.line("(no indexes)")
    return None


@command(".databases", "Show the open database: file, size, how it was opened.", aliases=("\\l",))
def databases(session: Session, words: list[str]) -> bool | None:
    handle = session.handle
    path = handle.path if handle.path == MEMORY else os.path.abspath(handle.path)
    size = os.path.getsize(path) if handle.path != MEMORY and not handle.deferred else None
    how = "not made yet" if handle.deferred else "read-only" if handle.readonly else "read and write"
    _show(session, ("database", "bytes", "opened"), [(path, size, how)])
    return None
