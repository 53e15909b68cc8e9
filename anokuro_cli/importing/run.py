"""The import itself: infer or look up the types, then load everything in one transaction.

autocommit            BEGIN, CREATE TABLE, INSERT ..., COMMIT                   an error rolls everything back
inside a transaction  SAVEPOINT, CREATE TABLE, INSERT ..., RELEASE              an error undoes the import alone
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from itertools import chain
from operator import length_hint
from time import perf_counter
from typing import TYPE_CHECKING

from anokuro_cli.errors import ShellError
from anokuro_cli.importing.arguments import Plan
from anokuro_cli.importing.convert import CONVERSIONS, UNKNOWN, Converter, Refused
from anokuro_cli.importing.infer import GUESS_ROWS, Inference
from anokuro_cli.importing.source import Rows
from anokuro_cli.protocols import Row
from anokuro_cli.schema import Table, read_schema
from anokuro_cli.text import did_you_mean, plural
from engine.base.dataclass import dataclass, replace
from grammar.tokens import quote

if TYPE_CHECKING:
    from anokuro_cli.progress import Progress
    from anokuro_cli.shell import Session

BATCH_ROWS = 500  # of 19 columns they still fit into the processor's cache, which halves the time of reading


@dataclass(frozen=True, slots=True)
class Imported:
    """What an import did. seconds: inference included."""

    table: str
    rows: int
    columns: tuple[tuple[str, str], ...]
    created: bool
    seconds: float


def import_file(session: Session, plan: Plan) -> Imported:
    """Loads a file. Raises ShellError, OSError and what the engine raises; then nothing has been imported."""
    from anokuro_cli.progress import Progress

    began = perf_counter()
    with Progress(session.messages, session.settings.quiet) as progress:

        def look(gathered: int) -> None:
            session.interrupts.check()
            progress.update("reading", None, gathered)

        with plan.source.settled(look) as source:
            columns, count, created = _import(session, replace(plan, source=source), progress)
    return Imported(plan.table, count, tuple(columns), created, perf_counter() - began)


def _import(session: Session, plan: Plan, progress: Progress) -> tuple[list[tuple[str, str]], int, bool]:
    """The columns that were filled, how many rows came, and whether the table is new."""
    with plan.source.open():
        pass  # a file that cannot be read is an error before a database is made
    session.handle.make()
    table = read_schema(session.db).table(plan.table)
    if table is None and not plan.create:
        near = did_you_mean(plan.table, [known.name for known in read_schema(session.db).tables])
        hint = "--create makes it from the file's header" + (f"; or did you mean {near}?" if near else "")
        raise ShellError(f"no such table: {plan.table}", hint)
    if table is not None and plan.create:
        raise ShellError(f"there is a table {table.name} already", "leave --create out to add to it")
    with _without_collector():
        if table is None:
            return *_create_and_load(session, plan, progress), True
        columns = _existing(plan, table)
        with _all_or_nothing(session):
            return columns, _load(session, plan, columns, progress), False


def _create_and_load(session: Session, plan: Plan, progress: Progress) -> tuple[list[tuple[str, str]], int]:
    """With types guessed from the first rows; a value that contradicts the guess leads to a second attempt after a full pass."""
    for rows_max in (GUESS_ROWS, None):
        columns = _infer(session, plan, progress, rows_max)
        try:
            with _all_or_nothing(session):
                session.db.execute(_create_sql(plan.table, columns))
                count = _load(session, plan, columns, progress)
            return [(name, _or_text(kind)) for name, kind in columns], count
        except Refused:
            if rows_max is None:
                raise
    raise AssertionError("the second attempt either returns or raises")


def _infer(session: Session, plan: Plan, progress: Progress, rows_max: int | None) -> list[tuple[str, str]]:
    with plan.source.open() as rows:
        inference = Inference(len(rows.names), plan.nulls)
        for number, batch in _watched(rows, progress, "reading types", session.interrupts.check):
            inference.look(batch)
            if rows_max is not None and number >= rows_max:
                return list(zip(rows.names, inference.types, strict=True))
        return [(name, _or_text(kind)) for name, kind in zip(rows.names, inference.types, strict=True)]


def _or_text(kind: str) -> str:
    return "TEXT" if kind == UNKNOWN else kind


@contextmanager
def _without_collector() -> Iterator[None]:
    """Rows are many small objects without cycles: the cyclic collector would only go through them again and again."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def _existing(plan: Plan, table: Table) -> list[tuple[str, str]]:
    """The table's columns that the file has, in the file's order."""
    with plan.source.open() as rows:
        if not plan.source.header:
            if len(rows.names) != len(table.columns):
                raise ShellError(
                    f"{plan.source.path} has {len(rows.names)} columns, table {table.name} has {len(table.columns)}"
                )
            return [(column.name, _plain_type(column.type)) for column in table.columns]
        known = {column.name.lower(): column for column in table.columns}
        for name in rows.names:
            if name.lower() not in known:
                near = did_you_mean(name, list(known))
                raise ShellError(f"table {table.name} has no column {name}", f"did you mean {near}?" if near else None)
        return [(known[name.lower()].name, _plain_type(known[name.lower()].type)) for name in rows.names]


def _plain_type(name: str) -> str:
    return name.upper() if name.upper() in CONVERSIONS else "TEXT"


def _create_sql(table: str, columns: list[tuple[str, str]]) -> str:
    return f"CREATE TABLE {quote(table)} ({', '.join(f'{quote(name)} {_or_text(kind)}' for name, kind in columns)})"


def _load(session: Session, plan: Plan, columns: list[tuple[str, str]], progress: Progress) -> int:
    names, types = [name for name, _ in columns], [kind for _, kind in columns]
    insert = f"INSERT INTO {quote(plan.table)} ({', '.join(map(quote, names))}) VALUES ({', '.join('?' * len(names))})"
    with plan.source.open() as rows:
        converter = Converter(plan.source.path, names, types, plan.nulls)
        batches = _watched(rows, progress, f"importing {plan.table}", session.interrupts.check)
        feed = _Feed(converter, batches, rows.first_row)
        try:
            session.db.executemany(insert, chain.from_iterable(feed))
        except Exception as error:
            if type(error).__name__ not in ("IntegrityError", "DataError", "LimitError"):
                raise
            message = f"{plan.source.path}, row {feed.last_row()}: {error}"
            raise ShellError(message, "nothing was imported") from error
    return feed.count


class _Feed:
    """The typed rows of all batches for one executemany, and which of them was taken last."""

    def __init__(self, converter: Converter, batches: Iterable[tuple[int, list[list[str]]]], first_row: int):
        self._converter, self._batches = converter, batches
        self._row = first_row
        self._current: Iterator[Row] = iter(())
        self.count = 0

    def __iter__(self) -> Iterator[Iterator[Row]]:
        for number, batch in self._batches:
            typed = self._converter.rows(number, batch)
            self._row = number + len(typed)
            self.count += len(typed)
            self._current = iter(typed)
            yield self._current

    def last_row(self) -> int:
        """The number of the row taken last."""
        return self._row - 1 - length_hint(self._current)


def _watched(
    rows: Rows, progress: Progress, label: str, check: Callable[[], None]
) -> Iterator[tuple[int, list[list[str]]]]:
    for number, batch in rows.batches(BATCH_ROWS):
        check()
        yield number, batch
        progress.update(label, number - rows.first_row + len(batch), rows.position(), rows.size)


class _all_or_nothing:
    """A transaction of the session, or a savepoint where one is open already."""

    def __init__(self, session: Session):
        self._session = session
        self._nested = session.handle.in_transaction()

    def __enter__(self) -> None:
        self._session.db.execute("SAVEPOINT anokuro_import" if self._nested else "BEGIN")

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        db = self._session.db
        if kind is None:
            db.execute("RELEASE anokuro_import" if self._nested else "COMMIT")
        elif self._nested:
            db.execute("ROLLBACK TO anokuro_import")
            db.execute("RELEASE anokuro_import")
        else:
            db.execute("ROLLBACK")


def report(session: Session, done: Imported) -> None:
    """Says what was imported, on standard error."""
    if session.settings.quiet:
        return
    rate = int(done.rows / done.seconds) if done.seconds else 0
    text = f"imported {plural(done.rows, 'row')} into {done.table} in {done.seconds:.2f} s ({rate:,} rows/s)"
    if done.created:
        text += "; created with " + ", ".join(f"{name} {kind}" for name, kind in done.columns)
    session.note(text)
