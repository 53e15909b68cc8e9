"""What the shell makes of the models: fits the width, obeys nothing that was stored, needs neither colour nor Unicode."""

from __future__ import annotations

import io
import json
import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import engine
from anokuro_cli.render.inspections import show_model
from anokuro_cli.render.output import Output
from anokuro_cli.text import display_width
from engine.inspect.model import Model

GOLDEN = Path(__file__).with_name("golden")
STYLE = re.compile(r"\x1b\[[0-9;]*m")
HOSTILE = "\x1b]0;owned\x07\x1b[31mred\r\u202eback\u200b[bold]markup[/bold]\x9b2J"


def render(model: Model, width: int = 80, colour: bool = False, encoding: str = "utf-8") -> str:
    """What show_model writes to a terminal of this kind."""
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding=encoding, errors="strict", newline="\n")
    show_model(model, Output(stream, True, width, 50, colour, encoding == "utf-8"))
    stream.flush()
    return raw.getvalue().decode(encoding)


@pytest.fixture
def db(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A database in memory; its log begins at the same LSN every time."""
    monkeypatch.setenv("TERM", "xterm")
    with engine.open(":memory:", page_size=4096) as made:
        made.execute("CREATE TABLE flights (id INTEGER PRIMARY KEY, carrier TEXT, day DATE)")
        made.execute("INSERT INTO flights VALUES (1, 'UA', '2013-01-01'), (2, NULL, '2013-01-02'), (7, 'B6', NULL)")
        with made.begin(readonly=True), made.begin() as txn:
            txn.execute("INSERT INTO flights VALUES (70, 'not committed', NULL)")
            yield made
            txn.rollback()


def first_lsn(db: Any) -> int:
    """Of the page of flights, as it was made."""
    found: int = db.inspect.page_history(3).changes[-1].record.start_lsn
    return found


def inspections(db: Any) -> dict[str, Callable[[], Model]]:
    look = db.inspect
    return {
        "leaf": lambda: look.page(3), "meta": lambda: look.slot(0), "trees": look.tree, "file": look.file, "pool": look.pool,
        "tree": lambda: look.tree("flights"), "path": lambda: look.tree("flights", 2), "latches": look.latches,
        "wal": look.wal, "layout": look.layout, "snapshots": look.snapshots, "memtable": look.memtable,
        "txns": look.transactions, "history": lambda: look.page_history(3), "row": lambda: look.row_history("flights", 2),
        "diff": lambda: look.diff(3, first_lsn(db), look.page(3).lsn), "then": lambda: look.page(3, first_lsn(db)),
        "trace": lambda: db.execute("TRACE INSERT INTO flights VALUES (NULL, 'XX', '2014-01-01')").model,
        "select": lambda: db.execute("TRACE SELECT * FROM flights WHERE id = 7").model,
    }  # fmt: skip


def test_a_page_at_80_columns(db: Any) -> None:
    """The golden text; ANOKURO_UPDATE_GOLDEN=1 writes it anew, to be read before it is committed."""
    shown = render(db.inspect.page(3))
    golden = GOLDEN / "page_80.txt"
    if os.environ.get("ANOKURO_UPDATE_GOLDEN") == "1":
        golden.write_text(shown)
    assert shown == golden.read_text()


@pytest.mark.parametrize("width", [80, 200])
@pytest.mark.parametrize(
    "kind",
    [
        "leaf",
        "meta",
        "trees",
        "file",
        "pool",
        "tree",
        "path",
        "latches",
        "wal",
        "layout",
        "snapshots",
        "memtable",
        "txns",
        "history",
        "row",
        "diff",
        "then",
        "trace",
        "select",
    ],
)
def test_everything_fits_its_terminal(db: Any, kind: str, width: int) -> None:
    model = inspections(db)[kind]()
    coloured = render(model, width, colour=True)
    assert "\x1b[" in coloured
    for text in (STYLE.sub("", coloured), render(model, width), render(model, width, encoding="ascii")):
        assert text.strip()
        assert all(display_width(line) <= width for line in text.split("\n")), kind


def test_no_column_is_emptied_by_a_long_value(db: Any) -> None:
    db.execute("INSERT INTO flights VALUES (9, ?, NULL)", ("x" * 600,))
    for width in (80, 200):
        lines = render(db.inspect.page(3), width).split("\n")
        heading = next(line for line in lines if "cell at" in line)
        assert heading.split() == ["item", "cell", "at", "bytes", "key", "value"]
        assert sum(line.split()[:1] == ["3"] for line in lines) == 1


def test_stored_text_is_neutralised(db: Any) -> None:
    db.execute("INSERT INTO flights VALUES (8, ?, NULL)", (HOSTILE,))
    db.execute("CREATE TABLE " + '"a\x1b[2Jb" (x TEXT)')
    db.tree(HOSTILE).put(HOSTILE.encode(), HOSTILE.encode())
    db.checkpoint()
    looks = [*inspections(db).values(), lambda: db.inspect.tree(HOSTILE, HOSTILE)]
    looks += [lambda page=row[0]: db.inspect.page(page) for row in db.execute("SELECT page FROM sys.pages").fetchall()]
    for look in looks:
        for text in (render(look(), 200), STYLE.sub("", render(look(), 200, colour=True))):
            assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u200b\u202e]", text)
    assert "\\x1b[31mred" in render(db.inspect.page(3), 200)
    assert "[bold]markup[/bold]" in render(db.inspect.page(3), 200)


def test_without_colour_letters_say_the_kind(db: Any) -> None:
    model = db.inspect.page(3)
    shown = render(model)
    lines = dict(line.split("  ", 1) for line in shown.split("\n") if re.match(r"[0-9a-f]{4}  ", line))
    letters = {
        "header": "H",
        "hint": "h",
        "slot": "s",
        "cell": "c",
        "key": "k",
        "value": "v",
        "free": ".",
        "fence": "f",
    }
    kinds = "".join(letters[region.kind] * region.length for region in model.regions)
    for at, rest in lines.items():
        assert rest.rstrip().endswith(kinds[int(at, 16) : int(at, 16) + 16].rstrip())
        start = int(at, 16)
        assert bytes.fromhex(rest[:50].replace(" ", "")) == model.data[start : start + 16]


def test_the_shells_json_is_the_models(db: Any) -> None:
    for look in inspections(db).values():
        model = look()
        raw = io.StringIO()
        show_model(model, Output(raw), True)
        assert json.loads(raw.getvalue()) == json.loads(json.dumps(model.to_json()))
