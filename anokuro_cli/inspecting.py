"""The inspections: from words to a model of engine.inspect, and on to its renderer.

.page 42              -> db.inspect.page(42)                          an open database
anokuro inspect F page 42 -> engine.inspect.offline(F).page(42)       files alone, which may be damaged or in use
anokuro inspect F pool    -> opened read-only, db.inspect.pool()      what exists only in an open database
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from anokuro_cli.errors import OK, USAGE, ShellError, explain_opening
from anokuro_cli.opening import CannotOpen, Opener
from anokuro_cli.options import parameter_value
from anokuro_cli.render.inspections import SVG_WIDTH, save_svg, show_model
from anokuro_cli.text import did_you_mean
from engine.base.dataclass import dataclass

if TYPE_CHECKING:
    from anokuro_cli.render.output import Output
    from anokuro_cli.shell import Session

Arguments = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of inspection. usage: its words; read: words to the keyword arguments of the inspector's method, which has the same name or `method`."""

    usage: str
    read: Callable[[list[str]], Arguments]
    live: bool = False
    method: str = ""


def _number(word: str) -> int:
    try:
        value = int(word.lstrip("@"), 0)
    except ValueError:
        raise ShellError(f"expected a number, not {word!r}") from None
    if value < 0:
        raise ShellError(f"expected a number from 0 on, not {word}")
    return value


def _nothing(words: list[str]) -> Arguments:
    if words:
        raise ShellError(f"unexpected {words[0]!r}")
    return {}


def _page(words: list[str]) -> Arguments:
    if not 1 <= len(words) <= 2:
        raise ShellError("a page number is missing" if not words else f"unexpected {words[2]!r}")
    return {"page": _number(words[0]), **({"lsn": _number(words[1])} if len(words) == 2 else {})}


def _diff(words: list[str]) -> Arguments:
    """PAGE low high, also as PAGE BETWEEN low AND high."""
    words = [word for word in words if word.lower() not in ("between", "and")]
    if len(words) != 3:
        raise ShellError("a page and two LSNs are expected")
    return dict(zip(("page", "low", "high"), map(_number, words), strict=True))


def _history(words: list[str]) -> Arguments:
    if len(words) != 1:
        raise ShellError("a page number is expected")
    return {"page": _number(words[0])}


def _row(words: list[str]) -> Arguments:
    if len(words) != 2:
        raise ShellError("a table and a key are expected")
    return {"name": words[0], "key": parameter_value(words[1])}


def _slot(words: list[str]) -> Arguments:
    if len(words) != 1:
        raise ShellError("a slot number is expected")
    return {"slot": _number(words[0])}


def _tree(words: list[str]) -> Arguments:
    if len(words) > 2:
        raise ShellError(f"unexpected {words[2]!r}")
    return dict(zip(("name", "key"), [*words[:1], *map(parameter_value, words[1:])], strict=False))


def _layout(words: list[str]) -> Arguments:
    if len(words) > 1:
        raise ShellError(f"unexpected {words[1]!r}")
    return {"struct": words[0]} if words else {}


def _wal(words: list[str]) -> Arguments:
    """[FROM] LSN, PAGE n, TXN n, in any order."""
    names = {"from": "from_lsn", "page": "page", "txn": "txn"}
    found: Arguments = {}
    rest = list(reversed(words))
    while rest:
        word = rest.pop()
        name = names.get(word.lower())
        if name is not None and not rest:
            raise ShellError(f"a number is missing behind {word}")
        found[name or "from_lsn"] = _number(rest.pop() if name is not None else word)
    return found


KINDS = {
    "page": Kind("page N [@LSN]", _page),
    "slot": Kind("slot N", _slot),
    "tree": Kind("tree [TABLE] [KEY]", _tree),
    "file": Kind("file", _nothing),
    "wal": Kind("wal [LSN] [page N] [txn N]", _wal),
    "layout": Kind("layout [STRUCT]", _layout),
    "diff": Kind("diff N LSN LSN", _diff),
    "history-page": Kind("history-page N", _history, method="page_history"),
    "history-row": Kind("history-row TABLE KEY", _row, method="row_history"),
    "pool": Kind("pool", _nothing, live=True),
    "latches": Kind("latches", _nothing, live=True),
    "snapshots": Kind("snapshots", _nothing, live=True),
    "memtable": Kind("memtable", _nothing, live=True),
    "txns": Kind("txns", _nothing, live=True, method="transactions"),
}


def arguments_of(what: str, words: list[str]) -> Arguments:
    """The arguments of an inspection; raises ShellError where they are not as its usage says."""
    kind = KINDS.get(what)
    if kind is None:
        near = did_you_mean(what, list(KINDS))
        hint = f"did you mean {near}?" if near else f"known: {', '.join(KINDS)}"
        raise ShellError(f"unknown inspection {what}", hint, USAGE)
    try:
        return kind.read(words)
    except ShellError as error:
        raise ShellError(f"{what}: {error}", f"usage: {kind.usage}", USAGE) from None


def inspect_live(session: Session, what: str, words: list[str]) -> bool:
    """Shows an inspection of the session's database."""
    try:
        arguments = arguments_of(what, words)
    except ShellError as error:
        raise ShellError(str(error), error.hint) from None  # a wrong dot command is a failed statement, no wrong usage
    model = getattr(session.db.inspect, KINDS[what].method or what)(**arguments)
    with session.paged() as output:
        show_model(model, output, session.settings.mode in ("json", "jsonl"))
    return True


def inspect_files(
    path: str,
    what: str,
    words: list[str],
    *,
    as_json: bool,
    output: Output,
    opener: Opener,
    svg: str = "",
    redact: bool = False,
) -> int:
    """Shows an inspection of a database that is not open here. Returns the exit status.

    svg: the picture goes to this file instead. redact: without keys and values.
    """
    arguments = arguments_of(what, words)

    def show(model: Any) -> None:
        if redact:
            from engine.inspect.redact import redacted

            model = redacted(model)
        if svg:
            save_svg(model, svg, f"anokuro inspect {what} {' '.join(words)}".rstrip(), output.width or SVG_WIDTH)
        else:
            show_model(model, output, as_json)

    if what == "layout":
        from engine.inspect.layout import layout_model

        show(layout_model(**arguments))
    elif KINDS[what].live:
        db = opener(path, readonly=True, create=False)
        try:
            show(getattr(db.inspect, KINDS[what].method or what)(**arguments))
        finally:
            db.close()
    else:
        with _offline(path) as files:
            show(getattr(files, KINDS[what].method or what)(**arguments))
    return OK


def _offline(path: str) -> Any:
    import engine
    from engine import inspect

    try:
        return inspect.offline(path)
    except (engine.Error, OSError) as error:
        raise CannotOpen(explain_opening(error, path)) from error
