"""Columns as lines of text, against Python's own spelling of each value."""

from __future__ import annotations

import datetime
import json
import math
import random
import struct
from typing import Any

import pytest

from engine.api.text import TextLines, supports

pa = pytest.importorskip("pyarrow")
SEED = 20_240_611


def lines(style: str, arrays: list[Any], **options: Any) -> list[str]:
    def spell(value: Any) -> str:
        return json.dumps(value) if style == "json" else repr(value)

    mark = "," if style == "csv" else "\t"
    before = [b"", *[mark.encode()] * (len(arrays) - 1)]
    maker = TextLines(style, before, b"\n", b"NULL", options.pop("spell", spell), **options)
    rows = len(arrays[0])
    first = maker.text(arrays, rows)
    assert maker.text(arrays, rows) == first  # a maker may be used again
    return first.decode("utf-8", "surrogateescape").split("\n")[:-1]


def test_reals_are_spelled_as_python_spells_them() -> None:
    print(f"seed {SEED}")
    dice = random.Random(SEED)
    values = [
        0.0,
        -0.0,
        1e15,
        1e15 - 1,
        1e-4,
        9.99e-5,
        1e16,
        1e22,
        5e-324,
        1.7976931348623157e308,
        0.1,
        0.1 + 0.2,
        1 / 3,
    ]
    values += [123456789.123456, 999999999999999.0, 99999.99999999999, 0.000123456789, 2.0**53, 2.0**53 + 2, math.pi]
    values += [dice.randrange(10**15) / 10 ** dice.randrange(16) for _ in range(20_000)]
    values += [round(dice.uniform(-1e6, 1e6), dice.randrange(8)) for _ in range(20_000)]
    values += [math.nextafter(value, math.inf) for value in values[-2000:]]
    values += [struct.unpack("<d", dice.randbytes(8))[0] for _ in range(20_000)]
    values = [value for value in values if math.isfinite(value)]
    values += [-value for value in values]
    assert lines("csv", [pa.array(values, pa.float64())]) == [repr(value) for value in values]


def test_integers_booleans_and_moments() -> None:
    numbers = [0, 1, -1, 9, 10, 99, -(1 << 63), (1 << 63) - 1, 1234567890, None]
    assert lines("tsv", [pa.array(numbers, pa.int64())]) == [str(n) if n is not None else "NULL" for n in numbers]
    assert lines("csv", [pa.array([True, False, None])]) == ["true", "false", "NULL"]
    days = [datetime.date.min, datetime.date.max, datetime.date(1970, 1, 1), datetime.date(2024, 2, 29), None]
    assert lines("csv", [pa.array(days)]) == [day.isoformat() if day else "NULL" for day in days]
    assert lines("json", [pa.array(days)])[3] == '"2024-02-29"'
    moments = [
        datetime.datetime.min,
        datetime.datetime.max,
        datetime.datetime(1969, 12, 31, 23, 59, 59, 7),
        datetime.datetime(2013, 1, 1, 10),
    ]
    array = pa.array(moments, pa.timestamp("us"))
    assert lines("csv", [array]) == [moment.isoformat(" ") for moment in moments]
    assert lines("json", [array]) == [f'"{moment.isoformat()}"' for moment in moments]


def test_texts_are_quoted_where_they_must_be() -> None:
    texts = ["", "plain", 'a"b', "a,b", "a\nb", "a\rb", "NULL", "tab\there", "back\\slash", "日本", None]
    got = lines("csv", [pa.array(texts), pa.array(texts)])
    wanted = ['""', "plain", '"a""b"', '"a,b"', '"a\nb"', '"a\rb"', "NULL", "tab\there", "back\\slash", "日本", "NULL"]
    assert "\n".join(got) == "\n".join(f"{text},{text}" for text in wanted)
    assert lines("csv", [pa.array(["NULL", "", "x"])], quote_null=True) == ['"NULL"', "", "x"]
    assert lines("tsv", [pa.array(texts)]) == [
        "", "plain", 'a"b', "a,b", "a\\nb", "a\\rb", "NULL", "tab\\there", "back\\\\slash", "日本", "NULL",
    ]  # fmt: skip
    assert lines("json", [pa.array(['a"b', "é", "plain"])]) == ['"a\\"b"', '"\\u00e9"', '"plain"']
    assert lines("csv", [pa.array(["a;b", "it's"])], delimiter=";", quote="'") == ["'a;b'", "'it''s'"]
    with pytest.raises(ZeroDivisionError):  # without a quote nobody but the caller can say it
        lines("csv", [pa.array(["a,b"])], quote="", spell=lambda text: str(1 // 0))


def test_blobs_and_nulls() -> None:
    assert lines("csv", [pa.array([b"", b"\x00\xff", None])]) == ["x''", "x'00ff'", "NULL"]
    assert lines("json", [pa.array([b"\x00\xff"])]) == ['"00ff"']
    assert lines("csv", [pa.nulls(2), pa.array([1, 2])]) == ["NULL,1", "NULL,2"]
    assert lines("csv", [pa.array([None, None], pa.string())]) == ["NULL", "NULL"]
    assert lines("csv", [pa.array(["", ""])]) == ['""', '""']


def test_slices_begin_where_they_begin() -> None:
    print(f"seed {SEED}")
    dice = random.Random(SEED)
    columns = [
        pa.array([dice.choice([None, n]) for n in range(1000)], pa.int64()),
        pa.array([dice.choice([None, "x" * dice.randrange(200), 'q"']) for _ in range(1000)], pa.string()),
        pa.array([dice.choice([None, True, False]) for _ in range(1000)]),
        pa.array([dice.choice([None, n / 7]) for n in range(1000)]),
    ]
    whole = lines("csv", columns)
    assert len(whole) == 1000
    for _ in range(50):
        start = dice.randrange(1000)
        assert lines("csv", [column.slice(start) for column in columns]) == whole[start:]


def test_what_cannot_be_written_is_refused() -> None:
    assert supports([pa.int64(), pa.string(), pa.null()])
    assert not supports([pa.int32()])
    with pytest.raises(Exception, match="no text for an array of type list"):
        lines("csv", [pa.array([[1]])])
    with pytest.raises(Exception, match="1 arrays for 2 columns"):
        TextLines("csv", [b"", b","], b"\n", b"", repr).text([pa.array([1])], 1)
    assert TextLines("csv", [b""], b"\n", b"", repr).text([pa.array([], pa.int64())], 0) == b""
