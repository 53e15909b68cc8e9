"""CREATE TABLE name AS query: a table with the query's columns and types, filled with its rows, in one transaction."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from engine.base.errors import ConflictError, NotSupportedError
from engine.record.types import Type, type_of
from engine.sql.compiled import Compiler
from engine.sql.result import Result
from engine.sql.scope import problem
from grammar import ast
from grammar.tokens import quote

if TYPE_CHECKING:
    from engine.sql.session import Session

RETRIES = 20


def create_table_as(session: Session, sql: str, node: ast.CreateTable, params: Any) -> Result:
    """Carry it out; rowcount says how many rows. Raises ProgrammingError for a column without a name or type of its own."""
    asked = node.query
    assert asked is not None
    if node.temporary:
        raise NotSupportedError("a temporary table is not supported yet")
    query = sql[asked.span[0] : asked.span[1]]

    def work() -> Result:
        known = session.schema()
        if node.if_not_exists and node.name.name.lower() in {*known.tables, *known.views}:
            return Result(rowcount=0, statement="CREATE TABLE")
        name = sql[node.name.span[0] : node.name.span[1]]
        compiled = Compiler(session.shared, known, session.begin).compile(sql, asked)
        kinds, rows = list(compiled.kinds), None
        if Type.ANY in kinds or Type.NULL in kinds:  # only the rows tell
            rows = session.execute(query, params).fetchall()
            kinds = [_found_type(kind, i, rows) for i, kind in enumerate(kinds)]
        for column, kind in zip(compiled.columns, kinds, strict=True):
            if kind is Type.ANY:
                raise problem(sql, asked.span, f"column {column} has values of several types; CAST it")
            if not column:
                raise problem(sql, asked.span, "a column has no name; give it one with AS")
        declared = ", ".join(f"{quote(c)} {k.name}" for c, k in zip(compiled.columns, kinds, strict=True))
        session.execute(f"CREATE TABLE {name} ({declared})")
        if rows is None:
            count = session.execute(f"INSERT INTO {name} {query}", params).rowcount
        else:
            places = ", ".join("?" * len(kinds))
            count = session.executemany(f"INSERT INTO {name} VALUES ({places})", rows).rowcount if rows else 0
        return Result(rowcount=count, statement="CREATE TABLE")

    session.settle()
    if session.in_transaction:
        return session.in_statement(work)
    for attempt in range(RETRIES):
        session.execute("BEGIN")
        try:
            result = work()
            session.execute("COMMIT")
            return result
        except ConflictError:
            if attempt == RETRIES - 1:
                raise
        finally:
            if session.in_transaction:
                session.execute("ROLLBACK")
    raise AssertionError("unreachable")


def _found_type(kind: Type, place: int, rows: list[tuple[Any, ...]]) -> Type:
    """The type of a column whose type only its values tell; TEXT where they are all NULL."""
    if kind not in (Type.ANY, Type.NULL):
        return kind
    found = {type_of(row[place]) for row in rows} - {Type.NULL}
    if found == {Type.INTEGER, Type.REAL}:
        return Type.REAL
    return Type.TEXT if not found else found.pop() if len(found) == 1 else Type.ANY
