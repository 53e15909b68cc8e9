"""One SQL statement: run, shown, timed.

execute -> safety -> parse, plan, execute (the engine) -> rows -> show: the renderer of the mode, the pager
                          |                     |            |
                          +------- Timing ------+------------+     .timer says where the time went
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from time import perf_counter
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from anokuro_cli.errors import OK, ShellError
from anokuro_cli.render.batches import batches
from anokuro_cli.render.formats import show, show_rows
from anokuro_cli.safety import check_destruction, may_destroy
from anokuro_cli.text import neutralise, plural
from engine.base.dataclass import dataclass

if TYPE_CHECKING:
    from anokuro_cli.shell import Session

_INSPECTIONS = frozenset(("INSPECT", "DIFF", "HISTORY", "TRACE"))
_LOOKING = (*_INSPECTIONS, "CHECK", "EXPLAIN")
_PICTURES = frozenset(("table", "box", "line", "json", "jsonl"))
_CHANGING = frozenset(("INSERT", "UPDATE", "DELETE", "REPLACE", "WITH"))
_EXPLAINED = frozenset(("SELECT", "WITH", "VALUES", "INSERT", "UPDATE", "DELETE", "REPLACE"))


class Sized(Protocol):
    """A batch of rows: a list of tuples, or a record batch."""

    def __len__(self) -> int: ...


B = TypeVar("B", bound=Sized)


@dataclass(slots=True)
class Timing:
    """Seconds of a statement. fetch: waiting for rows while they are shown, which is the engine's time; away: somebody reads in the pager."""

    parse: float = 0.0
    plan: float = 0.0
    run: float = 0.0
    fetch: float = 0.0
    show: float = 0.0
    away: float = 0.0

    @property
    def whole(self) -> float:
        """All but the time in the pager."""
        return self.run + self.show - self.away

    def __str__(self) -> str:
        execute = self.run - self.parse - self.plan + self.fetch
        parts = {
            "parse": self.parse,
            "plan": self.plan,
            "execute": execute,
            "render": self.show - self.fetch - self.away,
        }
        return f"time {seconds(self.whole)} ({', '.join(f'{name} {seconds(max(part, 0.0))}' for name, part in parts.items())})"


def seconds(value: float) -> str:
    """A duration for people: "0.4 ms", "12.1 ms", "3.21 s"."""
    return f"{value * 1000:.1f} ms" if value < 1 else f"{value:.2f} s"


def first_word(sql: str) -> str:
    """The first word of a statement in capitals, comments left out."""
    from grammar.tokens import COMMENT, SPACE, scan

    return next((token.text.upper() for token in scan(sql) if token.kind not in (COMMENT, SPACE)), "")


def execute(session: Session, sql: str) -> None:
    """Runs one SQL statement and shows its result; raises what it raises."""
    session.handle.before(sql)
    bound = session.bound(sql)
    if not session.handle.readonly and may_destroy(sql):
        check_destruction(session, sql, bound)
    if session.settings.mode in _PICTURES and _looks_inside(session, sql, bound):
        return
    if session.settings.eqp != "off":
        _show_plan(session, sql, bound)
    timing = Timing()
    session.running.begin(sql)
    try:
        _run_and_show(session, sql, bound, timing)
    finally:
        session.running.end()
    session.last_seconds, session.last_sql = timing.whole, sql
    if not session.handle.in_transaction():
        session.failed_in_transaction = False
    if session.settings.timer:
        session.note(str(timing))


def _run_and_show(session: Session, sql: str, bound: Mapping[str, Any], timing: Timing) -> None:
    db = session.db  # opened here, where nothing was done with it before, and below the engine's modules loaded
    phases = db.session.time_phases() if session.settings.timer else None
    began = perf_counter()
    try:
        result: Any = db.execute(sql, bound) if bound else db.execute(sql)
    finally:
        if phases is not None:
            db.session.time_phases(False)
            timing.parse, timing.plan = phases.parse, phases.plan
    timing.run = perf_counter() - began
    if not result.columns:
        session.running.end()
        _acknowledge(session, sql, result.rowcount)
        return
    began = perf_counter()
    try:
        _show(session, result, timing)
    finally:
        timing.show = perf_counter() - began
        result.close()  # rows that nobody wants any more


def watched(session: Session, source: Iterable[B], timing: Timing | None = None) -> Iterator[B]:
    """Batches as they come: looks for Ctrl-C, counts rows for the progress line and the time that was spent waiting."""
    rows = iter(source)
    while True:
        session.interrupts.check()
        began = perf_counter()
        batch = next(rows, None)
        if timing is not None:
            timing.fetch += perf_counter() - began
        if batch is None:
            return
        session.running.rows_written += len(batch)
        yield batch


def _show(session: Session, result: Any, timing: Timing) -> None:
    """Writes a result's rows in the session's mode, through the pager where the prompt wants one."""
    settings = session.settings
    count: int | None = None
    if session.output.terminal:
        session.running.end()  # rows and progress would share the screen
    with session.paged(timing) as output:  # left early, the pager gives no count
        if session.interactive:
            source = watched(session, batches(result, rows_max=settings.maxrows), timing)
            count = show_rows(result.columns, session.last_result.keep(result, source), output, settings)
        else:
            count = show(result, output, settings, lambda found: watched(session, found, timing))
    session.output.flush()
    people = session.output.terminal and not settings.tuples_only and not settings.quiet
    if people and count is not None and settings.mode in ("table", "box", "line"):
        more = ", and more: .maxrows 0 shows all" if settings.maxrows and next(iter(result), None) else ""
        session.output.line(session.output.style(f"({plural(count, 'row')}{more})", "dim"))
        session.output.flush()


def _looks_inside(session: Session, sql: str, bound: Mapping[str, Any]) -> bool:
    """Shows inspections and CHECK as the dot commands do, where the mode is for people. False for other statements."""
    low = sql.lower()
    word = first_word(sql) if any(word.lower() in low for word in _LOOKING) else ""
    if word in _INSPECTIONS or word == "EXPLAIN":
        _inspect(session, sql, bound)
    elif word == "CHECK":
        from anokuro_cli.checking import check_session

        if check_session(session) != OK:
            raise ShellError("the database is damaged", "restore a backup, or recover what can be read")
    else:
        return False
    return True


def _inspect(session: Session, sql: str, bound: Mapping[str, Any]) -> None:
    """Shows an inspection statement as its picture, or its JSON; the other modes show its rows."""
    from anokuro_cli.render.inspections import show_model

    result: Any = session.db.execute(sql, bound) if bound else session.db.execute(sql)
    with session.paged() as output:
        show_model(_model_of(result), output, session.settings.mode in ("json", "jsonl"))
    session.output.flush()


def _model_of(result: Any) -> Any:
    """The model of an inspection, or of EXPLAIN."""
    if result.statement != "EXPLAIN":
        return result.model
    from engine.inspect.explain import explain_model

    return explain_model(result.columns, result)


def _show_plan(session: Session, sql: str, bound: Mapping[str, Any]) -> None:
    word = first_word(sql)
    if word not in _EXPLAINED:
        return
    words = "EXPLAIN ANALYZE " if session.settings.eqp == "analyze" and word == "SELECT" else "EXPLAIN "
    for row in session.db.execute(words + sql, bound):
        session.messages.line(neutralise("  ".join("" if value is None else str(value) for value in row)))
    session.messages.flush()


def _acknowledge(session: Session, sql: str, rowcount: int) -> None:
    wanted = session.settings.changes
    if not (session.interactive if wanted is None else wanted) or session.settings.quiet:
        return
    word = sql.split(None, 1)[0].upper() if sql.strip() else ""
    session.note(plural(rowcount, "row") + " changed" if rowcount >= 0 and word in _CHANGING else f"{word.lower()} ok")
