"""The inspections: from words to a model of engine.inspect, and on to its renderer.

A live database answers through `db.inspect`, files alone through `engine.inspect.offline(path)`; both have a method for each kind, taking what KINDS says.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from anokuro_cli.errors import FAILED, OK, USAGE, ShellError
from anokuro_cli.render.inspections import show_model
from anokuro_cli.text import did_you_mean

if TYPE_CHECKING:
    from anokuro_cli.render.output import Output
    from anokuro_cli.shell import Session


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of inspection. usage: its words; least, most: how many; live: it exists only while the database is open."""

    usage: str
    least: int = 0
    most: int = 0
    numbers: bool = False


KINDS = {
    "page": Kind("page N [@LSN]", 1, 2, numbers=True),
    "tree": Kind("tree [TABLE] [KEY]", 0, 2),
    "file": Kind("file"),
    "pool": Kind("pool"),
    "latches": Kind("latches"),
    "wal": Kind("wal [LSN]", 0, 1, numbers=True),
    "layout": Kind("layout [STRUCT]", 0, 1),
}


def arguments_of(what: str, words: list[str]) -> list[Any]:
    """The arguments of an inspection; raises ShellError where they are not as its usage says."""
    kind = KINDS.get(what)
    if kind is None:
        near = did_you_mean(what, list(KINDS))
        hint = f"did you mean {near}?" if near else f"known: {', '.join(KINDS)}"
        raise ShellError(f"unknown inspection {what}", hint, USAGE)
    if not kind.least <= len(words) <= kind.most:
        raise ShellError(f"expected: {kind.usage}", status=USAGE)
    if not kind.numbers:
        return list(words)
    try:
        return [int(word.lstrip("@"), 0) for word in words]
    except ValueError as error:
        raise ShellError(f"expected: {kind.usage}, with numbers", status=USAGE) from error


def inspect_live(session: Session, what: str, words: list[str]) -> bool:
    """Shows an inspection of the session's database."""
    arguments = arguments_of(what, words)
    model = _model_of(session.db.inspect, what, arguments)  # type: ignore[attr-defined]
    session.output.resize()
    show_model(model, session.output, session.settings.mode in ("json", "jsonl"))
    return True


def inspect_offline(path: str, what: str, words: list[str], *, as_json: bool, output: Output) -> int:
    """Shows an inspection of files alone; they need not be intact. Returns the exit status."""
    from engine import inspect

    arguments = arguments_of(what, words)
    with inspect.offline(path) as files:
        show_model(_model_of(files, what, arguments), output, as_json)
    return OK


def _model_of(source: Any, what: str, arguments: list[Any]) -> Any:
    look = getattr(source, what, None)
    if look is None:
        raise ShellError(f"{what} can be inspected only in an open database", status=FAILED)
    return look(*arguments)
