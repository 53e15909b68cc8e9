"""COPY as a session carries it out."""

from __future__ import annotations

import gc
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from engine.base.errors import NotSupportedError, ProgrammingError
from engine.catalog.objects import Table
from engine.sql.binder import Binder, Params
from engine.sql.columns import arrow
from engine.sql.copying.load import Loader
from engine.sql.copying.options import CopyOptions, read_options
from engine.sql.copying.source import Source, Target
from engine.sql.parameters import bind_values
from engine.sql.result import Result
from engine.sql.scope import problem
from grammar import ast
from grammar.tokens import quote

if TYPE_CHECKING:
    from engine.sql.session import Session


def run_copy(session: Session, sql: str, node: ast.Copy, params: Any) -> Result:
    """Carry out a COPY; rowcount says how many rows. Raises what INSERT and SELECT raise, OperationalError for files."""
    if not arrow.available():
        raise NotSupportedError("COPY needs pyarrow: pip install pyarrow")
    arrow.load()
    path, params = path_of(node, params)
    options = read_options(path, node.options)
    session.settle()
    if node.direction == "TO":
        return _copy_to(session, sql, node, path, options, params)
    if params:
        raise ProgrammingError("COPY ... FROM takes no parameter but the name of the file")

    def work(txn: Any) -> Result:
        schema = session.schema_in(txn)
        binder = Binder(sql, schema, session.shared.system_tables)
        table = _table(binder, node)
        source = open_source(path, options, _target(binder, node, table))
        collecting = gc.isenabled()
        gc.disable()  # nothing that is made here has cycles, and there is much of it
        try:
            if session.in_transaction:  # which would be lost with a value that is refused half way
                for _ in source.batches():
                    session.check_flag()
            count = Loader(session, txn, table, source, binder).run()
        finally:
            source.close()
            if collecting:
                gc.enable()
        if session.deferred and not session.in_transaction:
            session.check_own(txn)
        return Result(rowcount=count, statement="COPY")

    if session.in_transaction:
        result = session.in_statement(lambda: work(session.transaction))
    else:
        result = session.retried(work)
    session.shared.forget_sizes()
    return result


def path_of(node: ast.Copy, params: Any) -> tuple[str, Any]:
    """The file's name, which may be a parameter, and the parameters that are left."""
    value: Any
    if isinstance(node.path, ast.Literal):
        value = node.path.value
    elif isinstance(params, Mapping):
        rest = dict(params)
        value = rest.pop(getattr(node.path, "name", None), None)
        params = rest
    else:
        values = list(params)
        value = values.pop() if values else None
        params = tuple(values)
    if value is not None and not isinstance(value, str) and hasattr(value, "__fspath__"):
        value = value.__fspath__()
    if not isinstance(value, str) or not value or "\0" in value:
        raise ProgrammingError("COPY: the name of the file is a text; as a parameter it is the last one")
    return value, params


def _table(binder: Binder, node: ast.Copy) -> Table:
    from engine.sql.change import find_table

    assert node.table is not None
    return find_table(binder, node.table)


def _target(binder: Binder, node: ast.Copy, table: Table) -> Target:
    from engine.sql.assignments import column_position

    positions = [column_position(binder, table, column) for column in node.columns] or range(len(table.columns))
    if len(set(positions)) != len(positions):
        raise problem(binder.text, node.columns[0].span, "a column is named twice")
    columns = tuple((table.columns[p].name, table.columns[p].type, p) for p in positions)
    return Target(table.name, columns, bool(node.columns))


def open_source(path: str, options: CopyOptions, target: Target) -> Source:
    """The file as a source of batches. Raises OperationalError where it cannot be read, DataError for what is in it."""
    if options.is_text:
        from engine.sql.copying.csv_source import CsvSource

        return CsvSource(path, options, target)
    from engine.sql.copying import other_sources

    return other_sources.open_source(path, options, target)


def _copy_to(session: Session, sql: str, node: ast.Copy, path: str, options: CopyOptions, params: Any) -> Result:
    from engine.sql.copying.files import open_output
    from engine.sql.copying.target import write

    if node.query is None:
        bind_values(Params(), params)
    text = query_text(sql, node)
    with session.execute(text, params) as result, open_output(path) as file:
        count = write(result, file, options, session.check_flag)
    return Result(rowcount=count, statement="COPY")


def query_text(sql: str, node: ast.Copy) -> str:
    """The query whose rows a COPY ... TO writes."""
    if node.query is not None:
        return sql[node.query.span[0] : node.query.span[1]]
    assert node.table is not None
    names = ", ".join(quote(column.name) for column in node.columns) or "*"
    return f"SELECT {names} FROM {sql[node.table.span[0] : node.table.span[1]]}"


def find_copied(session: Session, sql: str, node: ast.Copy) -> str:
    """The table of a COPY and its columns, which must be there, for people."""
    assert node.table is not None
    if node.direction == "TO":
        return node.table.name
    binder = Binder(sql, session.schema(), session.shared.system_tables)
    target = _target(binder, node, _table(binder, node))
    return f"{target.table} ({', '.join(name for name, _, _ in target.columns)})"
