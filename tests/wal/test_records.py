"""Every record type: golden bytes, field tables against the bytes, and declarations that the compiler refuses."""

from __future__ import annotations

import re
import shutil
import struct
import subprocess
from pathlib import Path

import pytest

from engine.storage.file_memory import MemoryFileSystem
from engine.wal import records
from engine.wal.records import RECORD_HEADER, RECORD_NUMBERS, RECORD_TYPES, SEGMENT_HEADER
from tests.wal.logs import DIRECTORY, LOG_ID, new_log, read_all, sealed

# Per type: values of the fixed part, its bytes, and the tail.
GOLDEN: dict[str, tuple[dict[str, int], str, list[bytes]]] = {
    "BUILD": (
        {
            "kind": 1,
            "level": 2,
            "count": 3,
            "lower_len": 2,
            "upper_len": 1,
            "flags": 1,
            "prefix_len": 4,
            "cells_len": 5,
        },
        "01 02 0300 0200 0100 0100 0400 05000000",
        [b"lo", b"u", b"cells"],
    ),
    "INSERT": ({"slot": 0x0102, "key_len": 3, "value_len": 0x8002}, "0201 0300 0280", [b"key", b"vv"]),
    "UPDATE": ({"slot": 7, "key_len": 1, "value_len": 4}, "0700 0100 0400", [b"k", b"vvvv"]),
    "DELETE": ({"slot": 8, "key_len": 5}, "0800 0500", [b"kkkkk"]),
    "TRUNCATE": ({"slot": 9, "upper_len": 0}, "0900 0000", [b""]),
    "FREE": ({"kind": 3}, "03 00000000000000", []),
    "OVERFLOW": ({"next": 0x01020304, "data_len": 6}, "04030201 06000000", [b"abcdef"]),
    "COMMIT": (
        {"time_us": -2, "synced_lsn": 0x40, "first_lsn": 0x48, "records": 2, "flags": 0},
        "feffffffffffffff 4000000000000000 4800000000000000 02000000 00000000",
        [],
    ),
    "ABORT": ({"first_lsn": 0x99, "records": 1}, "9900000000000000 01000000 00000000", []),
    "CHECKPOINT": ({"lsn": 0x50, "sequence": 6}, "5000000000000000 0600000000000000", []),
    "PAD": ({}, "", []),
}


def test_every_type_has_golden_bytes() -> None:
    assert set(GOLDEN) == {kind.name for kind in RECORD_TYPES.values()}
    assert [kind.number for kind in RECORD_TYPES.values()] == list(range(1, 12))


@pytest.mark.parametrize("name", [name for name in GOLDEN if name != "PAD"])
def test_golden_bytes_of_a_record(name: str) -> None:
    fields, fixed_hex, tail = GOLDEN[name]
    number = RECORD_NUMBERS[name]
    fixed = bytes.fromhex(fixed_hex)
    assert records.encode_fixed(number, fields) == fixed
    fs = MemoryFileSystem()
    with new_log(fs) as log:
        lsn = log.append(number, fixed, tail, txn=0x0A0B, page=0x0C, tree=0x0D, page_prev_lsn=0x0E)
        log.sync()
        end = log.end()
    payload = fixed + b"".join(tail)
    length = 40 + len(payload)
    header = struct.pack("<IIIHHQIIQ", 0, 0, length, number, 0, 0x0A0B, 0x0C, 0x0D, 0x0E)
    expected = sealed(header + payload, lsn)
    stored = fs.contents()[f"{DIRECTORY}/{0:016x}.wal"]
    assert stored is not None
    assert lsn == 64
    assert stored[64:] == expected + bytes(-length % 8)
    assert end == 64 + length + -length % 8
    (record,), reader = read_all(fs)
    assert record.fields == {field.name: fields.get(field.name, 0) for field in RECORD_TYPES[number].fields}
    assert list(record.parts.values()) == tail
    assert (record.txn, record.page, record.tree, record.page_prev_lsn) == (0x0A0B, 0x0C, 0x0D, 0x0E)
    assert (record.lsn, record.end_lsn, record.type.name) == (64, end, name)
    assert reader.end_lsn == end
    reader.check_tail()


def test_golden_bytes_of_a_segment_header() -> None:
    fs = MemoryFileSystem()
    new_log(fs).close()
    stored = fs.contents()[f"{DIRECTORY}/{0:016x}.wal"]
    assert stored is not None
    assert stored[:28] == b"ANKWAL\x1a\x01" + struct.pack("<IIQI", 1, 1024, LOG_ID, 0)
    assert stored[28:60] == bytes(32)
    assert len(stored) == 64
    values = records.decode_fields(SEGMENT_HEADER, stored)
    assert values["log_id"] == LOG_ID
    assert values["segment_size"] == 1024


def test_field_tables_leave_no_gap() -> None:
    tables = [SEGMENT_HEADER, RECORD_HEADER, *(kind.fields for kind in RECORD_TYPES.values())]
    sizes = [64, 40, *(kind.fixed_len for kind in RECORD_TYPES.values())]
    for table, size in zip(tables, sizes, strict=True):
        at = 0
        for field in table:
            assert field.offset == at
            assert field.size > 0
            assert field.doc
            at += field.size
        assert at == size


def test_tail_lengths_stand_in_the_fixed_part() -> None:
    for kind in RECORD_TYPES.values():
        names = {field.name for field in kind.fields}
        assert {part.length_field for part in kind.parts} <= names


def declaration() -> str:
    text = (Path(records.__file__).parent / "records.pxd").read_text()
    block = re.search(r'cdef extern from \*:\n    """\n(.*?)"""', text, re.DOTALL)
    assert block is not None
    return block.group(1).replace("\\\\", "\\")


FIELD = 'F(delete_record_t, uint16_t, key_len, 2, "bytes of the whole key")'
PART = 'P(delete_record_t, key, key_len, 0xFFFF, "whole key")'


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (FIELD, FIELD, None),
        (FIELD, FIELD + ' F(delete_record_t, nothing_t, none, 4, "")', "size zero"),
        (FIELD, FIELD.replace(" 2,", " 3,"), "offset"),
        (FIELD, FIELD.replace(" 2,", " 3,").replace("uint16_t", "uint8_t"), "offset"),
        (PART, PART + ' F(delete_record_t, uint8_t, late, 4, "")', "late"),
        (PART, PART.replace("key_len", "no_such_field"), "no_such_field"),
        (PART, PART.replace("0xFFFF", "0"), "length field"),
    ],
    ids=["as it is", "zero size", "wrong offset", "gap", "field behind the tail", "unknown length", "no length"],
)
def test_wrong_declarations_do_not_compile(tmp_path: Path, old: str, new: str, message: str | None) -> None:
    compiler = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    if compiler is None:
        pytest.skip("no C compiler")
    text = declaration()
    assert text.count(old) == 1
    source = tmp_path / "declaration.c"
    source.write_text("typedef struct {} nothing_t;\n" + text.replace(old, new))
    done = subprocess.run([compiler, "-fsyntax-only", str(source)], capture_output=True, text=True, check=False)
    if message is None:
        assert done.returncode == 0, done.stderr
    else:
        assert done.returncode != 0
        assert message in done.stderr
