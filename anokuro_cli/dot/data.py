"""Export, backup and restore."""

from __future__ import annotations

import os
from fnmatch import fnmatch
from typing import TYPE_CHECKING

from anokuro_cli.dot.registry import command
from anokuro_cli.errors import ShellError

if TYPE_CHECKING:
    from anokuro_cli.shell import Session


@command(
    ".export FILE [--format FORMAT] [--no-header] [--null TEXT] [TABLE | QUERY]",
    "Write a table, a query or the last result to a file; the format follows its name: .csv .tsv .json .jsonl .md .html .sql .parquet .arrow, also with .gz.",
    completes="path",
    least=1,
    most=1,
    raw=True,
)
def export(session: Session, words: list[str]) -> bool | None:
    session.forbid(".export")
    from anokuro_cli.exporting.arguments import plan_from_line
    from anokuro_cli.exporting.run import export as run

    run(session, plan_from_line(words[0]))
    return None


@command(
    ".dump [TABLE ...]", "Write the SQL that makes the database, or some tables, again.", completes="table", most=None
)
def dump(session: Session, words: list[str]) -> bool | None:
    from anokuro_cli.executing import watched
    from anokuro_cli.exporting.dump import dump as run
    from anokuro_cli.schema import read_schema

    known = [table.name.lower() for table in read_schema(session.db).tables]
    for word in words:
        if not any(fnmatch(name, word.lower()) for name in known):
            raise ShellError(f"no such table: {word}")
    if not session.output.terminal:
        session.running.begin("writing the dump")
    with session.paged() as output:
        run(
            session.db,
            output,
            lambda name: not words or any(fnmatch(name.lower(), word.lower()) for word in words),
            lambda source: watched(session, source),
        )
    session.running.end()
    return None


@command(".backup FILE", "Copy the database to a new file, also while others write.", completes="path", least=1, most=1)
def backup(session: Session, words: list[str]) -> bool | None:
    session.forbid(".backup")
    from anokuro_cli.exporting.copy import backup as run

    run(session, words[0])
    return None


@command(".restore FILE", "Make this database what a backup is; asks first.", completes="path", least=1, most=1)
def restore(session: Session, words: list[str]) -> bool | None:
    session.forbid(".restore")
    from anokuro_cli.exporting.copy import restore as run

    run(session, os.path.expanduser(words[0]))
    return None
