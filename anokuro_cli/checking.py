"""`anokuro check` and .check: what is wrong, one finding a line.

.check          Database.check of the open database
anokuro check   the files first, without opening them (engine.inspect.damage), then, if they can be opened, Database.check
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from anokuro_cli.errors import FAILED, OK, explain_opening
from anokuro_cli.opening import CannotOpen, Opener
from anokuro_cli.text import neutralise, plural

if TYPE_CHECKING:
    from anokuro_cli.protocols import Database
    from anokuro_cli.render.output import Output


def check_and_report(db: Database, output: Output, messages: Output) -> int:
    """Checks an open database; the findings go to `output`, the verdict to `messages`. Returns the exit status."""
    return _report([describe(finding) for finding in db.check()], output, messages)


def check_files(path: str, output: Output, messages: Output, opener: Opener) -> int:
    """Checks a database that is not open here. Returns the exit status. Raises CannotOpen where there is nothing to check."""
    import engine
    from engine import inspect

    try:
        with inspect.offline(path) as files:
            found = files.damage()
            foreign = not files.source.metas() and not files.source.page_ids()
    except (engine.Error, OSError) as error:
        raise CannotOpen(explain_opening(error, path)) from error
    lines = [str(damage) for damage in found]
    pages = {damage.page for damage in found if damage.page is not None}
    try:
        db = opener(path, readonly=True, create=False)
    except CannotOpen as error:
        if foreign or not found:
            raise
        messages.line(neutralise(error.problem.message))
    else:
        try:
            lines += [
                describe(one) for one in db.check() if getattr(one, "page", None) not in pages or one.page is None
            ]
        finally:
            db.close()
    return _report(lines, output, messages, "anokuro recover FILE --output NEW saves what can be read" if found else "")


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
