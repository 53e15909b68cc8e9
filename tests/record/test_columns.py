"""Rows read as columns are the rows the row gear reads; bytes that no encoder writes are refused by both or by neither."""

from __future__ import annotations

import datetime
import random
from typing import Any

import pytest

from engine.base.errors import CorruptionError
from engine.record.columns import ColumnReader, has_wide
from engine.record.keys import KeyCodec, encode_rowid
from engine.record.rows import RowDecoder, RowEncoder
from engine.record.types import Type

pytest.importorskip("pyarrow")
from engine.sql.columns import arrow

KINDS = [Type.INTEGER, Type.REAL, Type.TEXT, Type.BLOB, Type.BOOLEAN, Type.DATE, Type.TIMESTAMP]


def value_of(rng: random.Random, kind: Type) -> Any:
    if rng.random() < 0.15:
        return None
    if kind is Type.INTEGER:
        return rng.choice([0, 1, -1, rng.getrandbits(rng.randint(1, 63)), -rng.getrandbits(62), 2**63 - 1, -(2**63)])
    if kind is Type.REAL:
        return rng.choice([0.0, -0.0, rng.random(), 1e300, float("-inf")])
    if kind is Type.TEXT:
        return rng.choice(["", "a", "ü" * 70, "x" * rng.randint(0, 300), "\0", "𝄞"])
    if kind is Type.BLOB:
        return rng.randbytes(rng.choice([0, 1, 63, 64, 200]))
    if kind is Type.BOOLEAN:
        return rng.random() < 0.5
    day = datetime.date.fromordinal(rng.randint(1, 3652059))
    return (
        day
        if kind is Type.DATE
        else datetime.datetime(day.year, day.month, day.day, 23, 59, 59, rng.randint(0, 999999))
    )


def read(reader: ColumnReader, pairs: list[tuple[bytes, bytes]], limit: int) -> list[tuple[Any, ...]]:
    """All rows, batch by batch, through Arrow arrays."""
    arrow.load()
    source, found = iter(pairs), []
    kinds = [reader.types[column] for column in reader.columns]
    while True:
        rows, buffers = reader.read(source, limit)
        if not rows:
            return found
        assert rows <= limit
        arrays = [arrow.array_from_buffers(kind, rows, part, True) for kind, part in zip(kinds, buffers, strict=True)]
        for array in arrays:
            array.validate(full=True)
        found += list(zip(*map(arrow.python_values, arrays), strict=True)) if arrays else [()] * rows


@pytest.mark.parametrize("seed", range(8))
def test_columns_are_the_rows(seed: int) -> None:
    rng = random.Random(seed)
    kinds = [rng.choice(KINDS) for _ in range(rng.choice([1, 3, 8, 140]))]
    key_columns = tuple(rng.sample(range(len(kinds)), min(len(kinds), rng.randint(0, 2))))
    codec = KeyCodec([rng.random() < 0.5 for _ in key_columns])
    stored = [i not in key_columns for i in range(len(kinds))]
    defaults = [value_of(rng, kind) for kind in kinds]
    encoder = RowEncoder([f"c{i}" for i in range(len(kinds))], kinds, None, stored)
    pairs = []
    for _ in range(300):
        row = [value_of(rng, kind) for kind in kinds]
        pairs.append((codec.encode([row[i] for i in key_columns]), encoder.encode(row)))
    if not key_columns:  # rows from before the last columns were added
        fewer = max(1, len(kinds) // 2)
        old = RowEncoder([f"c{i}" for i in range(fewer)], kinds[:fewer])
        pairs += [(b"", old.encode([value_of(rng, kind) for kind in kinds[:fewer]])) for _ in range(20)]
    wanted = rng.sample(range(len(kinds)), rng.randint(0, min(len(kinds), 6)))
    decoder = RowDecoder(wanted, len(kinds), -1, key_columns, defaults)
    expected = [decoder.decode(key, value) for key, value in pairs]
    reader = ColumnReader(wanted, kinds, -1, key_columns, defaults)
    for limit in (7, 64, 1000):
        assert read(reader, pairs, limit) == expected, f"seed {seed}"


def test_row_ids_come_from_the_key() -> None:
    encoder = RowEncoder(["id", "v"], [Type.INTEGER, Type.TEXT], None, [False, True])
    pairs = [(encode_rowid(i), encoder.encode((i, f"v{i}"))) for i in (-(2**63), -1, 0, 5, 2**63 - 1)]
    reader = ColumnReader([1, 0], [Type.INTEGER, Type.TEXT], 0)
    assert read(reader, pairs, 3) == [(f"v{i}", i) for i in (-(2**63), -1, 0, 5, 2**63 - 1)]
    with pytest.raises(CorruptionError):
        reader.read(iter([(b"short", pairs[0][1])]), 10)


@pytest.mark.parametrize("seed", range(4))
def test_damaged_rows_and_keys_are_refused(seed: int) -> None:
    """Whatever the bytes: a row as the row gear reads it, or CorruptionError."""
    rng = random.Random(seed)
    codec = KeyCodec([False, True])
    kinds = [Type.TEXT, Type.INTEGER, *KINDS]
    encoder = RowEncoder([f"c{i}" for i in range(len(kinds))], kinds, None, [i > 1 for i in range(len(kinds))])
    wanted = list(range(len(kinds)))
    reader = ColumnReader(wanted, kinds, -1, (0, 1))
    decoder = RowDecoder(wanted, len(kinds), -1, (0, 1))
    refused = 0
    for _ in range(3000):
        row = [value_of(rng, kind) for kind in kinds]
        parts = [bytearray(codec.encode(row[:2])), bytearray(encoder.encode(row))]
        for _ in range(rng.randint(1, 4)):
            part = rng.choice(parts)
            change = rng.random()
            if part and change < 0.7:
                part[rng.randrange(len(part))] = rng.randrange(256)
            elif part and change < 0.85:
                del part[rng.randrange(len(part)) :]
            else:
                part += rng.randbytes(rng.randint(1, 9))
        key, value = bytes(parts[0]), bytes(parts[1])
        try:
            found = read(reader, [(key, value)], 10)
        except CorruptionError:
            refused += 1
            continue
        try:
            expected = decoder.decode(key, value)
        except CorruptionError:
            continue  # bytes behind what was wanted, or a NaN
        same = [a == b and type(a) is type(b) for a, b in zip(found[0], expected, strict=True)]
        assert all(s or a != a for s, a in zip(same, found[0], strict=True)), (key, value)
    assert 500 < refused < 3000


def test_bytes_beyond_ascii_are_seen() -> None:
    assert not has_wide(b"plain\xff", 5)
    assert has_wide(b"plain\xff", 6)
    with pytest.raises(ValueError, match="more bytes"):
        has_wide(b"", 1)


def test_columns_that_are_not_there() -> None:
    with pytest.raises(ValueError, match="beyond"):
        ColumnReader([2], [Type.INTEGER])
    with pytest.raises(ValueError, match="type"):
        ColumnReader([0], [Type.ANY])
