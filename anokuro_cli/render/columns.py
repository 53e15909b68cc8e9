"""csv, tsv, json and jsonl from record batches: what the engine computed in columns becomes text in columns, without a Python object for any value.

    column --> text of each value (pyarrow's kernels) --+--> joined with what stands between --> one buffer --> the stream
    column --> text of each value ----------------------+

The text is that of the row writers (separated.py, documents.py), byte for byte; a test holds them together. Where a kernel spells a value otherwise, as it does large and small REALs
and whatever needs escapes, the column of that batch is spelled by the row writers' own functions. Only for files and pipes: a terminal's text must be neutralised.
"""

from __future__ import annotations

import struct
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

from anokuro_cli.render.documents import to_json, unique_keys
from anokuro_cli.render.output import Output
from anokuro_cli.render.separated import csv_field, tsv_field

# what the row writers escape: a text with none of it is written as it is
_SPECIAL = {
    "csv": r'[,"\r\n]|^$',
    "tsv": r"[\\\t\n\r]",
    "json": r'["\\\x00-\x1f\x7f-\x{9f}\x{ad}\x{61c}\x{180e}\x{200b}\x{200e}\x{200f}\x{2028}-\x{202e}\x{2060}-\x{206f}\x{feff}\x{fff9}-\x{fffb}\x{e0000}-\x{e007f}]',
}
_SUSPICIOUS = {"csv": b',"\r\n', "tsv": b"\\\t\r\n", "json": bytes([*range(0x20), 0x22, 0x5C, *range(0x7F, 0x100)])}
_SUSPICIOUS["jsonl"] = _SUSPICIOUS["json"]
_SPECIAL["jsonl"] = _SPECIAL["json"]
THREADS = 2
_PLAIN_FROM, _PLAIN_BELOW = 1e-4, 1e10  # REALs that Arrow spells as Python does, but for ".0"


def write_columns(
    format: str, columns: Sequence[str], source: Iterable[Any], output: Output, headers: bool, null: str | None
) -> int:
    """Writes record batches; returns the number of rows."""
    write = _bytes_writer(output)
    if format in ("csv", "tsv") and headers:
        field: Callable[[Any, str], str] = csv_field if format == "csv" else tsv_field
        mark = "," if format == "csv" else "\t"
        write((mark.join(field(name, "") for name in columns) + "\n").encode("utf-8", "surrogateescape"))
    pieces = _Pieces(format, columns, null or "")
    count = 0
    for rows, text in _texts(pieces, source):
        write(pieces.before(count))
        write(text)
        if not count:
            output.flush()  # the first rows are small and go out at once
        count += rows
    write(pieces.end(count))
    output.flush()
    return count


def _texts(pieces: _Pieces, source: Iterable[Any]) -> Iterator[tuple[int, Any]]:
    """(rows, text) of each batch in order. The kernels work without the GIL: while one batch is written, the next ones become text in threads."""
    waiting: deque[tuple[int, Future[Any]]] = deque()
    with ThreadPoolExecutor(THREADS, "columns") as threads:
        try:
            for batch in source:
                if batch.num_rows:
                    waiting.append((batch.num_rows, threads.submit(pieces.text, batch)))
                if len(waiting) > THREADS or (waiting and waiting[0][1].done()):
                    rows, text = waiting.popleft()
                    yield rows, text.result()
            while waiting:
                rows, text = waiting.popleft()
                yield rows, text.result()
        finally:
            for _, text in waiting:
                text.cancel()


def _bytes_writer(output: Output) -> Callable[[Any], object]:
    """What writes bytes to an output: the binary stream below its text, where there is one."""
    output.flush()
    raw = getattr(output.stream, "buffer", None)
    if raw is not None:
        write: Callable[[Any], object] = raw.write
        return write
    return lambda data: output.write(bytes(data).decode("utf-8", "surrogateescape"))


class _Pieces:
    """What stands between the values of one format."""

    def __init__(self, format: str, columns: Sequence[str], null: str):
        import pyarrow.compute  # type: ignore[import-untyped, import-not-found, unused-ignore]

        self.format, self.pc, self.pa = format, pyarrow.compute, pyarrow
        document = format in ("json", "jsonl")
        self.null = "null" if document else null
        if document:
            keys = unique_keys(columns)
            self.first, self.between = "{" + keys[0], [f",{key}" for key in keys[1:]]
        self.separator = {"csv": ",", "tsv": "\t"}.get(format, "")
        self.row_end = ",\n " if format == "json" else "\n"

    def before(self, count: int) -> bytes:
        """What stands before a batch, when `count` rows have been written."""
        if self.format == "json":
            return b"[" if count == 0 else b",\n "
        return b""

    def end(self, count: int) -> bytes:
        """What stands behind all rows."""
        if self.format == "json":
            return b"]\n" if count else b"[]\n"
        return b""

    def text(self, batch: Any) -> Any:
        """The rows of a batch as one run of bytes."""
        if self.separator:
            return self._ended(self.pc.binary_join_element_wise(*map(self._column, batch.columns), self.separator))
        parts: list[Any] = [self.first]
        for place, array in enumerate(batch.columns):
            if place:
                parts.append(self.between[place - 1])
            parts.append(self._column(array))
        return self._ended(self.pc.binary_join_element_wise(*parts, "}", ""))

    def _ended(self, lines: Any) -> Any:
        """Lines as one run of bytes."""
        whole = self.pa.ListArray.from_arrays(self.pa.array([0, len(lines)], self.pa.int32()), lines)
        joined = self.pc.binary_join(whole, self.row_end)
        data = memoryview(joined.buffers()[2])
        return data if self.format == "json" else bytes(data) + b"\n"

    def _column(self, array: Any) -> Any:
        """One column's values as texts; NULL as its text."""
        text = self._kernel(array)
        if text is None:
            return self.pa.array([self._spelled(value) for value in array.to_pylist()], self.pa.string())
        return self.pc.fill_null(text, self.null) if array.null_count else text

    def _kernel(self, array: Any) -> Any:
        """The texts as pyarrow spells them, NULL left; None where it spells some value otherwise than the row writers."""
        types, kind = self.pa.types, array.type
        if types.is_integer(kind) or types.is_boolean(kind):
            return self.pc.cast(array, self.pa.string())
        if types.is_date32(kind):
            return self._quoted(self.pc.cast(array, self.pa.string()))
        if types.is_floating(kind):
            return self._reals(array)
        if types.is_string(kind) or types.is_large_string(kind):
            array = array.cast(self.pa.string())
            return None if self._has_special(array) else self._quoted(array)
        return None if not types.is_null(kind) else self.pa.array([self.null] * len(array), self.pa.string())

    def _has_special(self, array: Any) -> bool:
        """Whether any text needs escapes. A look at all bytes at once says no to nearly every column; a regular expression says it exactly."""
        first, last = (
            struct.unpack_from("<i", array.buffers()[1], 4 * place)[0]
            for place in (array.offset, array.offset + len(array))
        )
        data = bytes(memoryview(array.buffers()[2])[first:last]) if last > first else b""
        suspicious = len(data.translate(None, _SUSPICIOUS[self.format])) != len(data)
        if self.format == "csv" and not suspicious:  # the empty text is in quotes
            suspicious = self.pc.min(self.pc.binary_length(array)).as_py() == 0
        return suspicious and bool(self.pc.any(self.pc.match_substring_regex(array, _SPECIAL[self.format])).as_py())

    def _quoted(self, text: Any) -> Any:
        return self.pc.binary_join_element_wise('"', text, '"', "") if self.format in ("json", "jsonl") else text

    def _reals(self, array: Any) -> Any:
        pc = self.pc
        size = pc.abs(array)
        plain = pc.or_(pc.and_(pc.greater_equal(size, _PLAIN_FROM), pc.less(size, _PLAIN_BELOW)), pc.equal(size, 0.0))
        if not pc.all(plain).as_py() and pc.any(pc.invert(plain)).as_py():
            return None
        text = pc.cast(array, self.pa.string())
        whole = pc.equal(pc.floor(array), array)
        if not pc.any(whole).as_py():
            return text
        return pc.if_else(whole, pc.binary_join_element_wise(text, ".0", ""), text)

    def _spelled(self, value: Any) -> str:
        """A value as the row writers spell it."""
        if self.format in ("json", "jsonl"):
            return to_json(value)
        return csv_field(value, self.null) if self.format == "csv" else tsv_field(value, self.null)
