from libc.stdint cimport uint32_t, uint64_t
from engine.txn.memtable cimport generation_t, key_changed, memtable_since, range_changed
from engine.txn.pending cimport Pending
from engine.txn.skiplist cimport key_of
from engine.txn.store cimport Snapshot, Store
from engine.txn.validate cimport leaf_changed, leaves_changed

cdef class Footprint(Pending):
    cdef readonly Store store
    cdef readonly str isolation
    cdef Snapshot snap
    cdef bint tracks                  # whether reads are noted
    cdef dict reads                   # tree id -> set of keys
    cdef dict ranges                  # tree id -> list of (start, stop)

    cdef int note_key(self, object tree, object key) except -1
    cdef int note_range(self, object tree, object start, object stop) except -1
    cdef bint touches(self, object tree, bint reads) except *
    cdef bint meets(self, dict erased, bint reads) except *
    cdef int validate_entries(self, generation_t **found, int count) except -1
    cdef int validate_reads(self, generation_t **found, int count) except -1
    cdef int validate_pages(self, bint reads) except -1

cdef bint _span_changed(generation_t **found, int count, uint64_t since, object tree, object start, object stop) except *
