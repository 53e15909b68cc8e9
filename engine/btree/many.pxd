from libc.stdint cimport int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.stdlib cimport free, malloc, realloc
from libc.string cimport memcpy
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from engine.base.thread cimport OP_GET_MANY, thread_does
from engine.base.atomic cimport load_relaxed, load16_relaxed, load32_relaxed, prefetch
from engine.base.codes cimport ERR_MEMORY, OK
from engine.base.trace cimport TRACE_NODE, TRACE_SEEK, trace_bytes, traced
from engine.btree.node cimport (
    CELL_SIZE, HEADER_SIZE, NODE_DAMAGED, SLOT_SIZE, node_child_of, node_lower_bound, node_narrow, node_search_from,
)
from engine.btree.read cimport _slow_get
from engine.btree.tree cimport DEPTH_MAX
from engine.btree.warm cimport key_ref_t, tree_warm
from engine.pool.latch cimport LATCH_EXCLUSIVE, frame_restart, frame_visit, optimistic_begin, optimistic_valid
from engine.pool.pool cimport frame_of, frame_page, frame_t, frame_touch, pool_t
from engine.storage.layout cimport KIND_BRANCH, KIND_LEAF, VALUE_OVERFLOW, key_head, page_t, slot_at, slot_t

cdef enum:
    INTERLEAVED = 16        # lookups under way at once
    TRIES = 3

cdef enum:                  # where a lookup stands
    STEP_FRAME = 0          # at `page_id`, frame not yet known
    STEP_PAGE = 1           # frame known, its first lines on their way
    STEP_SLOTS = 2          # slots on their way
    STEP_CELL = 3           # in a leaf, cell on its way
    LOOK_FOUND = 4
    LOOK_MISSING = 5
    LOOK_ABSENT = 6         # came to a page that is not in the pool
    LOOK_SLOW = 7           # only the way with latches and loads can tell

ctypedef struct look_t:
    const uint8_t *key
    size_t key_len
    uint32_t page_id
    int32_t frame
    uint64_t word           # of the frame's latch when the page was first looked at
    int step
    int tries
    long low                # slots in question
    long high
    uint64_t offset         # of the value in the output
    uint32_t length

ctypedef struct output_t:
    uint8_t *data
    uint64_t used
    uint64_t room

cdef list tree_get_many(pool_t *p, uint32_t root, uint64_t lsn, list keys, object default, str path)
cdef int look_up(pool_t *p, uint32_t root, uint64_t lsn, look_t *looks, long count, output_t *out) noexcept nogil
cdef int look_absent(pool_t *p, uint32_t root, uint64_t lsn, look_t *looks, long count, output_t *out) noexcept nogil
cdef int _look_warmed(
    pool_t *p, uint32_t root, uint64_t lsn, look_t *looks, const key_ref_t *refs, long count, output_t *out
) noexcept nogil
cdef void _again(pool_t *p, look_t *look, uint32_t root) noexcept nogil
cdef void _find_frame(pool_t *p, look_t *look) noexcept nogil
cdef void _narrow(pool_t *p, uint64_t lsn, look_t *look, uint32_t root) noexcept nogil
cdef void _choose(pool_t *p, look_t *look, uint32_t root) noexcept nogil
cdef long _find(pool_t *p, look_t *look, page_t *page) noexcept nogil
cdef int _take(pool_t *p, look_t *look, uint32_t root, output_t *out) noexcept nogil
