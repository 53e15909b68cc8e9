"""Every inspection, line by line: statement, dot command, sys tables and JSON say the same; files alone, and damaged files, are shown.

LINES is the list of what there is. A table of sys, a dot command or a kind of `anokuro inspect` that stands in no line fails the first test.
"""

from __future__ import annotations

import io
import json
import os
import random
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

import engine
from anokuro_cli.checking import check_files
from anokuro_cli.dot import COMMANDS
from anokuro_cli.inspecting import KINDS, arguments_of
from anokuro_cli.opening import Handle, open_database
from anokuro_cli.render.inspections import load_renderers, renderer_of
from anokuro_cli.render.output import Output
from anokuro_cli.settings import Settings
from anokuro_cli.shell import Session
from engine.inspect import offline
from engine.inspect.tables import TABLES
from grammar import ast
from grammar.parser import parse

PAGE = 4096


@dataclass(frozen=True)
class Line:
    """One inspection. tables: calls of sys tables; the first has the rows of the statement. files: words of `anokuro inspect`, where it
    can do without opening the database. still: nothing in it changes by itself. {page}, {low}, {high}: of a leaf of t.
    """

    statement: str
    command: str
    tables: tuple[str, ...] = ()
    files: str = ""
    still: bool = True


LINES = {
    "file": Line("INSPECT FILE", ".file", ("file", "slots"), "file"),
    "page": Line("INSPECT PAGE {page}", ".page {page}", ("page_items({page})", "page_fields({page})"), "page {page}"),
    "layout": Line("INSPECT LAYOUT", ".layout", ("layouts",), "layout"),
    "one layout": Line("INSPECT LAYOUT page", ".layout page", (), "layout page"),
    "trees": Line("INSPECT TREE t", ".tree t", ("tree_levels('t')", "trees", "pages"), "tree t"),
    "path": Line("INSPECT TREE t KEY 17", ".tree t 17", ("tree_path('t', 17)",), "tree t 17"),
    "pool": Line("INSPECT POOL", ".pool", ("buffers", "evictions"), "pool", still=False),
    "latches": Line(
        "INSPECT LATCHES", ".latches", ("latches", "latch_waits", "latch_stats", "latch_graph", "latch_orders"), "latches", still=False
    ),
    "wal": Line("INSPECT WAL", ".wal", ("wal", "wal_stats"), "wal"),
    "wal of a page": Line("INSPECT WAL FROM {low} PAGE {page}", ".wal {low} page {page}", (), "wal {low} page {page}"),
    "memtable": Line("INSPECT MEMTABLE", ".memtable", ("memtable", "memtable_levels"), "memtable", still=False),
    "transactions": Line("INSPECT TXNS", ".txns", ("transactions",), "txns", still=False),
    "snapshots": Line("INSPECT SNAPSHOTS", ".snapshots", ("snapshots", "versions"), "snapshots", still=False),
    "page then": Line("INSPECT PAGE {page} AT LSN {low}", ".page {page} @{low}", ("page_items({page}, {low})",), "page {page} @{low}"),
    "diff": Line(
        "DIFF PAGE {page} BETWEEN {low} AND {high}", ".diff {page} {low} {high}", ("page_diff({page}, {low}, {high})",),
        "diff {page} {low} {high}",
    ),
    "page history": Line("HISTORY PAGE {page}", ".history-page {page}", ("page_history({page})",), "history-page {page}"),
    "row history": Line("HISTORY ROW t 17", ".history-row t 17", ("row_history('t', 17)",), "history-row t 17"),
    "trace": Line("TRACE SELECT * FROM t WHERE a = 17", ".trace SELECT * FROM t WHERE a = 17", ("trace",), still=False),
    "explain": Line("EXPLAIN SELECT * FROM t WHERE a = 17", ".explain SELECT * FROM t WHERE a = 17"),
    "explain analyze": Line(
        "EXPLAIN ANALYZE SELECT * FROM t WHERE a = 17", ".explain analyze SELECT * FROM t WHERE a = 17", still=False
    ),
}  # fmt: skip
# No statement: an image anywhere in the file; names kept for reading (AS OF); what is watched, recorded or stepped through; damage.
ALONE = {".slot", ".trace-steps", ".trace-save", ".top", ".workload", ".check"}
OTHER_TABLES = {"checkpoints"}
NAMES = sorted(LINES)


class Recorded(Session):
    """A session that hands out what it wrote."""

    def does(self, *lines: str) -> str:
        for output in (self.output, self.messages):
            output.stream = io.StringIO()
        self.run_script([line + "\n" for line in lines], "s")
        errors = self.messages.stream.getvalue()  # type: ignore[attr-defined]
        assert errors == "", errors
        written: str = self.output.stream.getvalue()  # type: ignore[attr-defined]
        return written


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A closed database with a table whose rows were changed, and retained log."""
    path = tmp_path_factory.mktemp("faces") / "made.ank"
    with engine.open(str(path), page_size=PAGE, wal_retention=1 << 30) as db:
        db.execute("CREATE TABLE t (a INTEGER PRIMARY KEY, b TEXT)")
        db.executemany("INSERT INTO t VALUES (?, ?)", [(i, f"row {i} " + "x" * 60) for i in range(300)])
        db.checkpoint("first")
        db.execute("UPDATE t SET b = 'changed' WHERE a BETWEEN 10 AND 20")
        db.tree("events").put(b"k", b"v" * 9000)
    yield path


@pytest.fixture
def session(made: Path, tmp_path: Path) -> Iterator[Recorded]:
    path = tmp_path / "made.ank"
    copy_files(made, path)
    settings = Settings(mode="json", mode_chosen=True)
    session = Recorded(Handle(str(path)), Output(io.StringIO()), Output(io.StringIO()), settings)
    session.db.execute("SELECT count(*) FROM t").fetchall()
    yield session
    session.handle.close()


def copy_files(path: Path, to: Path) -> None:
    shutil.copy(path, to)
    shutil.copytree(f"{path}-wal", f"{to}-wal")


def places(db: Any) -> dict[str, int]:
    """A leaf of t, and two LSNs of its history."""
    page = db.inspect.tree("t", 17).path[-1].page
    history = [change.record.start_lsn for change in db.inspect.page_history(page).changes]
    return {"page": page, "low": history[-1], "high": history[0]}


def test_nothing_is_missing() -> None:
    load_renderers()
    called = {call.split("(")[0] for line in LINES.values() for call in line.tables}
    assert called | OTHER_TABLES == {table.name for table in TABLES}
    commands = {line.command.split()[0] for line in LINES.values()}
    inside = {
        name for name, one in COMMANDS.items() if one.run.__module__.rpartition(".")[2] in ("inspect", "trace", "watch")
    }
    assert commands | ALONE == inside | {".explain"}
    words = {line.files.split()[0] for line in LINES.values() if line.files}
    assert words == KINDS.keys() - {"slot"}
    kinds = {type(parse(line.statement.format(page=1, low=2, high=3))) for line in LINES.values()}
    looking = {
        ast.Inspect,
        ast.InspectPage,
        ast.InspectLayout,
        ast.InspectTree,
        ast.InspectWal,
        ast.Diff,
        ast.HistoryPage,
        ast.HistoryRow,
    }
    assert kinds == looking | {ast.Trace, ast.Explain}


@pytest.mark.parametrize("name", NAMES)
def test_the_faces_agree(session: Recorded, name: str) -> None:
    line, at = LINES[name], places(session.db)
    statement, command = line.statement.format(**at), line.command.format(**at)
    by_statement = json.loads(session.does(statement + ";"))
    by_command = json.loads(session.does(command))
    assert by_statement["version"] == by_command["version"] == 1
    assert by_statement["model"] == by_command["model"]
    if line.still:
        assert by_statement == by_command
    else:
        assert by_statement.keys() == by_command.keys()
    result = session.db.execute(statement)
    rows = result.fetchall()
    for i, call in enumerate(line.tables):
        found = session.db.execute(f"SELECT * FROM sys.{call.format(**at)}")
        assert found.columns
        if i == 0:
            assert found.columns == result.columns
            assert not line.still or found.fetchall() == rows


@pytest.mark.parametrize("name", NAMES)
def test_people_see_it(session: Recorded, name: str) -> None:
    """The picture, not a list of fields, in a terminal's width; also where it is a dot command."""
    line, at = LINES[name], places(session.db)
    session.settings.mode = "table"
    for text in (line.statement.format(**at) + ";", line.command.format(**at)):
        shown = session.does(text)
        assert shown.strip() and not shown.startswith(("nodes:", "page:", "model:"))
    model = getattr(session.db.execute(line.statement.format(**at)), "model", None)
    assert model is None or renderer_of(model) is not None


@pytest.mark.parametrize(
    "name", [name for name in NAMES if LINES[name].files and not KINDS[LINES[name].files.split()[0]].live]
)
def test_files_alone_say_the_same(session: Recorded, name: str) -> None:
    line, at = LINES[name], places(session.db)
    live = json.loads(session.does(line.statement.format(**at) + ";"))
    words = line.files.format(**at).split()
    if words[0] == "layout":
        return
    session.db.checkpoint()
    with offline(session.db.path) as files:
        found = getattr(files, KINDS[words[0]].method or words[0])(**arguments_of(words[0], words[1:])).to_json()
    assert found["model"] == live["model"] and found["version"] == 1
    for part in {"items", "path", "levels", "changes", "versions"} & found.keys():
        assert json.loads(json.dumps(found[part])) == live[part], part


@pytest.mark.parametrize("seed", range(4))
def test_damaged_files_are_shown_or_refused_with_a_reason(made: Path, tmp_path: Path, seed: int) -> None:
    """A hundred bytes overwritten anywhere: each inspection gives a model or an error of ours, live and of the files."""
    with engine.open(str(made), readonly=True) as db:
        at = places(db)
    path = tmp_path / "made.ank"
    copy_files(made, path)
    choose = random.Random(seed)
    print(f"seed {seed}")
    for file in (path, *Path(f"{path}-wal").iterdir()):
        used = min(file.stat().st_size, 1 << 17)
        with open(file, "r+b") as handle:
            for _ in range(50):
                handle.seek(choose.randrange(0 if seed % 2 else 2 * PAGE, used))
                handle.write(choose.randbytes(1))
    shown = 0
    with offline(path) as files:
        assert files.damage()
        for line in LINES.values():
            words = line.files.format(**at).split()
            if words and not KINDS[words[0]].live and words[0] != "layout":
                method = getattr(files, KINDS[words[0]].method or words[0])
                shown += survives(
                    lambda method=method, words=words: method(**arguments_of(words[0], words[1:])).to_json()
                )
    assert shown >= 3
    survives(lambda: look_live(path, at))


def look_live(path: Path, at: dict[str, int]) -> None:
    with engine.open(str(path), readonly=True) as db:
        for line in LINES.values():
            survives(lambda line=line: db.execute(line.statement.format(**at)).fetchall())
            for call in line.tables:
                survives(lambda call=call: db.execute(f"SELECT * FROM sys.{call.format(**at)}").fetchall())


def survives(look: Callable[[], object]) -> bool:
    """Whether it gave something; an error of ours has a text."""
    try:
        look()
    except engine.Error as error:
        assert str(error)
        return False
    return True


def test_the_check_has_its_faces_too(made: Path, tmp_path: Path) -> None:
    """Statement, command, sys.findings and JSON say the same of a page that is damaged; so does `anokuro check`, of the files."""
    path = tmp_path / "made.ank"
    copy_files(made, path)
    settings = Settings(mode="json", mode_chosen=True)
    session = Recorded(Handle(str(path)), Output(io.StringIO()), Output(io.StringIO()), settings)
    try:
        assert json.loads(session.does("CHECK;")) == json.loads(session.does(".check"))
        assert json.loads(session.does(".check"))["sound"] is True
        assert session.db.execute("SELECT * FROM sys.findings").fetchall() == []
        (slot,) = session.db.execute("SELECT durable_slot FROM sys.pages WHERE page = ?", (places(session.db)["page"],))
        session.handle.close()
        with open(path, "r+b") as file:
            os.pwrite(file.fileno(), b"?", slot[0] * PAGE + 2000)
        session = Recorded(Handle(str(path)), Output(io.StringIO()), Output(io.StringIO()), settings)
        rows = session.db.execute("CHECK").fetchall()
        assert rows and rows == session.db.execute("SELECT * FROM sys.findings").fetchall()
        session.run_script([".check\n"], "s")
        live = json.loads(session.output.stream.getvalue())  # type: ignore[attr-defined]
        assert (live["model"], live["version"], live["sound"]) == ("check", 1, False)
        assert [(f["finding"], f["file"], f["page"], f["offset"]) for f in live["findings"]] == rows
    finally:
        session.handle.close()
    out, messages = Output(io.StringIO()), Output(io.StringIO())
    assert check_files(str(path), out, messages, open_database, as_json=True) == 1
    found = json.loads(out.stream.getvalue())  # type: ignore[attr-defined]
    assert found.keys() == live.keys() and not found["sound"] and found["opening"] is None
    assert {f["page"] for f in found["findings"]} >= {f["page"] for f in live["findings"]}
    assert all(f["means"] for f in found["findings"] if f["page"] is not None)
