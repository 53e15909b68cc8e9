"""`anokuro check` and .check: what Database.check finds, one finding a line."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from anokuro_cli.errors import FAILED, OK
from anokuro_cli.text import neutralise, plural

if TYPE_CHECKING:
    from anokuro_cli.protocols import Database
    from anokuro_cli.render.output import Output


def check_and_report(db: Database, output: Output, messages: Output) -> int:
    """Checks everything; the findings go to `output`, the verdict to `messages`. Returns the exit status."""
    findings = db.check()
    for finding in findings:
        output.line(neutralise(describe(finding)))
    output.flush()
    if findings:
        messages.line(messages.style(plural(len(findings), "finding"), "red"))
        return FAILED
    messages.line("ok: no damage found")
    return OK


def describe(finding: Any) -> str:
    """A finding in one line: where (page, offset), and what."""
    place = [f"{name} {value}" for name in ("page", "offset") if (value := getattr(finding, name, None)) is not None]
    message = getattr(finding, "message", None)
    if message is None:
        return str(finding)
    return f"{', '.join(place)}: {message}" if place else str(message)
