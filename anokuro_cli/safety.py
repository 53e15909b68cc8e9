"""What can destroy much by a slip: UPDATE and DELETE without WHERE, and at the prompt DROP TABLE of a table with rows.

    at a terminal       says how many rows, and asks
    without a terminal  refuses, and says that --yes would do it
    --yes               does it
    --safe-updates      refuses UPDATE and DELETE without WHERE, whoever asks

`WHERE TRUE` is the way to say that all rows are meant. A table without rows needs no question.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from anokuro_cli.errors import Declined, ShellError
from anokuro_cli.text import neutralise, plural
from grammar.tokens import quote, significant

if TYPE_CHECKING:
    from anokuro_cli.shell import Session
    from grammar.ast import ObjectName

_WORDS = ("update", "delete", "drop")


def may_destroy(sql: str) -> bool:
    """A quick look that says no to nearly every statement: whether check_destruction needs to look closely."""
    low = sql.lower()
    if not any(word in low for word in _WORDS):
        return False
    depth = 0
    first = ""
    for token in significant(sql):
        word = token.text.upper()
        first = first or word
        depth += (word == "(") - (word == ")")
        if word == "WHERE" and depth == 0:
            return False
    return first in ("UPDATE", "DELETE", "DROP", "WITH")


def check_destruction(session: Session, sql: str, bound: Mapping[str, Any]) -> None:
    """Asks where a statement would change or drop all rows of a table. Raises Declined where the answer is no, ShellError where nobody can be asked."""
    from grammar import ParseError, ast, parse

    try:
        node = parse(sql)
    except ParseError:
        return  # the engine says what is wrong with it
    if isinstance(node, (ast.Update, ast.Delete)) and node.where is None:
        if (node.from_ if isinstance(node, ast.Update) else node.using) is not None:
            return  # joined with something, it is no slip
        verb = "update" if isinstance(node, ast.Update) else "delete"
        _ask(session, verb, (node.table,), "say WHERE TRUE if all rows are meant")
    elif isinstance(node, ast.DropTable) and session.interactive:  # a script that drops tables says what it does
        _ask(session, "drop", node.names, "")


def _ask(session: Session, verb: str, tables: tuple[ObjectName, ...], hint: str) -> None:
    rows = 0
    for table in tables:
        try:
            rows += session.db.execute(f"SELECT count(*) FROM {_quoted(table)}").fetchall()[0][0]
        except Exception:
            return  # no such table, or no table: the statement itself says so
    if not rows:
        return
    names = neutralise(", ".join(map(str, tables)))
    what = (
        f"drop {names} with {plural(rows, 'row')}" if verb == "drop" else f"{verb} all {plural(rows, 'row')} of {names}"
    )
    if session.settings.safe_updates and verb != "drop":
        raise ShellError(f"refused to {what}: there is no WHERE", hint + ", or leave --safe-updates out")
    if session.confirm(f"This will {what}. Go on?"):
        return
    if session.interactive:
        raise Declined("nothing was changed")
    raise ShellError(f"refused to {what}", f"--yes does it{'; or ' + hint if hint else ''}")


def _quoted(name: ObjectName) -> str:
    return f"{quote(name.schema)}.{quote(name.name)}" if name.schema else quote(name.name)
