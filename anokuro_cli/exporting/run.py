"""The export itself: rows stream from the query to a file beside the wanted one, which takes its place when everything is written."""

from __future__ import annotations

import gzip
import io
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import perf_counter
from typing import IO, TYPE_CHECKING, Any

from anokuro_cli.errors import ShellError
from anokuro_cli.executing import watched
from anokuro_cli.exporting.arguments import COLUMNAR, STANDARD_OUTPUT, Plan
from anokuro_cli.protocols import Row
from anokuro_cli.render.batches import batches
from anokuro_cli.render.formats import show, show_rows
from anokuro_cli.render.output import Output
from anokuro_cli.settings import Settings
from anokuro_cli.text import plural

if TYPE_CHECKING:
    from anokuro_cli.shell import Session


def export(session: Session, plan: Plan) -> int:
    """Writes the file; returns the number of rows. Raises what the query raises, OSError and ShellError; then there is no file."""
    began = perf_counter()
    session.running.begin(f"exporting to {os.path.basename(plan.path)}")
    try:
        count = _export_query(session, plan) if plan.query else _export_last(session, plan)
    finally:
        session.running.end()
    session.say(f"exported {plural(count, 'row')} to {plan.path} in {perf_counter() - began:.2f} s")
    return count


def _export_query(session: Session, plan: Plan) -> int:
    result: Any = session.db.execute(plan.query, session.bound(plan.query))
    if not result.columns:
        raise ShellError("only what gives rows can be exported", "the statement was run all the same")
    with replacing(plan.path) as file:
        if plan.format in COLUMNAR:
            source = watched(session, batches(result))
            return _write_columnar(plan.format, result.columns, tuple(getattr(result, "types", ())), source, file)
        if plan.format == "insert":
            return _write_text(
                plan, file, lambda output: _inserts(plan, result.columns, watched(session, batches(result)), output)
            )
        settings = _settings(plan)
        return _write_text(
            plan, file, lambda output: show(result, output, settings, lambda found: watched(session, found))
        )


def _export_last(session: Session, plan: Plan) -> int:
    last = session.last_result
    if not last.columns:
        raise ShellError("there is no last result to export", "name a table, or write a query in quotes")
    if not last.complete:
        raise ShellError("the last result was too long to be kept", "export its query instead")
    source = iter([last.rows] if last.rows else [])
    with replacing(plan.path) as file:
        if plan.format in COLUMNAR:
            return _write_columnar(plan.format, last.columns, tuple(last.types), source, file)
        if plan.format == "insert":
            return _write_text(plan, file, lambda output: _inserts(plan, last.columns, source, output))
        return _write_text(plan, file, lambda output: show_rows(last.columns, source, output, _settings(plan)))


def _settings(plan: Plan) -> Settings:
    return Settings(mode=plan.format, headers=plan.header, nullvalue=plan.null, expanded="off")


def _inserts(plan: Plan, columns: Any, source: Iterator[list[Row]], output: Output) -> int:
    from anokuro_cli.render.statements import write_inserts

    return write_inserts(plan.table, columns if plan.header else (), source, output)


def _write_columnar(format: str, columns: Any, types: Any, source: Iterator[list[Row]], file: IO[bytes]) -> int:
    from anokuro_cli.exporting.columnar import write_columnar

    return write_columnar(format, columns, types, source, file)


def _write_text(plan: Plan, file: IO[bytes], write: Callable[[Output], int]) -> int:
    raw: Any = gzip.GzipFile(filename="", fileobj=file, mode="wb", mtime=0) if plan.gzip else file
    text = io.TextIOWrapper(raw, encoding="utf-8", errors="surrogateescape", newline="", write_through=False)
    count = write(Output(text))
    text.flush()
    text.detach()
    if plan.gzip:
        raw.close()
    return count


@contextmanager
def replacing(path: str) -> Iterator[IO[bytes]]:
    """A new file that takes the place of `path` at the end, or is removed where something goes wrong."""
    if path == STANDARD_OUTPUT:
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    if os.path.abspath(path).startswith(("/dev/", "/proc/")) or (os.path.exists(path) and not os.path.isfile(path)):
        with open(path, "wb") as file:  # a pipe, a device, a descriptor: never to be replaced
            yield file
        return
    path = os.path.realpath(path)  # a link stays one, and what it leads to is replaced
    new = f"{path}.part{os.getpid()}"
    try:
        with open(new, "wb") as file:
            yield file
        os.replace(new, path)
    except BaseException:
        if os.path.exists(new):
            os.remove(new)
        raise
