"""Help and leaving."""

from __future__ import annotations

from typing import TYPE_CHECKING

from anokuro_cli.dot.registry import COMMANDS, command, lookup
from anokuro_cli.errors import Leave, ShellError
from anokuro_cli.text import did_you_mean

if TYPE_CHECKING:
    from anokuro_cli.shell import Session


@command(".help [COMMAND]", "List the commands, or explain one.", aliases=("\\?",), completes="command", most=1)
def help_(session: Session, words: list[str]) -> bool | None:
    if words:
        name = words[0] if words[0][:1] in (".", "\\") else "." + words[0]
        found = lookup(name)
        if found is None:
            near = did_you_mean(name, list(COMMANDS))
            raise ShellError(f"unknown command {name}", f"did you mean {near}?" if near else None)
        also = f"  ({', '.join(found.aliases)})" if found.aliases else ""
        session.output.line(f"{session.output.style(found.usage, 'bold')}{also}\n  {found.help}")
        return None
    width = max(len(entry.usage) for entry in COMMANDS.values())
    session.output.line("Statements end with ; and run with Enter. Commands stand at the beginning of a line:\n")
    for entry in COMMANDS.values():
        alias = f"  {' '.join(entry.aliases)}" if entry.aliases else ""
        usage = session.output.style(entry.usage.ljust(width), "bold")
        session.output.line(f"  {usage}  {entry.help}{session.output.style(alias, 'dim')}")
    return None


@command(".quit [STATUS]", "Leave; an open transaction is rolled back.", aliases=("\\q", ".exit"), most=1)
def quit_(session: Session, words: list[str]) -> bool | None:
    question = "A transaction is open and will be rolled back. Leave?"
    if session.interactive and session.handle.in_transaction() and not session.confirm(question):
        return None
    if words and not words[0].isdigit():
        raise ShellError(f"the exit status must be a number, not {words[0]!r}")
    raise Leave(int(words[0]) if words else 0)
