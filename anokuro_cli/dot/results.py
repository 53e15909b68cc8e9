"""Results: where they go, again, and again and again."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from anokuro_cli.dot.registry import command, first_word
from anokuro_cli.errors import Interrupted, ShellError
from anokuro_cli.render.formats import show_rows
from anokuro_cli.text import plural

if TYPE_CHECKING:
    from anokuro_cli.shell import Session


@command(
    ".output [FILE]",
    "Write results to a file, or to |command; without FILE to the screen again.",
    aliases=("\\o",),
    completes="path",
    most=1,
    raw=True,
)
def output(session: Session, words: list[str]) -> bool | None:
    _redirect(session, words, once=False)
    return None


@command(".once FILE", "Write the next result to a file, or to |command.", completes="path", least=1, most=1, raw=True)
def once(session: Session, words: list[str]) -> bool | None:
    _redirect(session, words, once=True)
    return None


def _redirect(session: Session, words: list[str], once: bool) -> None:
    target = words[0] if words else ""
    if target and not target.startswith("|"):
        target = first_word(target)[0]
    if not target or target == "stdout":
        session.redirect.back()
        return
    session.forbid(".once" if once else ".output")
    session.redirect.to(target, once)


@command(
    ".last [QUERY]",
    "Show the last result again, in the present mode; or query it as the table `last`.",
    most=1,
    raw=True,
)
def last(session: Session, words: list[str]) -> bool | None:
    kept = session.last_result
    if not kept.columns:
        raise ShellError("there is no last result", "results are kept at the prompt")
    if not kept.complete:
        session.note(f"only its first {plural(len(kept.rows), 'row')} were kept")
    if not words:
        with session.paged() as output:
            show_rows(kept.columns, iter([kept.rows] if kept.rows else []), output, session.settings)
        return None
    from anokuro_cli.querying import query_result

    query_result(session, words[0])
    return None


@command(
    ".watch [SECONDS] [COUNT] [SQL]",
    "Run a statement, or the last one, every 2 seconds until Ctrl-C.",
    aliases=("\\watch",),
    most=1,
    raw=True,
)
def watch(session: Session, words: list[str]) -> bool | None:
    numbers: list[float] = []
    rest = words[0] if words else ""
    while rest and len(numbers) < 2:
        word, after = first_word(rest)
        try:
            numbers.append(float(word))
        except ValueError:
            break
        rest = after
    sql = rest.rstrip().rstrip(";") or session.last_sql
    if not sql:
        raise ShellError("there is no statement to watch", "usage: .watch [SECONDS] [COUNT] SQL")
    seconds = max(numbers[0] if numbers else 2.0, 0.05)
    count = int(numbers[1]) if len(numbers) > 1 else 0
    runs = 0
    try:
        while True:
            if session.output.terminal:
                session.output.line(session.output.style(time.strftime("%H:%M:%S"), "dim"))
            session.execute(sql)
            runs += 1
            if runs == count:
                return None
            _wait(session, seconds)
    except Interrupted:
        session.note(f"watched {runs} times" if runs != 1 else "watched once")
    return None


def _wait(session: Session, seconds: float) -> None:
    end = time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0:
        session.interrupts.check()
        time.sleep(min(left, 0.05))
    session.interrupts.check()


@command("\\g", "Run the last statement again.", most=0)
def again(session: Session, words: list[str]) -> bool | None:
    session.execute(_last_sql(session))
    return None


@command("\\G", "Run the last statement again, one column a line.", most=0)
def again_expanded(session: Session, words: list[str]) -> bool | None:
    sql = _last_sql(session)
    before, session.settings.expanded = session.settings.expanded, "on"
    try:
        session.execute(sql)
    finally:
        session.settings.expanded = before
    return None


def _last_sql(session: Session) -> str:
    if not session.last_sql:
        raise ShellError("no statement has run yet")
    return session.last_sql


@command(
    ".chart [bar|line|hist|scatter] [COLUMN ...]",
    "Draw the last result: a bar a row, a line, a histogram of a column, or points of two.",
    completes=("bar", "line", "hist", "scatter"),
    most=None,
)
def chart(session: Session, words: list[str]) -> bool | None:
    from anokuro_cli.render.charts import draw

    kept = session.last_result
    if not kept.columns:
        raise ShellError("there is no last result to draw", "run a query first; results are kept at the prompt")
    session.output.resize()
    for line in draw(kept.columns, kept.rows, words, session.output):
        session.output.line(line)
    return None
