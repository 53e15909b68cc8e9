from cpython.bytes cimport PyBytes_FromStringAndSize
from libc.stdint cimport int32_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free
from libc.string cimport memset
from engine.base.atomic cimport load_acquire
from engine.base.sync cimport mutex_lock, mutex_unlock
from engine.txn.memtable cimport _trim, generation_t, memtable_t, writer_t
from engine.txn.skiplist cimport HEIGHT_MAX, bytes_of, entry_next, entry_t, key_of, link_of, value_of
from engine.txn.store cimport Store

cdef enum:
    GENERATIONS = 64
    WRITERS = 1024
    TRANSACTIONS = 4096      # a power of two: room of the census by transaction
    VALUE_SHOWN = 64

# What the entries of one transaction come to.
ctypedef struct tally_t:
    uint64_t txn
    uint64_t commit_lsn
    uint64_t entries
    uint64_t deletes
    uint64_t undone          # entries without a value: taken back to a savepoint
    uint64_t bytes

ctypedef struct writer_copy_t:
    uint64_t txn
    uint64_t snapshot_lsn
    int32_t home             # number of its generation, -1: one of its own
    uint64_t home_bytes
    uint64_t home_entries

cdef int _hold(memtable_t *m, generation_t **found, uint64_t *first) noexcept nogil
cdef void _let_go(memtable_t *m, generation_t **found, int count) noexcept nogil
cdef int _copy_writers(memtable_t *m, writer_copy_t *out) noexcept nogil
cdef void _census(generation_t *g, uint64_t *levels, tally_t *tallies, uint64_t *others) noexcept nogil
