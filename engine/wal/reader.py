"""The log reader: verified records in order, and a verdict on what lies behind the last of them.

A reader believes a record only if all of this holds:

    length within the segment and the file -> CRC-32C over the record, seeded from log id and LSN -> prev_crc equals the
    checksum of the record before -> its type is known and its parts add up

so a record that was copied, moved, left over from an earlier life of the file, or belongs to another log never passes.
Reading stops at the first place X where one of these fails. That is the log's end, unless something behind it proves
that X had once been durable; then it is damage (`check_tail` raises CorruptionError):

    rec  rec  COMMIT | X: broken ...  COMMIT{synced_lsn > X}        found by searching forward, by its own checksum
    rec  rec  COMMIT | X: broken ...  | header of a later segment    begun only after all before it was durable
    rec  rec  COMMIT | segment missing | header of a later segment

A torn tail, the rest of a write that a crash cut, has neither: nothing in it was acknowledged.

Segments are read whole into one buffer, so that views of records need no copies; only changing to another segment takes
the GIL, to open its file.
"""

import cython
from cython.cimports.cpython.bytes import PyBytes_FromStringAndSize
from cython.cimports.engine.base.crc32c import crc32c
from cython.cimports.engine.storage.file import File, file_read
from cython.cimports.engine.wal.records import (
    LOG_VERSION,
    REC_COMMIT,
    REC_PAD,
    RECORD_HEADER_SIZE,
    SEGMENT_HEADER_SIZE,
    commit_record_t,
    log_seed,
    record_align,
    record_header_t,
    segment_header_crc,
    segment_header_t,
    segment_magic,
    shapes,
    split_payload,
)
from cython.cimports.libc.errno import EIO
from cython.cimports.libc.stdlib import free, malloc
from cython.cimports.libc.string import memcpy

from engine.base.dataclass import dataclass
from engine.base.errors import CorruptionError, InterfaceError, NotSupportedError, OperationalError
from engine.wal.records import RECORD_TYPES, RecordType, decode_fields
from engine.wal.segments import SEGMENT_SIZE_MAX, SEGMENT_SIZE_MIN, list_segments, segment_path

REASONS = {
    STOP_NOT_YET: "there may be more records",
    STOP_END: "the log ends here",
    STOP_NO_SEGMENT: "there is no further segment",
    STOP_SEGMENT_HEADER: "the segment's header is not one of this log",
    STOP_SHORT: "the file ends inside a record",
    STOP_LENGTH: "the length is impossible",
    STOP_CHECKSUM: "the checksum does not match the content",
    STOP_CHAIN: "the record does not follow the one before it",
    STOP_MALFORMED: "the record is not made of the parts its type has",
    STOP_IO: "the segment cannot be read",
    STOP_VERSION: "the segment has another format version",
}


@dataclass(frozen=True, slots=True)
class LogRecord:
    """One verified record. `fields` are the fixed part's values by name, `parts` the tail's bytes by name."""

    lsn: int
    end_lsn: int
    type: RecordType
    crc: int
    prev_crc: int
    length: int
    flags: int
    txn: int
    page: int
    tree: int
    page_prev_lsn: int
    fields: dict[str, int]
    parts: dict[str, bytes]


@dataclass(frozen=True, slots=True)
class SegmentHeader:
    """A valid segment header."""

    version: int
    segment_size: int
    log_id: int
    first_lsn: int
    prev_crc: int


# --- without the GIL ---


def _stop(r, reason):
    r.stop = reason
    return 0


def _is_zero(p, n):
    i: cython.size_t = 0
    while i < n and p[i] == 0:
        i += 1
    return i == n


def _enter_segment(r):
    """Load the segment of r.at and check its header and its place in the chain; 1, or 0 with r.stop set."""
    first: uint64_t = r.at - r.at % r.segment_size
    header: segment_header_t
    if not r.loaded or r.first != first:
        code: cython.int = r.load(r, first)
        if code < 0:
            r.code = code
            return _stop(r, STOP_IO)
        if code == 0:
            return _stop(r, STOP_NO_SEGMENT)
    if not r.header_good:
        memcpy(cython.address(header), r.buffer, SEGMENT_HEADER_SIZE)
        # A write of the header that a crash cut can leave any version behind: only a header that verifies has one.
        foreign: cython.bint = (
            header.magic == segment_magic
            and header.version != LOG_VERSION
            and header.crc == segment_header_crc(cython.address(header))
        )
        return _stop(r, STOP_VERSION if foreign and r.have >= SEGMENT_HEADER_SIZE else STOP_SEGMENT_HEADER)
    if r.at - first <= SEGMENT_HEADER_SIZE:
        memcpy(cython.address(header), r.buffer, SEGMENT_HEADER_SIZE)
        if r.chained and header.prev_crc != r.prev_crc:
            return _stop(r, STOP_CHAIN)
        r.prev_crc = header.prev_crc
        r.chained = True
        r.at = first + SEGMENT_HEADER_SIZE
    return 1


def _verify(r, offset):
    """Whether the bytes at `offset` are a record of this log at this LSN: STOP_NOT_YET, or why not."""
    lsn: uint64_t = r.first + offset
    header: record_header_t
    if offset + RECORD_HEADER_SIZE > r.have:
        rest: uint64_t = r.have - offset if r.have > offset else 0
        return STOP_END if _is_zero(r.buffer + offset, rest) else STOP_SHORT
    memcpy(cython.address(header), r.buffer + offset, RECORD_HEADER_SIZE)
    if header.length == 0 and _is_zero(r.buffer + offset, RECORD_HEADER_SIZE):
        return STOP_END
    if header.length < RECORD_HEADER_SIZE or header.length > r.segment_size - offset:
        return STOP_LENGTH
    if header.length > r.have - offset:
        return STOP_SHORT
    crc = crc32c(r.seed, cython.address(lsn), 8)
    if crc32c(crc, r.buffer + offset + 4, header.length - 4) != header.crc:
        return STOP_CHECKSUM
    return STOP_NOT_YET


def record_view(lsn, record, view):
    """Point `view` into a verified record, all but its end_lsn. 0, or -1 where it is not made of the parts its type has."""
    header = cython.cast(cython.pointer(record_header_t), record)
    if split_payload(header.type, record + RECORD_HEADER_SIZE, header.length - RECORD_HEADER_SIZE, view.parts) < 0:
        return -1
    view.lsn = lsn
    view.header = header
    view.fixed = record + RECORD_HEADER_SIZE
    view.fixed_len = shapes[header.type].fixed_len
    view.part_count = shapes[header.type].part_count
    return 0


def reader_next(r, view):
    while True:
        if r.stop:
            return 0
        inside: cython.bint = r.loaded and r.first + SEGMENT_HEADER_SIZE < r.at < r.first + r.segment_size
        if not inside and not _enter_segment(r):
            return 0
        offset: uint64_t = r.at - r.first
        if r.segment_size - offset < RECORD_HEADER_SIZE:
            r.at = r.first + r.segment_size
            continue
        if not r.header_good:
            return _stop(r, STOP_SEGMENT_HEADER)
        reason: cython.int = _verify(r, offset)
        if reason:
            return _stop(r, reason)
        header = cython.cast(cython.pointer(record_header_t), r.buffer + offset)
        if r.chained and header.prev_crc != r.prev_crc:
            return _stop(r, STOP_CHAIN)
        if record_view(r.at, r.buffer + offset, view) < 0:
            return _stop(r, STOP_MALFORMED)
        r.prev_crc = header.crc
        r.chained = True
        r.at = r.first + r.segment_size if header.type == REC_PAD else record_align(r.at + header.length)
        view.end_lsn = r.at
        if header.type != REC_PAD or r.with_pads:
            return 1


def _find_evidence(r, start, broken):
    """LSN of a commit record in the loaded segment, from offset `start` on, that found `broken` durable; or 0."""
    offset: uint64_t = record_align(start)
    header: record_header_t
    commit: commit_record_t
    whole: uint64_t = RECORD_HEADER_SIZE + cython.sizeof(commit_record_t)
    while offset + whole <= r.have:
        memcpy(cython.address(header), r.buffer + offset, RECORD_HEADER_SIZE)
        if header.type == REC_COMMIT and header.length == whole and _verify(r, offset) == STOP_NOT_YET:
            memcpy(cython.address(commit), r.buffer + offset + RECORD_HEADER_SIZE, cython.sizeof(commit_record_t))
            if commit.synced_lsn > broken:
                return r.first + offset
        offset += 8
    return 0


# --- with the GIL ---


def _load_segment(r, first):
    """Read a whole segment into the buffer."""
    reader: LogReader = cython.cast(LogReader, r.owner)
    file: File
    header: segment_header_t
    r.loaded = False
    try:
        path = segment_path(reader.directory, first)
        if not reader.fs.exists(path):
            return 0
        file = reader.fs.open(path, readonly=True)
        with file:
            if r.capacity < r.segment_size:
                free(r.buffer)
                r.capacity = 0
                r.buffer = cython.cast(cython.p_uchar, malloc(r.segment_size))
                if not r.buffer:
                    raise MemoryError("no memory for a log segment")
                r.capacity = r.segment_size
            handle = file.ptr()
            with cython.nogil:
                got: int64_t = file_read(handle, r.buffer, r.segment_size, 0)
            if got < 0:
                reader.failure = file.failure
                return cython.cast(cython.int, got)
    except BaseException as error:  # an interrupt too: it is raised again by whoever asks why reading stopped
        reader.failure = error
        return -(getattr(error.__cause__, "errno", None) or EIO)
    r.have = got
    r.first = first
    r.loaded = True
    r.header_good = False
    if r.have >= SEGMENT_HEADER_SIZE:
        memcpy(cython.address(header), r.buffer, SEGMENT_HEADER_SIZE)
        r.header_good = (
            header.magic == segment_magic
            and header.version == LOG_VERSION
            and header.crc == segment_header_crc(cython.address(header))
            and header.log_id == r.log_id
            and header.first_lsn == r.first
            and header.segment_size == r.segment_size
        )
    return 1


def read_segment_header(data):
    """The segment header that these bytes begin with, or None where they do not hold a valid one of this version."""
    header: segment_header_t
    whole: bytes = bytes(data[:SEGMENT_HEADER_SIZE])
    if len(whole) < SEGMENT_HEADER_SIZE:
        return None
    source: cython.p_char = whole
    memcpy(cython.address(header), source, SEGMENT_HEADER_SIZE)
    if (
        header.magic != segment_magic
        or header.version != LOG_VERSION
        or header.crc != segment_header_crc(cython.address(header))
        or not SEGMENT_SIZE_MIN <= header.segment_size <= SEGMENT_SIZE_MAX
    ):
        return None
    return SegmentHeader(
        int(header.version), int(header.segment_size), int(header.log_id), int(header.first_lsn), int(header.prev_crc)
    )


class LogReader:
    """Reads one log; used by one thread. Begins at the oldest record from which the log is without a hole.

    log_id, segment_size: as the database's meta has them; where they are left out the newest valid segment header
    decides. A directory that is missing or empty is an empty log. Raises OperationalError where it cannot be read.
    """

    def __init__(self, fs, directory, log_id=None, segment_size=None):
        self.fs = fs
        self.directory = directory
        self.r.owner = cython.cast(cython.p_void, self)
        self.r.load = _load_segment
        self.id_known = log_id is not None
        self.size_known = segment_size is not None
        self.r.segment_size = segment_size or SEGMENT_SIZE_MIN
        self.r.log_id = log_id or 0
        # where both are known no segment is opened: a writer may be removing the oldest of them
        for header in reversed([] if self.id_known and self.size_known else self._headers()):
            if not self.id_known:
                self.r.log_id = header.log_id
                self.id_known = True
            if header.log_id == self.log_id and not self.size_known:
                self.r.segment_size = header.segment_size
                self.size_known = True
        if not SEGMENT_SIZE_MIN <= self.r.segment_size <= SEGMENT_SIZE_MAX:
            raise CorruptionError(f"impossible log segment size {self.r.segment_size}", file=directory)
        self.r.seed = log_seed(self.r.log_id)
        self.seek(self.first_lsn())

    def __dealloc__(self):
        free(self.r.buffer)

    def ptr(self):
        return cython.address(self.r)

    def _segments(self):
        return list_segments(self.fs, self.directory) if self.fs.exists(self.directory) else []

    def _headers(self):
        found = []
        for segment in self._segments():
            with self.fs.open(segment.path, readonly=True) as file:
                header = read_segment_header(file.pread(SEGMENT_HEADER_SIZE, 0))
            if header is not None and header.first_lsn == segment.first_lsn:
                found.append(header)
        return found

    @property
    def log_id(self):
        """The log's id; 0 where there is no segment and none was given."""
        return int(self.r.log_id)

    @property
    def segment_size(self):
        """Bytes of a segment."""
        return int(self.r.segment_size)

    @property
    def end_lsn(self):
        """Where reading stands; at the end, the LSN with which `open_log` goes on."""
        if self.r.stop in (STOP_NO_SEGMENT, STOP_SEGMENT_HEADER) and self.r.at % self.r.segment_size == 0:
            return int(self.r.at) + SEGMENT_HEADER_SIZE
        return int(self.r.at)

    @property
    def end_crc(self):
        """Checksum of the last record read (or the one given to seek): where the chain goes on."""
        return int(self.r.prev_crc)

    @property
    def reason(self):
        """Why reading stopped, in words."""
        return REASONS[self.r.stop]

    def first_lsn(self):
        """LSN of the oldest segment from which no later one is missing, or of an empty log's first record."""
        size = self.segment_size
        first = None
        for segment in reversed(self._segments()):
            if first is not None and segment.first_lsn != first - size:
                break
            first = segment.first_lsn
        return (first or 0) + SEGMENT_HEADER_SIZE

    def seek(self, lsn, prev_crc=None, with_pads=False):
        """Go to the record at `lsn`. prev_crc: checksum of the record before it, where the caller knows it.

        Without prev_crc the first record's own word is taken. with_pads: hand out PAD records too.
        """
        if lsn < 0 or lsn >= 1 << 63 or lsn % 8:
            raise InterfaceError(f"LSN {lsn}: no record begins there")
        self.start = lsn
        self.r.at = lsn
        self.r.chained = prev_crc is not None
        self.r.prev_crc = prev_crc or 0
        self.r.with_pads = with_pads
        self.r.stop = STOP_NOT_YET
        self.r.code = 0
        self.r.loaded = False
        inside = lsn % self.segment_size
        if inside == 0 or inside > SEGMENT_HEADER_SIZE:
            return
        if inside < SEGMENT_HEADER_SIZE:
            raise InterfaceError(f"LSN {lsn}: no record begins there")

    def _record(self, view):
        header = view.header
        kind = RECORD_TYPES[header.type]
        fixed = PyBytes_FromStringAndSize(cython.cast(cython.p_char, view.fixed), view.fixed_len)
        parts = {}
        i: cython.int
        for i in range(view.part_count):
            parts[kind.parts[i].name] = PyBytes_FromStringAndSize(
                cython.cast(cython.p_char, view.parts[i].data), view.parts[i].len
            )
        return LogRecord(
            lsn=int(view.lsn),
            end_lsn=int(view.end_lsn),
            type=kind,
            crc=int(header.crc),
            prev_crc=int(header.prev_crc),
            length=int(header.length),
            flags=int(header.flags),
            txn=int(header.txn),
            page=int(header.page),
            tree=int(header.tree),
            page_prev_lsn=int(header.page_prev_lsn),
            fields=decode_fields(kind.fields, fixed),
            parts=parts,
        )

    def __iter__(self):
        return self

    def __next__(self):
        view: record_view_t
        with cython.nogil:
            found: cython.int = reader_next(cython.address(self.r), cython.address(view))
        if found:
            return self._record(cython.address(view))
        if self.r.stop == STOP_IO:
            raise self._io_error()
        raise StopIteration

    def read(self, lsn):
        """The one record at `lsn`. Raises CorruptionError where there is none."""
        self.seek(lsn, with_pads=True)
        for record in self:
            if record.lsn == lsn:
                return record
            break
        raise CorruptionError(
            f"no log record at LSN {lsn}: {self.reason}", file=self._path(lsn), offset=lsn % self.segment_size
        )

    def _path(self, lsn):
        return segment_path(self.directory, lsn - lsn % self.segment_size)

    def _io_error(self):
        if self.failure is not None and not isinstance(self.failure, Exception):
            return self.failure
        error = OperationalError(f"cannot read the log {self._path(self.r.at)}")
        error.__cause__ = self.failure or OSError(-self.r.code, "read failed")
        return error

    def check_tail(self):
        """After the last record: return if the log simply ends here, raise if it is damaged.

        Raises CorruptionError naming file and offset where the place at which reading stopped had been durable;
        NotSupportedError for a newer format; OperationalError where the log cannot be read.
        """
        broken = int(self.r.at)
        size = self.segment_size
        segment_first = broken - broken % size
        if self.r.stop == STOP_NOT_YET:
            raise InterfaceError("the log has not been read to its end")
        if self.r.stop == STOP_IO:
            raise self._io_error()
        if self.r.stop == STOP_VERSION:
            raise NotSupportedError(f"{self._path(broken)} was written by another version of the engine")
        if self.r.stop == STOP_MALFORMED:
            raise self._damage(broken, "a log record has a valid checksum, but")
        begun_inside = broken == self.start and broken % size > SEGMENT_HEADER_SIZE
        if self.r.stop == STOP_SEGMENT_HEADER and not begun_inside:
            broken = segment_first
        if begun_inside and (not self.r.loaded or not self.r.header_good or self.r.have < broken - segment_first):
            raise self._damage(broken, "the log does not reach the place where reading has to begin:")
        proof = 0
        if self.r.loaded and self.r.first == segment_first:
            proof = int(_find_evidence(cython.address(self.r), broken - segment_first, broken))
        for segment in self._segments():
            if proof or segment.first_lsn <= segment_first or segment.first_lsn % size:
                continue
            code: cython.int = _load_segment(cython.address(self.r), segment.first_lsn)
            if code < 0:
                self.r.code = code
                raise self._io_error()
            if code and self.r.header_good:
                proof = segment.first_lsn
            elif code:
                proof = int(_find_evidence(cython.address(self.r), 0, broken))
        if proof:
            raise self._damage(broken, f"the log is damaged, for LSN {proof} was written after this was durable:")

    def _damage(self, lsn, what):
        return CorruptionError(
            f"{what} {self.reason} (LSN {lsn})", file=self._path(lsn), offset=lsn % self.segment_size
        )
