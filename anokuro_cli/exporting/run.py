"""The export itself: rows stream from the query to a file beside the wanted one, which takes its place when everything is written."""

from __future__ import annotations

import gzip
import io
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from time import perf_counter
from typing import IO, TYPE_CHECKING, Any

from anokuro_cli.errors import ShellError
from anokuro_cli.exporting.arguments import COLUMNAR, STANDARD_OUTPUT, Plan
from anokuro_cli.progress import Progress
from anokuro_cli.protocols import Row
from anokuro_cli.render.batches import batches
from anokuro_cli.render.formats import show_rows
from anokuro_cli.render.output import Output
from anokuro_cli.settings import Settings
from anokuro_cli.text import plural

if TYPE_CHECKING:
    from anokuro_cli.shell import Session


def export(session: Session, plan: Plan) -> int:
    """Writes the file; returns the number of rows. Raises what the query raises, OSError and ShellError; then there is no file."""
    began = perf_counter()
    if plan.query:
        result = session.db.execute(plan.query, session.bound(plan.query))
        columns, types = result.columns, tuple(getattr(result, "types", ()))
        if not columns:
            raise ShellError("only what gives rows can be exported", "the statement was run all the same")
        source = batches(result, session.interrupts.check)
    else:
        last = session.last_result
        if not last.columns:
            raise ShellError("there is no last result to export", "name a table, or write a query in quotes")
        if not last.complete:
            raise ShellError("the last result was too long to be kept", "export its query instead")
        columns, types, source = last.columns, tuple(last.types), iter([last.rows] if last.rows else [])
    with Progress(session.messages, session.settings.quiet) as progress:
        watched = _watched(source, progress, f"exporting to {os.path.basename(plan.path)}")
        with replacing(plan.path) as file:
            if plan.format in COLUMNAR:
                from anokuro_cli.exporting.columnar import write_columnar

                count = write_columnar(plan.format, columns, types, watched, file)
            else:
                count = _write_text(plan, columns, watched, file)
    session.say(f"exported {plural(count, 'row')} to {plan.path} in {perf_counter() - began:.2f} s")
    return count


def _write_text(plan: Plan, columns: Any, source: Iterator[list[Row]], file: IO[bytes]) -> int:
    raw: Any = gzip.GzipFile(filename="", fileobj=file, mode="wb", mtime=0) if plan.gzip else file
    text = io.TextIOWrapper(raw, encoding="utf-8", errors="surrogateescape", newline="", write_through=False)
    output = Output(text)
    if plan.format == "insert":
        from anokuro_cli.render.statements import write_inserts

        count = write_inserts(plan.table, columns if plan.header else (), source, output)
    else:
        settings = Settings(mode=plan.format, headers=plan.header, nullvalue=plan.null, expanded="off")
        count = show_rows(columns, source, output, settings)
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


def _watched(source: Iterator[list[Row]], progress: Progress, label: str) -> Iterator[list[Row]]:
    count = 0
    for batch in source:
        count += len(batch)
        yield batch
        progress.update(label, count, 0, 0)
