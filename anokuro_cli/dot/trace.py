"""Tracing a statement, and stepping through what it did."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from anokuro_cli.dot.registry import command
from anokuro_cli.errors import ShellError

if TYPE_CHECKING:
    from anokuro_cli.shell import Session


def _last(session: Session) -> Any:
    model = session.db.inspect.last_trace()
    if model is None:
        raise ShellError("nothing was traced yet", ".trace STATEMENT traces one")
    return model


@command(".trace STATEMENT", "Show what a statement does to pages, latches and log.", least=1, most=1, raw=True)
def trace(session: Session, words: list[str]) -> bool | None:
    from anokuro_cli.render.inspections import show_model

    result: Any = session.db.execute(f"TRACE {words[0].rstrip(';')}")
    with session.paged() as output:
        show_model(result.model, output, session.settings.mode in ("json", "jsonl"))
    return result.model.error is None


@command(
    ".trace-steps [FILE]", "Step through the last trace, or a saved one, with the arrow keys.", completes="file", most=1
)
def trace_steps(session: Session, words: list[str]) -> bool | None:
    from anokuro_cli.stepping import Stepper, load_trace, step_through

    model = load_trace(words[0]) if words else _last(session)
    if session.interactive:
        step_through(model)
        return True
    stepper = Stepper(model)  # without keys: every page change, one after the other
    session.output.line(stepper.screen(session.output.width or 100, 40, session.output.colour))
    before = -1
    while stepper.at != before:
        before = stepper.at
        stepper.change(1)
        if stepper.at != before:
            session.output.line(stepper.screen(session.output.width or 100, 40, session.output.colour))
    return True


@command(".trace-save FILE", "Save the last trace as JSON.", completes="file", least=1, most=1)
def trace_save(session: Session, words: list[str]) -> bool | None:
    from anokuro_cli.stepping import save_trace

    save_trace(_last(session), words[0])
    return True
