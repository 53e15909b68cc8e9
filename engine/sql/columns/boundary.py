"""Where the column gear meets the row gear: a part of a plan runs in columns, and its rows come out as tuples or as batches.

Before anything has been given away, whatever goes wrong in columns sends the part to the row gear. Later that can only
happen to plans that give their batches as they read (`streams`): they give the rows of the row gear in the same order, so
the row gear goes on behind those already given.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any

from engine.base.errors import LimitError
from engine.sql.columns import arrow
from engine.sql.columns.batch import Batch
from engine.sql.columns.watch import imported, watching
from engine.sql.compile_expr import Row, Runtime, compile_expr
from engine.sql.expr import Call, Param, walk
from engine.sql.plan import Columnar, Filter, Limit, Plan, Project, Scan, exprs, inputs

REFUSED: deque[str] = deque(maxlen=100)
"""Why the last parts that had to be run again in the row gear had no column form after all."""
PORTION = 16_384
"""Rows made into tuples at a time."""
IMPORT_WORTH = 50_000
"""Rows a plan must touch before it pays to import pyarrow for it."""


class Batches:
    """An iterator of rows that has them as batches as long as nobody has asked for rows.

    rest(n): the rows of the row gear behind the first n. streams: whether those come in the same order. check: raises
    where the statement was cancelled.
    """

    def __init__(
        self,
        batches: Iterator[Batch],
        rest: Callable[[int], Iterator[Row]],
        streams: bool,
        check: Callable[[], None] = lambda: None,
    ):
        self._check = check
        self._batches: Iterator[Batch] | None = batches
        self._rest = rest
        self._streams = streams
        self._ready: list[Batch] = []
        self._tail: Iterator[Row] | None = None
        self.total = 0
        self.most: tuple[int, Callable[[int], Exception]] | None = None  # rows that may be given, and the error beyond
        self._iterator = self._rows()
        self.touched = False
        """Whether rows were taken, so that the batches are no longer whole."""

    def __iter__(self) -> Iterator[Row]:
        self.touched = True
        return self._iterator

    def __next__(self) -> Row:
        self.touched = True
        return next(self._iterator)

    def prefetch(self, rows: int) -> bool:
        """Compute the first batches, `rows` rows at least; whether these are all, so that nothing is read any more."""
        while self.total < rows and self._next():
            pass
        return self._batches is None and self._tail is None

    def _next(self) -> bool:
        """Compute one more batch; where that fails, the row gear has the rest."""
        if self._batches is None:
            return False
        try:
            with watching(self._check):
                batch = next(self._batches, None)
        except arrow.failures() as error:
            REFUSED.append(repr(error))
            if self.total and not self._streams:
                raise
            self._batches = None
            self._tail = self._rest(self.total)
            return False
        if batch is None:
            self._batches = None
            return False
        self.total += batch.rows
        if self.most is not None and self.total > self.most[0]:
            raise self.most[1](self.most[0])
        self._ready.append(batch)
        return True

    def _rows(self) -> Iterator[Row]:
        while self._ready or self._next():
            batch = self._ready.pop(0)
            for start in range(0, batch.rows, PORTION):
                self._check()
                yield from batch.slice(start, PORTION).to_rows()
        if self._tail is not None:
            yield from self._tail if self.most is None else self._guarded(self._tail, *self.most)

    def _guarded(self, rows: Iterator[Row], limit: int, error: Callable[[int], Exception]) -> Iterator[Row]:
        for count, row in enumerate(rows, self.total + 1):
            if count > limit:
                raise error(limit)
            yield row

    def whole(self) -> tuple[list[Batch], Iterator[Row] | None]:
        """All batches, and the rows behind them where columns had no form for the rest."""
        while self._next():
            pass
        self.touched = True
        return self._ready, self._tail

    def each(self) -> Iterator[Batch]:
        """The batches one by one, as they are computed; `tail` has what comes behind them."""
        self.touched = True
        while self._ready or self._next():
            yield self._ready.pop(0)

    @property
    def tail(self) -> Iterator[Row] | None:
        """The rows behind the batches, where columns had no form for the rest."""
        return self._tail

    def close(self) -> None:
        """Let go of the plan."""
        self._iterator.close()  # type: ignore[attr-defined]
        close = getattr(self._batches, "close", None)
        self._batches = None
        if close is not None:
            close()


def streams(plan: Plan) -> bool:
    """Whether a plan gives its first batches before it has read everything, in the order of the rows."""
    while isinstance(plan, (Filter, Project, Limit, Columnar)):
        plan = plan.input
    return isinstance(plan, Scan)


def compile_columnar(plan: Columnar, rt: Runtime) -> Callable[[], Iterator[Row]]:
    """The function that gives the rows of a part that runs in columns."""
    from engine.sql.execute import compile_plan

    made: dict[str, Any] = {}
    _hoist(plan.input, rt)
    flows = streams(plan.input)

    def by_rows(skip: int = 0) -> Iterator[Row]:
        run = made.get("rows")
        if run is None:
            run = made["rows"] = compile_plan(plan.input, rt)
            rt.catch_up()
        return islice(run(), skip, None) if skip else run()

    def run() -> Iterator[Row]:
        if plan.read < IMPORT_WORTH and not arrow.is_loaded() and not rt.forced:
            return by_rows()
        if not arrow.is_ready():
            with watching(rt.check):
                imported(arrow.load)
        try:
            columns = made.get("columns")
            if columns is None:
                from engine.sql.columns.evaluate import Evaluator
                from engine.sql.columns.operators import compile_columns

                columns = made["columns"] = compile_columns(plan.input, Evaluator(rt))
                rt.catch_up()
            batches = columns()
            if not flows:
                with watching(rt.check):
                    batches = _computed(batches, rt.session.shared.query_memory)
        except arrow.failures() as error:
            REFUSED.append(repr(error))
            rt.memo.clear()
            return by_rows()
        return Batches(batches, by_rows, flows, rt.check)

    return run


def _computed(batches: Iterator[Batch], limit: int) -> Iterator[Batch]:
    """All batches, computed, so that whatever goes wrong goes wrong now; those beyond the limit only when they are asked for."""
    held: deque[Batch] = deque()
    size = 0
    for batch in batches:
        held.append(batch)
        size += sum(array.nbytes for array in batch.arrays)
        if size > limit:
            break
    return _rest(held, batches)


def _rest(held: deque[Batch], batches: Iterator[Batch]) -> Iterator[Batch]:
    while held:
        yield held.popleft()
    try:
        yield from batches
    except arrow.failures() as error:
        raise LimitError(f"the query has no form in columns ({error}), and is beyond query_memory for rows") from None


def _hoist(plan: Plan, rt: Runtime) -> None:
    """What parameters alone decide is computed when they are bound, so that its errors come as in the row gear."""
    for expr in exprs(plan):
        for part in walk(expr):
            if isinstance(part, Call) and len(part.args) == 1 and isinstance(part.args[0], Param):
                compile_expr(part, {}, rt)
    for node in inputs(plan):
        _hoist(node, rt)


__all__ = ["Batches", "compile_columnar", "streams"]
