"""Whether conditions that hold make another one hold: the proof that a partial index has every row a query wants.

Only what follows from one condition at a time is seen: the same condition, a narrower comparison of the same expression
with a constant, IN with constants, and IS NOT NULL of what a condition compares.
"""

from __future__ import annotations

from typing import Any

from engine.record.types import NUMERIC
from engine.sql.expr import Call, Column, Const, Expr, InItems, Logic, conjuncts
from engine.sql.optimise.push_filters import refuses_null

_MIRROR = {"=": "=", "<>": "<>", "<": ">", "<=": ">=", ">": "<", ">=": "<="}
_UPWARD, _DOWNWARD = (">", ">="), ("<", "<=")


def implied(wanted: Expr, known: list[Expr]) -> bool:
    """Whether `wanted` is true for every row for which all of `known` are."""
    if isinstance(wanted, Logic):
        test = all if wanted.op == "AND" else any
        return wanted in known or test(implied(part, known) for part in wanted.operands)
    return any(_follows(wanted, condition) for condition in known)


def _follows(wanted: Expr, condition: Expr) -> bool:
    if wanted == condition:
        return True
    if isinstance(condition, Logic):
        if condition.op == "OR":
            return all(implied(wanted, conjuncts(part)) for part in condition.operands)
        return implied(wanted, list(condition.operands))
    if isinstance(wanted, Call) and wanted.function.name == "IS NOT NULL":
        return _not_null(wanted.args[0], condition)
    want = _comparison(wanted)
    if want is None:
        return False
    subject, op, value = want
    if isinstance(condition, InItems):
        constants = [item.value for item in condition.items if isinstance(item, Const) and item.value is not None]
        whole = not condition.negated and len(constants) == len(condition.items) and condition.operand == subject
        return whole and all(_holds(op, constant, value) for constant in constants)
    have = _comparison(condition)
    return have is not None and have[0] == subject and _narrower(op, value, have[1], have[2])


def _not_null(subject: Expr, condition: Expr) -> bool:
    if isinstance(condition, InItems):
        return not condition.negated and condition.operand == subject and bool(condition.items)
    if isinstance(subject, Column):
        return refuses_null(condition, {subject.id})
    return isinstance(condition, Call) and not condition.function.null_aware and subject in condition.args


def _comparison(expr: Expr) -> tuple[Expr, str, Any] | None:
    """`subject op constant`, whichever way round it was written."""
    if not isinstance(expr, Call) or expr.function.name not in _MIRROR or len(expr.args) != 2:
        return None
    left, right = expr.args
    if isinstance(right, Const) and right.value is not None and _alike(left, right):
        return left, expr.function.name, right.value
    if isinstance(left, Const) and left.value is not None and _alike(right, left):
        return right, _MIRROR[expr.function.name], left.value
    return None


def _alike(subject: Expr, constant: Expr) -> bool:
    return subject.type is constant.type or (subject.type in NUMERIC and constant.type in NUMERIC)


def _holds(op: str, constant: Any, value: Any) -> bool:
    """Whether `constant op value`."""
    try:
        if op == "=":
            return bool(constant == value)
        if op == "<>":
            return bool(constant != value)
        if op in _UPWARD:
            return bool(constant > value or (op == ">=" and constant == value))
        return bool(constant < value or (op == "<=" and constant == value))
    except TypeError:
        return False


def _narrower(op: str, value: Any, have: str, constant: Any) -> bool:
    """Whether `x have constant` implies `x op value`."""
    if have == "=":
        return _holds(op, constant, value)
    if op == "<>":
        if have in _UPWARD:
            return _holds(">" if have == ">=" else ">=", constant, value)
        return have in _DOWNWARD and _holds("<" if have == "<=" else "<=", constant, value)
    if op in _UPWARD and have in _UPWARD:
        return _holds(">" if op == ">" and have == ">=" else ">=", constant, value)
    if op in _DOWNWARD and have in _DOWNWARD:
        return _holds("<" if op == "<" and have == "<=" else "<=", constant, value)
    return False
