"""Results as tables of other libraries: pyarrow, pandas, polars."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import TYPE_CHECKING, Any

from engine.base.errors import NotSupportedError
from engine.record.types import Type, text_of
from engine.sql.columns import arrow
from engine.sql.columns.boundary import Batches

if TYPE_CHECKING:
    from engine.sql.result import Result, Row

TAIL_ROWS = 4096


def to_arrow(result: Result) -> Any:
    """See Result.to_arrow."""
    if not arrow.available():
        raise NotSupportedError("to_arrow needs pyarrow: pip install pyarrow")
    arrow.load()
    source = result.source
    if not isinstance(source, Batches) or source.touched:
        return _table(result, [_rows_batch(result, result.fetchall())])
    try:
        batches, tail = source.whole()
        parts = [batch.arrays for batch in batches]
        if tail is not None:
            parts.append(_rows_batch(result, list(tail)))
    except BaseException:
        result.end(False)
        raise
    result.end(True)
    return _table(result, parts)


def arrow_batches(result: Result) -> Iterator[Any] | None:
    """See Result.arrow_batches."""
    source = result.source
    if not isinstance(source, Batches) or source.touched or not _is_typed(result):
        return None
    return _each_batch(result, source)


def _each_batch(result: Result, source: Batches) -> Iterator[Any]:
    try:
        for batch in source.each():
            yield from _table(result, [batch.arrays]).to_batches()
        tail = source.tail or iter(())
        while rows := list(islice(tail, TAIL_ROWS)):
            yield from _table(result, [_rows_batch(result, rows)]).to_batches()
    except GeneratorExit:
        result.close()
        raise
    except BaseException:
        result.end(False)
        raise
    result.end(True)


def batches(result: Result, size: int) -> Iterator[tuple[list[Any], int]]:
    """See Result.batches."""
    arrow.load()
    source = result.source
    if isinstance(source, Batches) and not source.touched:
        try:
            for batch in source.each():
                for start in range(0, batch.rows, size):
                    part = batch.slice(start, size)
                    yield part.arrays, part.rows
        except BaseException:
            result.end(False)
            raise
    while rows := result.fetchmany(size):
        yield _mixed_batch(result, rows), len(rows)
    result.end(True)


def _mixed_batch(result: Result, rows: list[Row]) -> list[Any]:
    """Rows as arrays; columns of several types as text."""
    try:
        return _rows_batch(result, rows)
    except NotSupportedError:
        kinds = [{type(row[i]) for row in rows} - {type(None)} for i in range(len(result.kinds))]
        mixed = {i for i, found in enumerate(kinds) if len(found) > 1}
        rows = [tuple([text_of(v) if i in mixed and v is not None else v for i, v in enumerate(row)]) for row in rows]
        return [arrow.array_of([row[i] for row in rows], kind) for i, kind in enumerate(result.kinds)]


def _rows_batch(result: Result, rows: list[Row]) -> list[Any]:
    """Rows as arrays."""
    arrays = []
    for i, kind in enumerate(result.kinds):
        values = [row[i] for row in rows]
        if kind is Type.REAL:
            values = [None if value is None else float(value) for value in values]
        try:
            arrays.append(arrow.array_of(values, kind))
        except arrow.NoForm:
            raise NotSupportedError(f"column {result.columns[i]} holds values of several types") from None
    return arrays


def _table(result: Result, parts: list[list[Any]]) -> Any:
    pa = arrow.pa
    columns = []
    for i, kind in enumerate(result.kinds):
        arrays = [part[i] for part in parts]
        wanted = arrow.TYPES.get(kind)
        found = {array.type for array in arrays} - {pa.null()}
        if wanted is None:
            wanted = found.pop() if len(found) == 1 else pa.null()
        try:
            columns.append(pa.chunked_array([a if a.type == wanted else a.cast(wanted) for a in arrays], wanted))
        except pa.ArrowException:
            raise NotSupportedError(f"column {result.columns[i]} holds values of several types") from None
    return pa.Table.from_arrays(columns, names=list(result.columns))


def to_pandas(result: Result) -> Any:
    """See Result.to_pandas."""
    try:
        import pandas as pd  # type: ignore[import-untyped, import-not-found, unused-ignore]
    except ImportError:
        raise NotSupportedError("to_pandas needs pandas: pip install pandas") from None
    if _is_typed(result):
        return result.to_arrow().to_pandas()
    return pd.DataFrame.from_records(result.fetchall(), columns=list(result.columns))


def to_polars(result: Result) -> Any:
    """See Result.to_polars."""
    try:
        import polars as pl  # type: ignore[import-not-found, unused-ignore]
    except ImportError:
        raise NotSupportedError("to_polars needs polars: pip install polars") from None
    if _is_typed(result) and len(set(result.columns)) == len(result.columns):
        return pl.from_arrow(result.to_arrow())
    rows = result.fetchall()
    return pl.DataFrame(rows, schema=list(result.columns), orient="row", infer_schema_length=None)


def _is_typed(result: Result) -> bool:
    """Whether all columns have one type each, so that they can leave as Arrow arrays."""
    return arrow.available() and Type.ANY not in result.kinds
