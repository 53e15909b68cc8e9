"""What was typed: edit it, find it, keep it."""

from __future__ import annotations

import os
import shlex
import subprocess
import tempfile
import time
from typing import TYPE_CHECKING

from anokuro_cli.dot.registry import command, first_word
from anokuro_cli.errors import ShellError
from anokuro_cli.text import clip, did_you_mean, neutralise

if TYPE_CHECKING:
    from anokuro_cli.shell import Session


@command(
    ".edit",
    "Edit the last statement in $ANOKURO_EDITOR, $VISUAL or $EDITOR; it stands at the next prompt.",
    aliases=("\\e",),
)
def edit(session: Session, words: list[str]) -> bool | None:
    session.forbid(".edit")
    if not session.interactive:
        raise ShellError(".edit needs a terminal")
    session.next_text = edited(session.last_sql and session.last_sql + ";")
    return None


def edited(text: str) -> str:
    """`text` as the person leaves it in their editor; raises ShellError where that fails."""
    chosen = next((os.environ[name] for name in ("ANOKURO_EDITOR", "VISUAL", "EDITOR") if os.environ.get(name)), "vi")
    with tempfile.NamedTemporaryFile("w+", suffix=".sql", prefix="anokuro-", encoding="utf-8", delete=False) as file:
        file.write(text + "\n")
    try:
        done = subprocess.run([*shlex.split(chosen), file.name])
        if done.returncode != 0:
            raise ShellError(f"{chosen} ended with status {done.returncode}", "the statement is as it was")
        with open(file.name, encoding="utf-8") as changed:
            return changed.read().strip()
    except (FileNotFoundError, ValueError) as error:
        raise ShellError(f"the editor {chosen} cannot be started", "set EDITOR") from error
    finally:
        os.unlink(file.name)


@command(
    ".history [WORDS]",
    "Show what was typed, the newest last; with WORDS only what holds them all.",
    aliases=("\\s",),
    most=1,
    raw=True,
)
def history(session: Session, words: list[str]) -> bool | None:
    from anokuro_cli.history import HistoryFile

    with session.paged() as output:
        for entry in HistoryFile().search(words[0] if words else "", 100 if not words else 1000):
            when = time.strftime("%Y-%m-%d %H:%M", time.localtime(entry.time))
            mark = "" if not entry.status else output.style(f" (status {entry.status})", "red")
            took = f" {entry.seconds:.2f} s" if entry.seconds >= 1 else ""
            first, *more = neutralise(entry.text.replace("\n", " ")).split("  ")
            text = " ".join([first, *more])
            shown = clip(text, output.width - 20) if output.width else text
            output.line(f"{output.style(when, 'dim')}  {shown}{output.style(took, 'dim')}{mark}")
    return None


@command(
    ".fav [NAME [PARAM=VALUE ...] | save NAME [SQL] | delete NAME]",
    "List favourites, run one, save the last statement under a name, delete one.",
    most=1,
    raw=True,
)
def fav(session: Session, words: list[str]) -> bool | None:
    from anokuro_cli.favourites import load, store

    name, rest = first_word(words[0]) if words else ("", "")
    favourites = load()
    if not name:
        width = max(map(len, favourites), default=0)
        for key, sql in sorted(favourites.items()):
            session.output.line(f"{neutralise(key).ljust(width)}  {neutralise(sql)}")
        if not favourites:
            session.note("no favourites yet: .fav save NAME keeps the last statement")
    elif name == "save":
        key, sql = first_word(rest)
        sql = sql.rstrip(";") or session.last_sql
        if not key or not sql:
            raise ShellError("usage: .fav save NAME [SQL]", None if key else "a name is missing")
        store({**favourites, key: sql})
        session.say(f"saved {key}")
    elif name == "delete":
        store({key: sql for key, sql in favourites.items() if key != _known(rest, favourites)})
        session.say(f"deleted {rest}")
    else:
        return _run_favourite(session, favourites[_known(name, favourites)], rest)
    return None


def _run_favourite(session: Session, sql: str, rest: str) -> bool:
    from anokuro_cli.dot.registry import words_of
    from anokuro_cli.options import parameter_value

    before = dict(session.parameters)
    try:
        for word in words_of(rest):
            key, equals, value = word.partition("=")
            if not equals:
                raise ShellError(f"expected PARAM=VALUE, not {word!r}")
            session.parameters[key.lstrip(":@$")] = parameter_value(value)
        return session.run_script([sql + ";"], "")
    finally:
        session.parameters = before


def _known(name: str, favourites: dict[str, str]) -> str:
    if name not in favourites:
        near = did_you_mean(name, list(favourites))
        raise ShellError(f"no favourite is called {name}", f"did you mean {near}?" if near else ".fav lists them")
    return name
