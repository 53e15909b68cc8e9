"""Read, run, repeat."""

from __future__ import annotations

import os
from functools import partial
from time import perf_counter
from typing import TYPE_CHECKING

os.environ.setdefault("PROMPT_TOOLKIT_NO_CPR", "1")  # never ask the terminal anything and wait for its answer

from prompt_toolkit import PromptSession
from prompt_toolkit.application import get_app
from prompt_toolkit.enums import EditingMode
from prompt_toolkit.layout.processors import HighlightMatchingBracketProcessor
from prompt_toolkit.output import ColorDepth
from prompt_toolkit.styles import DynamicStyle

from anokuro_cli.errors import OK, Leave, ShellError, explain
from anokuro_cli.history import HistoryFile
from anokuro_cli.opening import MEMORY
from anokuro_cli.render.output import Output
from anokuro_cli.repl.completer import SchemaCache, ShellCompleter
from anokuro_cli.repl.highlight import Neutralise, SqlLexer
from anokuro_cli.repl.history import FileHistory, Suggestions, search
from anokuro_cli.repl.keys import key_bindings
from anokuro_cli.repl.pager import Paged
from anokuro_cli.repl.themes import style_of
from anokuro_cli.repl.toolbar import continuation_text, pool_hit_rate, prompt_text, toolbar_text
from anokuro_cli.text import neutralise

if TYPE_CHECKING:
    from anokuro_cli.shell import Session


def interact(session: Session) -> int:
    """The interactive shell; returns the exit status."""
    session.interactive = True
    session.settings.bail = True
    session.page_output = lambda output: _paged(session, output)
    cache = SchemaCache(session)
    history = FileHistory(HistoryFile(), os.path.abspath(session.handle.path), session.note)
    prompt = _prompt(session, cache, history)
    if not session.settings.quiet:
        _banner(session)
    with session.interrupts.prompting():
        while True:
            try:
                text = _read(session, prompt)
            except KeyboardInterrupt:
                continue
            except EOFError:
                if _may_leave(session):
                    return OK
                continue
            if not text.strip():
                continue
            began, session.status = perf_counter(), OK
            try:
                with cache.lock:
                    _run(session, text)
            except Leave as leave:
                return leave.status
            finally:
                cache.statement_ran(text)
                history.ended(perf_counter() - began, session.status)
            session.hit_rate = pool_hit_rate(session)


def _read(session: Session, prompt: PromptSession[str]) -> str:
    default, session.next_text = session.next_text, ""
    try:
        return prompt.prompt(lambda: prompt_text(session), pre_run=_show_toolbar, default=default)
    finally:
        session.interrupts.take_over()  # the prompt's event loop leaves Python's own handler behind


def _run(session: Session, text: str) -> None:
    try:
        with session.interrupts.busy():  # also between the statements of one text
            session.run_script(text.splitlines(keepends=True), "")
    except (ShellError, OSError, KeyboardInterrupt) as error:
        session.report(explain(error))


def _show_toolbar() -> None:
    """prompt_toolkit draws a toolbar only once the terminal has told where the cursor is, which it is not asked here; so it is told that there is room."""
    get_app().renderer._min_available_height = 1


def _may_leave(session: Session) -> bool:
    if not session.handle.in_transaction():
        return True
    return session.confirm("A transaction is open and will be rolled back. Leave?")


def _paged(session: Session, output: Output) -> Paged | None:
    wanted = session.settings.pager and output.terminal and os.environ.get("TERM") != "dumb"
    return Paged(output, session.interrupts.stop_clock) if wanted else None


def _prompt(session: Session, cache: SchemaCache, history: FileHistory) -> PromptSession[str]:
    prompt: PromptSession[str] = PromptSession(
        history=history,
        lexer=SqlLexer(),
        input_processors=[Neutralise(), HighlightMatchingBracketProcessor(chars="()")],
        completer=ShellCompleter(cache),
        complete_in_thread=True,
        complete_while_typing=True,
        auto_suggest=Suggestions(),
        key_bindings=key_bindings(),
        multiline=True,
        prompt_continuation=lambda width, number, wraps: continuation_text(width),
        bottom_toolbar=lambda: toolbar_text(session),
        style=DynamicStyle(lambda: style_of(session.settings.theme)),
        include_default_pygments_style=False,
        color_depth=None if session.output.colour else ColorDepth.DEPTH_1_BIT,
        enable_suspend=True,
        enable_open_in_editor=False,
        editing_mode=EditingMode.VI if session.settings.keys == "vi" else EditingMode.EMACS,
        reserve_space_for_menu=6,
        search_ignore_case=True,
    )
    buffer = prompt.default_buffer
    buffer._search = partial(search, buffer)  # type: ignore[method-assign]
    return prompt


def _banner(session: Session) -> None:
    handle = session.handle
    where = "a database in memory" if handle.path == MEMORY else neutralise(handle.path)
    if handle.deferred:
        where += " (made by the first statement that writes)"
    session.output.line(f"{session.output.style('Anokuro', 'bold')}: {where}{', read-only' if handle.readonly else ''}")
    session.output.line(session.output.style("Statements end with ;   .help lists commands   Ctrl-D leaves", "dim"))
    session.output.flush()
