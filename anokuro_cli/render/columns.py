"""csv, tsv, json and jsonl from record batches: what the engine computed in columns becomes text without a Python object for any value.

    record batch --> engine.api.text.TextLines (compiled, without the GIL; several batches in threads) --> one run of bytes --> the stream

The text is that of the row writers (separated.py, documents.py), byte for byte; a test holds them together. What only Python spells well is spelled by their own functions. Only for
files and pipes: a terminal's text must be neutralised.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

from anokuro_cli.render.documents import to_json, unique_keys
from anokuro_cli.render.output import Output
from anokuro_cli.render.separated import csv_field, tsv_field

THREADS = 2


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
        self._json = format == "json"
        self._idle: list[Any] = []  # makers of text that no thread is using
        if format in ("json", "jsonl"):
            keys = unique_keys(columns)
            before = ["{" + keys[0], *("," + key for key in keys[1:])]
            self._arguments: tuple[Any, ...] = (
                "json",
                [text.encode() for text in before],
                b"},\n " if self._json else b"}\n",
                b"null",
                to_json,
            )
        else:
            mark, spell = (b",", csv_field) if format == "csv" else (b"\t", tsv_field)
            nothing = null.encode("utf-8", "surrogateescape")
            between = [b"", *[mark] * (len(columns) - 1)]
            self._arguments = (format, between, b"\n", nothing, lambda value: spell(value, null))

    def before(self, count: int) -> bytes:
        """What stands before a batch, when `count` rows have been written."""
        return (b",\n " if count else b"[") if self._json else b""

    def end(self, count: int) -> bytes:
        """What stands behind all rows."""
        return (b"]\n" if count else b"[]\n") if self._json else b""

    def text(self, batch: Any) -> Any:
        """The rows of a batch as one run of bytes; for any thread."""
        from engine.api.text import TextLines

        lines = self._idle.pop() if self._idle else TextLines(*self._arguments)
        text = lines.text(batch.columns, batch.num_rows)
        self._idle.append(lines)
        return memoryview(text)[:-3] if self._json else text  # what stands between two rows is not behind the last
