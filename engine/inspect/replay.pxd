from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize
from libc.stdint cimport uint8_t, uint16_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free
from libc.string cimport memcmp, memcpy, memset
from engine.base.codes cimport ERR_LOG
from engine.btree.redo cimport apply_record
from engine.storage.layout cimport FLAG_UPPER_INFINITE, page_t
from engine.storage.page cimport page_seal
from engine.wal.reader cimport STOP_NOT_YET, LogReader, reader_next, reader_t, record_view_t
from engine.wal.records cimport (
    REC_ABORT, REC_BUILD, REC_COMMIT, REC_DELETE, REC_FREE, REC_INSERT, REC_OVERFLOW, REC_TRUNCATE, REC_UPDATE,
    abort_record_t, build_record_t, commit_record_t, insert_record_t,
)

# What is known of the page.
cdef enum:
    UNKNOWN = 0
    ABSENT = 1
    PRESENT = 2

# What applying a record came to, besides errors.
cdef enum:
    UNCHANGED = 0
    CHANGED = 1
    NEEDS_BASE = 2

cdef class PageReplay:
    cdef page_t *page
    cdef page_t *before          # as it was before the batch that changes it
    cdef uint8_t *scratch        # 4 pages
    cdef readonly uint32_t page_size
    cdef readonly uint32_t page_id
    cdef int now                 # UNKNOWN, ABSENT or PRESENT
    cdef int then                # the same of `before`
    cdef bint saved              # whether `before` belongs to the batch that is being read
    cdef bint pending            # view holds a record that was read and not yet dealt with
    cdef uint64_t start          # where reading began
    cdef uint64_t changed_lsn
    cdef record_view_t view
    cdef bint _find(self, reader_t *r, uint64_t limit) noexcept nogil
    cdef int _apply(self) noexcept nogil
    cdef int _abort(self) noexcept nogil
    cdef int _run(self, reader_t *r, uint64_t limit, bint single) noexcept nogil

cdef class RowScan:
    cdef uint32_t tree
    cdef bytes key
    cdef const uint8_t *sought
    cdef size_t key_len
    cdef public uint32_t leaf    # the page that covers the key, 0 while that is not known
    cdef bint in_batch           # the batch that is being read has told something
    cdef bint _covers(self, const record_view_t *v) noexcept nogil
    cdef bint _tells(self, const record_view_t *v) noexcept nogil
    cdef bint _next(self, reader_t *r, record_view_t *v) noexcept nogil

cdef void _jump(reader_t *r, uint64_t lsn) noexcept nogil
