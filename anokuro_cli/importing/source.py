"""The rows of a CSV or TSV file, wherever it is packed, with the number of bytes read so far.

flights.csv        the file itself
flights.csv.gz     one compressed stream
flights.csv.zip    an archive that holds exactly one file that is no folder
"""

from __future__ import annotations

import csv
import io
import os
import sys
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import IO, cast

from anokuro_cli.errors import ShellError
from engine.base.dataclass import dataclass

LARGEST_FIELD = 1 << 30  # one value may be as large as the engine takes


@dataclass(frozen=True, slots=True)
class Source:
    """A file to import. delimiter: one character. header: its first row names the columns."""

    path: str
    delimiter: str = ","
    header: bool = True

    @contextmanager
    def open(self) -> Iterator[Rows]:
        """The rows from the beginning; raises OSError, or ShellError where the file is none that can be read."""
        with _packed(self.path) as (raw, size):
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


@contextmanager
def _packed(path: str) -> Iterator[tuple[IO[bytes], int]]:
    """The bytes of the file inside `path`, and how many there will be (for .gz: compressed bytes, counted as those)."""
    if os.path.isdir(path):
        raise ShellError(f"{path} is a directory", "name a .csv, .tsv, .zip or .gz file")
    suffix = Path(path).suffix.lower()
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
