"""The rows of a CSV or TSV file, wherever it is packed, with the number of bytes read so far.

flights.csv        the file itself
flights.csv.gz     one compressed stream
flights.csv.zip    an archive that holds exactly one file that is no folder
a pipe, -          standard input, <(command): read once, into a temporary file, as types are looked for before rows are loaded
"""

from __future__ import annotations

import csv
import io
import os
import stat
import sys
import time
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import IO, cast

from anokuro_cli.errors import ShellError
from engine.base.dataclass import dataclass, replace

STANDARD_INPUT = "-"
PATIENCE_SECONDS = 0.05
CHUNK_BYTES = 1 << 16
LARGEST_FIELD = 1 << 30  # one value may be as large as the engine takes


@dataclass(frozen=True, slots=True)
class Source:
    """A file to import. delimiter: one character. header: its first row names the columns. copy: what a pipe gave."""

    path: str
    delimiter: str = ","
    header: bool = True
    copy: str | None = None

    @contextmanager
    def settled(self, look: Callable[[int], None]) -> Iterator[Source]:
        """The source, or one whose copy is there, where it can be read but once.

        look: called now and then with the bytes that have come; what it raises ends this. Raises OSError.
        """
        if self.path != STANDARD_INPUT and (os.path.isfile(self.path) or os.path.isdir(self.path)):
            yield self
            return
        import tempfile

        with tempfile.NamedTemporaryFile(prefix="anokuro-import-") as copy:
            _gather(self.path, copy, look)
            copy.flush()
            yield replace(self, copy=copy.name)

    @contextmanager
    def open(self) -> Iterator[Rows]:
        """The rows from the beginning; raises OSError, or ShellError where the file is none that can be read."""
        with _packed(self.path, self.copy or self.path) as (raw, size):
            text = io.TextIOWrapper(_Binary(raw), encoding="utf-8", newline="")
            csv.field_size_limit(min(LARGEST_FIELD, sys.maxsize))
            yield Rows(self, text, raw, size)


class Rows:
    """An iterator over batches of rows; `names` is the header, or c1, c2, ... where there is none."""

    def __init__(self, source: Source, text: io.TextIOWrapper, raw: IO[bytes], size: int):
        self._path, self._raw, self.size = source.path, raw, size
        self._reader = csv.reader(text, delimiter=source.delimiter, strict=True)
        self._held: list[list[str]] = []
        self.first_row = 1
        first = self._next()
        if first and first[0].startswith(
            "\ufeff"
        ):  # utf-8-sig would strip it, at three times the cost of everything else
            first[0] = first[0].removeprefix("\ufeff").strip('"')
        if first is None:
            raise ShellError(f"{source.path} is empty", "the first row must name the columns")
        if source.header:
            self.names = _distinct(first, source.path)
            self.first_row = 2
        else:
            self.names = [f"c{position}" for position in range(1, len(first) + 1)]
            self._held.append(first)

    def _next(self) -> list[str] | None:
        try:
            return next(self._reader, None)
        except (csv.Error, UnicodeDecodeError, zlib.error, EOFError) as error:
            raise self._damaged(error) from error

    def _damaged(self, error: Exception) -> ShellError:
        place = f"{self._path}, line {self._reader.line_num + 1}"
        if isinstance(error, UnicodeDecodeError):
            return ShellError(f"{place} or after: byte 0x{error.object[error.start]:02x} is not UTF-8 text")
        return ShellError(f"{place}: {error}")

    def batches(self, size: int) -> Iterator[tuple[int, list[list[str]]]]:
        """(number of the batch's first row, rows); rows are counted from 1, the header included. Blank lines are left out.

        Raises ShellError for a row that has not as many fields as there are columns.
        """
        number, width = self.first_row, len(self.names)
        reader, batch = self._reader, self._held
        self._held = []
        while True:
            try:
                taken = list(islice(reader, size - len(batch)))
            except (csv.Error, UnicodeDecodeError, zlib.error, EOFError) as error:
                raise self._damaged(error) from error
            if [] in taken:  # blank lines; in a file of one column they are empty values
                batch += [row for row in taken if row] if width > 1 else [row or [""] for row in taken]
            else:
                batch += taken
            if taken and len(batch) < size:
                continue
            if not batch:
                return
            if set(map(len, batch)) != {width}:
                self._refuse_ragged(number, batch, width)
            yield number, batch
            number += len(batch)
            batch = []

    def _refuse_ragged(self, number: int, batch: list[list[str]], width: int) -> None:
        for offset, row in enumerate(batch):
            if len(row) != width:
                raise ShellError(
                    f"{self._path}, row {number + offset}: {len(row)} fields, but there are {width} columns",
                    "every row must have as many fields as the header; a field with the delimiter in it must be quoted",
                )

    def position(self) -> int:
        """Bytes of the file as it lies on the disk (or, in an archive, of its member) that have been read."""
        try:
            return self._raw.tell()
        except (OSError, ValueError):
            return 0


class _Binary(io.BufferedReader):
    """Buffers a raw stream in large pieces, without closing it twice."""

    def __init__(self, raw: IO[bytes]):
        super().__init__(_Raw(raw), 1 << 18)


class _Raw(io.RawIOBase):
    def __init__(self, inner: IO[bytes]):
        self._inner = inner

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        data = self._inner.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)


def _gather(path: str, copy: IO[bytes], look: Callable[[int], None]) -> None:
    """All that a pipe gives. Neither opening it nor reading waits for longer than PATIENCE_SECONDS without a look."""
    import select

    handle = os.dup(0) if path == STANDARD_INPUT else os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    begun = path == STANDARD_INPUT
    gathered = 0
    try:
        while True:
            ready, _, _ = select.select([handle], [], [], PATIENCE_SECONDS)
            look(gathered)
            if not ready:
                continue
            try:
                data = os.read(handle, CHUNK_BYTES)
            except BlockingIOError:  # somebody has opened the pipe's other end, and not written yet
                begun = True
                continue
            if not data and (begun or not stat.S_ISFIFO(os.fstat(handle).st_mode)):
                return
            if not data:  # nobody has opened its other end yet
                time.sleep(PATIENCE_SECONDS)
                continue
            begun = True
            copy.write(data)
            gathered += len(data)
    finally:
        os.close(handle)


@contextmanager
def _packed(name: str, path: str) -> Iterator[tuple[IO[bytes], int]]:
    """The bytes of the file inside `path`, and how many there will be (for .gz: compressed bytes, counted as those). name: says how it is packed."""
    if os.path.isdir(path):
        raise ShellError(f"{path} is a directory", "name a .csv, .tsv, .zip or .gz file")
    suffix = Path(name).suffix.lower()
    if suffix == ".zip":
        with _zip_member(path) as opened:
            yield opened
    elif suffix == ".gz":
        import gzip

        with open(path, "rb") as compressed, gzip.GzipFile(fileobj=compressed) as stream:
            yield cast(IO[bytes], _Counted(stream, compressed)), os.path.getsize(path)
    else:
        with open(path, "rb") as plain:
            yield plain, os.path.getsize(path)


@contextmanager
def _zip_member(path: str) -> Iterator[tuple[IO[bytes], int]]:
    import zipfile

    try:
        with zipfile.ZipFile(path) as archive:
            members = [info for info in archive.infolist() if not info.is_dir()]
            if len(members) != 1:
                names = ", ".join(info.filename for info in members[:5])
                raise ShellError(f"{path} holds {len(members)} files, expected one", names or None)
            with archive.open(members[0]) as stream:
                yield stream, members[0].file_size
    except zipfile.BadZipFile as error:
        raise ShellError(f"{path} is not a zip archive, or a damaged one: {error}") from error
    except (NotImplementedError, RuntimeError) as error:
        raise ShellError(f"{path} cannot be unpacked: {error}") from error


class _Counted(io.RawIOBase):
    """A decompressing stream whose position is that of the compressed file."""

    def __init__(self, stream: io.BufferedIOBase, compressed: IO[bytes]):
        self._stream, self._compressed = stream, compressed

    def read(self, size: int = -1) -> bytes:
        return self._stream.read(size)

    def tell(self) -> int:
        return self._compressed.tell()


def _distinct(names: list[str], path: str) -> list[str]:
    seen: set[str] = set()
    for position, name in enumerate(names, 1):
        if not name.strip():
            raise ShellError(
                f"{path}: column {position} has no name in the header", "use --no-header if the first row is data"
            )
        if name.lower() in seen:
            raise ShellError(f"{path}: two columns are called {name!r}")
        seen.add(name.lower())
    return [name.strip() for name in names]


def guess_delimiter(path: str) -> str:
    """A tab for .tsv and .tab files (also packed ones), a comma otherwise."""
    name = path.lower().removesuffix(".gz").removesuffix(".zip")
    return "\t" if name.endswith((".tsv", ".tab")) else ","
