"""The process that test_hostile.py watches: it opens databases whose bytes are wrong although every checksum is right.

    python -m tests.storage.hostile_files <kind> <seed> <rounds>

What no accident makes, an attacker or a bug can. The state read may be anything; the process must end by itself, with
status 0, having met no error but the engine's own. Each round's number is printed before it begins.
"""

from __future__ import annotations

import faulthandler
import random
import struct
import sys

import engine
from engine.base.crc32c import checksum
from engine.storage import layout
from engine.storage.file_memory import MemoryFileSystem
from tests.crash.engine_subject import LOG, PATH, EngineSession
from tests.crash.mutants import META_CHECKED, META_END, RECORD, RepairingFileSystem, repair_log
from tests.storage.test_corrupt import PAGE, STEPS, SUBJECT, Files, is_log

META = {field.name: field for field in layout.fields("meta")}
HEADER = {field.name: field for field in layout.fields("page")}
HEADER_SIZE = layout.constants()["HEADER_SIZE"]


def get(data: bytearray, start: int, field: layout.Field) -> int:
    """The integer in a field of the struct that begins at `start`."""
    return int.from_bytes(data[start + field.offset : start + field.offset + field.size], "little")


def newest_meta(data: bytearray) -> int:
    """Offset of the meta slot that counts."""
    return max(range(0, META_END, PAGE), key=lambda start: get(data, start, META["sequence"]))


def seal(data: bytearray, slot: int) -> int:
    """Make a page's checksum right; returns it."""
    start = slot * PAGE
    right = checksum(bytes(data[start + 4 : start + PAGE]))
    data[start : start + 4] = struct.pack("<I", right)
    return right


def live(data: bytearray) -> tuple[list[int], list[int]]:
    """Slots of the page table's blocks, from the root down, and of the pages."""
    meta = newest_meta(data)
    level = [get(data, meta, META["table_slot"])]
    blocks: list[int] = []
    for _ in range(get(data, meta, META["table_depth"])):
        blocks += level
        level = [slot for block in level for slot, _ in entries(data, block) if slot]
    return blocks, level


def entries(data: bytearray, block: int) -> list[tuple[int, int]]:
    """The (slot, tag) pairs of a block of the page table."""
    count = min(get(data, block * PAGE, HEADER["data_len"]), (PAGE - HEADER_SIZE) // 8)
    return list(struct.iter_unpack("<II", data[block * PAGE + HEADER_SIZE : block * PAGE + HEADER_SIZE + 8 * count]))


def reseal(data: bytearray, blocks: list[int], pages: list[int]) -> None:
    """Make every checksum and tag of the newest checkpoint right, from the pages up to the meta slot."""
    tags = {slot: seal(data, slot) for slot in pages}
    for block in reversed(blocks):
        for index, (slot, _) in enumerate(entries(data, block)):
            if slot in tags:
                at = block * PAGE + HEADER_SIZE + 8 * index + 4
                data[at : at + 4] = struct.pack("<I", tags[slot])
        tags[block] = seal(data, block)
    meta = newest_meta(data)
    at = meta + META["table_tag"].offset
    data[at : at + 4] = struct.pack("<I", tags[blocks[0]])
    data[meta + META_CHECKED : meta + META_CHECKED + 4] = struct.pack(
        "<I", checksum(bytes(data[meta : meta + META_CHECKED]))
    )


def poke(data: bytearray, start: int, end: int, rng: random.Random) -> None:
    """Change one to three small integers somewhere."""
    for _ in range(rng.randint(1, 3)):
        size = rng.choice((1, 2, 4))
        at = rng.randrange(start, end - size) // size * size
        old = int.from_bytes(data[at : at + size], "little")
        new = rng.choice(
            (0, (1 << 8 * size) - 1, old + 1, old - 1, old ^ 1 << rng.randrange(8 * size), rng.getrandbits(8 * size))
        )
        data[at : at + size] = (new & (1 << 8 * size) - 1).to_bytes(size, "little")


def hostile_pages(files: Files, rng: random.Random) -> Files:
    """A page of a tree, mostly its header and slots, says something else."""
    data = bytearray(files[PATH])
    blocks, pages = live(data)
    start = rng.choice(pages) * PAGE
    poke(data, start + 4, start + rng.choice((48, 112, 400, PAGE)), rng)
    reseal(data, blocks, pages)
    return {**files, PATH: bytes(data)}


def hostile_pointers(files: Files, rng: random.Random) -> Files:
    """Pages take each other's places under their own ids: cycles, shared children, wrong levels."""
    data = bytearray(files[PATH])
    blocks, pages = live(data)
    a, b = (rng.choice(pages) * PAGE for _ in range(2))
    whole = bytes(data[a : a + PAGE])
    data[b : b + PAGE] = whole[:8] + data[b + 8 : b + 12] + whole[12:]  # page_id stays that of the place
    reseal(data, blocks, pages)
    return {**files, PATH: bytes(data)}


def hostile_table(files: Files, rng: random.Random) -> Files:
    """The page table or the meta slot says something else."""
    data = bytearray(files[PATH])
    blocks, pages = live(data)
    meta = newest_meta(data)
    start, end = rng.choice([(meta + 12, meta + META_CHECKED)] + [(b * PAGE + 4, b * PAGE + 120) for b in blocks])
    poke(data, start, end, rng)
    if start == meta + 12:
        data[meta + META_CHECKED : meta + META_CHECKED + 4] = struct.pack(
            "<I", checksum(bytes(data[meta : meta + META_CHECKED]))
        )
    else:
        reseal(data, blocks, pages)
    return {**files, PATH: bytes(data)}


def hostile_log(files: Files, rng: random.Random) -> Files:
    """Records of the log say something else: page numbers, slots, lengths, keys."""
    path = rng.choice(sorted(p for p in files if is_log(p)))
    data, at, starts = bytearray(files[path]), 64, list[int]()
    while at + RECORD.size <= len(data):
        length = RECORD.unpack_from(data, at)[2]
        if length < RECORD.size or length > len(data) - at:
            break
        starts.append(at)
        at += length + 7 & ~7
    if starts:
        start = rng.choice(starts)
        length = RECORD.unpack_from(data, start)[2]
        poke(data, start + 12, start + max(24, min(length, rng.choice((40, 64, 4096)))), rng)
    fs = RepairingFileSystem(MemoryFileSystem(), repair_log)
    return {**files, path: repair_log(path, bytes(data), fs)}


KINDS = {"pages": hostile_pages, "pointers": hostile_pointers, "table": hostile_table, "log": hostile_log}


def main() -> None:
    """Make the database once, then open damaged copies of it."""
    kind, seed, rounds = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    memory = MemoryFileSystem()
    session = SUBJECT.open(memory)
    for step in STEPS:
        session.apply(step)
    files = {path: data for path, data in memory.contents().items() if data is not None}
    session.close()
    for number in range(rounds):
        print(number, flush=True)
        faulthandler.dump_traceback_later(60, exit=True)
        attempt({LOG: None, **KINDS[kind](files, random.Random(seed + number))})
    faulthandler.cancel_dump_traceback_later()
    print("done", flush=True)


def attempt(files: dict[str, bytes | None]) -> None:
    """Open, check, read, write, close; each may be refused."""
    try:
        session = EngineSession(SUBJECT, MemoryFileSystem(files))
    except engine.Error:
        return
    for use in (session.check, session.state, lambda: session.apply(STEPS[-2]), lambda: session.apply("checkpoint")):
        try:
            use()
        except engine.Error:
            continue
    try:
        session.close()
    except engine.Error:
        return


if __name__ == "__main__":
    faulthandler.enable()
    main()
