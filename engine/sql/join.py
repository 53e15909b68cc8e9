"""Joins of the row gear: nested loops, hash tables, lookups."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import chain
from typing import Any

from engine.sql.compile_expr import Closure, Row, Runtime, compile_condition, compile_expr
from engine.sql.expr import Expr, columns_of
from engine.sql.plan import Hashed, Join, Kept, KeyAccess, Scan

Run = Callable[[], Iterator[Row]]
LOOKED = 4096
NONE: list[Row] = []


def looking(rows: list[Row], rt: Runtime) -> Iterable[Row]:
    """The rows, with a look now and then whether the statement was cancelled."""
    if len(rows) <= LOOKED:
        return rows
    return chain.from_iterable(_portions(rows, rt))


def _portions(rows: list[Row], rt: Runtime) -> Iterator[list[Row]]:
    for start in range(0, len(rows), LOOKED):
        rt.check()
        yield rows[start : start + LOOKED]


def compile_join(plan: Join, rt: Runtime) -> Run:
    """The function that gives a join's rows: left row followed by right row, with NULLs for what a side lacks."""
    from engine.sql.execute import compile_plan

    left, right = compile_plan(plan.left, rt), compile_plan(plan.right, rt)
    layout = {column.id: place for place, column in enumerate((*plan.left.columns, *plan.right.columns))}
    condition = None if plan.on is None else compile_condition(plan.on, layout, rt)
    if plan.method == "lookup":
        return _lookup(plan, left, right, condition, rt)
    if plan.method == "hash":
        return _hash(plan, left, right, condition, rt)
    return _loop(plan, left, right, condition, rt)


def _loop(plan: Join, left: Run, right: Run, condition: Closure | None, rt: Runtime) -> Run:
    outer_left, outer_right = plan.kind in ("LEFT", "FULL"), plan.kind == "FULL"
    right_nulls = (None,) * len(plan.right.columns)
    left_nulls = (None,) * len(plan.left.columns)

    def run() -> Iterator[Row]:
        others = list(right())
        matched = [False] * len(others) if outer_right else None
        for row in left():
            rt.check()
            found = False
            for i, other in enumerate(looking(others, rt)):
                pair = row + other
                if condition is None or condition(pair):
                    found = True
                    if matched is not None:
                        matched[i] = True
                    yield pair
            if not found and outer_left:
                yield row + right_nulls
        if matched is not None:
            for i, other in enumerate(others):
                if not matched[i]:
                    yield left_nulls + other

    return run


def _key(exprs: tuple[Expr, ...], columns: Any, rt: Runtime) -> Closure:
    """A function from a row to its hash key; None when a part is NULL, which equals nothing."""
    layout = {column.id: place for place, column in enumerate(columns)}
    parts = [compile_expr(expr, layout, rt) for expr in exprs]
    if len(parts) == 1:
        return parts[0]

    def key(row: Row) -> Any:
        values = tuple([part(row) for part in parts])
        return None if None in values else values

    return key


def _hash(plan: Join, left: Run, right: Run, condition: Closure | None, rt: Runtime) -> Run:
    left_key = _key(plan.left_keys, plan.left.columns, rt)
    right_key = _key(plan.right_keys, plan.right.columns, rt)
    outer_left, outer_right = plan.kind in ("LEFT", "FULL"), plan.kind == "FULL"
    right_nulls = (None,) * len(plan.right.columns)
    left_nulls = (None,) * len(plan.left.columns)
    name = object() if isinstance(plan.right, Kept) else None

    def build() -> tuple[dict[Any, list[Row]], list[Row]]:
        """The hash table, and all rows where those without a partner are wanted."""
        table: dict[Any, list[Row]] = {}
        rows: list[Row] = []
        for row in right():
            if outer_right:
                rows.append(row)
            key = right_key(row)
            if key is not None:
                table.setdefault(key, []).append(row)
        return table, rows

    def built() -> tuple[dict[Any, list[Row]], list[Row]]:
        found = rt.memo.get(name) if name is not None else None
        if found is None:
            found = build()
            if name is not None:
                rt.memo[name] = found
        return found

    def run() -> Iterator[Row]:
        table, rows = built()
        unmatched = {id(row): row for row in rows}
        get = table.get
        made = 0
        for row in left():
            found = False
            key = left_key(row)
            if key is not None:
                others = get(key, NONE)
                made += len(others)
                if made > LOOKED:
                    made = 0
                    rt.check()
                for other in looking(others, rt):
                    pair = row + other
                    if condition is None or condition(pair):
                        found = True
                        if outer_right:
                            unmatched.pop(id(other), None)
                        yield pair
            if not found and outer_left:
                yield row + right_nulls
        for other in unmatched.values():
            yield left_nulls + other

    return run


def compile_hashed(plan: Hashed, rt: Runtime) -> Run:
    """The function that gives the rows for the present outer values, out of a hash table made when first asked."""
    from engine.sql.execute import compile_plan

    below = compile_plan(plan.input, rt)
    key = _key(plan.keys, plan.input.columns, rt)
    wanted = _key(plan.values, (), rt)
    name = object()

    def run() -> Iterator[Row]:
        table = rt.memo.get(name)
        if table is None:
            table = {}
            for row in below():
                value = key(row)
                if value is not None:
                    table.setdefault(value, []).append(row)
            rt.memo[name] = table
        return iter(table.get(wanted(()), ()))

    return run


def _lookup(plan: Join, left: Run, right: Run, condition: Closure | None, rt: Runtime) -> Run:
    """For each left row, the right side run anew with that row's values as outer columns."""
    assert isinstance(plan.right, Scan) and isinstance(plan.right.access, KeyAccess)
    exprs = [*plan.right.access.equal]
    exprs += [bound.value for bound in (plan.right.access.lower, plan.right.access.upper) if bound is not None]
    exprs += [] if plan.right.filter is None else [plan.right.filter]
    used = {number for expr in exprs for number in columns_of(expr)}
    given = [(column.id, place) for place, column in enumerate(plan.left.columns) if column.id in used]
    outer_left = plan.kind == "LEFT"
    right_nulls = (None,) * len(plan.right.columns)

    def run() -> Iterator[Row]:
        outer = rt.outer
        for row in left():
            for number, place in given:
                outer[number] = row[place]
            found = False
            for other in right():
                pair = row + other
                if condition is None or condition(pair):
                    found = True
                    yield pair
            if not found and outer_left:
                yield row + right_nulls

    return run
