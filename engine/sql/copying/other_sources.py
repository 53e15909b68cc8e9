"""JSON lines, Parquet and Arrow files as batches of typed arrays."""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterator
from typing import IO, Any

from engine.base.errors import DataError
from engine.record.types import Type
from engine.sql.columns import arrow
from engine.sql.copying import typed
from engine.sql.copying.files import open_input, shown
from engine.sql.copying.options import CopyOptions
from engine.sql.copying.source import Field, Source, Target

BATCH_ROWS = 8192
LONGEST_LINE = 1 << 28


class JsonSource:
    """An object a line: its keys are columns. A column that a line does not have is NULL; one the first line does not have either, its DEFAULT."""

    def __init__(self, path: str, options: CopyOptions, target: Target):
        self.path = path
        self.options = options
        self._target = target
        with self._open() as file:
            first = next(self._objects(file), None)
        self.fields = [] if first is None else target.by_name(list(first[2]), path)
        if first is not None and target.listed:
            named = {field.position for field in self.fields}
            self.fields += [Field(*column, -1) for column in target.columns if column[2] not in named]

    def _open(self) -> IO[bytes]:
        file = open_input(self.path)
        if not self.options.gzip:
            import io

            return io.BufferedReader(file, 1 << 20)  # type: ignore[type-var]
        import gzip

        return gzip.GzipFile(fileobj=file)  # type: ignore[return-value]

    def _objects(self, file: IO[bytes]) -> Iterator[tuple[int, int, dict[str, Any]]]:
        """(row, line, object)."""
        row = line = 0
        name = shown(self.path)
        while True:
            try:
                data = file.readline(LONGEST_LINE)
            except (OSError, EOFError, zlib.error) as error:
                raise DataError(f"{name}:{line + 1}: {shown(str(error))}") from None
            if not data:
                return
            line += 1
            if data.isspace():
                continue
            try:
                found = json.loads(data, parse_constant=_no_constant)
            except (ValueError, RecursionError) as error:
                raise DataError(f"{name}:{line}: no JSON: {shown(str(error))}") from None
            if not isinstance(found, dict):
                raise DataError(f"{name}:{line}: every line must be a JSON object")
            yield row, line, found
            row += 1

    def batches(self) -> Iterator[tuple[int, int, list[Any]]]:
        """See Source."""
        with self._open() as file:
            held: list[dict[str, Any]] = []
            lines: list[int] = []
            first = 0
            for row, line, found in self._objects(file):
                held.append(found)
                lines.append(line)
                if len(held) == BATCH_ROWS:
                    yield first, len(held), self._arrays(held, lines)
                    held, lines, first = [], [], row + 1
            if held:
                yield first, len(held), self._arrays(held, lines)

    def _arrays(self, objects: list[dict[str, Any]], lines: list[int]) -> list[Any]:
        names = list(objects[0])
        places = [self._place_of(name, lines[0]) for name in names]
        if all(list(found) == names for found in objects):  # as a rule; columns are then taken apart at once
            columns: list[Any] = [[None] * len(objects) for _ in self.fields]
            for place, values in zip(places, zip(*(found.values() for found in objects), strict=True), strict=True):
                columns[place] = values
        else:
            columns = self._scattered(objects, lines)
        for place, values in enumerate(columns):
            if not {dict, list}.isdisjoint(set(map(type, values))):
                columns[place] = self._nested(values, lines, place)
        arrays = []
        for place, field in enumerate(self.fields):
            try:
                arrays.append(typed.from_values(columns[place], field.type))
            except typed.RefusedError as error:
                raise self._refused(lines[error.row], place, error.reason) from None
        return arrays

    def _place_of(self, name: str, line: int) -> int:
        wanted = name.strip().lower()
        for place, field in enumerate(self.fields):
            if field.name.lower() == wanted:
                return place
        raise DataError(f"{shown(self.path)}:{line}: {shown(name)} is none of the first line's columns")

    def _scattered(self, objects: list[dict[str, Any]], lines: list[int]) -> list[Any]:
        """The columns of objects that do not all have the same keys in the same order."""
        columns: list[Any] = [[None] * len(objects) for _ in self.fields]
        spelled: dict[str, list[Any]] = {}
        for row, found in enumerate(objects):
            for key, value in found.items():
                if key not in spelled:
                    spelled[key] = columns[self._place_of(key, lines[row])]
                spelled[key][row] = value
        return columns

    def _nested(self, values: Any, lines: list[int], place: int) -> list[Any]:
        """Objects and arrays as their text, which only a TEXT column takes."""
        found = list(values)
        for row, value in enumerate(found):
            if type(value) in (dict, list):
                if self.fields[place].type is not Type.TEXT:
                    raise self._refused(lines[row], place, "a JSON object or array is only for a TEXT column")
                found[row] = json.dumps(value, ensure_ascii=False)
        return found

    def _refused(self, line: int, place: int, reason: str) -> DataError:
        return DataError(f"{shown(self.path)}:{line}:{shown(self.fields[place].name)}: {shown(reason)}")

    def place(self, row: int) -> str:
        """See Source. Reads the file up to that row."""
        with self._open() as file:
            for number, line, _ in self._objects(file):
                if number == row:
                    return f"{shown(self.path)}:{line}"
        return shown(self.path)

    def close(self) -> None:
        """See Source; nothing is open between batches."""


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is no JSON")


class ColumnSource:
    """A Parquet or Arrow file; its rows are counted from 1, as it has no lines."""

    def __init__(self, path: str, options: CopyOptions, target: Target):
        self.path = path
        self._parquet = options.format == "parquet"
        self._file = open_input(path)
        try:
            self._opened = self._open()
            names = list(self._opened.schema_arrow.names if self._parquet else self._opened.schema.names)
            self.fields = target.in_order(len(names), path) if target.listed else target.by_name(names, path)
        except BaseException as error:
            self._file.close()
            if arrow.pa is not None and isinstance(error, (arrow.pa.ArrowException, OSError)):
                raise DataError(f"{shown(path)}: {shown(str(error))}") from None
            raise

    def _open(self) -> Any:
        pa = arrow.pa
        self._file.seek(0)
        if self._parquet:
            import pyarrow.parquet  # type: ignore[import-untyped, import-not-found, unused-ignore]

            return pyarrow.parquet.ParquetFile(self._file)
        magic = self._file.read(6)
        self._file.seek(0)
        return pa.ipc.open_file(self._file) if magic == b"ARROW1" else pa.ipc.open_stream(self._file)

    def _record_batches(self) -> Iterator[Any]:
        opened = self._open()
        if self._parquet:
            yield from opened.iter_batches(BATCH_ROWS)
        elif hasattr(opened, "get_batch"):
            for number in range(opened.num_record_batches):
                yield opened.get_batch(number)
        else:
            yield from opened

    def batches(self) -> Iterator[tuple[int, int, list[Any]]]:
        """See Source."""
        done = 0
        try:
            for whole in self._record_batches():
                for start in range(0, whole.num_rows, BATCH_ROWS * 4):
                    batch = whole.slice(start, BATCH_ROWS * 4)
                    yield done, batch.num_rows, [self._array(batch, field, done) for field in self.fields]
                    done += batch.num_rows
        except (arrow.pa.ArrowException, OSError) as error:
            raise DataError(f"{shown(self.path)}: {shown(str(error))}") from None

    def _array(self, batch: Any, field: Field, first: int) -> Any:
        try:
            return typed.from_arrow(batch.column(field.place), field.type)
        except typed.RefusedError as error:
            raise DataError(f"{self.place(first + error.row)}:{shown(field.name)}: {shown(error.reason)}") from None

    def place(self, row: int) -> str:
        """See Source."""
        return f"{shown(self.path)}:{row + 1}"

    def close(self) -> None:
        """See Source."""
        self._file.close()


def open_source(path: str, options: CopyOptions, target: Target) -> Source:
    """The file as a source."""
    return JsonSource(path, options, target) if options.format == "jsonl" else ColumnSource(path, options, target)
