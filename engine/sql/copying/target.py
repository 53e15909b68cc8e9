"""The batches of a query into a file of any format."""

from __future__ import annotations

import datetime
import gzip
import json
import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import IO, Any

from engine.base.errors import NotSupportedError, ProgrammingError
from engine.record.types import text_of
from engine.sql.columns import arrow
from engine.sql.copying.options import CopyOptions
from engine.sql.result import Result

BATCH_ROWS = 16_384
_NEWLINE = "\n"


def write(result: Result, file: IO[bytes], options: CopyOptions, check: Callable[[], None]) -> int:
    """Write all rows; how many. check: called between batches. Raises NotSupportedError for what the format cannot hold."""
    if not result.columns:
        raise ProgrammingError("COPY: only what gives rows can be copied to a file")
    count = 0
    with _zipped(file, options.gzip) as out, _writer(result, out, options) as put:
        for arrays, rows in result.batches(BATCH_ROWS):
            check()
            put(arrays, rows)
            count += rows
    return count


@contextmanager
def _zipped(file: IO[bytes], zipped: bool) -> Iterator[IO[bytes]]:
    if not zipped:
        yield file
        return
    with gzip.GzipFile("", "wb", 6, file, 0) as packed:
        yield packed  # type: ignore[misc]


@contextmanager
def _writer(result: Result, out: IO[bytes], options: CopyOptions) -> Iterator[Callable[[list[Any], int], None]]:
    if options.is_text:
        lines = Lines(options)
        if options.header is not False:
            lines.header(result.columns, out)
        yield lambda arrays, rows: lines.write(arrays, rows, out)
    elif options.format == "jsonl":
        if len(set(result.columns)) < len(result.columns):
            raise ProgrammingError("COPY: two columns have the same name; name them with AS")
        yield lambda arrays, rows: _write_json(result.columns, arrays, out)
    else:
        with _column_writer(result, out, options.format) as put:
            yield put


# ------------------------------------------------------------------------------------------------------ CSV and TSV


class Lines:
    """CSV and TSV, made of whole arrays: a field is quoted where it must be, and where it would read as NULL."""

    def __init__(self, options: CopyOptions):
        self.options = options
        special = "".join("\\" + c if c in "\\]^-" else c for c in options.delimiter + options.quote)
        self._special = f"[{special}\r\n]"

    def header(self, names: tuple[str, ...], out: IO[bytes]) -> None:
        """Write the names of the columns."""
        arrow.load()
        self.write([arrow.pa.array([name], arrow.pa.string()) for name in names], 1, out)

    def write(self, arrays: list[Any], rows: int, out: IO[bytes]) -> None:
        """Write a line for each row."""
        pc = arrow.pc
        if not rows:
            return
        fields = [self._field(array) for array in arrays]
        mark = self.options.delimiter
        whole = fields[0] if len(fields) == 1 else pc.binary_join_element_wise(*fields, mark)
        whole = pc.binary_join_element_wise(whole, "", _NEWLINE)
        offsets, data = whole.buffers()[1:]
        ends = memoryview(offsets).cast("i")
        out.write(memoryview(data)[ends[whole.offset] : ends[whole.offset + len(whole)]])

    def _field(self, array: Any) -> Any:
        """The texts of a column, quoted."""
        pa, pc = arrow.pa, arrow.pc
        null, quote = self.options.null, self.options.quote
        texts = texts_of(array)
        if texts.null_count < len(texts) and array.type == pa.string():
            need = pc.or_(pc.match_substring_regex(texts, self._special), pc.equal(texts, null))
            if pc.any(need).as_py():
                if not quote:
                    raise NotSupportedError("COPY: a text must be quoted, and QUOTE is empty")
                quoted = pc.binary_join_element_wise(quote, pc.replace_substring(texts, quote, quote * 2), quote, "")
                texts = pc.if_else(need, quoted, texts)
        return pc.fill_null(texts, null) if texts.null_count else texts


def texts_of(array: Any) -> Any:
    """An array as texts that read back as the same values."""
    pa = arrow.pa
    if array.type == pa.string():
        return array
    if array.type in (pa.int64(), pa.date32(), pa.bool_()) or pa.types.is_null(array.type):
        return array.cast(pa.string())
    return pa.array([None if v is None else _text(v) for v in arrow.python_values(array)], pa.string())


def _text(value: Any) -> str:
    return f"x'{value.hex()}'" if type(value) is bytes else text_of(value)


# -------------------------------------------------------------------------------------------------------- JSON lines


def _write_json(names: tuple[str, ...], arrays: list[Any], out: IO[bytes]) -> None:
    """An object a line; moments and BLOBs as texts, as are the REALs that JSON has no words for."""
    columns = [list(map(_json_value, arrow.python_values(array))) for array in arrays]
    encode = json.JSONEncoder(ensure_ascii=False, check_circular=False).encode
    lines = [encode(dict(zip(names, row, strict=True))) for row in zip(*columns, strict=True)]
    out.write(("\n".join(lines) + "\n").encode() if lines else b"")


def _json_value(value: Any) -> Any:
    kind = type(value)
    if kind is float:
        return value if math.isfinite(value) else text_of(value)
    return _text(value) if kind in (bytes, datetime.date, datetime.datetime) else value


# -------------------------------------------------------------------------------------------------- Parquet and Arrow


@contextmanager
def _column_writer(result: Result, out: IO[bytes], format_: str) -> Iterator[Callable[[list[Any], int], None]]:
    """A file of columns; its schema is that of the first rows where the query does not say it."""
    pa = arrow.pa
    made: list[Any] = []

    def put(arrays: list[Any], rows: int) -> None:
        if not made:
            kinds = [arrow.TYPES.get(kind, a.type) for kind, a in zip(result.kinds, arrays, strict=True)]
            made.append(pa.schema([pa.field(n, k) for n, k in zip(result.columns, kinds, strict=True)]))
            made.append(_open(out, made[0], format_))
        schema, writer = made
        try:
            fitting = [a if a.type == f.type else a.cast(f.type) for a, f in zip(arrays, schema, strict=True)]
        except pa.ArrowException:
            raise NotSupportedError(f"COPY: a column holds values of several types, which {format_} cannot") from None
        writer.write_batch(pa.record_batch(fitting, schema=schema))

    try:
        yield put
        if not made:
            put([pa.nulls(0, arrow.TYPES.get(kind, pa.null())) for kind in result.kinds], 0)
    finally:
        if made:
            made[1].close()


def _open(out: IO[bytes], schema: Any, format_: str) -> Any:
    if format_ == "arrow":
        return arrow.pa.ipc.new_file(out, schema)
    import pyarrow.parquet  # type: ignore[import-untyped, import-not-found, unused-ignore]

    return pyarrow.parquet.ParquetWriter(out, schema)


__all__ = ["write"]
