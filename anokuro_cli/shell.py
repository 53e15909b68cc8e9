"""A session: one database, its settings, and the two things that can be run in it.

    prompt, script, -c  ->  Session.run(item)  ->  SQL: execute, show, time     (here)
                                              ->  dot command                  (dot/)
    everything that goes wrong  ->  errors.explain  ->  standard error

A session knows no prompt and no command line; those know it. What is only shown differently for a terminal asks `output.terminal`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from time import perf_counter
from typing import Any

from anokuro_cli import script
from anokuro_cli.errors import FAILED, INTERRUPTED, OK, Leave, Origin, Problem, ShellError, explain, show_problem
from anokuro_cli.interrupts import Interrupts
from anokuro_cli.opening import MEMORY, Handle
from anokuro_cli.options import SUBCOMMANDS
from anokuro_cli.protocols import Database
from anokuro_cli.redirect import Redirect
from anokuro_cli.render.batches import batches
from anokuro_cli.render.formats import show, show_rows
from anokuro_cli.render.output import Output
from anokuro_cli.results import LastResult
from anokuro_cli.safety import check_destruction, may_destroy
from anokuro_cli.settings import Settings
from anokuro_cli.text import did_you_mean, neutralise, neutralise_lines, plural
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
                self._execute_item(item)
            return True
        except (Leave, BrokenPipeError):
            raise
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
            if problem.status == INTERRUPTED:
                self.note("the transaction is still open: COMMIT or ROLLBACK")

    # ---- statements

    def execute(self, sql: str) -> None:
        """Runs one SQL statement and shows its result; raises what it raises."""
        self.handle.before(sql)
        bound = self.bound(sql)
        if not self.handle.readonly and may_destroy(sql):
            check_destruction(self, sql, bound)
        began = perf_counter()
        if self.settings.mode in _PICTURES and self._looks_inside(sql, bound):
            return
        if self.settings.eqp != "off":
            self._show_plan(sql, bound)
        result = self.db.execute(sql, bound) if bound else self.db.execute(sql)
        executed = perf_counter()
        if result.columns:
            try:
                self.show(result)
            finally:
                result.close()  # rows that nobody wants any more
        else:
            self._acknowledge(sql, result.rowcount)
        self.last_seconds, self.last_sql = perf_counter() - began, sql
        if not self.handle.in_transaction():
            self.failed_in_transaction = False
        if self.settings.timer:
            shown = perf_counter() - executed
            self.note(f"time {seconds(self.last_seconds)} (execute {seconds(executed - began)}, rows {seconds(shown)})")

    def _looks_inside(self, sql: str, bound: Mapping[str, Any]) -> bool:
        """Shows inspections and CHECK as the dot commands do, where the mode is for people. False for other statements."""
        low = sql.lower()
        word = first_word(sql) if any(word.lower() in low for word in _LOOKING) else ""
        if word in _INSPECTIONS:
            self._inspect(sql, bound)
        elif word == "CHECK" and self.settings.mode not in ("json", "jsonl"):
            from anokuro_cli.checking import check_and_report

            if check_and_report(self.db, self.output, self.messages) != OK:
                raise ShellError("the database is damaged", "restore a backup, or recover what can be read")
        else:
            return False
        return True

    def _inspect(self, sql: str, bound: Mapping[str, Any]) -> None:
        """Shows an inspection statement as its picture, or its JSON; the other modes show its rows."""
        from anokuro_cli.render.inspections import show_model

        result: Any = self.db.execute(sql, bound) if bound else self.db.execute(sql)
        with self.paged() as output:
            show_model(result.model, output, self.settings.mode in ("json", "jsonl"))
        self.output.flush()

    def _show_plan(self, sql: str, bound: Mapping[str, Any]) -> None:
        if first_word(sql) not in ("SELECT", "WITH", "VALUES", "INSERT", "UPDATE", "DELETE", "REPLACE"):
            return
        words = "EXPLAIN ANALYZE " if self.settings.eqp == "analyze" and first_word(sql) == "SELECT" else "EXPLAIN "
        for row in self.db.execute(words + sql, bound):
            self.messages.line(neutralise("  ".join("" if value is None else str(value) for value in row)))
        self.messages.flush()

    def show(self, result: Any) -> None:
        """Writes a result's rows in the session's mode, through the pager where the prompt wants one."""
        count: int | None = None
        with self.paged() as output:  # left early, the pager gives no count
            if self.interactive:
                source = batches(result, self.interrupts.check, self.settings.maxrows)
                count = show_rows(result.columns, self.last_result.keep(result, source), output, self.settings)
            else:
                count = show(result, output, self.settings, self.interrupts.check)
        self.output.flush()
        people = self.output.terminal and not self.settings.tuples_only and not self.settings.quiet
        if people and count is not None and self.settings.mode in ("table", "box", "line"):
            more = ", and more: .maxrows 0 shows all" if self.settings.maxrows and next(iter(result), None) else ""
            self.output.line(self.output.style(f"({plural(count, 'row')}{more})", "dim"))
            self.output.flush()

    @contextmanager
    def paged(self) -> Iterator[Output]:
        """Where something long is to be written: the pager at the prompt, the output itself otherwise."""
        self.output.resize()
        pager = self.page_output(self.output) if self.page_output is not None else None
        if pager is None:
            yield self.output
        else:
            with pager as output:
                yield output

    def _acknowledge(self, sql: str, rowcount: int) -> None:
        wanted = self.settings.changes
        if not (self.interactive if wanted is None else wanted) or self.settings.quiet:
            return
        word = sql.split(None, 1)[0].upper() if sql.strip() else ""
        self.note(plural(rowcount, "row") + " changed" if rowcount >= 0 and word in _CHANGING else f"{word.lower()} ok")

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
            with self.interrupts.asking():
                return input(f"{question} [y/N] ").strip().lower() in ("y", "yes")
        except (EOFError, KeyboardInterrupt):
            return False


_INSPECTIONS = frozenset(("INSPECT", "DIFF", "HISTORY", "TRACE"))
_LOOKING = (*_INSPECTIONS, "CHECK")
_PICTURES = frozenset(("table", "box", "line", "json", "jsonl"))
_CHANGING = frozenset(("INSERT", "UPDATE", "DELETE", "REPLACE", "WITH"))


def first_word(sql: str) -> str:
    """The first word of a statement in capitals, comments left out."""
    from grammar.tokens import COMMENT, SPACE, scan

    return next((token.text.upper() for token in scan(sql) if token.kind not in (COMMENT, SPACE)), "")


def _with_hint(error: Exception, hint: str) -> Exception:
    with suppress(AttributeError):
        error.hint = hint  # type: ignore[attr-defined]
    return error


def seconds(value: float) -> str:
    """A duration for people: "0.4 ms", "12.1 ms", "3.21 s"."""
    return f"{value * 1000:.1f} ms" if value < 1 else f"{value:.2f} s"


__all__ = ["MEMORY", "Origin", "Session", "seconds"]
