"""The check of a database: the store, then what the catalog says, then every row, and every index against its table.

An index is right when each row's entry is in it and it has no other entries: the entries are looked up one by one, the
rest is counting. All of it reads one snapshot.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from engine.base.errors import Error, IntegrityError
from engine.btree.check import Finding
from engine.sql.compile_expr import Runtime
from engine.sql.foreign_keys import check_table, make_link
from engine.sql.index_entries import compile_entries
from engine.txn.check import check_store
from engine.txn.stats import store_stats
from engine.txn.transaction import Transaction

if TYPE_CHECKING:
    from engine.api.database import Database
    from engine.catalog.catalog import Schema
    from engine.catalog.objects import Table

FINDINGS_MAX = 100
"""Findings about the rows of one table; what is behind them would say the same again."""
LOOK_EVERY = 256
"""Pages, or rows, between two reports of progress."""
DIRECTORY, CATALOG = 0, 1
Progress = Callable[[str, int, int], None]


def check_database(database: Database, progress: Progress | None = None) -> list[Finding]:
    """Findings; an empty list when the database is sound. progress: see Database.check."""
    report = progress if progress is not None else _silent
    pages = int(store_stats(database.store).pages)

    def checked(count: int) -> None:
        if count % LOOK_EVERY == 0:
            report("pages", count, pages)

    findings: list[Finding] = list(check_store(database.store, checked))
    if findings:
        return findings  # what stands on damaged pages would only be noise
    txn = Transaction(database.store, "snapshot", readonly=True)
    try:
        findings += _check_catalog(database, txn, report)
    except Error as error:
        findings.append(Finding(f"catalog: {error}", database.path))
    finally:
        txn.rollback()
    return findings


def _check_catalog(database: Database, txn: Transaction, report: Progress) -> list[Finding]:
    """Every tree belongs to one object of the catalog and the reverse; then the tables."""
    schema = database.catalog.schema(txn)
    found = []
    owners: dict[int, str] = {CATALOG: "the catalog"}
    named = [(f"tree {tree.name!r}", tree.tree) for tree in database.catalog.named_trees(txn)]
    named += [(f"table {table.name}", table.tree) for table in schema.tables.values()]
    named += [(f"index {index.name}", index.tree) for index in schema.indexes.values()]
    for what, tree in named:
        if tree in owners:
            found.append(Finding(f"{what} and {owners[tree]} are the same tree {tree}", database.path))
        owners[tree] = what
        if not database.store.root_of(tree, txn.snapshot_lsn):
            found.append(Finding(f"{what}: its tree {tree} does not exist", database.path))
    for key, _ in txn.scan(DIRECTORY):
        tree = int.from_bytes(key, "big")
        if tree not in owners:
            found.append(Finding(f"tree {tree} belongs to nothing in the catalog", database.path))
    for table in schema.tables.values():
        found += _check_table(database.path, txn, schema, table, report)
    return found


def _silent(what: str, done: int, whole: int) -> None:
    """Nobody wants to know."""


def _check_table(path: str, txn: Transaction, schema: Schema, table: Table, report: Progress) -> list[Finding]:
    found: list[Finding] = []
    decoder = table.decoder(tuple(range(len(table.columns))))
    encoder = table.encoder()
    indexes = [compile_entries(None, table, index, Runtime()) for index in table.indexes]
    reader = Runtime()
    reader.txn = txn
    held = dict.fromkeys((index.name for index in table.indexes), 0)
    rows = txn.count(table.tree)
    for number, (key, value) in enumerate(txn.scan(table.tree)):
        if number % LOOK_EVERY == 0:
            report(f"rows of {table.name}", number, rows)
        if len(found) >= FINDINGS_MAX:
            return found
        try:
            row = encoder.check(decoder.decode(key, value))
        except Error as error:
            found.append(Finding(f"table {table.name}, row with key {key.hex()}: {error}", path))
            continue
        for entries in indexes:
            entry = entries.entry(row, key)
            if entry is None:
                continue
            held[entries.index.name] += 1
            if txn.get(entries.index.tree, entry[0]) != entry[1]:
                found.append(Finding(f"index {entries.index.name}: no entry for the row with key {key.hex()}", path))
    for constraint in table.foreign_keys:
        link = make_link(schema, table, constraint)
        if link is None:
            found.append(Finding(f"table {table.name}: a FOREIGN KEY refers to no key of {constraint.table}", path))
            continue
        try:
            check_table(link, reader)
        except IntegrityError as error:
            found.append(Finding(str(error), path))
    for entries in indexes:
        index = entries.index
        count, wanted = txn.count(index.tree), held[index.name]
        if count != wanted:
            found.append(Finding(f"index {index.name} has {count} entries for {wanted} rows", path))
    return found
