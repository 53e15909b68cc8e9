"""Files: databases, scripts, data to import."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from anokuro_cli.dot.registry import command
from anokuro_cli.errors import ShellError, show_problem
from anokuro_cli.opening import MEMORY, CannotOpen, Handle

if TYPE_CHECKING:
    from anokuro_cli.shell import Session


@command(".open FILE [--readonly]", "Close this database and open another.", completes="path", least=1, most=2)
def open_(session: Session, words: list[str]) -> bool | None:
    session.forbid(".open")
    readonly = "--readonly" in words
    paths = [word for word in words if word != "--readonly"]
    if len(paths) != 1:
        raise ShellError("usage: .open FILE [--readonly]")
    if session.handle.in_transaction() and not session.confirm("A transaction is open and will be rolled back. Go on?"):
        raise ShellError("a transaction is open", "COMMIT or ROLLBACK first")
    path = paths[0] if paths[0] == MEMORY else os.path.expanduser(paths[0])
    before = session.handle
    if not before.deferred and before.path != MEMORY and os.path.exists(path) and os.path.samefile(path, before.path):
        before.close()  # the same file again: its lock must go first
        session.handle = session.handle.again(MEMORY, readonly=False)
        before = session.handle
    try:
        opened: Handle = before.again(path, readonly=readonly)
    except CannotOpen as error:
        show_problem(error.problem, session.messages)
        session.status = error.problem.status
        return False
    before.close()
    session.handle = opened
    return None


@command(".read FILE", "Run a script.", aliases=("\\i",), completes="path", least=1, most=1)
def read(session: Session, words: list[str]) -> bool | None:
    session.forbid(".read")
    return session.run_file(os.path.expanduser(words[0]))


@command(
    ".import FILE [TABLE] [--create] [--null TEXT] [--delimiter C] [--no-header]",
    "Load a CSV or TSV file, also inside .zip or .gz.",
    completes="path",
    least=1,
    most=None,
)
def import_(session: Session, words: list[str]) -> bool | None:
    from anokuro_cli.importing.arguments import plan_from_words
    from anokuro_cli.importing.run import import_file, report

    session.forbid(".import")
    plan = plan_from_words(words)
    report(session, import_file(session, plan))
    return None
