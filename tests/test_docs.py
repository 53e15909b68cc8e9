"""engine/README.md names what exists: files, functions, options, errors, and a public API with docstrings."""

from __future__ import annotations

import errno
import inspect
import re
from dataclasses import fields
from pathlib import Path

import pytest

import engine
from engine.base import errors
from engine.base.options import Options
from engine.storage.file_faulty import Fault, FaultyFileSystem
from engine.storage.file_memory import MemoryFileSystem

ROOT = Path(__file__).resolve().parent.parent
TEXT = (ROOT / "engine" / "README.md").read_text(encoding="utf-8")
FUNCTIONS = sorted(set(re.findall(r"`(engine/[\w/]+\.py)`\s+`(\w+)`", TEXT)))
# DESIGN: what programs are written against.
PROMISED = {
    "engine": "open connect",
    "Database": "execute executemany begin tree checkpoint vacuum backup check stats interrupt inspect close",
    "Transaction": "execute tree",
    "Tree": "get get_many put put_many delete delete_range scan",
    "Result": "fetchone fetchmany fetchall to_arrow to_pandas to_polars",
}


def table(name: str) -> list[list[str]]:
    """The rows of the table that follows `<!-- table: name -->`, without its head."""
    part = TEXT.split(f"<!-- table: {name} -->")[1].split("\n#")[0]
    lines = [line for line in part.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


API = [row[0].strip("`") for row in table("api")]


def test_paths_exist() -> None:
    paths = set(re.findall(r"`((?:engine|grammar|tests)/[\w./]+)`", TEXT)) | {
        f"engine/{target}" for target in re.findall(r"\]\(([\w./]+)\)", TEXT)
    }
    assert len(paths) > 30
    assert [path for path in sorted(paths) if not (ROOT / path).exists()] == []


@pytest.mark.parametrize(("path", "name"), FUNCTIONS, ids=lambda value: value)
def test_functions_are_in_their_files(path: str, name: str) -> None:
    source = (ROOT / path).read_text(encoding="utf-8")
    assert re.search(rf"^\s*(def|class) {name}\b", source, re.MULTILINE), f"{path} has no {name}"


def test_functions_are_named_at_all() -> None:
    assert len(FUNCTIONS) > 25


@pytest.mark.parametrize("name", API)
def test_api_exists_with_a_docstring(name: str) -> None:
    owner, attribute = name.split(".")
    found = getattr(engine if owner == "engine" else getattr(engine, owner), attribute)
    assert inspect.getdoc(found), f"{name} has no docstring"


def test_api_is_complete() -> None:
    promised = {f"{owner}.{name}" for owner, names in PROMISED.items() for name in names.split()}
    assert promised - set(API) == set()


def test_options_and_their_defaults() -> None:
    assert [(row[0], row[1]) for row in table("options")] == [(f.name, repr(f.default)) for f in fields(Options)]


def test_errors_are_all_there() -> None:
    """Every error a caller can meet by itself; the roots of the tree stand for groups of them."""
    known = {
        name
        for name, found in vars(errors).items()
        if isinstance(found, type) and issubclass(found, errors.Error) and name not in ("Error", "DatabaseError")
    }
    assert {row[0] for row in table("errors")} == known
    assert known <= set(engine.__all__)


@pytest.mark.parametrize("layer", re.findall(r"^\| (\w+) \| `(engine/[\w/.]+)` \|", TEXT, re.MULTILINE))
def test_main_files_open_with_their_design(layer: tuple[str, str]) -> None:
    name, path = layer
    assert path.startswith(f"engine/{name}/")
    assert (ROOT / path).read_text(encoding="utf-8").startswith('"""')


@pytest.mark.parametrize(
    "statement",
    ["VACUUM t", "CREATE TEMPORARY TABLE u (a INTEGER)"],
)
def test_what_is_not_there_is_not_there(statement: str) -> None:
    """When one of these comes, "What is not there yet" has to lose it."""
    with engine.open(":memory:") as db:
        db.execute("CREATE TABLE t (a INTEGER)")
        with pytest.raises(engine.NotSupportedError):
            db.execute(statement).fetchall()


def test_write_skew_is_refused_under_serializable_alone() -> None:
    for isolation, refused in (("serializable", True), ("snapshot", False)):
        with engine.open(":memory:", isolation=isolation) as db:
            tree = db.tree("t")
            tree.put_many([(b"a", b"1"), (b"b", b"1")])
            first, second = db.begin(), db.begin()
            first.tree("t").get(b"b")
            second.tree("t").get(b"a")
            first.tree("t").put(b"a", b"0")
            second.tree("t").put(b"b", b"0")
            first.commit()
            if refused:
                with pytest.raises(engine.ConflictError):
                    second.commit()
            else:
                second.commit()


def test_a_second_writer_is_refused_and_readers_are_not(tmp_path: Path) -> None:
    path = tmp_path / "a.ank"
    with engine.open(path) as db:
        db.tree("t").put(b"k", b"v")
        with pytest.raises(engine.LockedError):
            engine.open(path)
        with engine.open(path, readonly=True) as reader:
            db.tree("t").put(b"k", b"w")
            assert (reader.tree("t").get(b"k"), db.tree("t").get(b"k")) == (b"v", b"w")
    with engine.open(path) as db:
        db.tree("t").put(b"k", b"v")
    with engine.open(path, readonly=True) as one, engine.open(path, readonly=True) as two:
        assert one.tree("t").get(b"k") == two.tree("t").get(b"k") == b"v"


@pytest.mark.parametrize(("operation", "where"), [("sync", "-wal"), ("write", "-wal")])
def test_a_failing_log_poisons_the_handle_and_reading_goes_on(operation: str, where: str) -> None:
    plan = Fault((operation,), at=1 << 60, error=errno.EIO, where=where)
    inner = MemoryFileSystem()
    db = engine.open("/a.ank", fs=FaultyFileSystem(inner, plan))
    tree = db.tree("t")
    tree.put(b"k", b"1")
    plan.at = plan.seen
    with pytest.raises(engine.PoisonedError):
        tree.put(b"k", b"2")
    with pytest.raises(engine.PoisonedError):
        tree.put(b"other", b"3")
    assert tree.get(b"k") in (b"1", b"2")
    db.close()
    with engine.open("/a.ank", fs=inner) as again:
        assert again.tree("t").get(b"k") in (b"1", b"2")
        again.tree("t").put(b"k", b"4")
        assert again.tree("t").get(b"k") == b"4"


def test_a_checkpoint_that_fails_early_may_be_repeated_and_one_that_fails_late_poisons() -> None:
    plan = Fault(("write",), at=1 << 60, error=errno.ENOSPC, where="/a.ank")
    inner = MemoryFileSystem()
    fs = FaultyFileSystem(inner, plan)
    db = engine.open("/a.ank", fs=fs, synchronous="off")
    db.tree("t").put(b"k", b"1")
    plan.at = plan.seen  # the first write of the checkpoint is one of a page
    with pytest.raises(engine.OperationalError):
        db.checkpoint()
    plan.at = 1 << 60
    assert db.checkpoint()
    db.tree("t").put(b"k", b"2")
    plan.operations = frozenset({"sync"})
    plan.at = plan.seen + 1  # the log's is the first, the data file's the second
    with pytest.raises(engine.Error):
        db.checkpoint()
    assert [(name, path) for name, path, _ in fs.injected] == [("write", "/a.ank"), ("sync", "/a.ank")]
    with pytest.raises(engine.PoisonedError):
        db.tree("t").put(b"k", b"3")
    assert db.tree("t").get(b"k") == b"2"
    db.close()
