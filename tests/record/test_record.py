"""Keys order as their values do, rows come back as they went in, and hostile bytes give a typed error."""

from __future__ import annotations

import contextlib
import datetime
import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.base.errors import CorruptionError, DataError, IntegrityError, ProgrammingError
from engine.record import keys, moments, rows, types
from engine.record.types import Type

INTEGERS = st.integers(types.INTEGER_MIN, types.INTEGER_MAX) | st.integers(-300, 300)
REALS = st.floats(allow_nan=False)
TEXTS = st.text(st.characters(exclude_categories=["Cs"])) | st.text("a\0\x01\xff", max_size=4)
BLOBS = st.binary() | st.binary(max_size=3) | st.lists(st.sampled_from([0, 1, 255]), max_size=4).map(bytes)
DATES = st.dates()
TIMESTAMPS = st.datetimes()
KINDS = {
    Type.INTEGER: INTEGERS,
    Type.REAL: REALS,
    Type.TEXT: TEXTS,
    Type.BLOB: BLOBS,
    Type.BOOLEAN: st.booleans(),
    Type.DATE: DATES,
    Type.TIMESTAMP: TIMESTAMPS,
}
KIND_LISTS = st.lists(st.sampled_from(sorted(KINDS)), min_size=1, max_size=4)


def values_of(kinds: list[Type]) -> st.SearchStrategy[tuple[Any, ...]]:
    return st.tuples(*(st.none() | KINDS[kind] for kind in kinds))


def compare(a: tuple[Any, ...], b: tuple[Any, ...], descending: list[bool], nulls_last: list[bool]) -> int:
    for x, y, down, last in zip(a, b, descending, nulls_last, strict=True):
        if x is None and y is None:
            continue
        if x is None or y is None:
            return (1 if last else -1) * (1 if x is None else -1)
        if isinstance(x, str):
            x, y = x.encode(), y.encode()
        if x != y:
            return (-1 if x < y else 1) * (-1 if down else 1)
    return 0


@given(st.data())
@settings(max_examples=200, deadline=None)
def test_order_of_keys_is_order_of_values(data: st.DataObject) -> None:
    kinds = data.draw(KIND_LISTS)
    flags = st.lists(st.booleans(), min_size=len(kinds), max_size=len(kinds))
    descending, nulls_last = data.draw(flags), data.draw(flags)
    codec = keys.KeyCodec(descending, nulls_last)
    a, b = data.draw(values_of(kinds)), data.draw(values_of(kinds))
    left, right = codec.encode(a), codec.encode(b)
    assert (left > right) - (left < right) == compare(a, b, descending, nulls_last)
    assert keys.decode(left) == a
    for n in range(1, len(kinds) + 1):
        prefix = codec.encode(a[:n])
        inside = prefix <= right < keys.prefix_end(prefix)
        assert inside == (compare(a[:n], b[:n], descending[:n], nulls_last[:n]) == 0)


@given(INTEGERS, INTEGERS)
def test_rowids_order(a: int, b: int) -> None:
    assert (keys.encode_rowid(a) < keys.encode_rowid(b)) == (a < b)
    assert keys.decode_rowid(keys.encode_rowid(a)) == a


def test_keys_as_documented() -> None:
    assert keys.encode((-2, "a", None)).hex(" ") == "20 7f ff ff ff ff ff ff fe 50 61 00 01 01"
    assert keys.encode(("a",), [True]).hex(" ") == "af 9e ff fe"
    assert keys.encode((-0.0,)) == keys.encode((0.0,))
    assert keys.encode((math.nan,)) > keys.encode((math.inf,))
    assert keys.encode((math.nan,)) == keys.encode((-math.nan,))


def test_keys_refuse_what_they_cannot_hold() -> None:
    for value in (2**63, object(), [1]):
        with pytest.raises(DataError):
            keys.encode((value,))
    with pytest.raises(CorruptionError):
        keys.decode_rowid(b"1234567")


@given(st.binary(max_size=60))
@settings(max_examples=1000, deadline=None)
def test_hostile_keys(data: bytes) -> None:
    try:
        read = keys.decode(data)
    except CorruptionError:
        return
    assert isinstance(read, tuple)


@given(st.data())
@settings(max_examples=200, deadline=None)
def test_rows_round_trip(data: st.DataObject) -> None:
    kinds = data.draw(KIND_LISTS)
    names = [f"c{i}" for i in range(len(kinds))]
    row = data.draw(values_of(kinds))
    encoder = rows.RowEncoder(names, kinds)
    assert encoder.check(row) == row
    stored = encoder.encode(row)
    assert rows.decode_row(stored) == row
    wanted = data.draw(st.permutations(range(len(kinds))))[: data.draw(st.integers(0, len(kinds)))]
    decoder = rows.RowDecoder(wanted, len(kinds))
    assert decoder.decode(b"", stored) == tuple(row[i] for i in wanted)
    wider = rows.RowDecoder([len(kinds), 0], len(kinds) + 1, defaults=[None] * len(kinds) + ["new"])
    assert wider.decode(b"", stored) == ("new", row[0])


def test_rows_as_documented() -> None:
    assert rows.encode_row((7, None, "ab", 1.5)).hex(" ") == "04 01 00 82 0e 07 61 62 00 00 00 00 00 00 f8 3f"


@pytest.mark.parametrize("length", [0, 1, 63, 64, 127, 128, 70_000])
def test_lengths(length: int) -> None:
    row = ("x" * length, b"y" * length)
    assert rows.decode_row(rows.encode_row(row)) == row


@pytest.mark.parametrize("count", [0, 1, 127, 128, 1000, rows.MAX_COLUMNS])
def test_many_columns(count: int) -> None:
    row = tuple(range(count))
    assert rows.decode_row(rows.encode_row(row)) == row


def test_columns_in_the_key() -> None:
    encoder = rows.RowEncoder(["a", "b", "c"], [Type.TEXT, Type.INTEGER, Type.TEXT], stored=[False, True, False])
    stored, key = encoder.encode(("a", 5, "c")), keys.encode(("c", "a"))
    assert rows.RowDecoder([0, 1, 2], 3, key_columns=[2, 0]).decode(key, stored) == ("a", 5, "c")
    assert rows.RowDecoder([2], 3, key_columns=[2, 0]).decode(key, stored) == ("c",)
    assert rows.RowDecoder([], 3, key_columns=[2, 0]).decode(key, stored) == ()
    alias = rows.RowDecoder([1, 0], 2, rowid_column=0)
    assert list(alias.rows([(keys.encode_rowid(9), rows.encode_row((None, "x")))])) == [("x", 9)]


@given(st.binary(max_size=80))
@settings(max_examples=1200, deadline=None)
def test_hostile_rows(data: bytes) -> None:
    try:
        read = rows.decode_row(data)
    except CorruptionError:
        return
    assert len(read) <= len(data)


@given(st.binary(max_size=8), st.data())
@settings(max_examples=500, deadline=None)
def test_damaged_rows(noise: bytes, data: st.DataObject) -> None:
    stored = bytearray(rows.encode_row((1, "text", 2.5, b"blob", 10**12, datetime.date(2013, 1, 1), "y" * 200)))
    at = data.draw(st.integers(0, len(stored) - 1))
    stored[at : at + len(noise)] = noise
    with contextlib.suppress(CorruptionError):
        rows.RowDecoder(list(range(7)), 7).decode(b"", bytes(stored))


def test_checks() -> None:
    encoder = rows.RowEncoder(["n", "t"], [Type.INTEGER, Type.TEXT], [True, False])
    assert encoder.check(("12", 3)) == (12, "3")
    assert encoder.encode((12.0, "3")) == encoder.encode((12, "3"))
    with pytest.raises(IntegrityError, match="NOT NULL constraint failed: n"):
        encoder.encode((None, "x"))
    with pytest.raises(DataError, match="'x' is no INTEGER for column n"):
        encoder.encode(("x", "x"))
    for bad in (1.5, 2**63, -(2**63) - 1, b"1", datetime.date(2013, 1, 1), [1]):
        with pytest.raises(DataError):
            encoder.encode((bad, None))
        with pytest.raises(DataError):
            encoder.check((bad, None))
    with pytest.raises(DataError, match="surrogate"):
        encoder.encode((1, "\ud800"))


CONVERSIONS: list[tuple[Any, Type, Any]] = [
    (True, Type.INTEGER, 1),
    (3.0, Type.INTEGER, 3),
    (" 42 ", Type.INTEGER, 42),
    ("4e2", Type.INTEGER, 400),
    (2**53, Type.REAL, float(2**53)),
    ("1.5", Type.REAL, 1.5),
    (math.nan, Type.REAL, None),
    (1, Type.TEXT, "1"),
    (1.5, Type.TEXT, "1.5"),
    (True, Type.TEXT, "true"),
    (datetime.date(2013, 1, 2), Type.TEXT, "2013-01-02"),
    (1, Type.BOOLEAN, True),
    ("No", Type.BOOLEAN, False),
    ("2013-01-02", Type.DATE, datetime.date(2013, 1, 2)),
    (datetime.datetime(2013, 1, 2), Type.DATE, datetime.date(2013, 1, 2)),
    ("2013-01-02T03:04:05Z", Type.TIMESTAMP, datetime.datetime(2013, 1, 2, 3, 4, 5)),
    ("2013-01-02 03:04:05.25+02:00", Type.TIMESTAMP, datetime.datetime(2013, 1, 2, 1, 4, 5, 250000)),
    (bytearray(b"x"), Type.BLOB, b"x"),
]
REFUSED: list[tuple[Any, Type]] = [
    (1.5, Type.INTEGER), ("x", Type.INTEGER), (b"1", Type.INTEGER), (2**63, Type.INTEGER), (1e300, Type.INTEGER),
    (2**53 + 1, Type.REAL), ("", Type.REAL), ("nan", Type.REAL), (b"x", Type.TEXT), ("x", Type.BLOB),
    (2, Type.BOOLEAN), ("maybe", Type.BOOLEAN), ("2013-02-30", Type.DATE), ("2013-01-02 03:00", Type.DATE),
    (20130102, Type.DATE), ("25:00", Type.TIMESTAMP), ("2013-01-02 25:00", Type.TIMESTAMP),
]  # fmt: skip


@pytest.mark.parametrize(("value", "kind", "expected"), CONVERSIONS)
def test_lossless_conversion(value: Any, kind: Type, expected: Any) -> None:
    read = types.convert(value, kind)
    assert read == expected and type(read) is type(expected)


@pytest.mark.parametrize(("value", "kind"), REFUSED)
def test_no_lossy_conversion(value: Any, kind: Type) -> None:
    with pytest.raises(DataError):
        types.convert(value, kind)


def test_type_names() -> None:
    assert types.type_named("double  precision") is Type.REAL
    assert types.type_named("varchar") is Type.TEXT
    with pytest.raises(ProgrammingError, match="unknown type"):
        types.type_named("POINT")


@given(DATES, TIMESTAMPS)
def test_moments(day: datetime.date, moment: datetime.datetime) -> None:
    assert moments.days_since_epoch(day) == (day - datetime.date(1970, 1, 1)).days
    assert moments.date_at(moments.days_since_epoch(day)) == day
    assert moments.timestamp_at(moments.micros_since_epoch(moment)) == moment
    with pytest.raises(CorruptionError):
        moments.date_at(2**31)
