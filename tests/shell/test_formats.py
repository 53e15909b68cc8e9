"""Every output format, as plain text."""

from __future__ import annotations

import csv
import io
import json
from datetime import date, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anokuro_cli.render.formats import show_rows
from anokuro_cli.render.output import Output
from anokuro_cli.settings import MODES, Settings

COLUMNS = ("id", "name", "score", "ok", "on")
ROWS: list[tuple[Any, ...]] = [
    (1, "Ann", 1.5, True, date(2013, 1, 31)),
    (22, "a,b\n\"c\"", None, False, datetime(2013, 1, 1, 10, 0)),
    (333, "", -0.25, None, b"\x00\xff"),
]  # fmt: skip


def shown(mode: str, rows: list[tuple[Any, ...]] = ROWS, columns: tuple[str, ...] = COLUMNS, **changes: Any) -> str:
    settings = Settings(mode=mode)
    output = Output(io.StringIO(newline=""))
    for name, value in changes.items():
        setattr(settings if hasattr(settings, name) else output, name, value)
    show_rows(columns, iter([rows] if rows else []), output, settings)
    assert isinstance(output.stream, io.StringIO)
    return output.stream.getvalue()


GOLDEN = {
    "table": """\
  id │ name     │ score │ ok    │ on
─────┼──────────┼───────┼───────┼─────────────────────
   1 │ Ann      │   1.5 │ true  │ 2013-01-31
  22 │ a,b\\n"c" │  NULL │ false │ 2013-01-01 10:00:00
 333 │          │ -0.25 │ NULL  │ x'00ff'
""",
    "box": """\
┌─────┬──────────┬───────┬───────┬─────────────────────┐
│  id │ name     │ score │ ok    │ on                  │
├─────┼──────────┼───────┼───────┼─────────────────────┤
│   1 │ Ann      │   1.5 │ true  │ 2013-01-31          │
│  22 │ a,b\\n"c" │  NULL │ false │ 2013-01-01 10:00:00 │
│ 333 │          │ -0.25 │ NULL  │ x'00ff'             │
└─────┴──────────┴───────┴───────┴─────────────────────┘
""",
    "markdown": """\
|  id | name     | score | ok    | on                  |
| --: | -------- | ----: | ----- | ------------------- |
|   1 | Ann      |   1.5 | true  | 2013-01-31          |
|  22 | a,b\\n"c" |       | false | 2013-01-01 10:00:00 |
| 333 |          | -0.25 |       | x'00ff'             |
""",
    "csv": 'id,name,score,ok,on\n1,Ann,1.5,true,2013-01-31\n22,"a,b\n""c""",,false,2013-01-01 10:00:00\n'
    "333,\"\",-0.25,,x'00ff'\n",
    "tsv": "id\tname\tscore\tok\ton\n1\tAnn\t1.5\ttrue\t2013-01-31\n"
    "22\ta,b\\n\"c\"\t\tfalse\t2013-01-01 10:00:00\n333\t\t-0.25\t\tx'00ff'\n",
    "json": '[{"id":1,"name":"Ann","score":1.5,"ok":true,"on":"2013-01-31"},\n'
    ' {"id":22,"name":"a,b\\n\\"c\\"","score":null,"ok":false,"on":"2013-01-01T10:00:00"},\n'
    ' {"id":333,"name":"","score":-0.25,"ok":null,"on":"00ff"}]\n',
    "jsonl": '{"id":1,"name":"Ann","score":1.5,"ok":true,"on":"2013-01-31"}\n'
    '{"id":22,"name":"a,b\\n\\"c\\"","score":null,"ok":false,"on":"2013-01-01T10:00:00"}\n'
    '{"id":333,"name":"","score":-0.25,"ok":null,"on":"00ff"}\n',
    "line": """\
─[ row 1 ]─
id    │ 1
name  │ Ann
score │ 1.5
ok    │ true
on    │ 2013-01-31
─[ row 2 ]─
id    │ 22
name  │ a,b\\n"c"
score │ NULL
ok    │ false
on    │ 2013-01-01 10:00:00
─[ row 3 ]─
id    │ 333
name  │
score │ -0.25
ok    │ NULL
on    │ x'00ff'
""",
    "insert": """\
INSERT INTO result (id, name, score, ok, "on") VALUES (1, 'Ann', 1.5, TRUE, DATE '2013-01-31');
INSERT INTO result (id, name, score, ok, "on") VALUES (22, 'a,b
"c"', NULL, FALSE, TIMESTAMP '2013-01-01 10:00:00');
INSERT INTO result (id, name, score, ok, "on") VALUES (333, '', -0.25, NULL, X'00ff');
""",
    "html": """\
<table>
<thead><tr><th>id</th><th>name</th><th>score</th><th>ok</th><th>on</th></tr></thead>
<tbody>
<tr><td align="right">1</td><td>Ann</td><td align="right">1.5</td><td>true</td><td>2013-01-31</td></tr>
<tr><td align="right">22</td><td>a,b
&quot;c&quot;</td><td class="null"></td><td>false</td><td>2013-01-01 10:00:00</td></tr>
<tr><td align="right">333</td><td></td><td align="right">-0.25</td><td class="null"></td><td>x&#x27;00ff&#x27;</td></tr>
</tbody>
</table>
""",
}


@pytest.mark.parametrize("mode", MODES)
def test_golden(mode: str) -> None:
    assert [line.rstrip() for line in shown(mode).split("\n")] == GOLDEN[mode].split("\n")


@pytest.mark.parametrize("mode", MODES)
def test_no_rows(mode: str) -> None:
    text = shown(mode, [])
    assert text == {"json": "[]\n", "jsonl": "", "line": "", "insert": ""}.get(mode, text)
    if mode in ("table", "box", "markdown", "csv", "tsv"):
        assert "score" in text


def test_headers_and_null() -> None:
    assert shown("csv", [(1, None)], ("a", "b"), headers=False, nullvalue="NA") == "1,NA\n"
    assert shown("tsv", [(1, None)], ("a", "b"), mode_chosen=False) == "1\t\n"
    assert shown("table", [(1,)], ("a",), tuples_only=True) == " 1\n"
    assert shown("table", [(1,)], ("a",), expanded="on") == "─[ row 1 ]─\na │ 1\n".replace("─[ row 1 ]─", "─[ row 1 ]")


def test_json_special_values() -> None:
    rows = [(float("inf"), float("nan"), 1 << 62, "\x1b\u202e\ud800")]
    text = shown("jsonl", rows, ("a", "a", "c", "d"))
    assert text == '{"a":1e999,"a_2":null,"c":4611686018427387904,"d":"\\u001b\\u202e\\ud800"}\n'


def test_ascii_where_boxes_cannot_be_drawn() -> None:
    assert shown("box", [(1,)], ("a",), unicode=False).isascii()


def test_a_terminal_shortens_and_a_pipe_does_not() -> None:
    rows = [("x" * 300, 1)]
    on_terminal = shown("table", rows, ("long", "n"), terminal=True, width=60)
    assert max(map(len, on_terminal.splitlines())) <= 60
    assert "…" in on_terminal
    assert "x" * 300 in shown("table", rows, ("long", "n"))


def test_a_row_too_wide_for_the_terminal_is_expanded() -> None:
    columns = tuple(f"column_{position}" for position in range(12))
    text = shown("table", [tuple(range(12))], columns, terminal=True, width=60)
    assert text.startswith("─[ row 1 ]")


def test_later_wide_values_do_not_break_the_table() -> None:
    rows = [("a",)] * 300 + [("b" * 50,)]
    lines = shown("table", rows, ("c",), terminal=True, width=80).splitlines()
    assert len(lines) == 303


CELLS = st.one_of(st.none(), st.integers(-(1 << 63), (1 << 63) - 1), st.text(), st.floats(allow_nan=False))


@given(st.lists(st.tuples(CELLS, CELLS), max_size=8))
def test_csv_round_trip(rows: list[tuple[Any, ...]]) -> None:
    """What csv writes is read back: text as it was, NULL as an empty field."""
    text = shown("csv", rows, ("a", "b"), headers=False)
    back = [tuple(row) for row in csv.reader(io.StringIO(text, newline=""))]
    expected = [
        tuple("" if cell is None else cell if isinstance(cell, str) else repr(cell) for cell in row) for row in rows
    ]
    assert back == expected


@given(st.lists(st.tuples(CELLS, CELLS), max_size=8))
def test_json_round_trip(rows: list[tuple[Any, ...]]) -> None:
    text = shown("json", rows, ("a", "b"))
    assert [tuple(item.values()) for item in json.loads(text)] == rows
    assert text.replace("\n", "").isprintable() or not any(ord(c) < 32 for c in text.replace("\n", ""))


def test_empty_text_and_null_differ_in_csv() -> None:
    assert shown("csv", [("", None)], ("a", "b"), headers=False) == '"",\n'


HOSTILE = "\x1b]0;title\x07\x9b31m\u202e\n"


@pytest.mark.parametrize("mode", MODES)
def test_nothing_hostile_reaches_a_terminal(mode: str) -> None:
    text = shown(mode, [(HOSTILE, 1)], (HOSTILE, "n"), terminal=True, width=200)
    for character in "\x1b\x07\x9b\u202e":
        assert character not in text


@pytest.mark.parametrize("mode", ["csv", "tsv"])
def test_pipes_get_every_byte(mode: str) -> None:
    assert "\x1b]0;title\x07" in shown(mode, [(HOSTILE,)], ("a",))


def test_widths_that_were_asked_for() -> None:
    assert shown("table", [("abcdef", "x")], ("a", "b"), widths=(4, 0)) == " a    │ b\n──────┼───\n abc… │ x\n"


# ---- the column writers spell what the row writers do

VALUES = {
    "a": st.none() | st.integers(-(2**63), 2**63 - 1),
    "b": st.none() | st.floats(allow_nan=False) | st.floats(-100, 100).map(lambda value: round(value, 2)),
    "c": st.none()
    | st.text(max_size=8)
    | st.sampled_from(["", ",", '"', "\r", "a\tb", "\\", "日本", "\x9b", "\u202e"]),
    "d": st.none() | st.booleans(),
    "e": st.none() | st.dates(),
    "f": st.none() | st.datetimes(),
    "g": st.none() | st.binary(max_size=4),
}


@pytest.mark.parametrize("mode", ["csv", "tsv", "json", "jsonl"])
@pytest.mark.parametrize("null", [None, "NA"])
@given(
    rows=st.lists(st.tuples(*VALUES.values()), max_size=6), names=st.sets(st.sampled_from(sorted(VALUES)), min_size=1)
)
def test_columns_are_spelled_as_rows_are(
    mode: str, null: str | None, rows: list[tuple[Any, ...]], names: set[str]
) -> None:
    pyarrow = pytest.importorskip("pyarrow")
    from anokuro_cli.render.columns import write_columns

    types = {
        "a": pyarrow.int64(), "b": pyarrow.float64(), "c": pyarrow.string(), "d": pyarrow.bool_(), "e": pyarrow.date32(),
        "f": pyarrow.timestamp("us"), "g": pyarrow.binary(),
    }  # fmt: skip
    chosen = [name for name in VALUES if name in names]
    places = [list(VALUES).index(name) for name in chosen]
    rows = [tuple(row[place] for place in places) for row in rows]
    if any(isinstance(value, str) and any("\ud800" <= c <= "\udfff" for c in value) for row in rows for value in row):
        return  # no database holds a lone surrogate
    arrays = [pyarrow.array([row[i] for row in rows], types[name]) for i, name in enumerate(chosen)]
    batch = pyarrow.record_batch(arrays, names=chosen)
    raw = io.BytesIO()
    output = Output(io.TextIOWrapper(raw, encoding="utf-8", newline=""))
    count = write_columns(mode, chosen, [batch.slice(0, 2), batch.slice(2)], output, True, null)
    assert count == len(rows)
    assert raw.getvalue().decode() == shown(mode, rows, tuple(chosen), nullvalue=null)
