"""The prompt and the toolbar below it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from prompt_toolkit.application import get_app
from prompt_toolkit.enums import EditingMode
from prompt_toolkit.formatted_text import StyleAndTextTuples

from anokuro_cli.executing import seconds
from anokuro_cli.opening import MEMORY
from anokuro_cli.text import clip, neutralise

if TYPE_CHECKING:
    from anokuro_cli.shell import Session


def prompt_name(session: Session) -> str:
    """The prompt: settings.prompt with %d the database's name, %t the mark of the transaction, %r that of a read-only database, %% a percent sign.

    The mark is * while a transaction is open, ! when a statement in it has failed (it was undone alone), and r when it only reads.
    """
    path = session.handle.path
    name = "anokuro" if path == MEMORY else clip(neutralise(Path(path).stem or path), 24)
    mark = transaction_mark(session)
    meaning = {"d": name, "t": mark, "r": "(read-only)" if session.handle.readonly else "", "%": "%"}
    text = session.settings.prompt
    return neutralise(re.sub("%([dtr%])", lambda match: meaning[match[1]], text))


def transaction_mark(session: Session) -> str:
    """ "" without a transaction."""
    if not session.handle.in_transaction():
        return ""
    if session.failed_in_transaction:
        return "!"
    return "r" if session.handle.reads_only() else "*"


def prompt_text(session: Session) -> StyleAndTextTuples:
    """What stands before the first line."""
    style = "class:prompt.transaction" if session.handle.in_transaction() else "class:prompt"
    return [(style, prompt_name(session))]


def continuation_text(width: int) -> StyleAndTextTuples:
    """What stands before the other lines."""
    return [("class:prompt.continuation", "... ".rjust(width))]


def pool_hit_rate(session: Session) -> float | None:
    """The share of page visits that needed no read, as it is now."""
    from engine.inspect.pool import hit_rate

    return hit_rate(int(session.db.stats()["page_reads"]))


def toolbar_text(session: Session) -> StyleAndTextTuples:
    """File, transaction, mode, time of the last statement, pool hit rate, keys."""
    handle = session.handle
    parts = [handle.path + (" (new)" if handle.deferred else "")]
    if handle.readonly:
        parts.append("read-only")
    if handle.in_transaction():
        parts.append(
            {"!": "in transaction, a statement failed", "r": "in read-only transaction"}.get(
                transaction_mark(session), "in transaction"
            )
        )
    parts.append(session.settings.mode)
    if session.last_sql:
        parts.append(seconds(session.last_seconds))
    if session.hit_rate is not None:
        parts.append(f"pool {session.hit_rate:.1%}")
    parts.append("F4 vi" if get_app().editing_mode == EditingMode.EMACS else "F4 emacs")
    return [("class:bottom-toolbar.text", " " + neutralise("  ·  ".join(parts)))]
