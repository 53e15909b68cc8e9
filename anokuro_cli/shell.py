"""A session: one database, its settings, and the two things that can be run in it.

    prompt, script, -c  ->  Session.run(item)  ->  SQL: execute, show, time     (executing.py)
                                              ->  dot command                  (dot/)
    everything that goes wrong  ->  errors.explain  ->  standard error

A session knows no prompt and no command line; those know it. What is only shown differently for a terminal asks `output.terminal`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any

from anokuro_cli import script
from anokuro_cli.errors import (
    FAILED,
    INTERRUPTED,
    OK,
    TIMEOUT,
    Declined,
    Leave,
    Origin,
    Problem,
    ShellError,
    explain,
    show_problem,
)
from anokuro_cli.executing import Timing, execute
from anokuro_cli.interrupts import Interrupts
from anokuro_cli.opening import MEMORY, Handle
from anokuro_cli.options import SUBCOMMANDS
from anokuro_cli.protocols import Database
from anokuro_cli.redirect import Redirect
from anokuro_cli.render.output import Output
from anokuro_cli.results import LastResult
from anokuro_cli.running import Running
from anokuro_cli.settings import Settings
from anokuro_cli.text import did_you_mean, neutralise, neutralise_lines
from engine.base.dataclass import dataclass, field

MAX_NESTED_READS = 16


@dataclass
class Session:
    """handle: the open database. output, messages: standard output and error. parameters: bound to the :names a statement uses."""

    handle: Handle
    output: Output
    messages: Output
    settings: Settings = field(default_factory=Settings)
    parameters: dict[str, Any] = field(default_factory=dict)
    interactive: bool = False
    last_seconds: float = 0.0
    last_sql: str = ""
    last_result: LastResult = field(default_factory=LastResult)
    failed_in_transaction: bool = False
    status: int = OK
    depth: int = 0
    page_output: Callable[[Output], Any] | None = None
    hit_rate: float | None = None  # of the page pool, after the last statement
    next_text: str = ""  # what stands at the next prompt to be edited (.edit)

    def __post_init__(self) -> None:
        self.interrupts = Interrupts(self._interrupt)
        self.redirect = Redirect(self)
        self.running = Running(self)

    @property
    def db(self) -> Database:
        return self.handle.db

    def _interrupt(self) -> None:
        self.handle.db.interrupt()

    # ---- running

    def run_script(self, lines: Iterable[str], name: str) -> bool:
        """Runs a script to its end, or to its first error where settings.bail says so. False if anything failed."""
        if self.depth >= MAX_NESTED_READS:
            raise ShellError(f"scripts read each other more than {MAX_NESTED_READS} deep")
        self.depth += 1
        succeeded = True
        try:
            for item in script.items(lines, name):
                if self.settings.echo:
                    self.output.line(self._echoed(item))
                if not self.run(item):
                    succeeded = False
                    if self.settings.bail or self.status == INTERRUPTED:
                        break
        finally:
            self.depth -= 1
        return succeeded

    def _echoed(self, item: script.Item) -> str:
        text = item.text if item.command else item.text + ";"
        return neutralise_lines(text) if self.output.terminal else text

    def run_file(self, path: str) -> bool:
        """Runs a script file; raises OSError if it cannot be read."""
        try:
            with open(path, encoding="utf-8-sig") as lines:
                return self.run_script(lines, path)
        except UnicodeDecodeError as error:
            raise ShellError(f"{path} is not UTF-8 text", f"byte {error.start} of a block cannot be read") from error

    def run(self, item: script.Item) -> bool:
        """Runs one statement or dot command and shows what comes of it; False if it failed."""
        try:
            with self.interrupts.busy():
                self.interrupts.check()
                if item.command:
                    from anokuro_cli.dot import run_command

                    return run_command(self, item.text)
                with self.interrupts.limited(self.settings.timeout):
                    self._execute_item(item)
            return True
        except (Leave, BrokenPipeError):
            raise
        except Declined as declined:
            self.note(str(declined))
            return False
        except Exception as error:  # whatever a statement raises, the session goes on
            self.report(self._explain(error, item))
            return False
        finally:
            if not item.command or not self.redirect.just_set():
                self.redirect.statement_ended()

    def _execute_item(self, item: script.Item) -> None:
        if not item.expanded:
            self.execute(item.text)
            return
        before = self.settings.expanded, self.settings.mode  # \\G: this one statement as lines
        self.settings.expanded = "on"
        try:
            self.execute(item.text)
        finally:
            self.settings.expanded, self.settings.mode = before

    def _explain(self, error: Exception, item: script.Item) -> Problem:
        problem = explain(error, "" if item.command else item.text, item.origin)
        if problem.hint is None and self.handle.deferred and problem.status == FAILED and not item.command:
            near = did_you_mean(self.handle.path, list(SUBCOMMANDS))
            hint = f"{self.handle.path} does not exist yet; it is made by the first statement that writes"
            hint += f"; or did you mean the subcommand {near}?" if near else ""
            return explain(_with_hint(error, hint), item.text, item.origin)
        return problem

    def report(self, problem: Problem) -> None:
        """Shows a problem and keeps its exit status."""
        self.status = problem.status
        self.output.flush()
        show_problem(problem, self.messages, self.settings.error_format == "json")
        if self.handle.in_transaction():
            self.failed_in_transaction = True
            if problem.status in (INTERRUPTED, TIMEOUT):
                self.note("the transaction is still open: COMMIT or ROLLBACK")

    # ---- statements

    def execute(self, sql: str) -> None:
        """Runs one SQL statement and shows its result; raises what it raises."""
        execute(self, sql)

    @contextmanager
    def paged(self, timing: Timing | None = None) -> Iterator[Output]:
        """Where something long is to be written: the pager at the prompt, the output itself otherwise. timing: told how long somebody read."""
        self.output.resize()
        pager = self.page_output(self.output) if self.page_output is not None else None
        if pager is None:
            yield self.output
            return
        try:
            with pager as output:
                yield output
        finally:
            if timing is not None:
                timing.away = pager.seconds

    def bound(self, sql: str) -> Mapping[str, Any]:
        """The parameters that this statement uses."""
        if not self.parameters:
            return {}
        from grammar.tokens import PARAMETER, scan

        used = {token.text[1:] for token in scan(sql) if token.kind == PARAMETER}
        return {name: value for name, value in self.parameters.items() if name in used}

    def note(self, text: str) -> None:
        """A line for the person, on standard error."""
        self.output.flush()
        self.messages.line(self.messages.style(neutralise(text), "dim"))
        self.messages.flush()

    def say(self, text: str) -> None:
        """As `note`, where the person wants to be told what went well."""
        if not self.settings.quiet:
            self.note(text)

    def forbid(self, what: str) -> None:
        """Raises ShellError where --safe was given: `what` reaches beyond the database."""
        if self.settings.safe:
            raise ShellError(f"{what} is not allowed with --safe", "start without --safe if you trust this script")

    def confirm(self, question: str) -> bool:
        """Asks; without a terminal nothing asks, and the answer is no unless --yes was given."""
        if self.settings.yes:
            return True
        if not self.interactive:
            return False
        try:
            return self.interrupts.ask(f"{question} [y/N] ").strip().lower() in ("y", "yes")
        except (EOFError, KeyboardInterrupt):
            return False


def _with_hint(error: Exception, hint: str) -> Exception:
    with suppress(AttributeError):
        error.hint = hint  # type: ignore[attr-defined]
    return error


__all__ = ["MEMORY", "Origin", "Session"]
