"""How results are shown."""

from __future__ import annotations

from typing import TYPE_CHECKING

from anokuro_cli import habits
from anokuro_cli.dot.registry import command, number, on_or_off, seconds_of
from anokuro_cli.errors import ShellError
from anokuro_cli.settings import ALL_NUMBERS, MODES, ON_OFF, PROMPT, THEMES
from anokuro_cli.text import did_you_mean, neutralise
from engine.base.dataclass import replace

if TYPE_CHECKING:
    from anokuro_cli.shell import Session


@command(".mode [MODE]", f"Show results as {', '.join(MODES)}.", completes=tuple(MODES), most=1)
def mode(session: Session, words: list[str]) -> bool | None:
    if not words:
        session.output.line(session.settings.mode)
        return None
    chosen = habits.MODES.get(words[0], words[0])
    if chosen not in MODES:
        near = did_you_mean(chosen, list(MODES))
        raise ShellError(f"unknown mode {chosen}", f"did you mean {near}?" if near else f"modes: {', '.join(MODES)}")
    if chosen != words[0] and session.interactive:
        session.say(f"mode {chosen}")
    session.settings.mode, session.settings.mode_chosen = chosen, True
    session.settings.error_format = "json" if chosen in ("json", "jsonl") and not session.interactive else "text"
    return None


@command(".headers on|off", "Show column names.", completes=ON_OFF, least=1, most=1)
def headers(session: Session, words: list[str]) -> bool | None:
    session.settings.headers = on_or_off(words[0])
    return None


@command(
    ".expanded [on|off|auto]",
    "One column a line; auto: where a row is too wide.",
    aliases=("\\x",),
    completes=("on", "off", "auto"),
    most=1,
)
def expanded(session: Session, words: list[str]) -> bool | None:
    settings = session.settings
    if not words:
        settings.expanded = "auto" if settings.expanded == "on" else "on"
    elif words[0].lower() == "auto":
        settings.expanded = "auto"
    else:
        settings.expanded = "on" if on_or_off(words[0]) else "off"
    session.say(f"expanded output: {settings.expanded}")
    return None


@command(".nullvalue TEXT", "Text shown for NULL.", most=1)
def nullvalue(session: Session, words: list[str]) -> bool | None:
    session.settings.nullvalue = words[0] if words else None
    return None


@command(
    ".width [N ...]",
    "Widths of the first columns in table and box; 0 is as wide as needed, none forgets them.",
    most=None,
)
def width(session: Session, words: list[str]) -> bool | None:
    session.settings.widths = tuple(number(word) for word in words)
    return None


@command(".bars [on|off|COLUMN ...]", "A bar beside each number in tables, or beside those of some columns.", most=None)
def bars(session: Session, words: list[str]) -> bool | None:
    pictures = session.settings.pictures
    session.settings.pictures = replace(pictures, bars=_pictured(words, pictures.bars))
    session.say(f"bars: {_columns(session.settings.pictures.bars)}")
    return None


@command(
    ".spark [on|off|COLUMN ...]",
    "A line of blocks at the end of each row, of its numbers or of a text like '3,1,4'.",
    most=None,
)
def spark(session: Session, words: list[str]) -> bool | None:
    pictures = session.settings.pictures
    session.settings.pictures = replace(pictures, spark=_pictured(words, pictures.spark))
    session.say(f"spark: {_columns(session.settings.pictures.spark)}")
    return None


def _pictured(words: list[str], before: tuple[str, ...]) -> tuple[str, ...]:
    """What .bars and .spark were told; without words they turn over."""
    if not words:
        return () if before else ALL_NUMBERS
    if len(words) == 1 and words[0].lower() in ON_OFF:
        return ALL_NUMBERS if words[0].lower() == "on" else ()
    return tuple(words)


def _columns(chosen: tuple[str, ...]) -> str:
    return "all numbers" if chosen == ALL_NUMBERS else ", ".join(map(neutralise, chosen)) or "off"


@command(".maxrows [N]", "Show at most so many rows of a result; 0 shows all.", most=1)
def maxrows(session: Session, words: list[str]) -> bool | None:
    if words:
        session.settings.maxrows = number(words[0])
    else:
        session.output.line(str(session.settings.maxrows))
    return None


@command(".changes on|off", "Say how many rows a statement changed.", completes=ON_OFF, least=1, most=1)
def changes(session: Session, words: list[str]) -> bool | None:
    session.settings.changes = on_or_off(words[0])
    return None


@command(".prompt [TEXT]", "The prompt: %d database, %t transaction mark, %r read-only mark.", most=1)
def prompt(session: Session, words: list[str]) -> bool | None:
    session.settings.prompt = words[0] if words else PROMPT
    return None


@command(".theme [THEME]", f"Colours of what is typed: {', '.join(THEMES)}.", completes=THEMES, most=1)
def theme(session: Session, words: list[str]) -> bool | None:
    if not words:
        session.output.line(session.settings.theme)
    elif words[0] not in THEMES:
        near = did_you_mean(words[0], THEMES)
        raise ShellError(
            f"unknown theme {words[0]}", f"did you mean {near}?" if near else f"themes: {', '.join(THEMES)}"
        )
    else:
        session.settings.theme = words[0]
    return None


@command(".timer [on|off]", "Show how long each statement takes.", aliases=("\\timing",), completes=ON_OFF, most=1)
def timer(session: Session, words: list[str]) -> bool | None:
    session.settings.timer = on_or_off(words[0]) if words else not session.settings.timer
    if not words:
        session.say(f"timer {'on' if session.settings.timer else 'off'}")
    return None


@command(".timeout [SECONDS]", "Cancel statements that take longer; 0 is no limit.", most=1)
def timeout(session: Session, words: list[str]) -> bool | None:
    if words:
        session.settings.timeout = seconds_of(words[0])
    else:
        session.output.line(f"{session.settings.timeout:g}")
    return None


@command(".echo on|off", "Show each statement of a script before it runs.", completes=ON_OFF, least=1, most=1)
def echo(session: Session, words: list[str]) -> bool | None:
    session.settings.echo = on_or_off(words[0])
    return None


@command(".bail on|off", "Stop scripts at their first error.", completes=ON_OFF, least=1, most=1)
def bail(session: Session, words: list[str]) -> bool | None:
    session.settings.bail = on_or_off(words[0])
    return None


@command(".pager on|off", "Page long results at the prompt.", completes=ON_OFF, least=1, most=1)
def pager(session: Session, words: list[str]) -> bool | None:
    session.settings.pager = on_or_off(words[0])
    return None


@command(".print [TEXT ...]", "Write a line.", most=None)
def print_(session: Session, words: list[str]) -> bool | None:
    session.output.line(neutralise(" ".join(words)) if session.output.terminal else " ".join(words))
    return None


@command(".show", "Show the settings.")
def show(session: Session, words: list[str]) -> bool | None:
    settings = session.settings
    values = {
        "database": session.handle.path + (" (not made yet)" if session.handle.deferred else ""),
        "readonly": _word(session.handle.readonly),
        "mode": settings.mode,
        "headers": "auto" if settings.headers is None else _word(settings.headers),
        "expanded": settings.expanded,
        "nullvalue": "auto" if settings.nullvalue is None else repr(settings.nullvalue),
        "width": " ".join(map(str, settings.widths)) or "auto",
        "bars": _columns(settings.pictures.bars),
        "spark": _columns(settings.pictures.spark),
        "maxrows": str(settings.maxrows) if settings.maxrows else "all",
        "timer": _word(settings.timer),
        "timeout": f"{settings.timeout:g} s" if settings.timeout else "none",
        "changes": "auto" if settings.changes is None else _word(settings.changes),
        "eqp": settings.eqp,
        "echo": _word(settings.echo),
        "bail": _word(settings.bail),
        "safe": _word(settings.safe),
        "pager": _word(settings.pager),
        "prompt": repr(settings.prompt),
        "theme": settings.theme,
    }
    for name, value in values.items():
        session.output.line(f"{name:>10}: {neutralise(value)}")
    return None


def _word(value: bool) -> str:
    return "on" if value else "off"
