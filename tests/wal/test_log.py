"""The writer: round trips over segment and ring borders, reopening, removal, poisoning, groups."""

from __future__ import annotations

import errno
import os
import random
import signal
import threading
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.base.errors import CorruptionError, InterfaceError, LimitError, OperationalError, PoisonedError
from engine.storage.file import File
from engine.storage.file_faulty import Fault, FaultyFileSystem
from engine.storage.file_memory import MemoryFileSystem
from engine.storage.file_os import OsFileSystem
from engine.storage.file_recording import Create, RecordingFileSystem, Sync, SyncDir, Write
from engine.wal.log import create_log, open_log
from engine.wal.reader import LogReader
from engine.wal.records import RECORD_NUMBERS, encode_fixed
from engine.wal.segments import segment_path
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
    transactions,
)

OVERFLOW = RECORD_NUMBERS["OVERFLOW"]


def overflow(data: bytes) -> tuple[int, bytes, list[bytes]]:
    return OVERFLOW, encode_fixed(OVERFLOW, {"next": 0, "data_len": len(data)}), [data]


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    sizes=st.lists(st.integers(0, 900), max_size=40),
    ring=st.sampled_from([1024, 2048, 65536]),
    segment=st.sampled_from([1024, 1088, 4096]),
    seed=st.integers(0, 2**32),
    flush_every=st.integers(1, 9),
)
def test_what_is_appended_is_read(sizes: list[int], ring: int, segment: int, seed: int, flush_every: int) -> None:
    rng = random.Random(seed)
    fs = MemoryFileSystem()
    written = []
    with create_log(fs, DIRECTORY, LOG_ID, segment_size=segment, ring_size=ring) as log:
        for i, size in enumerate(sizes):
            data = rng.randbytes(size)
            lsn = log.append(*overflow(data), txn=i, page=i + 1, page_prev_lsn=i * 8)
            written.append((lsn, i, i + 1, i * 8, data))
            if i % flush_every == 0:
                log.write()
        log.sync()
        end, crc = log.end(), log.last_crc()
        assert log.synced() >= end
    records, reader = read_all(fs)
    assert [(r.lsn, r.txn, r.page, r.page_prev_lsn, r.parts["data"]) for r in records] == written
    assert reader.end_lsn in (end, -(-end // segment) * segment + 64)
    assert reader.end_crc == crc
    reader.check_tail()
    for lsn, _, page, _, _ in written[::5]:
        assert reader.read(lsn).page == page


def test_pads_close_segments_and_are_shown_on_request() -> None:
    fs = MemoryFileSystem()
    with new_log(fs) as log:
        transactions(log, 30, size=130)
    plain, _ = read_all(fs)
    reader = LogReader(fs, DIRECTORY, LOG_ID)
    reader.seek(64, with_pads=True)
    found = list(reader)
    pads = [record for record in found if record.type.name == "PAD"]
    assert [record for record in found if record not in pads] == plain
    assert len(pads) >= 3
    for pad in pads:
        assert pad.end_lsn % SEGMENT == 0
        assert pad.end_lsn - pad.lsn >= 40
    for before, after in pairwise(found):
        assert after.prev_crc == before.crc
        assert after.lsn in (before.end_lsn, before.end_lsn + 64)
    assert {name: len(data or b"") for name, data in image(fs).items() if data is not None} == {
        segment.path: SEGMENT if segment.first_lsn < log.end() - SEGMENT else log.end() - segment.first_lsn
        for segment in log.segments()
    }


def test_the_same_appends_make_the_same_bytes() -> None:
    images = []
    for ring in (1024, 4096, 65536):
        fs = MemoryFileSystem()
        with new_log(fs, ring_size=ring) as log:
            transactions(log, 60)
        images.append(image(fs))
    assert images[0] == images[1] == images[2]


def test_records_larger_than_the_ring() -> None:
    fs = MemoryFileSystem()
    data = random.Random(3).randbytes(50_000)
    with new_log(fs, segment_size=1 << 17) as log:
        insert(log, b"before", b"x")
        log.append(*overflow(data))
        insert(log, b"after", b"y")
        log.sync()
        assert log.stats().append_flushes > 40
    records, reader = read_all(fs)
    assert [record.parts.get("data", b"") for record in records] == [b"", data, b""]
    assert keys(records) == [b"before", b"after"]
    reader.check_tail()


def test_a_record_must_fit_a_segment() -> None:
    fs = MemoryFileSystem()
    with new_log(fs) as log:
        largest = SEGMENT - 64 - 40 - 8
        with pytest.raises(LimitError, match="segment"):
            log.append(*overflow(bytes(largest + 1)))
        assert log.append(*overflow(bytes(largest))) == 64
        assert log.append(*overflow(bytes(largest))) == SEGMENT + 64
        log.sync()
    assert len(read_all(fs)[0]) == 2


def test_wrong_parts_are_refused() -> None:
    with new_log(MemoryFileSystem()) as log:
        for number, fixed, parts in ((1, b"", [b"", b"", b""]), (2, bytes(6), [b""]), (77, b"", []), (6, bytes(7), [])):
            with pytest.raises(InterfaceError):
                log.append(number, fixed, parts)
        assert log.end() == 64
    with pytest.raises(InterfaceError, match="closed"):
        log.sync()


@pytest.mark.parametrize(("segment", "ring"), [(1000, 1024), (512, 1024), (1024, 1000), (1024, 512), (1 << 31, 1024)])
def test_impossible_sizes_are_refused(segment: int, ring: int) -> None:
    with pytest.raises(InterfaceError):
        create_log(MemoryFileSystem(), DIRECTORY, LOG_ID, segment_size=segment, ring_size=ring)


def test_a_new_log_does_not_take_over_old_segments() -> None:
    fs = MemoryFileSystem()
    with new_log(fs) as log:
        transactions(log, 20)
    with pytest.raises(OperationalError, match="another database"):
        new_log(fs)
    with create_log(fs, DIRECTORY, 5, segment_size=SEGMENT, ring_size=RING, discard=True) as log:
        assert len(log.segments()) == 1
    assert read_all(fs, 5)[0] == []


def test_a_log_can_begin_at_a_later_lsn() -> None:
    fs = MemoryFileSystem()
    with new_log(fs, start_lsn=5000) as log:
        assert log.end() == 5 * SEGMENT + 64
        commits = transactions(log, 3)
    records, reader = read_all(fs)
    assert records[-1].lsn == commits[-1]
    assert reader.first_lsn() == 5 * SEGMENT + 64


def reopen(fs: MemoryFileSystem):  # type: ignore[no-untyped-def]
    reader = LogReader(fs, DIRECTORY, LOG_ID)
    for _ in reader:
        pass
    reader.check_tail()
    return open_log(
        fs, DIRECTORY, LOG_ID, reader.end_lsn, reader.end_crc, segment_size=reader.segment_size, ring_size=RING
    )


def test_reopening_anywhere_goes_on_as_if_nothing_had_happened() -> None:
    whole = MemoryFileSystem()
    with new_log(whole) as log:
        transactions(log, 40)
    for cut in range(0, 40, 3):
        fs = MemoryFileSystem()
        with new_log(fs) as log:
            transactions(log, cut)
        with reopen(fs) as log:
            transactions(log, 40 - cut, first=cut)
        found = keys(read_all(fs)[0])
        assert found == [b"key%05d" % i for i in range(40)], f"cut {cut}"


def test_reopening_at_every_distance_from_a_segment_border() -> None:
    for size in range(600, 960, 8):
        fs = MemoryFileSystem()
        with new_log(fs) as log:
            log.append(*overflow(bytes(size - 48)))
            commit(log)
            log.sync()
        with reopen(fs) as log:
            insert(log, b"again", b"")
            log.sync()
        records, reader = read_all(fs)
        assert keys(records) == [b"again"], f"size {size}"
        reader.check_tail()


def test_reopening_cuts_off_what_an_earlier_life_left() -> None:
    fs = MemoryFileSystem()
    with new_log(fs) as log:
        commits = transactions(log, 12)
    middle = commits[3]
    reader = LogReader(fs, DIRECTORY, LOG_ID)
    for record in reader:
        if record.lsn == middle:
            break
    with open_log(fs, DIRECTORY, LOG_ID, reader.end_lsn, reader.end_crc, segment_size=SEGMENT, ring_size=RING) as log:
        assert [segment.first_lsn for segment in log.segments()] == [0]
    records, reader = read_all(fs)
    assert records[-1].lsn == middle
    reader.check_tail()


def test_opening_in_the_wrong_place_is_refused() -> None:
    fs = MemoryFileSystem()
    with new_log(fs) as log:
        transactions(log, 2)
        end, crc = log.end(), log.last_crc()
    for log_id, lsn in ((LOG_ID + 1, end), (LOG_ID, end + 8), (LOG_ID, 9 * SEGMENT + 72)):
        before = image(fs)
        with pytest.raises(CorruptionError):
            open_log(fs, DIRECTORY, log_id, lsn, crc, segment_size=SEGMENT, ring_size=RING)
        assert image(fs) == before


def test_remove_before_keeps_the_segment_that_holds_the_lsn() -> None:
    fs = MemoryFileSystem()
    with new_log(fs) as log:
        transactions(log, 60)
        firsts = [segment.first_lsn for segment in log.segments()]
        assert len(firsts) > 6
        assert log.remove_before(SEGMENT - 1) == 0
        assert log.remove_before(3 * SEGMENT + 200) == 3
        assert [segment.first_lsn for segment in log.segments()] == firsts[3:]
        kept = [record.lsn for record in read_all(fs)[0]]
        assert kept[0] == 3 * SEGMENT + 64
        log.remove_before(1 << 40)
        assert [segment.first_lsn for segment in log.segments()] == firsts[-1:]
        transactions(log, 5, first=60)
    records, reader = read_all(fs)
    assert keys(records)[-1] == b"key00064"
    reader.check_tail()


def test_a_segment_is_begun_only_after_the_one_before_is_durable() -> None:
    fs = RecordingFileSystem(MemoryFileSystem())
    with create_log(fs, DIRECTORY, LOG_ID, segment_size=SEGMENT, ring_size=65536) as log:
        for i in range(80):
            insert(log, b"%06d" % i, bytes(60))
        log.sync()
    dirty: set[int] = set()
    created = 0
    synced_names = True
    for operation in fs.operations:
        if isinstance(operation, Create):
            assert not dirty, f"file {operation.node} was created while {dirty} had unsynced bytes"
            created += 1
            synced_names = False
        elif isinstance(operation, SyncDir):
            synced_names = True
        elif isinstance(operation, Write):
            assert synced_names, "bytes went into a file whose name is not durable"
            dirty.add(operation.node)
        elif isinstance(operation, Sync):
            dirty.discard(operation.node)
    assert created > 5
    assert not dirty


@pytest.mark.parametrize("kind", ["write", "sync", "create", "sync_dir"])
@pytest.mark.parametrize("error", [errno.EIO, errno.ENOSPC])
def test_a_failure_poisons_the_log(kind: str, error: int) -> None:
    for at in range(3, 9):
        memory = MemoryFileSystem()
        fs = FaultyFileSystem(memory, Fault((kind,), at=at, error=error), seed=at)
        acknowledged = []
        with create_log(fs, DIRECTORY, LOG_ID, segment_size=SEGMENT, ring_size=RING) as log:
            with pytest.raises(PoisonedError) as caught:
                for i in range(200):
                    insert(log, b"%06d" % i, bytes(50))
                    commit(log)
                    log.sync()
                    acknowledged.append(b"%06d" % i)
            assert caught.value.__cause__ is not None
            operations = fs.operations
            for refused in (log.sync, log.write, lambda log=log: insert(log, b"k", b"v")):
                with pytest.raises(PoisonedError):
                    refused()
            assert fs.operations == operations, "a poisoned log touched its files again"
            assert log.stats().poisoned
        assert len(acknowledged) >= 2
        reader = LogReader(memory, DIRECTORY, LOG_ID)
        found = keys(list(reader))
        reader.check_tail()
        assert found[: len(acknowledged)] == acknowledged


def test_an_interrupt_or_a_short_write_is_not_a_failure() -> None:
    for error in (errno.EINTR, -1):
        memory = MemoryFileSystem()
        with create_log(
            FaultyFileSystem(memory, Fault(("write",), at=4, error=error)),
            DIRECTORY,
            LOG_ID,
            segment_size=SEGMENT,
            ring_size=RING,
        ) as log:
            transactions(log, 20)
        assert len(keys(read_all(memory)[0])) == 20


class InterruptedFileSystem(MemoryFileSystem):
    """Ctrl-C arrives while a file is opened."""

    def __init__(self) -> None:
        super().__init__()
        self.interrupts = 0

    def open(self, path: str, **options: bool) -> File:
        if self.interrupts:
            self.interrupts -= 1
            raise KeyboardInterrupt
        return super().open(path, **options)


@pytest.fixture
def interruptible() -> Iterator[None]:
    """A process that was started in the background may ignore SIGINT."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("interruptible")
def test_an_interrupt_while_a_segment_is_begun_is_put_off() -> None:
    fs = InterruptedFileSystem()
    with new_log(fs) as log:
        insert(log, b"first", bytes(500))
        fs.interrupts = 2
        with pytest.raises(KeyboardInterrupt):  # raised again once the segment is there
            insert(log, b"second", bytes(500))
            log.sync()
            for _ in range(1000):
                pass
        assert fs.interrupts == 0
        log.sync()
        assert not log.stats().poisoned
    assert keys(read_all(fs)[0]) == [b"first", b"second"]
    reader = LogReader(fs, DIRECTORY, LOG_ID)
    fs.interrupts = 1
    with pytest.raises(KeyboardInterrupt):
        list(reader)


def test_creating_fails_cleanly() -> None:
    for kind in ("mkdir", "create", "write", "sync", "sync_dir"):
        fs = FaultyFileSystem(MemoryFileSystem(), Fault((kind,), at=0, error=errno.EIO))
        with pytest.raises(OperationalError):
            create_log(fs, DIRECTORY, LOG_ID, segment_size=SEGMENT, ring_size=RING)


def work(log, name: int, count: int, errors: list[BaseException], done: list[bytes]) -> None:  # type: ignore[no-untyped-def]
    try:
        for i in range(count):
            key = b"%02d-%05d" % (name, i)
            insert(log, key, bytes(30), txn=name)
            commit(log, txn=name)
            log.sync()
            done.append(key)
    except BaseException as error:
        errors.append(error)


def run_threads(log, threads: int, count: int) -> tuple[list[BaseException], list[list[bytes]]]:  # type: ignore[no-untyped-def]
    errors: list[BaseException] = []
    done: list[list[bytes]] = [[] for _ in range(threads)]
    workers = [threading.Thread(target=work, args=(log, n, count, errors, done[n])) for n in range(threads)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(60)
        assert not worker.is_alive(), "a caller of sync was never woken"
    return errors, done


def test_groups_share_a_sync(tmp_path: Path) -> None:
    fs = OsFileSystem()
    directory = str(tmp_path / "w")
    with create_log(fs, directory, LOG_ID, segment_size=65536, ring_size=4096) as log:
        errors, done = run_threads(log, 8, 150)
        stats = log.stats()
    assert errors == []
    assert sum(stats.wait_ns) >= stats.groups > 0
    assert sum(stats.group_sizes) == stats.groups
    assert stats.groups < 8 * 150, "no two callers ever shared a sync"
    assert stats.synced_lsn == stats.end_lsn
    reader = LogReader(fs, directory, LOG_ID)
    found = [record.parts["key"] for record in reader if "key" in record.parts]
    reader.check_tail()
    assert sorted(found) == sorted(key for keys_done in done for key in keys_done)
    assert len(found) == 8 * 150


def test_threads_over_many_small_segments() -> None:
    fs = MemoryFileSystem()
    with new_log(fs) as log:
        errors, done = run_threads(log, 6, 200)
        assert log.stats().segments_created > 50
    assert errors == []
    records, reader = read_all(fs)
    reader.check_tail()
    assert sorted(keys(records)) == sorted(key for keys_done in done for key in keys_done)


@pytest.mark.parametrize("kind", ["write", "sync"])
def test_a_failed_group_fails_all_of_its_members_and_none_before(kind: str) -> None:
    for at in (5, 17, 40):
        memory = MemoryFileSystem()
        fs = FaultyFileSystem(memory, Fault((kind,), at=at, error=errno.EIO), seed=at)
        with create_log(fs, DIRECTORY, LOG_ID, segment_size=4096, ring_size=4096) as log:
            errors, done = run_threads(log, 6, 400)
            synced = log.synced()
        assert len(errors) == 6
        assert all(isinstance(error, PoisonedError) for error in errors)
        reader = LogReader(memory, DIRECTORY, LOG_ID)
        durable = {record.parts["key"] for record in reader if "key" in record.parts and record.end_lsn <= synced}
        assert {key for keys_done in done for key in keys_done} <= durable


def test_segments_that_are_reserved_are_given_back_and_gone_on_with(tmp_path: Path) -> None:
    """Every record is there, whether the log was closed (its last segment is cut) or its process killed (zeros behind)."""
    fs, directory = OsFileSystem(), str(tmp_path / "log")
    create_log(fs, directory, LOG_ID, segment_size=1 << 16).close()
    written: list[bytes] = []
    for turn in range(6):
        reader = LogReader(fs, directory, LOG_ID)
        assert keys(list(reader)) == written
        reader.check_tail()
        log = open_log(
            fs,
            directory,
            LOG_ID,
            reader.end_lsn,
            reader.end_crc,
            segment_size=1 << 16,
            ring_size=1 << 12,
            reserving=True,
        )
        for number in range(60):
            key = b"%d/%d" % (turn, number)
            insert(log, key, b"v" * (number * 37 % 900))
            written.append(key)
            log.write()
        newest = log.segments()[-1]
        used = log.end() - newest.first_lsn
        left = (tmp_path / "log" / os.path.basename(newest.path)).read_bytes()
        assert len(left) in (used, 1 << 16)
        assert left[used:] == bytes(len(left) - used)
        log.close()
        assert fs.size(newest.path) == used
        if turn % 2:  # as a killed process leaves it
            with fs.open(newest.path) as file:
                file.truncate(1 << 16)
    assert len(LogReader(fs, directory, LOG_ID)._segments()) > 2


def test_segments_have_their_full_size_while_they_are_written(tmp_path: Path) -> None:
    """The file is cut at closing; a log that was never closed is read and gone on with all the same."""
    fs, directory = OsFileSystem(), str(tmp_path / "log")
    create_log(fs, directory, LOG_ID, segment_size=1 << 16).close()
    log = open_log(fs, directory, LOG_ID, 64, 0, segment_size=1 << 16)
    for number in range(200):
        insert(log, b"%d" % number, b"v" * 500)
    log.sync()
    sizes = [segment.size for segment in log.segments()]
    assert len(sizes) > 1
    if sizes[-1] != 1 << 16:
        pytest.skip("this file system allocates no room")
    assert set(sizes) == {1 << 16}
    reader = LogReader(fs, directory, LOG_ID)  # as a killed process leaves it
    assert len(keys(list(reader))) == 200
    reader.check_tail()
    assert reader.end_lsn == log.end()
    end = log.end()
    log.close()
    assert fs.size(segment_path(directory, end - end % (1 << 16))) == end % (1 << 16)
