"""The log of an open database, as the engine's Python code has it: made, opened, cut, measured and closed here.

The work is done by the C functions of writer.py, on the `wal_t` that a Log owns; engine code that runs without the GIL
calls those. The Log gives them the files, which is the one thing for which they come back to Python.

Segments are made in their full size and the last one is cut at closing; what a kill leaves behind the last record is zeros,
which end a log. Where commits do not wait for the disk, each is one small write: such a log writes through a mapping
(File.reserve). Where they do, a sync with no change of size to write is quicker (File.allocate; through a mapping it is slower).
"""

import contextlib
import errno
import os
from _thread import interrupt_main

import cython
from cython.cimports.engine.base.atomic import load_acquire
from cython.cimports.engine.base.ranks import RANK_APPEND, RANK_LOG
from cython.cimports.engine.base.sync import (
    cond_destroy,
    cond_init,
    mutex_destroy,
    mutex_init,
    mutex_lock,
    mutex_unlock,
)
from cython.cimports.engine.storage.file import File
from cython.cimports.engine.wal.records import (
    SEGMENT_HEADER_SIZE,
    log_seed,
    segment_header_crc,
    segment_header_t,
    segment_magic,
    wal_part_t,
)
from cython.cimports.engine.wal.writer import (
    GROUP_BUCKETS,
    WAIT_BUCKETS,
    fill_segment_header,
    publish_end,
    stream_bytes,
    wal_append,
    wal_end,
    wal_last_crc,
    wal_sync,
    wal_synced,
    wal_write,
)
from cython.cimports.libc.errno import EINVAL, EIO, EMSGSIZE
from cython.cimports.libc.stdlib import calloc, free
from cython.cimports.libc.string import memcpy

from engine.base.dataclass import dataclass
from engine.base.errors import CorruptionError, InterfaceError, LimitError, OperationalError, PoisonedError
from engine.wal.records import RECORD_TYPES
from engine.wal.segments import SEGMENT_SIZE_MAX, SEGMENT_SIZE_MIN, SegmentFile, list_segments, segment_path

DEFAULT_SEGMENT_SIZE = 16 << 20
DEFAULT_RING_SIZE = 4 << 20
INTERRUPTS_MAX = 16


def _open_file(w, first, busy, opened):
    """Called back by the writer: create a segment's file. Nothing may be raised here; 0 or -errno.

    An interrupt (Ctrl-C in the thread that writes) must not poison the log: it is put off until the file is there.
    """
    log: Log = cython.cast(Log, w.owner)
    interrupted: cython.bint = False
    for _ in range(INTERRUPTS_MAX):
        try:
            opened[0] = log.switch_to(first, busy)
            if interrupted:
                log.failure = None
                interrupt_main()
            return 0
        except KeyboardInterrupt as error:
            interrupted = True
            log.failure = error
        except BaseException as error:
            log.failure = error
            return -(getattr(error.__cause__, "errno", None) or EIO)
    return -EIO


@dataclass(frozen=True, slots=True)
class LogStats:
    """Counters of one Log since it was opened. Histograms: element i counts values of 2**i to 2**(i+1) - 1.

    waiting: callers asleep in a group at this moment. group_sizes: callers served by one sync; wait_ns: time in wal_sync.
    """

    log_id: int
    segment_size: int
    ring_size: int
    end_lsn: int
    written_lsn: int
    synced_lsn: int
    appends: int
    append_flushes: int
    writes: int
    syncs: int
    sync_ns: int
    groups: int
    waiting: int
    segments_created: int
    poisoned: bool
    group_sizes: tuple[int, ...]
    wait_ns: tuple[int, ...]


def check_segment_size(segment_size):
    """Refuse a segment size that the format does not allow (InterfaceError)."""
    if not SEGMENT_SIZE_MIN <= segment_size <= SEGMENT_SIZE_MAX or segment_size % 64:
        raise InterfaceError(
            f"segment size {segment_size}: a multiple of 64 from {SEGMENT_SIZE_MIN} to {SEGMENT_SIZE_MAX} is needed"
        )


class Log:
    """The open log of one database, for writing. Made by `create_log` and `open_log`.

    fs, directory: where its segments are. failure: the exception behind a poisoned log where one is known.
    """

    def __cinit__(self):
        mutex_init(cython.address(self.w.mutex), RANK_LOG)
        mutex_init(cython.address(self.append_mutex), RANK_APPEND)
        cond_init(cython.address(self.w.idle), cython.NULL)
        self.w.owner = cython.cast(cython.p_void, self)
        self.w.open_file = _open_file
        self.closed = True

    def __init__(self, fs, directory, log_id, segment_size, ring_size, reserving=False):
        check_segment_size(segment_size)
        if ring_size < 1024 or ring_size & (ring_size - 1):
            raise InterfaceError(f"ring size {ring_size}: a power of two from 1024 is needed")
        if self.w.ring:
            raise InterfaceError("the log is initialised already")
        self.fs = fs
        self.directory = directory
        self.reserving = reserving
        self.retired = []
        self.w.log_id = log_id
        self.w.seed = log_seed(self.w.log_id)
        self.w.segment_size = segment_size
        self.w.ring_size = ring_size
        self.w.ring_mask = ring_size - 1
        self.w.ring = cython.cast(cython.p_uchar, calloc(1, ring_size))
        if not self.w.ring:
            raise MemoryError("no memory for the log's ring")

    def __dealloc__(self):
        free(self.w.ring)
        cond_destroy(cython.address(self.w.idle))
        mutex_destroy(cython.address(self.append_mutex))
        mutex_destroy(cython.address(self.w.mutex))

    def ptr(self):
        return cython.address(self.w)

    def switch_to(self, first, busy):
        """Create the segment that begins at `first` and make its name durable; files a sync still uses are closed later."""
        new: File
        old: File
        new = self.fs.open(segment_path(self.directory, first), create=True)
        if new.size() != 0:
            new.truncate(0)
        self._make_room(new)
        self.fs.sync_dir(self.directory)
        keep = []
        for old in self.retired:
            if old.ptr() == busy:
                keep.append(old)
            else:
                old.close()
        keep.append(self.file)
        self.retired = keep
        self.file = new
        return new.ptr()

    def _start(self, lsn, prev_crc):
        """Open or begin the segment of `lsn`, cut off what follows it, and make that durable."""
        header: segment_header_t
        size: uint64_t = self.w.segment_size
        first: uint64_t = lsn - lsn % size
        fresh: cython.bint = lsn - first <= SEGMENT_HEADER_SIZE
        self.w.last_crc = prev_crc
        self.w.file_first = first
        self.w.segment_end = first + size
        self.file = self.fs.open(segment_path(self.directory, first), create=bool(fresh))
        self.w.file = self.file.ptr()
        self.closed = False
        if fresh:
            self._sync_before(first)
            self.file.truncate(0)
            self.w.end = self.w.filled = self.w.written = self.w.synced = first
            fill_segment_header(cython.address(self.w), cython.address(header), first)
            stream_bytes(
                cython.address(self.w),
                cython.cast(cython.p_uchar, cython.address(header)),
                SEGMENT_HEADER_SIZE,
            )
            publish_end(cython.address(self.w), self.w.filled)
        else:
            self._check_header(first)
            have = self.file.size()
            if have < lsn - first:
                raise CorruptionError(f"the log ends before LSN {lsn}", file=self.file.path, offset=have)
            if have > lsn - first:
                self.file.truncate(lsn - first)
            self.file.sync()
            self.w.end = self.w.filled = self.w.written = self.w.synced = lsn
        self.fs.sync_dir(self.directory)
        self.sync()
        self._make_room(self.file)
        return 0

    def _make_room(self, file):
        """Have a segment's file be as long as it will be, if the system can."""
        if self.reserving:
            file.reserve(int(self.w.segment_size))
        else:
            file.allocate(int(self.w.segment_size))

    def _sync_before(self, first):
        """A segment is begun only after all before it is durable; what recovery read may still be in the system's cache."""
        before = segment_path(self.directory, int(first) - int(self.w.segment_size))
        if first > 0 and self.fs.exists(before):
            with self.fs.open(before) as file:
                file.sync()

    def _check_header(self, first):
        header: segment_header_t
        data: bytes = self.file.pread(SEGMENT_HEADER_SIZE, 0)
        if len(data) == SEGMENT_HEADER_SIZE:
            source: cython.p_char = data
            memcpy(cython.address(header), source, SEGMENT_HEADER_SIZE)
            if (
                header.magic == segment_magic
                and header.crc == segment_header_crc(cython.address(header))
                and header.log_id == self.w.log_id
                and header.first_lsn == cython.cast(uint64_t, first)
                and header.segment_size == self.w.segment_size
            ):
                return
        raise CorruptionError("not a segment of this log", file=self.file.path, offset=0)

    def begin(self, lsn, prev_crc):
        """Used by create_log and open_log."""
        self._start(lsn, prev_crc)

    def check_open(self):
        """Raise InterfaceError on a closed log."""
        if self.closed:
            raise InterfaceError("the log is closed")

    def error(self):
        """The exception to raise after a C call failed: PoisonedError, with the cause where it is known."""
        code: cython.int = self.w.poison_code if self.w.poisoned else self.w.error
        if code == -EMSGSIZE:
            return LimitError(f"a log record must fit a segment of {self.w.segment_size} bytes")
        if code == -EINVAL and not self.w.poisoned:
            return InterfaceError("the record does not have the parts its type is declared with")
        if not self.w.poisoned:
            return OperationalError(f"the log failed: {os.strerror(-code)}")
        found = PoisonedError(
            f"writing the log {self.directory} failed ({os.strerror(-code)}); whether the commits under way are there is "
            "unknown: reopen the database to find out and go on"
        )
        found.__cause__ = self.failure or self.file.failure or OSError(-code, os.strerror(-code), self.directory)
        return found

    def append(self, type, fixed=b"", parts=(), txn=0, page=0, tree=0, page_prev_lsn=0):
        """Append one record and return its LSN. `type` is its number, `fixed` and `parts` its bytes.

        Raises InterfaceError where they do not fit the declaration, LimitError, PoisonedError.
        """
        views: wal_part_t[3]
        lsn: uint64_t
        self.check_open()
        if type not in RECORD_TYPES or len(parts) != len(RECORD_TYPES[type].parts):
            raise InterfaceError("the record does not have the parts its type is declared with")
        fixed_bytes: bytes = bytes(fixed)
        kept: list = [bytes(part) for part in parts]
        count: cython.int = len(kept)
        i: cython.int
        for i in range(count):
            views[i].data = cython.cast(cython.p_char, cython.cast(bytes, kept[i]))
            views[i].len = len(kept[i])
        number: cython.ushort = type
        txn_id: uint64_t = txn
        page_id: uint32_t = page
        tree_id: uint32_t = tree
        prev: uint64_t = page_prev_lsn
        source: cython.p_char = fixed_bytes
        length: cython.size_t = len(fixed_bytes)
        with cython.nogil:
            mutex_lock(cython.address(self.append_mutex))
            lsn = wal_append(
                cython.address(self.w), number, txn_id, page_id, tree_id, prev, source, length, views, count
            )
            mutex_unlock(cython.address(self.append_mutex))
        if lsn == 0:
            raise self.error()
        return lsn

    def end(self):
        """LSN that the next record gets at the earliest."""
        return wal_end(cython.address(self.w))

    def last_crc(self):
        """Checksum of the last record: where the chain goes on at end()."""
        return wal_last_crc(cython.address(self.w))

    def synced(self):
        """Everything before this LSN is durable."""
        return wal_synced(cython.address(self.w))

    def write(self, lsn=None):
        """Hand everything before lsn (default: everything) to the file. Raises PoisonedError."""
        self.check_open()
        upto: uint64_t = wal_end(cython.address(self.w)) if lsn is None else lsn
        with cython.nogil:
            code: cython.int = wal_write(cython.address(self.w), upto)
        if code < 0:
            raise self.error()

    def sync(self, lsn=None):
        """Return when everything before lsn (default: everything) is durable. Raises PoisonedError."""
        self.check_open()
        upto: uint64_t = wal_end(cython.address(self.w)) if lsn is None else lsn
        with cython.nogil:
            code: cython.int = wal_sync(cython.address(self.w), upto)
        if code < 0:
            raise self.error()

    def segments(self) -> list[SegmentFile]:
        """The log's files in order."""
        return list_segments(self.fs, self.directory)

    def remove_before(self, lsn):
        """Delete the segments that hold only LSNs before `lsn`, oldest first; returns how many."""
        self.check_open()
        current: uint64_t = self.w.file_first
        size = int(self.w.segment_size)
        gone = 0
        for segment in self.segments():
            if segment.first_lsn + size <= lsn and segment.first_lsn < current:
                self.fs.unlink(segment.path)
                gone += 1
        if gone:
            self.fs.sync_dir(self.directory)
        return gone

    def stats(self) -> LogStats:
        """Counters; a snapshot taken without stopping anybody."""
        w = cython.address(self.w)
        return LogStats(
            log_id=int(w.log_id),
            segment_size=int(w.segment_size),
            ring_size=int(w.ring_size),
            end_lsn=int(load_acquire(cython.address(w.end))),
            written_lsn=int(load_acquire(cython.address(w.written))),
            synced_lsn=int(load_acquire(cython.address(w.synced))),
            appends=int(w.appends),
            append_flushes=int(w.append_flushes),
            writes=int(w.writes),
            syncs=int(w.syncs),
            sync_ns=int(w.sync_ns),
            groups=int(w.group),
            waiting=int(w.group_waiters[0] + w.group_waiters[1]),
            segments_created=int(w.segments_created),
            poisoned=bool(w.poisoned),
            group_sizes=tuple([int(size) for size in w.group_sizes[:GROUP_BUCKETS]]),
            wait_ns=tuple([int(count) for count in w.waits[:WAIT_BUCKETS]]),
        )

    def close(self):
        """Close the files; nothing is written. Nobody may be using the log. Closing twice is allowed."""
        if not self.closed:
            self.closed = True
            if not self.w.poisoned:
                self._give_back()
            for file in [*self.retired, self.file]:
                file.close()
            self.retired = []

    def _give_back(self):
        """Cut off the room that was reserved in the newest segment and not used."""
        used = int(self.w.written - self.w.file_first)
        with contextlib.suppress(OperationalError):  # the room is not in the way of anything
            if self.file.size() > used:
                self.file.truncate(used)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def create_log(
    fs,
    directory,
    log_id,
    *,
    segment_size=DEFAULT_SEGMENT_SIZE,
    ring_size=DEFAULT_RING_SIZE,
    start_lsn=SEGMENT_HEADER_SIZE,
    discard=False,
):
    """Begin a new log; its directory is made where it is missing, and durable on return.

    start_lsn: the first record gets this LSN, or the first one of the next segment. discard: remove segments found in the
    directory; without it they are refused with OperationalError, for they may be all that is left of another database.
    """
    log = Log(fs, directory, log_id, segment_size, ring_size)
    if fs.is_link(directory):
        raise OperationalError(f"{directory} is a symbolic link, in the place of a new log; remove it")
    if not fs.exists(directory):
        fs.mkdir(directory)
        fs.sync_dir(os.path.dirname(directory) or ".")
    found = list_segments(fs, directory)
    if found and not discard:
        raise OperationalError(
            f"{directory} holds log segments of another database; move them away", OSError(errno.EEXIST, "exists")
        )
    for segment in reversed(found):
        fs.unlink(segment.path)
    first = (start_lsn - SEGMENT_HEADER_SIZE + segment_size - 1) // segment_size * segment_size
    log.begin(first + SEGMENT_HEADER_SIZE, 0)
    return log


def open_log(
    fs,
    directory,
    log_id,
    lsn,
    prev_crc,
    *,
    segment_size=DEFAULT_SEGMENT_SIZE,
    ring_size=DEFAULT_RING_SIZE,
    reserving=False,
):
    """Go on writing at `lsn`, where a LogReader found the log's end; prev_crc is the checksum of the record before.

    reserving: segments are reserved as a whole (File.reserve), for a log that is written out in many small pieces.

    What lies behind is cut off, durably, before anything is appended, so that it can never be taken for a continuation.
    Raises CorruptionError where the segment of `lsn` is missing, foreign or too short.
    """
    log = Log(fs, directory, log_id, segment_size, ring_size, reserving)
    # One at a time: a hole between segments would be taken for damage if only some of the removals survived a crash.
    for segment in reversed(list_segments(fs, directory)):
        if segment.first_lsn > lsn:
            fs.unlink(segment.path)
            fs.sync_dir(directory)
    path = segment_path(directory, lsn - lsn % segment_size)
    if lsn % segment_size > SEGMENT_HEADER_SIZE and not fs.exists(path):
        raise CorruptionError("a log segment is missing", file=path, offset=0)
    log.begin(lsn, prev_crc)
    return log
