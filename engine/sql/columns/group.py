"""Grouping: keys as codes, then Acero's aggregates over the codes; groups come in the order of their first rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from engine.record.types import Type
from engine.sql import aggregates as agg
from engine.sql.columns import arrow
from engine.sql.columns.arrow import NoForm, kind_of, repeated, whole
from engine.sql.columns.batch import Batch, together
from engine.sql.columns.codes import Codes, encode, plain
from engine.sql.columns.spill import Spill
from engine.sql.expr import Aggregate
from engine.sql.kernels import EXACT, call, magnitude, null_for_nan, real
from engine.sql.plan import Group

if TYPE_CHECKING:
    from engine.sql.columns.evaluate import Evaluator

Make = Callable[["Work", Any], Callable[[], Any]]


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
        from pyarrow import acero  # type: ignore[import-untyped, import-not-found, unused-ignore]  # imports pandas where it is installed: 0.2 s

        names = [f"a{i}" for i in range(len(self._arrays))]
        table = arrow.pa.Table.from_arrays([*self._arrays, self.codes.codes], names=[*names, "key"])
        calls = [(name, f"hash_{kernel}", options, f"r{i}") for i, (name, kernel, options) in enumerate(self._calls)]
        source = acero.Declaration("table_source", acero.TableSourceNodeOptions(table))
        node = acero.Declaration("aggregate", acero.AggregateNodeOptions(calls, keys=["key"]), inputs=[source])
        made = node.to_table(use_threads=False)
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

    def keys_of(batch: Batch) -> list[Any]:
        return [ev.array(key, batch) for key in plan.keys]

    def run() -> Iterator[Batch]:
        if not plan.keys:
            yield from grouped(together(plan.input.columns, below()))
            return
        for batch in Spill(ev.rt, plan).grouped(plan.input.columns, below(), keys_of):
            yield from grouped(batch)

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


def _ask(aggregate: Aggregate, work: Work, ev: Evaluator, batch: Batch) -> Callable[[], Any]:
    form = FORMS.get(aggregate.function.implementation)
    if form is None or aggregate.order_by or len(aggregate.args) > 1:
        raise NoForm(aggregate.function.name)
    array = ev.array(aggregate.args[0], batch) if aggregate.args else repeated(arrow.scalar(True), batch.rows)
    if aggregate.filter is not None:
        mask = repeated(ev.condition(aggregate.filter, batch), batch.rows)
        array = call("if_else", call("coalesce", mask, arrow.scalar(False)), array, arrow.pa.scalar(None, array.type))
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
        return _count(work, array)
    number = work.ask(plain(array), "count_distinct", arrow.pc.CountOptions(mode="only_valid"))
    return lambda: work.get(number)


def _count(work: Work, array: Any) -> Callable[[], Any]:
    number = work.ask(array, "count", arrow.pc.CountOptions(mode="only_valid"))
    return lambda: work.get(number)


def _numbers(array: Any) -> Any:
    kind = kind_of(array)
    if kind is Type.BOOLEAN:
        return array.cast(arrow.TYPES[Type.INTEGER])
    if kind not in (Type.INTEGER, Type.REAL):
        raise NoForm("no numbers")
    return array


def _sum(work: Work, array: Any) -> Callable[[], Any]:
    if kind_of(array) is Type.NULL:
        return lambda: arrow.pa.nulls(work.groups)
    array = _numbers(array)
    is_real = kind_of(array) is Type.REAL
    if not is_real and magnitude(array) * max(work.rows, 1) >= 2**63:
        raise NoForm("a sum beyond 64 bits")
    number = work.ask(array, "sum")
    return lambda: null_for_nan(work.get(number)) if is_real else work.get(number)


def _total(work: Work, array: Any) -> Callable[[], Any]:
    found = _sum(work, array)
    return lambda: call("coalesce", real(found()), arrow.scalar(0.0))


def _average(work: Work, array: Any) -> Callable[[], Any]:
    if kind_of(array) is Type.NULL:
        return lambda: arrow.pa.nulls(work.groups, arrow.TYPES[Type.REAL])
    array = _numbers(array)
    most = magnitude(array) * max(work.rows, 1) if kind_of(array) is Type.INTEGER else 0
    if most >= 2**63:
        raise NoForm("a sum beyond 64 bits")
    total, count = work.ask(array, "sum"), work.ask(array, "count", arrow.pc.CountOptions(mode="only_valid"))
    if most > EXACT:
        return lambda: _quotients(work.get(total), work.get(count))
    return lambda: call("divide", real(work.get(total)), real(work.get(count)))


def _quotients(totals: Any, counts: Any) -> Any:
    """Integers divided as Python does it: to the nearest REAL, where to round both first would be less exact."""
    pairs = zip(totals.to_pylist(), counts.to_pylist(), strict=True)
    return arrow.array_of([total / count if count else None for total, count in pairs], Type.REAL)


def _extreme(kernel: str) -> Make:
    def form(work: Work, array: Any) -> Callable[[], Any]:
        if kind_of(array) is Type.NULL:
            return lambda: arrow.pa.nulls(work.groups)
        number = work.ask(array, kernel)
        return lambda: work.get(number)

    return form


FORMS: dict[Any, Make] = {
    agg.Count: _count,
    agg.Sum: _sum,
    agg.Total: _total,
    agg.Average: _average,
    agg.Extreme: _extreme("min"),
    agg.Maximum: _extreme("max"),
}
"""The column form of each aggregate that has one, by its class."""
