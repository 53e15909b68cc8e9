"""engine/FORMAT.md says what the compiler and the engine do: its tables, its numbers and its worked examples."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

import engine
from engine.record import keys, rows
from engine.storage import layout
from engine.storage.file_memory import MemoryFileSystem
from engine.wal import records

TEXT = (Path(engine.__file__).parent / "FORMAT.md").read_text(encoding="utf-8")
EXAMPLE = [(b"red", b"1"), (b"green", b"22"), (b"blue", b"333")]
Row = tuple[int, int, str, str, str]


def cells(section: str) -> list[list[str]]:
    """The rows of the first markdown table of a section, without its two head lines."""
    lines = []
    for line in section.splitlines():
        if line.startswith("|"):
            lines.append([cell.strip() for cell in line.strip("|").split("|")])
        elif lines or line.startswith("#"):
            break
    return lines[2:]


def documented(marker: str) -> dict[str, list[list[str]]]:
    """Tables that follow `<!-- marker: name -->`, by name."""
    places = list(re.finditer(rf"^<!-- {marker}: (\w+) -->$", TEXT, re.MULTILINE))
    names = [place[1] for place in places]
    assert len(names) == len(set(names)), "a table stands there twice"
    return {place[1]: cells(TEXT[place.end() :].split("<!--")[0]) for place in places}


def declared() -> dict[str, list[Row]]:
    """Every struct on disk as the compiler laid it out."""
    found: dict[str, Any] = {name: layout.fields(name) for name in layout.structures()}
    found |= {name: records.structure_fields(name) for name in ("segment_header_t", "record_header_t")}
    found |= {kind.name: kind.fields for kind in records.RECORD_TYPES.values()}
    return {name: [(f.offset, f.size, f.type, f.name, f.doc) for f in fields] for name, fields in found.items()}


def example_image() -> tuple[bytes, int]:
    """A leaf of three keys as a checkpoint wrote it, from the file's bytes, and the slot it stood in."""
    fs = MemoryFileSystem()
    with engine.open("/example.ank", fs=fs, page_size=4096) as db:
        tree = db.tree("colours")
        for key, value in EXAMPLE:
            tree.put(key, value)
        db.checkpoint()
        slot = db.inspect.page(3).slot
        assert slot is not None
    file = fs.open("/example.ank", readonly=True)
    try:
        return bytes(file.pread(4096, 4096 * slot)), slot
    finally:
        file.close()


def example_dump() -> str:
    """The image in hex, sixteen bytes a line; lines of zeros are left out."""
    image, slot = example_image()
    lines = [f"page 3 in slot {slot}: file offset {4096 * slot:#x}"]
    skipped = False
    for at in range(0, len(image), 16):
        part = image[at : at + 16]
        if any(part):
            text = "".join(chr(byte) if 32 <= byte < 127 else "." for byte in part)
            lines.append(f"{at:04x}  {part.hex(' ')}  {text}")
        elif not skipped:
            lines.append("*")
        skipped = not any(part)
    return "\n".join(lines)


def test_every_struct_and_no_other_is_documented() -> None:
    assert set(documented("fields")) == set(declared())


@pytest.mark.parametrize("name", declared())
def test_fields_are_those_of_the_compiler(name: str) -> None:
    found = [(int(o), int(s), t, n, doc) for o, s, t, n, doc in documented("fields")[name]]
    assert found == declared()[name]


def test_records_have_their_numbers_meanings_and_tails() -> None:
    heads = re.findall(r"^#### (\d+) (\w+): (.+)$", TEXT, re.MULTILINE)
    assert [(int(n), name, doc) for n, name, doc in heads] == [
        (kind.number, kind.name, kind.doc) for kind in records.RECORD_TYPES.values()
    ]
    parts = {name: [(n, f, int(m, 16), d) for n, f, m, d in table] for name, table in documented("parts").items()}
    assert parts == {
        kind.name: [(p.name, p.length_field, p.mask, p.doc) for p in kind.parts]
        for kind in records.RECORD_TYPES.values()
        if kind.parts
    }


def test_constants() -> None:
    known = layout.constants() | records.constants()
    table = {name: int(value, 0) for name, value, _ in documented("table")["constants"]}
    assert table == known


def test_worked_leaf_is_what_the_engine_writes() -> None:
    block = re.search(r"<!-- example: leaf -->\n+```text\n(.*?)\n```", TEXT, re.DOTALL)
    assert block is not None
    assert block[1] == example_dump()


def test_worked_leaf_read_by_the_tables_alone() -> None:
    """Whoever has only FORMAT.md finds the three pairs in those bytes."""
    image, _ = example_image()
    offsets = {
        name: {row[3]: (int(row[0]), int(row[1])) for row in table} for name, table in documented("fields").items()
    }

    def number(struct: str, field: str, base: int = 0) -> int:
        offset, size = offsets[struct][field]
        return int.from_bytes(image[base + offset : base + offset + size], "little")

    assert (number("page", "kind"), number("page", "page_id"), number("page", "count")) == (1, 3, 3)
    found = []
    for index in range(number("page", "count")):
        slot = 112 + 8 * index
        at = number("slot", "offset", slot)
        middle = at + 2 + number("slot", "key_len", slot)
        key, value = image[at + 2 : middle], image[middle : middle + number("cell", "value_len", at)]
        assert number("slot", "head", slot) == int.from_bytes(key[:4].ljust(4, b"\0"), "big")
        found.append((key, value))
    assert found == sorted(EXAMPLE)


@pytest.mark.parametrize(
    ("written", "made"),
    [
        ("20 7F FF FF FF FF FF FF FE 50 61 00 01 01", keys.encode((-2, "a", None))),
        ("80 00 00 00 00 00 00 07", keys.encode_rowid(7)),
        ("04 01 00 82 0E 07 61 62 00 00 00 00 00 00 F8 3F", rows.encode_row((7, None, "ab", 1.5))),
    ],
)
def test_worked_keys_and_rows(written: str, made: bytes) -> None:
    assert f"`{written}`" in TEXT
    assert made == bytes.fromhex(written)


def test_limits() -> None:
    """The table of limits, met and passed by one byte."""
    with engine.open(":memory:", page_size=4096) as db:
        tree = db.tree("t")
        tree.put(b"k" * 512, b"")
        with pytest.raises(engine.LimitError):
            tree.put(b"k" * 513, b"")
        tree.put(b"a", b"v" * 1024)
        tree.put(b"b", b"v" * 1025)
        items = {item.key: item for item in db.inspect.page(3).items}
        assert items[b"a"].overflow_page is None
        assert items[b"b"].overflow_page is not None and items[b"b"].overflow_len == 1025


def test_names_of_code_exist() -> None:
    """Dotted names and paths in code spans are real."""
    root = Path(engine.__file__).parent.parent
    paths = re.findall(r"`((?:engine|tests)/[\w./]+)`", TEXT)
    assert paths and all((root / path).exists() for path in paths), paths
