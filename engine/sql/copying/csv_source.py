"""CSV and TSV files as batches of typed arrays.

    bytes --> pyarrow.csv, each column as its type                      as long as it agrees with INSERT about every value
          \\-> pyarrow.csv, all as text --> typed.from_texts             from the first batch on where it does not, or may not
                                          \\-> refused: file:line:column

Arrow reads numbers and moments much faster than anything else, but not everything INSERT takes ('1.0' for an INTEGER, ' yes ' for
a BOOLEAN, a zone), and some that INSERT refuses (0x1F, NaN, an integer beyond 2**53 for a REAL). The batch in which that
shows is read again as text, and all behind it. An unquoted field that reads as the NULL text is NULL; a quoted one is not.
"""

from __future__ import annotations

import csv
import io
import zlib
from collections.abc import Iterator
from typing import IO, Any

from engine.base.errors import DataError, LimitError
from engine.record.types import Type, parse_timestamp
from engine.sql.columns import arrow
from engine.sql.copying import typed
from engine.sql.copying.files import open_input, shown
from engine.sql.copying.options import CopyOptions
from engine.sql.copying.source import Field, Target

BLOCK = 1 << 20
"""Bytes parsed at a time; a batch has the rows of one block."""
LARGEST_BLOCK = 1 << 28
_TRUE = [w for word in ("true", "t", "yes", "on") for w in (word, word.upper(), word.title())] + ["1"]
_FALSE = [w for word in ("false", "f", "no", "off") for w in (word, word.upper(), word.title())] + ["0"]


class _Watched(io.RawIOBase):
    """The bytes of a file, whether there was anything like a hexadecimal number among them, and how many quotes."""

    def __init__(self, file: IO[bytes], quote: str):
        self._file = file
        self._last = b""
        self._quote = quote.encode()
        self.hexadecimal = False
        self.quotes = 0

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        data = self._file.read(size)
        if not self.hexadecimal and data:
            text = self._last + data
            self.hexadecimal = _has_hexadecimal(text, b"x") or _has_hexadecimal(text, b"X")
            self._last = data[-3:]
        if self._quote:
            self.quotes += data.count(self._quote)
        return data

    def close(self) -> None:
        self._file.close()
        super().close()


class CsvSource:
    """See the module. A Source of engine.sql.copying.source."""

    def __init__(self, path: str, options: CopyOptions, target: Target):
        self.path = path
        self.options = options
        self._block = BLOCK
        self._zoned: frozenset[int] = frozenset()
        first, sample = self._begin()
        self.width = len(first)
        self.header = self._has_header(first, target)
        if self.header and not target.listed and target.knows(first):
            self.fields = target.by_name(first, path)
        else:
            self.fields = target.in_order(self.width, path) if first else []
        if sample:
            moments = [field for field in self.fields if field.type is Type.TIMESTAMP and field.place < len(sample)]
            self._zoned = frozenset(field.place for field in moments if _has_zone(sample[field.place]))

    def _has_header(self, first: list[str], target: Target) -> bool:
        """Where nothing was said, a first line made of nothing but names of columns is a header."""
        if self.options.header is not None:
            return self.options.header
        return target.knows(first)

    def _begin(self) -> tuple[list[str], list[str]]:
        """The first two rows."""
        with self._open() as file:
            text = io.TextIOWrapper(io.BufferedReader(_Readable(file)), "utf-8-sig", "replace", newline="")
            rows = self._records(text)
            try:
                return next(rows, (0, []))[1], next(rows, (0, []))[1]
            except (csv.Error, OSError, EOFError, zlib.error) as error:
                raise DataError(f"{shown(self.path)}:1: {shown(str(error))}") from None

    def _open(self) -> IO[bytes]:
        file = open_input(self.path)
        if not self.options.gzip:
            return file
        import gzip

        return gzip.GzipFile(fileobj=file)  # type: ignore[return-value]

    def _records(self, text: Any) -> Iterator[tuple[int, list[str]]]:
        """(line, fields) of each row as Python's reader sees them."""
        options = self.options
        csv.field_size_limit(LARGEST_BLOCK)
        reader = csv.reader(
            text,
            delimiter=options.delimiter,
            quotechar=options.quote or None,
            quoting=csv.QUOTE_MINIMAL if options.quote else csv.QUOTE_NONE,
        )
        line = 1
        for row in reader:
            if row or getattr(self, "width", 2) == 1:
                yield line, row
            line = reader.line_num + 1

    # -------------------------------------------------------------------------------------------------- batches

    def batches(self) -> Iterator[tuple[int, int, list[Any]]]:
        """See Source."""
        if not self.width:
            return
        done = 0
        if not any(field.type is Type.BLOB for field in self.fields):
            for arrays in self._typed():
                rows = len(arrays[0])
                yield done, rows, arrays
                done += rows
            if self._complete:
                return
        yield from self._as_texts(done)

    def _typed(self) -> Iterator[list[Any]]:
        """Batches of which every value is what INSERT would make of it; ends at the first one that may not be."""
        self._complete = False
        types = {field.place: arrow.TYPES[field.type] for field in self.fields}
        types.update({place: arrow.pa.timestamp("us", "UTC") for place in self._zoned})
        whole = any(field.type is Type.INTEGER for field in self.fields)
        with self._open() as raw:
            watched = _Watched(raw, self.options.quote)
            try:
                for batch in self._reader(watched, types):
                    arrays = [batch.column(field.place) for field in self.fields]
                    if (whole and watched.hexadecimal) or any(map(typed.is_doubtful, arrays)):
                        return
                    arrays = [_naive(array) for array in arrays]
                    for array, field in zip(arrays, self.fields, strict=True):
                        typed.in_range(array, field.type)
                    if batch.num_rows:
                        yield arrays
                self._check_quotes(watched)
            except (arrow.pa.ArrowInvalid, typed.RefusedError):
                return
            except (OSError, EOFError, zlib.error) as error:
                raise DataError(f"{shown(self.path)}: {shown(str(error))}") from None
        self._complete = True

    def _as_texts(self, skip: int) -> Iterator[tuple[int, int, list[Any]]]:
        """Batches read as text and converted value by value, behind the first `skip` rows."""
        types = {place: arrow.pa.string() for place in range(self.width)}
        done = 0
        with self._open() as raw:
            watched = _Watched(raw, self.options.quote)
            try:
                for batch in self._reader(watched, types):
                    rows = batch.num_rows
                    start, done = done, done + rows
                    if done <= skip or not rows:
                        continue
                    if start < skip:
                        batch, start = batch.slice(skip - start), skip
                    yield start, batch.num_rows, [self._converted(batch, field, start) for field in self.fields]
                self._check_quotes(watched)
            except arrow.pa.ArrowInvalid as error:
                if "straddling" in str(error) and self._block < LARGEST_BLOCK:
                    self._block *= 16
                    yield from self._as_texts(max(skip, done))
                    return
                raise self._diagnosed(error) from None
            except (OSError, EOFError, zlib.error) as error:
                raise DataError(f"{shown(self.path)}: {shown(str(error))}") from None

    def _converted(self, batch: Any, field: Field, start: int) -> Any:
        try:
            return typed.from_texts(batch.column(field.place), field.type)
        except typed.RefusedError as error:
            raise DataError(f"{self.place(start + error.row)}:{shown(field.name)}: {shown(error.reason)}") from None

    def _reader(self, file: Any, types: dict[int, Any]) -> Iterator[Any]:
        """The batches of pyarrow's reader."""
        from pyarrow import csv as parser  # type: ignore[import-untyped, import-not-found, unused-ignore]

        options = self.options
        names = [f"c{place}" for place in range(self.width)]
        reader = parser.open_csv(
            arrow.pa.PythonFile(file, "r"),
            parser.ReadOptions(
                use_threads=False, block_size=self._block, column_names=names, skip_rows_after_names=int(self.header)
            ),
            parser.ParseOptions(
                delimiter=options.delimiter,
                quote_char=options.quote or False,
                newlines_in_values=bool(options.quote),
                ignore_empty_lines=self.width > 1,
            ),
            parser.ConvertOptions(
                column_types={names[place]: kind for place, kind in types.items()},
                null_values=[options.null],
                strings_can_be_null=True,
                quoted_strings_can_be_null=False,
                true_values=_TRUE,
                false_values=_FALSE,
            ),
        )
        with reader:
            yield from reader

    # --------------------------------------------------------------------------------------------------- places

    def place(self, row: int) -> str:
        """See Source. Reads the file up to that row."""
        return f"{shown(self.path)}:{self._line(row)}"

    def _line(self, row: int) -> int:
        wanted = row + int(self.header)
        with self._open() as file:
            text = io.TextIOWrapper(io.BufferedReader(_Readable(file)), "utf-8-sig", "replace", newline="")
            for number, (line, _) in enumerate(self._records(text)):
                if number == wanted:
                    return line
        return 0

    def _check_quotes(self, watched: _Watched) -> None:
        """Refuses a quote that is never closed, which Arrow takes to be closed at the end of the file."""
        if watched.quotes % 2 == 0:
            return
        with self._open() as file:
            text = io.TextIOWrapper(io.BufferedReader(_Readable(file)), "utf-8-sig", "replace", newline="")
            line, last = 1, [""]
            for record in self._records(text):
                line, last = record
        if last[-1].endswith(("\n", "\r")):
            raise DataError(f"{shown(self.path)}:{line}: a quote is never closed")

    def _diagnosed(self, error: Exception) -> DataError:
        """Why the file cannot be parsed, with the line."""
        line, name = 1, shown(self.path)
        if "straddling" in str(error):
            return LimitError(f"{name}: a row is longer than {LARGEST_BLOCK:,} bytes, or a quote is never closed")
        with self._open() as file:
            text = io.TextIOWrapper(io.BufferedReader(_Readable(file)), "utf-8-sig", "surrogateescape", newline="")
            try:
                for line, row in self._records(text):
                    if len(row) != self.width:
                        return DataError(f"{name}:{line}: {len(row)} fields, but there are {self.width} columns")
                    for field in row:
                        if not field.isascii() and any("\udc80" <= c <= "\udcff" for c in field):
                            return DataError(f"{name}:{line}: the text is not UTF-8")
            except csv.Error as wrong:
                return DataError(f"{name}:{line}: {shown(str(wrong))}")
        return DataError(f"{name}: {shown(str(error))}")

    def close(self) -> None:
        """See Source; nothing is open between batches."""


def _has_hexadecimal(data: bytes, mark: bytes) -> bool:
    """Whether there is something like 0x at the beginning of a field."""
    if mark not in data:  # one byte is found much faster than two
        return False
    wanted = b"0" + mark
    at = data.find(wanted)
    while at >= 0:
        if at == 0 or not chr(data[at - 1]).isalnum():
            return True
        at = data.find(wanted, at + 2)
    return False


class _Readable(io.RawIOBase):
    """A file that is closed by its owner alone."""

    def __init__(self, file: IO[bytes]):
        self._file = file

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        data = self._file.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)


def _has_zone(text: str) -> bool:
    """Whether a moment is written with a zone: Arrow reads a column either with or without."""
    return len(text) > 16 and parse_timestamp(text) is not None and (text[-1] in "Zz" or text[-6:-5] in ("+", "-"))


def _naive(array: Any) -> Any:
    """Moments with the zone UTC as such without one, which are the same numbers."""
    kind = array.type
    return array.cast(arrow.TYPES[Type.TIMESTAMP]) if arrow.pa.types.is_timestamp(kind) and kind.tz else array
