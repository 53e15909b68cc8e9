"""Help and leaving."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

from anokuro_cli.dot.registry import COMMANDS, Command, command, lookup
from anokuro_cli.errors import Leave, ShellError
from anokuro_cli.help import width_of
from anokuro_cli.text import did_you_mean

if TYPE_CHECKING:
    from anokuro_cli.render.output import Output
    from anokuro_cli.shell import Session

USAGE_WIDTH = 27


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
    from anokuro_cli.dot import GROUPS

    with session.paged() as output:
        output.line("Statements end with ; and run with Enter.")
        output.line("Commands stand at the beginning of a line; .help COMMAND explains one.")
        for group in GROUPS:
            output.line(f"\n{output.style((group.__doc__ or '').partition(chr(10))[0].rstrip('.'), 'dim')}")
            for entry in COMMANDS.values():
                if entry.run.__module__ == group.__name__:
                    _summary(entry, output)
    return None


def _summary(entry: Command, output: Output) -> None:
    name, _, words = entry.usage.partition(" ")
    if len(words) > USAGE_WIDTH - len(name) - 1:
        words = words[: USAGE_WIDTH - len(name) - 5] + " ..."  # .help COMMAND shows it all
    space = " " * max(USAGE_WIDTH - len(name) - len(words) - 1, 0)
    room = max(width_of(output) - USAGE_WIDTH - 4, 12)
    lines = textwrap.wrap(entry.help, room)
    if entry.aliases:
        aliases = " ".join(entry.aliases)
        if len(lines[-1]) + 2 + len(aliases) > room:
            lines.append("")
        lines[-1] = f"{lines[-1]}  {output.style(aliases, 'dim')}" if lines[-1] else output.style(aliases, "dim")
    output.line(f"  {output.style(name, 'bold')} {words}{space}  {lines[0]}")
    for more in lines[1:]:
        output.line(" " * (USAGE_WIDTH + 4) + more)


@command(".quit [STATUS]", "Leave; an open transaction is rolled back.", aliases=("\\q", ".exit"), most=1)
def quit_(session: Session, words: list[str]) -> bool | None:
    question = "A transaction is open and will be rolled back. Leave?"
    if session.interactive and session.handle.in_transaction() and not session.confirm(question):
        return None
    if words and not words[0].isdigit():
        raise ShellError(f"the exit status must be a number, not {words[0]!r}")
    raise Leave(int(words[0]) if words else 0)
