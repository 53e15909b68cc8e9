"""Statements that change the catalog, as a session carries them out: definitions and ANALYZE."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from engine.catalog.statistics import TableStatistics
from engine.sql.analyze import analyse, analysed_tables
from engine.sql.ddl import define
from engine.sql.result import Result
from grammar import ast

if TYPE_CHECKING:
    from engine.sql.session import Session


def words(node: ast.Statement) -> str:
    """CreateTable -> CREATE TABLE."""
    name = type(node).__name__
    return "".join(" " + c if c.isupper() and i else c for i, c in enumerate(name)).upper()


def define_objects(session: Session, sql: str, node: ast.Statement) -> Result:
    """CREATE, DROP and ALTER: a transaction of its own, or part of the open one."""

    def work(txn: Any) -> Result:
        schema = session.schema_in(txn)
        tables, views = session.shared.system_tables, session.temporary
        define(node, sql, schema, session.catalog, txn, tables, views, session.flag)
        return Result(statement=words(node))

    session.settle()
    if not session.in_transaction:
        return session.retried(work)
    result = session.in_statement(lambda: work(session.transaction))
    session.schema_changed()
    return result


def analyse_tables(session: Session, sql: str, node: ast.Analyze) -> Result:
    """ANALYZE [table]: the rows are read in a snapshot, what was found is written by itself."""
    found: dict[str, TableStatistics] = {}

    def look(txn: Any) -> None:
        schema = session.schema_in(txn)
        for table in analysed_tables(schema, sql, node):
            found[table.name] = analyse(table, txn, schema, session.check_flag)

    def work(txn: Any) -> Result:
        for name, statistics in found.items():
            session.catalog.put_statistics(txn, name, statistics)
        return Result(statement=words(node))

    session.settle()
    if session.in_transaction:
        look(session.transaction)
        result = session.in_statement(lambda: work(session.transaction))
        session.schema_changed()
        return result
    with session.begin(readonly=True) as txn:
        look(txn)
    session.shared.forget_sizes()
    return session.retried(work)
