"""What the reader makes of torn, flipped, stale, moved and missing bytes: never a wrong record, and the right verdict."""

from __future__ import annotations

import errno
import random
import struct

import pytest

from engine.base.crc32c import checksum
from engine.base.errors import CorruptionError, InterfaceError, NotSupportedError, OperationalError
from engine.storage.file_faulty import Fault, FaultyFileSystem
from engine.storage.file_memory import MemoryFileSystem
from engine.wal.log import open_log
from engine.wal.reader import LogReader, LogRecord, read_segment_header
from tests.wal.logs import (
    DIRECTORY,
    LOG_ID,
    RING,
    SEGMENT,
    commit,
    image,
    insert,
    keys,
    new_log,
    read_all,
    sealed,
    segment_name,
    transactions,
)


def made(count: int, sync_each: bool = True) -> tuple[dict[str, bytes], list[LogRecord], int]:
    """Files, records and end of a log of `count` transactions."""
    fs = MemoryFileSystem()
    with new_log(fs, ring_size=1 << 20) as log:
        if sync_each:
            transactions(log, count)
        else:
            for i in range(count):
                insert(log, b"key%05d" % i, bytes([i]) * 40, txn=i)
                commit(log, synced=64, txn=i)
            log.sync()
        end = log.end()
    records, _ = read_all(fs)
    return {name: data for name, data in image(fs).items() if data is not None}, records, end


def read_files(files: dict[str, bytes]) -> tuple[list[LogRecord], LogReader]:
    return read_all(MemoryFileSystem({DIRECTORY: None, **files}))


def verdict(reader: LogReader) -> CorruptionError | None:
    try:
        reader.check_tail()
    except CorruptionError as error:
        return error
    return None


def test_torn_tail_at_every_byte() -> None:
    """Cut anywhere behind the last sync, the log ends with the last whole record, and that is no damage."""
    files, records, end = made(5, sync_each=False)
    name = segment_name(0)
    assert set(files) == {name}
    for cut in range(64, end + 1):
        found, reader = read_files({name: files[name][:cut]})
        # The padding behind a record is not part of it.
        whole = [record for record in records if record.lsn + record.length <= cut]
        assert found == whole, f"cut {cut}"
        assert reader.end_lsn == (whole[-1].end_lsn if whole else 64)
        assert verdict(reader) is None, f"cut {cut}"


def test_torn_tail_with_garbage_behind_every_byte() -> None:
    files, records, end = made(3, sync_each=False)
    name = segment_name(0)
    rng = random.Random(11)
    for cut in range(64, end + 1):
        torn = files[name][:cut] + rng.randbytes(100)
        found, reader = read_files({name: torn})
        whole = [record for record in records if record.lsn + record.length <= cut]
        assert found == whole, f"cut {cut}"
        assert verdict(reader) is None


def test_a_sector_of_the_tail_lost() -> None:
    """512-byte sectors of the last, unsynced write arrive in any order: what is missing ends the log."""
    files, records, _ = made(5, sync_each=False)
    name = segment_name(0)
    data = files[name]
    for sector in range(len(data) // 512 + 1):
        lost = data[: sector * 512] + bytes(len(data[sector * 512 : sector * 512 + 512])) + data[sector * 512 + 512 :]
        found, reader = read_files({name: lost})
        assert found == [record for record in records if record.lsn + record.length <= max(sector, 0) * 512]
        if sector:
            assert verdict(reader) is None


def test_flipped_bytes_never_make_a_wrong_record() -> None:
    """Every byte of three segments, one at a time: the records before it, then the right verdict."""
    files, records, end = made(16)
    assert len(files) == 3
    names = sorted(files)
    last_synced = max(record.fields["synced_lsn"] for record in records if record.type.name == "COMMIT")
    reported = 0
    for number, name in enumerate(names):
        for offset in range(len(files[name])):
            lsn = number * SEGMENT + offset
            data = bytearray(files[name])
            data[offset] ^= 1 << (lsn % 8)
            found, reader = read_files({**files, name: bytes(data)})
            assert found == records[: len(found)], f"flipped {name} at {offset}"
            if len(found) == len(records):
                # Only bytes that belong to no record do not matter: padding, and what follows a PAD.
                assert not any(record.lsn <= lsn < record.lsn + record.length for record in records)
                continue
            following = records[len(found)]
            assert following.lsn - lsn < SEGMENT
            error = verdict(reader)
            damaged_lsn = min(lsn, following.lsn)
            if number < len(names) - 1 or damaged_lsn < last_synced - 200:
                assert error is not None, f"flipped {name} at {offset}: not reported"
            if error is not None:
                reported += 1
                assert error.file == name
                assert error.offset is not None
                assert 0 <= error.offset <= offset
    assert reported > 2 * SEGMENT
    assert end > 2 * SEGMENT


def test_evidence_is_exactly_the_synced_lsn() -> None:
    for synced_behind, damaged in ((0, False), (8, True)):
        fs = MemoryFileSystem()
        with new_log(fs, segment_size=4096, ring_size=4096) as log:
            commit(log)
            broken = insert(log, b"k", b"v" * 20)
            commit(log, synced=broken + synced_behind)
            insert(log, b"later", b"v")
            log.sync()
        name = segment_name(0)
        data = bytearray(image(fs)[name] or b"")
        data[broken + 50] ^= 0x10
        found, reader = read_files({name: bytes(data)})
        assert len(found) == 1
        assert reader.end_lsn == broken
        error = verdict(reader)
        assert (error is not None) == damaged
        if error is not None:
            assert (error.file, error.offset) == (name, broken)


def test_zeroed_records_are_damage_where_a_later_commit_knew_better() -> None:
    files, records, _ = made(5)
    name = segment_name(0)
    victim = records[4]
    data = files[name][: victim.lsn] + bytes(SEGMENT - victim.lsn)
    found, reader = read_files({name: data})
    assert len(found) == 4
    assert verdict(reader) is None  # nothing is left that could tell
    data = files[name][: victim.lsn] + bytes(victim.end_lsn - victim.lsn) + files[name][victim.end_lsn :]
    found, reader = read_files({name: data})
    assert len(found) == 4
    assert verdict(reader) is not None


def test_stale_tail_of_an_earlier_life() -> None:
    """The same LSNs written twice, the second life torn: no record of the first life continues it."""
    first = MemoryFileSystem()
    with new_log(first) as log:
        transactions(log, 2)
        end, crc = log.end(), log.last_crc()
        insert(log, b"first-1", b"a" * 16)
        commit(log)
        insert(log, b"first-2", b"a" * 16)
        commit(log)
        log.sync()
    old = image(first)[segment_name(0)] or b""
    second = MemoryFileSystem({DIRECTORY: None, segment_name(0): old})
    with open_log(second, DIRECTORY, LOG_ID, end, crc, segment_size=SEGMENT, ring_size=RING) as log:
        assert len(image(second)[segment_name(0)] or b"") == end
        insert(log, b"secnd-1", b"b" * 16)
        commit(log)
        log.sync()
    new = image(second)[segment_name(0)] or b""
    for cut in range(end, len(new) + 1):
        found, _ = read_files({segment_name(0): new[:cut] + old[cut:]})
        fresh = keys(found)[2:]
        # Up to `cut` the second life; a byte-identical beginning may leave the first life whole, never a mixture.
        assert fresh in ([], [b"secnd-1"], [b"first-1", b"first-2"]), f"cut {cut}: {fresh}"
        if cut > end + 40 + 6 + 8:
            assert b"first-2" not in fresh


def test_moved_and_copied_records_do_not_verify() -> None:
    files, records, _ = made(4)
    name = segment_name(0)
    data = files[name]
    for source in records:
        for target in records:
            if source.lsn == target.lsn:
                continue
            copied = bytearray(data)
            piece = data[source.lsn : source.end_lsn]
            copied[target.lsn : target.lsn + len(piece)] = piece
            found, _ = read_files({name: bytes(copied[: max(len(data), target.lsn + len(piece))])})
            assert found == records[: len(found)]
            assert len(found) <= records.index(target)


def test_swapped_foreign_and_renamed_segments() -> None:
    files, records, _ = made(40)
    names = sorted(files)
    swapped = {**files, names[1]: files[names[2]], names[2]: files[names[1]]}
    found, reader = read_files(swapped)
    assert found == [record for record in records if record.lsn < SEGMENT]
    assert verdict(reader) is not None
    foreign = MemoryFileSystem({DIRECTORY: None, **files})
    assert LogReader(foreign, DIRECTORY).log_id == LOG_ID
    found, reader = read_all(foreign, LOG_ID + 1)
    assert found == []
    assert verdict(reader) is None
    for record in records[:3]:
        body = files[names[0]][record.lsn : record.lsn + record.length]
        other = files[names[0]][: record.lsn] + sealed(body, record.lsn, LOG_ID + 1)
        assert read_files({names[0]: other})[0] == records[: records.index(record)]


def test_a_missing_segment_is_damage() -> None:
    files, records, _ = made(60)
    names = sorted(files)
    for missing in range(1, len(names) - 1):
        kept = {name: data for name, data in files.items() if name != names[missing]}
        fs = MemoryFileSystem({DIRECTORY: None, **kept})
        reader = LogReader(fs, DIRECTORY, LOG_ID)
        reader.seek(64)
        found = list(reader)
        assert found == [record for record in records if record.lsn < missing * SEGMENT]
        error = verdict(reader)
        assert error is not None
        assert error.file == names[missing]
        # What is left behind the hole can still be read, from its beginning.
        found, reader = read_all(fs)
        assert found == [record for record in records if record.lsn >= (missing + 1) * SEGMENT]
        assert verdict(reader) is None
    kept = {name: files[name] for name in names[:-1]}
    found, reader = read_files(kept)
    assert verdict(reader) is None
    assert reader.end_lsn == (len(names) - 1) * SEGMENT + 64


def test_reading_has_to_begin_inside_the_log() -> None:
    files, records, end = made(10)
    fs = MemoryFileSystem({DIRECTORY: None, **files})
    reader = LogReader(fs, DIRECTORY, LOG_ID, SEGMENT)
    reader.seek(end, records[-1].crc)
    assert list(reader) == []
    assert verdict(reader) is None
    for start in (end + 8, 20 * SEGMENT + 128):
        reader.seek(start, 0)
        assert list(reader) == []
        assert verdict(reader) is not None
    reader.seek(records[3].lsn, records[2].crc)
    assert list(reader) == records[3:]
    reader.seek(records[3].lsn, records[2].crc ^ 1)
    assert list(reader) == []
    assert "follow" in reader.reason
    assert verdict(reader) is not None
    for wrong in (-8, 60, 3, 1 << 63, SEGMENT + 8):
        with pytest.raises(InterfaceError):
            reader.seek(wrong)
    with pytest.raises(CorruptionError):
        reader.read(records[3].lsn + 8)
    with pytest.raises(InterfaceError):
        LogReader(fs, DIRECTORY, LOG_ID).check_tail()


def test_a_torn_new_segment_is_the_end() -> None:
    """The crash came while a segment was begun: its header is missing or half there, and no harm is done."""
    files, records, _ = made(9)
    names = sorted(files)
    assert len(names) == 2
    for cut in range(64):
        found, reader = read_files({names[0]: files[names[0]], names[1]: files[names[1]][:cut]})
        assert found == [record for record in records if record.lsn < SEGMENT]
        assert verdict(reader) is None
        assert reader.end_lsn == SEGMENT + 64
        fs = MemoryFileSystem({DIRECTORY: None, names[0]: files[names[0]], names[1]: files[names[1]][:cut]})
        with open_log(
            fs, DIRECTORY, LOG_ID, reader.end_lsn, reader.end_crc, segment_size=SEGMENT, ring_size=RING
        ) as log:
            insert(log, b"again", b"")
            log.sync()
        found, reader = read_all(fs)
        assert keys(found)[-1] == b"again"
        assert verdict(reader) is None


def test_valid_checksum_but_impossible_content_is_damage() -> None:
    files, records, _ = made(3)
    name = segment_name(0)
    victim = next(record for record in records if record.type.name == "INSERT")
    body = bytearray(files[name][victim.lsn : victim.lsn + victim.length])
    forged = []
    for number in (0, 12, 99, 65535):
        forged.append(body[:12] + struct.pack("<H", number) + body[14:])
    for key_len in (0, 7, 9, 65535):
        forged.append(body[:42] + struct.pack("<H", key_len) + body[44:])
    forged.append(body[:40])
    forged[-1][8:12] = struct.pack("<I", 40)
    for bad in forged:
        data = files[name][: victim.lsn] + sealed(bytes(bad), victim.lsn)
        found, reader = read_files({name: data})
        assert found == records[: records.index(victim)]
        assert "parts" in reader.reason
        assert verdict(reader) is not None


def test_absurd_lengths_are_refused() -> None:
    files, records, _ = made(2)
    name = segment_name(0)
    for length in (1, 39, 1025, 65536, 0x7FFFFFFF, 0xFFFFFFFF, 0xFFFFFFF8):
        data = bytearray(files[name])
        data[72:76] = struct.pack("<I", length)
        assert read_files({name: bytes(data)})[0] == []
    assert records


def test_segment_header_of_another_version_or_shape() -> None:
    files, _, _ = made(2)
    name = segment_name(0)

    def with_header(**changes: int) -> dict[str, bytes]:
        header = bytearray(files[name][:64])
        if "version" in changes:
            header[8:12] = struct.pack("<I", changes["version"])
        if "size" in changes:
            header[12:16] = struct.pack("<I", changes["size"])
        header[60:64] = struct.pack("<I", checksum(bytes(header[:60])))
        return {name: bytes(header) + files[name][64:]}

    assert read_segment_header(with_header()[name]) is not None
    found, reader = read_files(with_header(version=2))
    assert found == []
    with pytest.raises(NotSupportedError, match="version"):
        reader.check_tail()
    for size in (0, 1, 8, 0xFFFFFFFF, 2048):
        fs = MemoryFileSystem({DIRECTORY: None, **with_header(size=size)})
        reader = LogReader(fs, DIRECTORY, LOG_ID, SEGMENT)
        assert list(reader) == []
    assert read_segment_header(b"") is None
    assert read_segment_header(bytes(64)) is None


def test_empty_and_missing_directories_are_empty_logs() -> None:
    for contents in ({}, {DIRECTORY: None}, {DIRECTORY: None, f"{DIRECTORY}/notes.txt": b"x"}):
        fs = MemoryFileSystem(contents)
        reader = LogReader(fs, DIRECTORY)
        assert list(reader) == []
        reader.check_tail()
        assert (reader.end_lsn, reader.log_id) == (64, 0)


def test_a_read_error_is_not_taken_for_the_end() -> None:
    files, _, _ = made(10)
    for code in (errno.EIO, errno.EACCES):
        fs = FaultyFileSystem(
            MemoryFileSystem({DIRECTORY: None, **files}), Fault(("read",), at=0, error=code, where="0400")
        )
        with pytest.raises(OperationalError):
            LogReader(fs, DIRECTORY)
        fs = FaultyFileSystem(
            MemoryFileSystem({DIRECTORY: None, **files}), Fault(("read",), at=0, error=code, where="0400")
        )
        reader = LogReader(fs, DIRECTORY, LOG_ID, SEGMENT)
        with pytest.raises(OperationalError, match="read") as caught:
            list(reader)
        assert caught.value.__cause__ is not None
        with pytest.raises(OperationalError):
            reader.check_tail()


def test_random_mutations_never_crash_the_reader() -> None:
    files, records, _ = made(30)
    seed = 20261122
    rng = random.Random(seed)
    for round_number in range(600):
        mutated = {}
        for name, data in files.items():
            changed = bytearray(data)
            for _ in range(rng.choice((0, 1, 3))):
                at = rng.randrange(len(changed))
                piece = rng.choice((bytes(8), rng.randbytes(rng.randrange(1, 40)), data[: rng.randrange(200)]))
                changed[at : at + len(piece)] = piece
            if rng.random() < 0.2:
                changed = changed[: rng.randrange(len(changed))]
            if rng.random() < 0.95:
                mutated[name] = bytes(changed)
        fs = MemoryFileSystem({DIRECTORY: None, **mutated})
        reader = LogReader(fs, DIRECTORY, LOG_ID, SEGMENT)
        reader.seek(64)
        found = list(reader)
        assert found == records[: len(found)], f"seed {seed}, round {round_number}"
        verdict(reader)
