"""Grouping: keys as codes, then Acero's aggregates over the codes; groups come in the order of their first rows.

    rows, up to PORTION ---------------------------------> groups
    more: portion --> partial groups --+
          portion --> partial groups --+--> together, or in parts by the hash of the keys (spill.py) --> groups
          ...                          |

A partial group holds what its aggregates can be made of (a sum, and for avg a count as well), so a large input of few groups
takes little memory and every kernel a bounded time. Aggregates with DISTINCT need all rows at once.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from itertools import chain
from typing import TYPE_CHECKING, Any

from engine.record.types import Type
from engine.sql import aggregates as agg
from engine.sql.columns import arrow
from engine.sql.columns.arrow import NoForm, kind_of, repeated, whole
from engine.sql.columns.batch import Batch, empty, larger, size_of, together
from engine.sql.columns.codes import Codes, encode, plain
from engine.sql.columns.spill import Spill
from engine.sql.columns.watch import imported, watched
from engine.sql.expr import Aggregate, Column
from engine.sql.kernels import EXACT, call, magnitude, null_for_nan, real
from engine.sql.plan import Group

if TYPE_CHECKING:
    from engine.sql.columns.evaluate import Evaluator

PORTION = 1 << 20
"""Rows that are grouped at a time."""


class Work:
    """Groups being made: asks for kernels over the codes are collected, and carried out together.

    codes: the group of each row, or None where all rows are one group.
    """

    def __init__(self, codes: Codes | None, rows: int):
        self.codes = codes
        self.rows = rows
        self._arrays: list[Any] = []
        self._calls: list[tuple[Any, str, Any]] = []
        self._found: list[Any] = []

    def ask(self, array: Any, kernel: str, options: Any = None) -> int:
        """Have a kernel aggregate an array; the number to `get` its outcome by."""
        place = next((i for i, known in enumerate(self._arrays) if known is array), len(self._arrays))
        if place == len(self._arrays):
            self._arrays.append(array)
        self._calls.append((f"a{place}", kernel, options))
        return len(self._calls) - 1

    def carry_out(self) -> None:
        """Run the kernels."""
        if self.codes is None:
            for name, kernel, options in self._calls:
                found = call(kernel, self._arrays[int(name[1:])], options=options)
                self._found.append(arrow.pa.array([found.as_py()], found.type))
            return
        if not self._calls:
            return
        acero = arrow.load_acero() if "pyarrow.acero" in sys.modules else imported(arrow.load_acero)
        names = [f"a{i}" for i in range(len(self._arrays))]
        table = arrow.pa.Table.from_arrays([*self._arrays, self.codes.codes], names=[*names, "key"])
        calls = [(name, f"hash_{kernel}", options, f"r{i}") for i, (name, kernel, options) in enumerate(self._calls)]
        source = acero.Declaration("table_source", acero.TableSourceNodeOptions(table))
        node = acero.Declaration("aggregate", acero.AggregateNodeOptions(calls, keys=["key"]), inputs=[source])
        made = watched(self.rows, node.to_table, use_threads=False)
        self._found = [whole(made.column(f"r{i}")) for i in range(len(calls))]

    def get(self, number: int) -> Any:
        """What an asked kernel gave: an array with a value a group."""
        return self._found[number]

    @property
    def groups(self) -> int:
        """How many groups there are."""
        return 1 if self.codes is None else self.codes.count


def compile_group(plan: Group, ev: Evaluator) -> Callable[[], Iterator[Batch]]:
    """The function that gives a row a group: its keys, then its aggregates."""
    from engine.sql.columns.operators import compile_columns

    below = compile_columns(plan.input, ev)
    columns = plan.input.columns
    in_portions = not any(aggregate.distinct for aggregate in plan.aggregates)

    def keys_of(batch: Batch) -> list[Any]:
        return [ev.array(key, batch) for key in plan.keys]

    def run() -> Iterator[Batch]:
        if in_portions:
            limit = ev.rt.session.shared.query_memory
            portions = larger(columns, below(), PORTION, limit)
            first = next(portions, None) or empty(columns)
            second = next(portions, None)
            if second is None and size_of(first) <= limit:
                yield from grouped(first)
            else:
                yield from merged(chain((first,), () if second is None else (second,), portions))
        elif plan.keys:
            for batch in Spill(ev.rt, plan).grouped(columns, below(), keys_of):
                yield from grouped(batch)
        else:
            yield from grouped(together(columns, below()))

    def merged(portions: Iterator[Batch]) -> Iterator[Batch]:
        """The groups of many rows, out of those of their portions."""
        merge = Merge(plan, ev)
        partial = map(merge.partial, portions)
        if not plan.keys:
            yield merge.groups(together(merge.columns, partial))
            return
        width = len(plan.keys)
        for batch in Spill(ev.rt, plan).grouped(merge.columns, partial, lambda batch: batch.arrays[:width]):
            if batch.rows:
                yield merge.groups(batch)

    def grouped(batch: Batch) -> Iterator[Batch]:
        if plan.keys and not batch.rows:
            return
        codes = encode(keys_of(batch)) if plan.keys else None
        work = Work(codes, batch.rows)
        finish = [_ask(aggregate, work, ev, batch) for aggregate in plan.aggregates]
        work.carry_out()
        keys = [] if codes is None else codes.uniques
        yield Batch(plan.columns, [*keys, *(make() for make in finish)], work.groups)

    return run


class Merge:
    """Groups made in two steps. columns: of a partial batch: the keys, then what each aggregate is made of."""

    def __init__(self, plan: Group, ev: Evaluator):
        self.plan = plan
        self.ev = ev
        self.portions = 0
        self.forms = [FORMS[aggregate.function.implementation] for aggregate in plan.aggregates]
        parts = [kernel for form in self.forms for kernel in form.kernels]
        types = [key.type for key in plan.keys] + [Type.ANY] * len(parts)
        self.columns = tuple(Column(kind, -3_000_001 - place, "") for place, kind in enumerate(types))

    def partial(self, batch: Batch) -> Batch:
        """The groups of a portion, unfinished."""
        plan, ev = self.plan, self.ev
        ev.rt.check()
        self.portions += 1
        codes = encode([ev.array(key, batch) for key in plan.keys]) if plan.keys else None
        work = Work(codes, batch.rows)
        asked = [
            form.ask(work, form.prepare(_argument(aggregate, ev, batch), batch.rows))
            for aggregate, form in zip(plan.aggregates, self.forms, strict=True)
        ]
        work.carry_out()
        keys = [] if codes is None else codes.uniques
        return Batch(self.columns, [*keys, *(make() for makes in asked for make in makes)], work.groups)

    def groups(self, batch: Batch) -> Batch:
        """The groups of partial ones, of which each portion had at most one a group."""
        width = len(self.plan.keys)
        codes = encode(batch.arrays[:width]) if width else None
        work = Work(codes, batch.rows)
        asked, place = [], width
        for form in self.forms:
            arrays = batch.arrays[place : place + len(form.kernels)]
            asked.append(form.ask_again(work, arrays, self.portions))
            place += len(arrays)
        work.carry_out()
        keys = [] if codes is None else codes.uniques
        found = [
            form.finish([make() for make in makes], work.groups) for form, makes in zip(self.forms, asked, strict=True)
        ]
        return Batch(self.plan.columns, [*keys, *found], work.groups)


def _argument(aggregate: Aggregate, ev: Evaluator, batch: Batch) -> Any:
    """What is aggregated: for count(*) TRUE; NULL where FILTER leaves a row out."""
    array = ev.array(aggregate.args[0], batch) if aggregate.args else repeated(arrow.scalar(True), batch.rows)
    if aggregate.filter is None:
        return array
    mask = repeated(ev.condition(aggregate.filter, batch), batch.rows)
    return call("if_else", call("coalesce", mask, arrow.scalar(False)), array, arrow.pa.scalar(None, array.type))


def _ask(aggregate: Aggregate, work: Work, ev: Evaluator, batch: Batch) -> Callable[[], Any]:
    form = FORMS.get(aggregate.function.implementation)
    if form is None or aggregate.order_by or len(aggregate.args) > 1:
        raise NoForm(aggregate.function.name)
    array = _argument(aggregate, ev, batch)
    if aggregate.distinct:
        return _distinct(aggregate, work, array)
    return form(work, array)


def has_form(aggregate: Aggregate) -> bool:
    """Whether an aggregate has a column form, as far as can be said before it runs."""
    implementation = aggregate.function.implementation
    if aggregate.order_by or len(aggregate.args) > 1 or implementation not in FORMS:
        return False
    return not aggregate.distinct or implementation in (agg.Count, agg.Extreme, agg.Maximum)


def _distinct(aggregate: Aggregate, work: Work, array: Any) -> Callable[[], Any]:
    implementation = aggregate.function.implementation
    if implementation in (agg.Extreme, agg.Maximum):
        return FORMS[implementation](work, array)
    if implementation is not agg.Count:
        raise NoForm("DISTINCT")
    if kind_of(array) is Type.NULL:
        return FORMS[agg.Count](work, array)
    number = work.ask(plain(array), "count_distinct", arrow.pc.CountOptions(mode="only_valid"))
    return lambda: work.get(number)


class Form:
    """An aggregate in columns: the kernels it is made of, whose outcomes over portions can be merged. Here min and max."""

    def __init__(self, *kernels: str):
        self.kernels = kernels

    def __call__(self, work: Work, array: Any) -> Callable[[], Any]:
        """Ask for the aggregate of an array, a value a group."""
        makes = self.ask(work, self.prepare(array, work.rows))
        return lambda: self.finish([make() for make in makes], work.groups)

    def prepare(self, array: Any, rows: int) -> Any:
        """The array as the kernels take it; rows: the most that are added up. Raises NoForm."""
        return array

    def ask(self, work: Work, array: Any) -> list[Callable[[], Any]]:
        """Ask for what the kernels make of it."""
        return [_outcome(work, array, kernel) for kernel in self.kernels]

    def ask_again(self, work: Work, arrays: list[Any], portions: int) -> list[Callable[[], Any]]:
        """Ask for the merged outcomes of portions."""
        return [
            _outcome(work, array, "sum" if kernel == "count" else kernel)
            for kernel, array in zip(self.kernels, arrays, strict=True)
        ]

    def finish(self, found: list[Any], groups: int) -> Any:
        """The aggregate, of the outcomes."""
        return found[0]


def _outcome(work: Work, array: Any, kernel: str) -> Callable[[], Any]:
    if kernel == "count":
        number = work.ask(array, "count", arrow.pc.CountOptions(mode="only_valid"))
    elif kind_of(array) is Type.NULL:
        return lambda: arrow.pa.nulls(work.groups, array.type)
    else:
        number = work.ask(array, kernel)
    return lambda: work.get(number)


class CountForm(Form):
    """count(*) and count(x)."""

    def finish(self, found: list[Any], groups: int) -> Any:
        return call("coalesce", found[0], arrow.scalar(0))


class SumForm(Form):
    """sum(x)."""

    def prepare(self, array: Any, rows: int) -> Any:
        if kind_of(array) is Type.NULL:
            return array
        array = _numbers(array)
        if kind_of(array) is not Type.REAL and magnitude(array) * max(rows, 1) >= 2**63:
            raise NoForm("a sum beyond 64 bits")
        return array

    def ask_again(self, work: Work, arrays: list[Any], portions: int) -> list[Callable[[], Any]]:
        self.prepare(arrays[0], portions)
        return super().ask_again(work, arrays, portions)

    def finish(self, found: list[Any], groups: int) -> Any:
        return null_for_nan(found[0]) if kind_of(found[0]) is Type.REAL else found[0]


class TotalForm(SumForm):
    """total(x)."""

    def finish(self, found: list[Any], groups: int) -> Any:
        if kind_of(found[0]) is Type.NULL:
            return repeated(arrow.scalar(0.0), groups)
        return call("coalesce", real(super().finish(found, groups)), arrow.scalar(0.0))


class AverageForm(SumForm):
    """avg(x): of integers to the nearest REAL, where to round both first would be less exact divided as Python does it."""

    def finish(self, found: list[Any], groups: int) -> Any:
        totals, counts = found
        if kind_of(totals) is Type.NULL:
            return arrow.pa.nulls(groups, arrow.TYPES[Type.REAL])
        if kind_of(totals) is Type.INTEGER and magnitude(totals) > EXACT:
            pairs = zip(totals.to_pylist(), counts.to_pylist(), strict=True)
            return arrow.array_of([total / count if count else None for total, count in pairs], Type.REAL)
        return call("divide", real(totals), real(counts))


def _numbers(array: Any) -> Any:
    kind = kind_of(array)
    if kind is Type.BOOLEAN:
        return array.cast(arrow.TYPES[Type.INTEGER])
    if kind not in (Type.INTEGER, Type.REAL):
        raise NoForm("no numbers")
    return array


FORMS: dict[Any, Form] = {
    agg.Count: CountForm("count"),
    agg.Sum: SumForm("sum"),
    agg.Total: TotalForm("sum"),
    agg.Average: AverageForm("sum", "count"),
    agg.Extreme: Form("min"),
    agg.Maximum: Form("max"),
}
"""The column form of each aggregate that has one, by its class."""
