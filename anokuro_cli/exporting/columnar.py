"""Parquet and Arrow files: the types of SQL as Arrow has them, rows in record batches of GROUP_ROWS."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import IO, Any

from anokuro_cli.errors import ShellError
from anokuro_cli.protocols import Row
from anokuro_cli.render.values import to_text

GROUP_ROWS = 65_536


def write_columnar(
    format: str, columns: Sequence[str], types: Sequence[str], source: Iterable[list[Row]], file: IO[bytes]
) -> int:
    """Returns the number of rows. Raises ShellError where pyarrow is missing."""
    try:
        import pyarrow as pa  # type: ignore[import-untyped, import-not-found, unused-ignore]
    except ImportError:
        raise ShellError(f"{format} files need pyarrow", "pip install pyarrow") from None
    kinds = {
        "INTEGER": pa.int64(), "REAL": pa.float64(), "TEXT": pa.string(), "BLOB": pa.binary(), "BOOLEAN": pa.bool_(),
        "DATE": pa.date32(), "TIMESTAMP": pa.timestamp("us"),
    }  # fmt: skip
    wanted = [kinds.get(kind) for kind in types] if len(types) == len(columns) else [None] * len(columns)
    schema = pa.schema([pa.field(name, kind or pa.string()) for name, kind in zip(columns, wanted, strict=True)])
    count = 0
    with _writer(pa, format, schema, file) as writer:
        for group in _groups(source):
            arrays = [
                pa.array(
                    values if kind is not None else [None if value is None else to_text(value) for value in values],
                    field.type,
                )
                for values, kind, field in zip(zip(*group, strict=True), wanted, schema, strict=True)
            ]
            writer.write_batch(pa.record_batch(arrays, schema=schema))
            count += len(group)
    return count


def _writer(pa: Any, format: str, schema: Any, file: IO[bytes]) -> Any:
    if format == "arrow":
        import pyarrow.ipc  # type: ignore[import-untyped, import-not-found, unused-ignore]

        return pyarrow.ipc.new_file(file, schema)
    import pyarrow.parquet  # type: ignore[import-untyped, import-not-found, unused-ignore]

    return pyarrow.parquet.ParquetWriter(file, schema, compression="zstd")


def _groups(source: Iterable[list[Row]]) -> Iterable[list[Row]]:
    group: list[Row] = []
    for batch in source:
        group += batch
        if len(group) >= GROUP_ROWS:
            yield group
            group = []
    if group:
        yield group
