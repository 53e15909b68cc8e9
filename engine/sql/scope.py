"""Names: what columns a place in a statement can see, and what to say about a name that nothing has."""

from __future__ import annotations

from collections.abc import Iterable

from engine.base.dataclass import dataclass, field
from engine.base.errors import DatabaseError, ProgrammingError
from engine.sql.expr import Column, Expr, walk


@dataclass(slots=True)
class Entry:
    """A visible column. hidden: found only by its qualified name (the right side of USING, a row id)."""

    table: str
    name: str
    expr: Expr
    hidden: bool = False
    starred: bool = True


@dataclass(slots=True)
class Scope:
    """The columns of a FROM clause, and the scope around it. outer: columns of enclosing scopes looked at from here."""

    entries: list[Entry] = field(default_factory=list)
    parent: Scope | None = None
    outer: dict[int, Column] = field(default_factory=dict)
    tables: set[str] = field(default_factory=set)

    def find(self, name: str, table: str | None) -> list[Entry]:
        """The columns of this scope alone that a reference can mean."""
        low = name.lower()
        if table is None:
            visible = [e for e in self.entries if not e.hidden and e.name.lower() == low]
            if not visible and low == "rowid":
                return [e for e in self.entries if e.hidden and e.name == "rowid"]
            return visible
        wanted = table.lower()
        return [e for e in self.entries if e.table.lower() == wanted and e.name.lower() == low]

    def resolve(self, name: str, table: str | None) -> Expr | list[Entry]:
        """What a reference means, here or further out; the list of candidates when there is none or several."""
        scope: Scope | None = self
        crossed: list[Scope] = []
        while scope is not None:
            found = scope.find(name, table)
            if len(found) > 1:
                return found
            if found:
                expr = found[0].expr
                for part in walk(expr):
                    if isinstance(part, Column):
                        for inner in crossed:
                            inner.outer[part.id] = part
                return expr
            crossed.append(scope)
            scope = scope.parent
        return []

    def names(self) -> list[str]:
        """All names a reference could have meant, for suggestions."""
        scope: Scope | None = self
        found: list[str] = []
        while scope is not None:
            found += [entry.name for entry in scope.entries if not entry.hidden]
            found += [f"{entry.table}.{entry.name}" for entry in scope.entries if entry.table]
            scope = scope.parent
        return found


def suggestion(name: str, known: Iterable[str]) -> str | None:
    """The known name that is most like `name`, or None."""
    by_low = {candidate.lower(): candidate for candidate in known}
    import difflib  # only a mistake needs it

    close = difflib.get_close_matches(name.lower(), by_low, n=1, cutoff=0.6)
    return by_low[close[0]] if close else None


def problem(
    text: str,
    span: tuple[int, int],
    message: str,
    hint: str | None = None,
    kind: type[DatabaseError] = ProgrammingError,
) -> DatabaseError:
    """An error that knows its place: like ParseError it has span, line, column and hint."""
    full = f"{message}; {hint}" if hint else message
    error = kind(full)
    line = text.count("\n", 0, span[0]) + 1
    column = span[0] - (text.rfind("\n", 0, span[0]) + 1) + 1
    error.__dict__.update(message=message, span=span, line=line, column=column, hint=hint, expected=())
    return error
