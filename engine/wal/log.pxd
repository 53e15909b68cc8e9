"""The log: its owner class, and the writer's C functions for those who cimport them from here."""
from libc.stdint cimport uint32_t, uint64_t
from engine.base.sync cimport mutex_t
from engine.storage.file cimport File, file_t
from engine.wal.records cimport wal_part_t
from engine.wal.writer cimport (
    wal_append, wal_end, wal_last_crc, wal_poisoned, wal_sync, wal_synced, wal_t, wal_write, wal_written,
)

cdef int _open_file(wal_t *w, uint64_t first, file_t *busy, file_t **opened) noexcept with gil

cdef class Log:
    cdef wal_t w
    cdef mutex_t append_mutex
    cdef readonly object fs
    cdef readonly str directory
    cdef readonly bint closed
    cdef readonly object failure       # the exception behind the poison, where there is one
    cdef bint reserving                # each commit is handed to the system by itself: make that cheap
    cdef File file
    cdef list retired
    cdef wal_t *ptr(self) noexcept
    cdef file_t *switch_to(self, uint64_t first, file_t *busy) except NULL
    cdef int _start(self, uint64_t lsn, uint32_t prev_crc) except -1
