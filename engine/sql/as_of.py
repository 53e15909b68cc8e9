"""AS OF CHECKPOINT name: a statement that reads a retained checkpoint instead of the present state.

A statement reads one state. A checkpoint named at any table of it, in a subquery or a WITH too, is that state for the
whole of it, schema and statistics included: the text runs in a session of the checkpoint's own store.
"""

from __future__ import annotations

from engine.base.errors import NotSupportedError, ProgrammingError
from grammar import ast


def checkpoint_read(sql: str, node: ast.Statement) -> str | None:
    """The checkpoint that a statement reads, its name in lower case; None: the present state.

    Raises ProgrammingError where it names two, NotSupportedError where it is no query (nor EXPLAIN of one).
    """
    if "checkpoint" not in sql.lower():
        return None
    names = {part.as_of.lower() for part in node.walk() if isinstance(part, ast.TableRef) and part.as_of is not None}
    if not names:
        return None
    if len(names) > 1:
        raise ProgrammingError(f"a statement reads one checkpoint, not several: {', '.join(sorted(names))}")
    asked = node.statement if isinstance(node, ast.Explain) else node
    if not isinstance(asked, ast.Query):
        raise NotSupportedError("AS OF CHECKPOINT is for queries alone: fetch the rows with SELECT first")
    return names.pop()
