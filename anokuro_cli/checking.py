"""`anokuro check` and .check: what is wrong, one finding a line.

.check          Database.check of the open database
anokuro check   the files first, without opening them (engine.inspect.damage), then, if they can be opened, Database.check
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from anokuro_cli.errors import FAILED, OK, explain_opening
from anokuro_cli.opening import CannotOpen, Opener
from anokuro_cli.progress import Progress
from anokuro_cli.render.inspections import show_model
from anokuro_cli.text import neutralise, plural
from engine.inspect.findings import CheckModel, check_model

if TYPE_CHECKING:
    from anokuro_cli.protocols import Database
    from anokuro_cli.render.output import Output
    from anokuro_cli.shell import Session


def check_session(session: Session) -> int:
    """Checks the session's database; the findings go to its output, the verdict to its messages. Returns the exit status."""
    findings = _check(session.db, session.messages, session.settings.quiet, session.interrupts.check)
    if session.settings.mode in ("json", "jsonl"):
        return _as_json(check_model(session.handle.path, findings), session.output)
    return _report([describe(finding) for finding in findings], session.output, session.messages)


def _check(db: Database, messages: Output, quiet: bool = False, look: Callable[[], None] = lambda: None) -> list[Any]:
    """Database.check with progress. look: raises to end it."""
    page_bytes = int(db.stats()["page_size"])
    with Progress(messages, quiet) as bar:

        def report(what: str, done: int, whole: int) -> None:
            look()
            if what == "pages":
                bar.update("checking pages", None, done * page_bytes, whole * page_bytes)
            else:
                bar.update(f"checking {what}", done, all_rows=whole)

        return db.check(report)


def check_files(path: str, output: Output, messages: Output, opener: Opener, as_json: bool = False) -> int:
    """Checks a database that is not open here. Returns the exit status. Raises CannotOpen where there is nothing to check."""
    import engine
    from engine import inspect

    try:
        with inspect.offline(path) as files:
            found = files.damage()
            foreign = not files.source.metas() and not files.source.page_ids()
    except (engine.Error, OSError) as error:
        raise CannotOpen(explain_opening(error, path)) from error
    all_found: list[Any] = list(found)
    opening = None
    pages = {damage.page for damage in found if damage.page is not None}
    try:
        db = opener(path, readonly=True, create=False)
    except CannotOpen as error:
        if foreign or not found:
            raise
        opening = error.problem.message
        if not as_json:
            messages.line(neutralise(opening))
    else:
        try:
            all_found += [
                one for one in _check(db, messages) if getattr(one, "page", None) not in pages or one.page is None
            ]
        finally:
            db.close()
    if as_json:
        return _as_json(check_model(path, all_found, opening), output)
    hint = "anokuro recover FILE --output NEW saves what can be read" if found else ""
    lines = [str(one) if hasattr(one, "means") else describe(one) for one in all_found]
    return _report(lines, output, messages, hint)


def _as_json(model: CheckModel, output: Output) -> int:
    show_model(model, output, as_json=True)
    output.flush()
    return OK if model.sound else FAILED


def _report(lines: list[str], output: Output, messages: Output, hint: str = "") -> int:
    for line in lines:
        output.line(neutralise(line))
    output.flush()
    if not lines:
        messages.line("ok: no damage found")
        return OK
    messages.line(messages.style(plural(len(lines), "finding"), "red"))
    if hint:
        messages.line(f"{messages.style('hint', 'cyan')}: {hint}")
    return FAILED


def describe(finding: Any) -> str:
    """A finding in one line: where (page, offset), and what."""
    place = [f"{name} {value}" for name in ("page", "offset") if (value := getattr(finding, name, None)) is not None]
    message = getattr(finding, "message", None)
    if message is None:
        return str(finding)
    return f"{', '.join(place)}: {message}" if place else str(message)
