"""Backup and restore: the database as files.

backup    a copy at one moment, made while reading and writing go on (Database.backup); never over a file that exists
restore   the backup is opened and checked by being copied, the copy takes the place of the database's files, which is then opened
"""

from __future__ import annotations

import os
import shutil
from time import perf_counter
from typing import TYPE_CHECKING

from anokuro_cli.errors import ShellError
from anokuro_cli.opening import MEMORY
from anokuro_cli.progress import Progress
from anokuro_cli.text import neutralise

if TYPE_CHECKING:
    from anokuro_cli.protocols import Database
    from anokuro_cli.shell import Session


def backup(session: Session, path: str) -> None:
    """Copies the session's database to a new file. Raises what the engine raises."""
    began = perf_counter()
    path = os.path.expanduser(path)
    if session.handle.in_transaction():
        raise ShellError("a transaction is open; a backup holds what is committed", "COMMIT or ROLLBACK first")
    _copy(session, session.db, path, "backing up")
    size = os.path.getsize(path)
    session.say(f"backed up to {path}: {size:,} bytes in {perf_counter() - began:.2f} s")


def restore(session: Session, source: str) -> None:
    """Makes the session's database what a backup is. Raises ShellError, OSError and what the engine raises; then it is as it was."""
    source = os.path.expanduser(source)
    handle = session.handle
    if handle.path == MEMORY:
        raise ShellError("a database in memory has no file to restore", f".open {source} opens the backup itself")
    if handle.readonly:
        raise ShellError("the database was opened read-only")
    if handle.in_transaction():
        raise ShellError("a transaction is open", "COMMIT or ROLLBACK first")
    if not os.path.exists(source):
        raise ShellError(f"{source}: no such file")
    if os.path.exists(handle.path) and os.path.samefile(source, handle.path):
        raise ShellError("a database cannot be restored from itself")
    if not handle.deferred and not session.confirm(f"Everything in {neutralise(handle.path)} will be replaced. Go on?"):
        raise ShellError("nothing was restored", None if session.interactive else "--yes does it")
    path = handle.path
    new = f"{path}-restoring"
    _remove(new)
    copy = handle.again(source, readonly=True)
    try:
        _copy(
            session, copy.db, new, "restoring"
        )  # reads every page, so a damaged backup is found before anything is replaced
    finally:
        copy.close()
    handle.close()
    session.handle = handle.again(MEMORY, readonly=False)
    _remove(path)
    os.replace(new + "-wal", path + "-wal")
    os.replace(new, path)
    session.handle.close()
    session.handle = handle.again(path, readonly=False)
    session.say(f"restored from {source}")


def _copy(session: Session, db: Database, path: str, label: str) -> None:
    """Database.backup with progress and Ctrl-C."""
    page_bytes = int(db.stats()["page_size"])
    with Progress(session.messages, session.settings.quiet) as bar:

        def report(done: int, total: int) -> None:
            session.interrupts.check()
            bar.update(label, None, done * page_bytes, total * page_bytes)

        db.backup(path, report)


def _remove(path: str) -> None:
    """The files of a database, the data first: without it the log means nothing."""
    if os.path.exists(path):
        os.remove(path)
    shutil.rmtree(path + "-wal", ignore_errors=True)
