"""Where the column gear meets the row gear: a part of a plan runs in columns, and its rows come out as tuples or as batches.

Before anything has been given away, whatever goes wrong in columns sends the part to the row gear. Later that can only
happen to plans that give their batches as they read (`streams`): they give the rows of the row gear in the same order, so
the row gear goes on behind those already given.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from itertools import chain, islice
from typing import Any

from engine.sql.columns import arrow
from engine.sql.columns.batch import Batch
from engine.sql.compile_expr import Row, Runtime
from engine.sql.plan import Columnar, Filter, Limit, Plan, Project, Scan

REFUSED: deque[str] = deque(maxlen=100)
"""Why the last parts that had to be run again in the row gear had no column form after all."""
IMPORT_WORTH = 50_000
"""Rows a plan must touch before it pays to import pyarrow for it."""


class Batches:
    """An iterator of rows that has them as batches as long as nobody has asked for rows.

    `rows` is the iterator; `arrow` gives the batches that rows have not been taken from, as pyarrow.RecordBatches.
    """

    def __init__(self, batches: Iterator[Batch], rest: Callable[[int], Iterator[Row]], streams: bool):
        self._batches = batches
        self._rest = rest
        self._streams = streams
        self.given = 0
        self.first: Batch | None = None
        self._iterator = self._rows()

    def __iter__(self) -> Iterator[Row]:
        return self._iterator

    def __next__(self) -> Row:
        return next(self._iterator)

    def _rows(self) -> Iterator[Row]:
        while True:
            try:
                batch = next(self._batches, None)
            except arrow.failures() as error:
                REFUSED.append(repr(error))
                if self.given and not self._streams:
                    raise
                yield from self._rest(self.given)
                return
            if batch is None:
                return
            self.given += batch.rows
            yield from batch.to_rows()

    def close(self) -> None:
        """Let go of the plan."""
        self._iterator.close()  # type: ignore[attr-defined]
        close = getattr(self._batches, "close", None)
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
        arrow.load()
        try:
            columns = made.get("columns")
            if columns is None:
                from engine.sql.columns.evaluate import Evaluator
                from engine.sql.columns.operators import compile_columns

                columns = made["columns"] = compile_columns(plan.input, Evaluator(rt))
                rt.catch_up()
            batches = columns()
            if not flows:
                batches = iter(list(batches))
            else:
                first = next(batches, None)
                batches = iter(()) if first is None else chain((first,), batches)
        except arrow.failures() as error:
            REFUSED.append(repr(error))
            rt.memo.clear()
            return by_rows()
        return Batches(batches, by_rows, flows)  # type: ignore[return-value]

    return run


__all__ = ["Batches", "compile_columnar", "streams"]
