"""The registry of dot commands, and how a command's line is read.

    @command(".tables [PATTERN]", "List tables and views.", aliases=("\\\\dt",), most=1)
    def tables(session: Session, words: list[str]) -> bool | None: ...       False: it failed and has said so

A line is the command's name and words. Words are separated by space; 'single' and "double" quotes keep space inside one word and a quote doubled stands for itself.
A backslash name is an alias for a dot command: `\\dt` is .tables.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING

from anokuro_cli.errors import ShellError
from anokuro_cli.text import did_you_mean
from engine.base.dataclass import dataclass

if TYPE_CHECKING:
    from anokuro_cli.shell import Session

Run = Callable[["Session", list[str]], bool | None]


@dataclass(frozen=True, slots=True)
class Command:
    """One dot command. usage: its line as .help shows it; completes: what its words are ("table", "path", or choices). raw: what follows the name is one word as
    it stands, quotes and all.
    """

    name: str
    usage: str
    help: str
    run: Run
    aliases: tuple[str, ...] = ()
    completes: str | tuple[str, ...] = ""
    least: int = 0
    most: int | None = 0
    raw: bool = False


COMMANDS: dict[str, Command] = {}
ALIASES: dict[str, str] = {}
_WORD = re.compile(r"""\s*(?:'((?:[^']|'')*)'|"((?:[^"]|"")*)"|(\S+))""")


def command(
    usage: str,
    help: str,
    *,
    aliases: tuple[str, ...] = (),
    completes: str | tuple[str, ...] = "",
    least: int = 0,
    most: int | None = 0,
    raw: bool = False,
) -> Callable[[Run], Run]:
    """Registers a function as the command named by the first word of `usage`. least, most: how many words it takes (None: any).

    raw: all behind the name is one word, quotes and all.
    """

    def register(run: Run) -> Run:
        name = usage.split()[0]
        COMMANDS[name] = Command(name, usage, help, run, aliases, completes, least, most, raw)
        for alias in aliases:
            ALIASES[alias] = name
        return run

    return register


def words_of(text: str) -> list[str]:
    """The words of a command line; raises ShellError for a quote that is not closed."""
    words, position = [], 0
    text = text.rstrip()
    while position < len(text):
        match = _WORD.match(text, position)
        assert match is not None
        single, double, plain = match.groups()
        if plain is not None and plain[0] in "'\"":
            raise ShellError(f"the quote {plain[0]} is not closed")
        if single is not None:
            words.append(single.replace("''", "'"))
        elif double is not None:
            words.append(double.replace('""', '"'))
        else:
            words.append(plain)
        position = match.end()
    return words


def lookup(name: str) -> Command | None:
    """The command of a name or alias, or the only one that begins with it."""
    name = ALIASES.get(name, name)
    found = COMMANDS.get(name)
    if found is None and name.startswith(".") and len(name) > 2:
        starting = [command for key, command in COMMANDS.items() if key.startswith(name)]
        found = starting[0] if len(starting) == 1 else None
    return found


def _cut(line: str) -> tuple[str, str]:
    """The name and what follows it; \\!ls and .tables; are written without a space."""
    if line.startswith("\\!"):
        return "\\!", line[2:]
    name, _, rest = line.partition(" ")
    if name.endswith(";") and len(name) > 2:
        name = name.rstrip(";")
    elif rest.endswith(";") and lookup(name) is not None and not lookup(name).raw:  # type: ignore[union-attr]
        rest = rest.rstrip(";")
    return name, rest


def first_word(text: str) -> tuple[str, str]:
    """The first word of a raw rest, without its quotes, and what is left behind it."""
    match = _WORD.match(text)
    if match is None:
        return "", ""
    return (words_of(match.group())[0] if match.group().strip() else ""), text[match.end() :].strip()


def run_line(session: Session, line: str) -> bool:
    """Runs a command line; False if the command failed and has said so."""
    name, rest = _cut(line.strip())
    if name.rstrip(";").lower() in ("exit", "quit", "help"):
        name, rest = "." + name.rstrip(";").lower(), ""
    found = lookup(name)
    if found is None:
        near = did_you_mean(name, [*COMMANDS, *ALIASES])
        raise ShellError(f"unknown command {name}", f"did you mean {near}?" if near else ".help lists the commands")
    words = ([rest.strip()] if rest.strip() else []) if found.raw else words_of(rest)
    if len(words) < found.least or (found.most is not None and len(words) > found.most):
        raise ShellError(f"usage: {found.usage}")
    return found.run(session, words) is not False


def number(word: str) -> int:
    """A whole number from 0 on; raises ShellError."""
    if not word.isdigit():
        raise ShellError(f"expected a number, not {word!r}")
    return int(word)


def seconds_of(word: str) -> float:
    """A number of seconds from 0 on; raises ShellError."""
    from anokuro_cli.options import to_seconds

    value = to_seconds(word)
    if value is None:
        raise ShellError(f"expected a number of seconds, not {word!r}")
    return value


def on_or_off(word: str) -> bool:
    """The meaning of on/off, yes/no, true/false, 1/0."""
    low = word.lower()
    if low in ("on", "yes", "true", "1"):
        return True
    if low in ("off", "no", "false", "0"):
        return False
    raise ShellError(f"expected on or off, not {word!r}")
