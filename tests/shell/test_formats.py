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
}


@pytest.mark.parametrize("mode", MODES)
def test_golden(mode: str) -> None:
    assert [line.rstrip() for line in shown(mode).split("\n")] == GOLDEN[mode].split("\n")


@pytest.mark.parametrize("mode", MODES)
def test_no_rows(mode: str) -> None:
    text = shown(mode, [])
    assert text == {"json": "[]\n", "jsonl": "", "line": ""}.get(mode, text)
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
