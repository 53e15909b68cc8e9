"""Operators of the column gear: a plan becomes a function that gives an iterator of batches."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import chain, islice
from typing import Any

from engine.record.types import Type
from engine.sql.columns import arrow
from engine.sql.columns.arrow import NoForm, array_from_buffers, array_of, kind_of
from engine.sql.columns.batch import Batch, empty, larger, size_of, together
from engine.sql.columns.choose import has_columns
from engine.sql.columns.codes import encode
from engine.sql.columns.evaluate import Evaluator
from engine.sql.columns.group import compile_group
from engine.sql.columns.join import compile_join
from engine.sql.columns.order import Key, top_places
from engine.sql.columns.spill import DEEPEST, Spill
from engine.sql.columns.subquery import prepare
from engine.sql.columns.window import compile_window
from engine.sql.compile_expr import compile_expr
from engine.sql.execute import compile_plan, whole_number
from engine.sql.expr import Column, SubqueryExpr, walk
from engine.sql.kernels import call
from engine.sql.plan import (
    Columnar,
    Distinct,
    Filter,
    Group,
    Join,
    Kept,
    Limit,
    Plan,
    Project,
    Scan,
    SetOp,
    Sort,
    Window,
    exprs,
)
from engine.sql.scan import compile_pairs

Run = Callable[[], Iterator[Batch]]
FIRST_BATCH = 1024
BATCH = 65536
PORTION = 1 << 20
"""Rows that are looked at together where not all are needed at once."""


def compile_columns(plan: Plan, ev: Evaluator) -> Run:
    """The function that runs a plan in columns; what has no form runs in the row gear."""
    for expr in exprs(plan):
        for part in walk(expr):
            if isinstance(part, SubqueryExpr):
                prepare(part, ev)
    run = COMPILERS[type(plan)](plan, ev) if has_columns(plan) else _from_rows(plan, ev)
    return run if ev.rt.profile is None else ev.rt.profile.watch_batches(plan, run)


def _from_rows(plan: Plan, ev: Evaluator) -> Run:
    """Rows of the row gear as batches."""
    below = compile_plan(plan, ev.rt)
    columns = plan.columns

    def run() -> Iterator[Batch]:
        rows = iter(below())
        while portion := list(islice(rows, BATCH)):
            values = zip(*portion, strict=True) if columns else ()
            arrays = [array_of(column, kind.type) for column, kind in zip(values, columns, strict=True)]
            yield Batch(columns, arrays, len(portion))

    return run


def _scan(plan: Scan, ev: Evaluator) -> Run:
    pairs = compile_pairs(plan, ev.rt)
    table, rt = plan.table, ev.rt
    kinds = [
        table.columns[position].type if position < len(table.columns) else Type.INTEGER for position in plan.positions
    ]

    def run() -> Iterator[Batch]:
        reader = table.column_reader(plan.positions)
        source = iter(pairs())
        size = FIRST_BATCH
        while True:
            rt.check()
            rows, buffers = reader.read(source, size)
            if not rows:
                return
            rt.flag[2] += rows
            arrays = [array_from_buffers(kind, rows, found, True) for kind, found in zip(kinds, buffers, strict=True)]
            batch = Batch(plan.columns, arrays, rows)
            yield batch if plan.filter is None else batch.filter(ev.condition(plan.filter, batch))
            size = BATCH

    return run


def _filter(plan: Filter, ev: Evaluator) -> Run:
    below = compile_columns(plan.input, ev)
    return lambda: (batch.filter(ev.condition(plan.condition, batch)) for batch in below())


def _project(plan: Project, ev: Evaluator) -> Run:
    below = compile_columns(plan.input, ev)
    return lambda: (
        Batch(plan.columns, [ev.array(expr, batch) for expr in plan.exprs], batch.rows) for batch in below()
    )


def _kept(plan: Kept, ev: Evaluator) -> Run:
    below = compile_columns(plan.input, ev)
    name = object()

    def run() -> Iterator[Batch]:
        batches = ev.rt.memo.get(name)
        if batches is None:
            batches = ev.rt.memo[name] = list(below())
        return iter(batches)

    return run


def _sort(plan: Sort, ev: Evaluator) -> Run:
    below = compile_columns(plan.input, ev)
    limit = None if plan.limit is None else compile_expr(plan.limit, {}, ev.rt)
    offset = None if plan.offset is None else compile_expr(plan.offset, {}, ev.rt)

    def keys_of(batch: Batch) -> list[Key]:
        return [(ev.array(key.expr, batch), key.descending, key.nulls_last) for key in plan.keys]

    def run() -> Iterator[Batch]:
        count = whole_number("LIMIT", limit)
        spill = Spill(ev.rt, plan)
        if count is None or count < 0:
            yield from spill.sorted(plan.input.columns, below(), keys_of)
            return
        count += max(0, whole_number("OFFSET", offset) or 0)
        batches = larger(plan.input.columns, below(), PORTION, spill.limit)
        first = empty(plan.input.columns)
        for batch in batches:  # of what is held at a time only the first rows are kept
            ev.rt.check()
            whole = together(plan.input.columns, [first, batch])
            first = whole.take(top_places(keys_of(whole), whole.rows, count))
            if size_of(first) > spill.limit // 2 or first.rows > PORTION:
                break
        else:
            yield first
            return
        yield from islice_rows(spill.sorted(plan.input.columns, chain((first,), batches), keys_of), count)

    return run


def _limit(plan: Limit, ev: Evaluator) -> Run:
    below = compile_columns(plan.input, ev)
    limit = None if plan.limit is None else compile_expr(plan.limit, {}, ev.rt)
    offset = None if plan.offset is None else compile_expr(plan.offset, {}, ev.rt)

    def run() -> Iterator[Batch]:
        first = max(0, whole_number("OFFSET", offset) or 0)
        count = whole_number("LIMIT", limit)
        left = 2**62 if count is None or count < 0 else count
        if not left:
            return
        for batch in below():
            if first >= batch.rows:
                first -= batch.rows
                continue
            found = batch.slice(first, left)
            first = 0
            left -= found.rows
            yield found
            if not left:
                return

    return run


def islice_rows(batches: Iterator[Batch], count: int) -> Iterator[Batch]:
    """The first rows of batches."""
    for batch in batches:
        if count <= 0:
            return
        yield batch.slice(0, count)
        count -= batch.rows


def distinct(batch: Batch) -> Batch:
    """Each row once, where it first comes."""
    if batch.rows < 2:
        return batch
    if not batch.arrays:
        return batch.slice(0, 1)
    codes = encode(batch.arrays)
    return batch if codes.count == batch.rows else Batch(batch.columns, codes.uniques, codes.count)


def _distinct(plan: Distinct, ev: Evaluator) -> Run:
    below = compile_columns(plan.input, ev)
    return lambda: all_distinct(plan, plan.input.columns, below(), ev)


def all_distinct(plan: Plan, columns: Sequence[Column], batches: Iterator[Batch], ev: Evaluator) -> Iterator[Batch]:
    """Each row once: of every portion, then of what is left of them."""
    spill = Spill(ev.rt, plan)
    portions = larger(columns, batches, PORTION, spill.limit)
    first = next(portions, None)
    if first is None:
        return
    second = next(portions, None)
    if second is None and size_of(first) <= spill.limit:
        yield distinct(first)
        return
    found = map(distinct, chain((first,), () if second is None else (second,), portions))
    yield from map(distinct, spill.grouped(columns, found, lambda batch: batch.arrays))


def _set_op(plan: SetOp, ev: Evaluator) -> Run:
    left, right = compile_columns(plan.left, ev), compile_columns(plan.right, ev)

    def both() -> Iterator[Batch]:
        for below in (left, right):
            for batch in below():
                yield batch.renamed(plan.columns)

    def typed() -> Iterator[Batch]:
        """All rows; columns of different types have no form, because each row keeps its own."""
        kinds: list[Type] | None = None
        for batch in both():
            found = [kind_of(array) for array in batch.arrays]
            if kinds is not None and found != kinds:
                raise NoForm("columns of several types")
            kinds = found
            yield batch

    def sides() -> tuple[Iterator[Batch], Iterator[Batch]]:
        """Both sides, every row once as far as its portion goes; columns of different types have no form here either."""
        kinds: list[list[Type]] = []

        def checked(below: Run) -> Iterator[Batch]:
            for batch in larger(plan.columns, below(), PORTION, ev.rt.session.shared.query_memory):
                found = [kind_of(array) for array in batch.arrays]
                if not found:
                    raise NoForm("rows without columns")
                kinds.append(found)
                if found != kinds[0]:
                    raise NoForm("columns of several types")
                yield distinct(batch.renamed(plan.columns))

        return checked(left), checked(right)

    def compared(spill: Spill, mine: Iterator[Batch], others: Iterator[Batch], depth: int = 0) -> Iterator[Batch]:
        """INTERSECT and EXCEPT: the rows of the left that are, or are not, among those of the right."""
        second, more = spill.gather(others)
        first, too = spill.gather(mine) if not more else ([], True)
        if not (more or too) or depth > DEEPEST:
            one = together(plan.columns, [*first, *mine])
            yield _kept_of(plan, distinct(one), together(plan.columns, [*second, *others]))
            return
        parts = [
            spill.parts(plan.columns, chain(held, rest), lambda batch: batch.arrays, depth)
            for held, rest in ((first, mine), (second, others))
        ]
        for one_file, other_file in zip(*parts, strict=True):
            if one_file.rows:
                yield from compared(spill, one_file.read(), other_file.read(), depth + 1)

    if plan.op != "UNION":
        return lambda: compared(Spill(ev.rt, plan), *sides())
    return typed if plan.all else lambda: all_distinct(plan, plan.columns, typed(), ev)


def _kept_of(plan: SetOp, first: Batch, second: Batch) -> Batch:
    """Of different rows those that are, or are not, among the second ones."""
    codes = encode(together(plan.columns, [first, second]).arrays).codes if first.rows else None
    if codes is None:
        return first
    options = arrow.pc.SetLookupOptions(value_set=codes.slice(first.rows))
    mask = call("is_in", codes.slice(0, first.rows), options=options)
    return first.filter(mask if plan.op == "INTERSECT" else call("invert", mask))


def _columnar(plan: Columnar, ev: Evaluator) -> Run:
    return compile_columns(plan.input, ev)


COMPILERS: dict[type[Plan], Callable[[Any, Evaluator], Run]] = {
    Scan: _scan,
    Filter: _filter,
    Project: _project,
    Kept: _kept,
    Sort: _sort,
    Limit: _limit,
    Distinct: _distinct,
    SetOp: _set_op,
    Group: compile_group,
    Join: compile_join,
    Window: compile_window,
    Columnar: _columnar,
}

__all__ = ["COMPILERS", "compile_columns", "distinct", "empty"]
