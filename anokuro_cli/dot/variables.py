"""Parameters, and how a statement would run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from anokuro_cli.dot.registry import command, first_word
from anokuro_cli.errors import ShellError
from anokuro_cli.options import parameter_value
from anokuro_cli.render.statements import to_literal
from anokuro_cli.text import did_you_mean, neutralise

if TYPE_CHECKING:
    from anokuro_cli.shell import Session


@command(
    ".parameter [set NAME VALUE | unset NAME | clear]",
    "List parameters, or bind :NAME, @NAME and $NAME to a value.",
    completes=("set", "unset", "clear", "list"),
    most=None,
)
def parameter(session: Session, words: list[str]) -> bool | None:
    action, *rest = words or ["list"]
    name = rest[0].lstrip(":@$") if rest else ""
    if action == "set" and len(rest) == 2:
        session.parameters[name] = parameter_value(rest[1])
    elif action == "unset" and len(rest) == 1:
        if name not in session.parameters:
            near = did_you_mean(name, list(session.parameters))
            raise ShellError(f"no parameter is called {name}", f"did you mean {near}?" if near else None)
        del session.parameters[name]
    elif action == "clear" and not rest:
        session.parameters.clear()
    elif action == "list" and not rest:
        for key, value in sorted(session.parameters.items()):
            session.output.line(neutralise(f":{key} = {to_literal(value)}"))
    else:
        raise ShellError("usage: .parameter [set NAME VALUE | unset NAME | clear]")
    return None


@command("\\set [NAME VALUE]", "Bind a parameter, as .parameter set does; without words list them.", most=2)
def set_(session: Session, words: list[str]) -> bool | None:
    return parameter(session, ["set", *words] if words else [])


@command(
    ".explain [analyze] [SQL]",
    "Show the plan of a statement, or of the last one; analyze runs it and measures.",
    most=1,
    raw=True,
)
def explain(session: Session, words: list[str]) -> bool | None:
    word, rest = first_word(words[0]) if words else ("", "")
    analyze = word.lower() == "analyze"
    sql = (rest if analyze else words[0] if words else "").rstrip().rstrip(";") or session.last_sql
    if not sql:
        raise ShellError("there is no statement to explain", "usage: .explain [analyze] SQL")
    before = session.last_sql
    session.execute(f"EXPLAIN {'ANALYZE ' if analyze else ''}{sql}")
    session.last_sql = before or sql
    return None


@command(
    ".eqp on|off|analyze",
    "Show each statement's plan before its result.",
    completes=("on", "off", "analyze"),
    least=1,
    most=1,
)
def eqp(session: Session, words: list[str]) -> bool | None:
    word = {"full": "analyze"}.get(words[0].lower(), words[0].lower())
    if word not in ("on", "off", "analyze"):
        raise ShellError(f"expected on, off or analyze, not {words[0]!r}")
    session.settings.eqp = word
    return None
