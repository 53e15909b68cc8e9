"""COLLATE NOCASE: text compared without regard to the case of the letters A to Z, as in SQLite.

What is compared, sorted, grouped or indexed under NOCASE is nocase(x), a function like others; so an index over nocase(x)
serves it. Which collation counts: that of an operand with COLLATE, the left one's first, else that of a column declared
with one, the left one's first.

    column name TEXT COLLATE NOCASE          name = 'Ann'    ->  nocase(name) = nocase('Ann')
    name TEXT UNIQUE COLLATE NOCASE          ->  a UNIQUE index over nocase(name)
"""

from __future__ import annotations

from engine.record.types import Type
from engine.sql import functions as fn
from engine.sql.expr import Call, Column, Const, Expr

NOCASE = "NOCASE"
BINARY = frozenset(("BINARY", "C", "POSIX"))
_TEXTS = (Type.TEXT, Type.ANY)


def marked(expr: Expr, collation: str) -> Expr:
    """x COLLATE name: the value of x, which is compared by that."""
    return Call(expr.type, fn.COLLATE[collation], (bare(expr),))


def bare(expr: Expr) -> Expr:
    """An expression without its COLLATE."""
    while isinstance(expr, Call) and expr.function in fn.COLLATE.values():
        expr = expr.args[0]
    return expr


def explicit(expr: Expr) -> str:
    """The name after a COLLATE, also one inside, or nothing."""
    if isinstance(expr, Call):
        for name, function in fn.COLLATE.items():
            if expr.function is function:
                return name
        for arg in expr.args:
            if found := explicit(arg):
                return found
    return ""


def collation_of(*exprs: Expr) -> str:
    """The collation that counts among the sides of a comparison; nothing: bytes."""
    for expr in exprs:
        if found := explicit(expr):
            return found
    for expr in exprs:
        if isinstance(expr, Column):
            if expr.collation:
                return expr.collation
            if expr.type is Type.TEXT and len(exprs) > 1 and expr is exprs[0]:
                return ""  # a column's own collation, which is that of bytes, goes before that of the other side
    return ""


def folded(expr: Expr) -> Expr:
    """nocase(x); what can be no text stays as it is."""
    plain = bare(expr)
    if plain.type not in _TEXTS:
        return plain
    if isinstance(plain, Const):
        return Const(plain.type, fn.fold_case(plain.value))
    return Call(plain.type, fn.NOCASE, (plain,))


def keyed(expr: Expr, *others: Expr) -> Expr:
    """An expression as what it is compared as, on its own or beside others."""
    return folded(expr) if collation_of(expr, *others) == NOCASE else bare(expr)


def compared(left: Expr, right: Expr) -> tuple[Expr, Expr]:
    """Both sides of a comparison as what they are compared as."""
    if collation_of(left, right) == NOCASE:
        return folded(left), folded(right)
    return bare(left), bare(right)
