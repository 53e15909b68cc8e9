from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize
from libc.stdint cimport int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free, malloc, realloc
from libc.string cimport memcmp, memcpy, memset
from engine.base.atomic cimport load32_relaxed, load_acquire, load_relaxed, load16_relaxed, prefetch
from engine.base.codes cimport ERR_CORRUPT, ERR_LIMIT, ERR_MEMORY, ERR_RESTART, OK
from engine.base.gil cimport gil_nap, gil_turn_over
from engine.base.schedule cimport POINT_OPTIMISTIC, yield_with_gil
from engine.base.sync cimport thread_yield
from engine.base.thread cimport OP_GET, OP_SCAN, thread_does, thread_self, thread_t
from engine.base.trace cimport TRACE_NODE, TRACE_SEEK, trace_bytes, traced
from engine.btree.ahead cimport ahead_bring, ahead_plan, ahead_t
from engine.btree.node cimport (
    CELL_SIZE, cell_at, cell_value, cell_key, node_child, node_child_at, node_child_index, node_search,
    node_value_len, slot_at, slot_t,
)
from engine.btree.overflow cimport overflow_read
from engine.btree.recall cimport recall_found, recall_hash, recall_prefetch
from engine.btree.tree cimport DEPTH_MAX, corrupt
from engine.pool.fail cimport error_of
from engine.pool.latch cimport LATCH_EXCLUSIVE, frame_restart, frame_visit, optimistic_begin, optimistic_valid
from engine.pool.pool cimport (
    frame_of, frame_page, frame_t, frame_touch, mutex_lock, mutex_unlock, page_prefetch, pool_fix, pool_fix_once, pool_t, pool_unfix,
)
from engine.storage.layout cimport (
    FLAG_UPPER_INFINITE, KIND_BRANCH, KIND_LEAF, VALUE_OVERFLOW, lower_fence, overflow_ref_t, page_t, upper_fence,
)

cdef extern from "Python.h":
    ctypedef void *PyObjectPtr "PyObject *"
    PyObjectPtr NewBytes "PyBytes_FromStringAndSize"(const char *data, Py_ssize_t size)
    void DropObject "Py_DECREF"(PyObjectPtr o)
    char *BytesData "PyBytes_AS_STRING"(PyObjectPtr o)

cdef enum:
    OPTIMISTIC_TRIES = 3

# lsn 0: the newest published state
cdef object tree_get(pool_t *p, uint32_t root, uint64_t lsn, const uint8_t *key, size_t key_len, object default, str path)
cdef int _try_get(pool_t *p, uint32_t root, uint64_t lsn, const uint8_t *key, size_t key_len, PyObjectPtr *out)
cdef object _slow_get(pool_t *p, uint32_t root, uint64_t lsn, const uint8_t *key, size_t key_len, object default, str path)
cdef int leaf_fix(pool_t *p, uint32_t root, uint64_t lsn, const uint8_t *key, size_t key_len, int bound, ahead_t *ahead, int32_t *frame) noexcept nogil
cdef int value_copy(pool_t *p, uint32_t root, uint64_t lsn, const uint8_t *key, size_t key_len, uint8_t **out, uint64_t *length) noexcept nogil
cdef int64_t range_count(pool_t *p, uint32_t root, uint64_t lsn, const uint8_t *start, size_t start_len, bint bounded, const uint8_t *stop, size_t stop_len, int64_t enough) noexcept nogil

cdef class Scan:
    cdef pool_t *pool
    cdef object owner            # keeps the pool and the snapshot alive
    cdef str path
    cdef uint32_t root
    cdef uint64_t lsn
    cdef page_t *page            # a private copy of the leaf
    cdef ahead_t *ahead
    cdef long at
    cdef long end
    cdef bint reverse
    cdef bint done
    cdef bytes start
    cdef bytes stop
    cdef const uint8_t *start_key      # of `start` and `stop`; NULL: there is none
    cdef const uint8_t *stop_key
    cdef size_t start_len
    cdef size_t stop_len
    cdef uint8_t *bound          # where the next leaf begins (reverse: ends), a key
    cdef size_t bound_len
    cdef bint bounded            # false only before the first leaf: whether `bound` counts; else the tree's end is meant
    cdef int prepare(self) except -1
    cdef int _load(self) noexcept nogil
    cdef bint _goes_on(self, const uint8_t *fence, size_t length) noexcept nogil
    cdef int _advance(self) except -1
    cdef bytes _key(self, long index)
    cdef bytes _value(self, long index)
    cdef long _position(self, const uint8_t *key, size_t length) noexcept nogil
    cdef int next_leaf(self) noexcept nogil
    cdef int64_t value_room(self, long index) noexcept nogil
    cdef int value_into(self, long index, uint8_t *out) noexcept nogil
