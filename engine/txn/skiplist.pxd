from libc.stdint cimport uint8_t, uint16_t, uint32_t, uint64_t
from libc.stdlib cimport free, malloc
from libc.string cimport memcpy, memset
from engine.base.atomic cimport add_relaxed, cas64, load_acquire, load_relaxed, store_release, store_relaxed
from engine.base.codes cimport ERR_MEMORY, OK
from engine.base.ranks cimport RANK_SKIPLIST
from engine.base.sync cimport mutex_destroy, mutex_init, mutex_lock, mutex_t, mutex_unlock
from engine.base.thread cimport thread_self
from engine.base.trace cimport TRACE_PROBE, trace_bytes, traced
from engine.btree.node cimport compare_keys

cdef enum:
    HEIGHT_MAX = 16
    CHUNK_FIRST = 65536
    CHUNK_USUAL = 1048576

cdef extern from *:
    """
    #ifndef ANOKURO_SKIPLIST
    #define ANOKURO_SKIPLIST
    #include <stdint.h>
    typedef struct ank_chunk { struct ank_chunk *older; uint64_t size, used, pad; } ank_chunk_t;
    /* What a transaction has written last under a key: absent (rolled back) where the entry has none. */
    typedef struct { uint64_t length; uint32_t deleted, pad; } ank_value_t;
    /* One entry: links of `height` levels and the key stand behind it. */
    typedef struct {
        uint64_t head;         /* first eight bytes of the key, big-endian */
        uint64_t txn;
        uint64_t value;        /* ank_value_t *, or 0 */
        uint64_t commit_lsn;   /* 0: not committed */
        uint32_t tree;
        uint16_t key_len, height;
    } ank_entry_t;
    _Static_assert(sizeof(ank_chunk_t) % 16 == 0 && sizeof(ank_value_t) == 16 && sizeof(ank_entry_t) == 40, "links and bytes follow");
    #endif
    """
    ctypedef struct chunk_t "ank_chunk_t":
        chunk_t *older
        uint64_t size
        uint64_t used
    ctypedef struct value_t "ank_value_t":
        uint64_t length
        uint32_t deleted
    ctypedef struct entry_t "ank_entry_t":
        uint64_t head
        uint64_t txn
        uint64_t value
        uint64_t commit_lsn
        uint32_t tree
        uint16_t key_len
        uint16_t height

ctypedef struct skiplist_t:
    uint64_t chunk               # chunk_t *: where memory is taken from
    uint64_t bytes               # of all chunks
    uint64_t entries
    uint64_t seed
    mutex_t mutex                # whoever makes a new chunk
    entry_t *first               # an entry before all others, with HEIGHT_MAX links

cdef inline uint64_t *link_of(entry_t *e, int level) noexcept nogil:
    return <uint64_t *>(<uint8_t *>e + sizeof(entry_t)) + level

cdef inline uint8_t *key_of(entry_t *e) noexcept nogil:
    return <uint8_t *>e + sizeof(entry_t) + <size_t>e.height * 8

cdef inline entry_t *entry_next(entry_t *e) noexcept nogil:
    return <entry_t *>load_acquire(link_of(e, 0))

cdef inline value_t *value_of(entry_t *e) noexcept nogil:
    return <value_t *>load_acquire(&e.value)

cdef inline uint8_t *bytes_of(value_t *v) noexcept nogil:
    return <uint8_t *>v + sizeof(value_t)

cdef int skiplist_init(skiplist_t *list) noexcept nogil
cdef void skiplist_free(skiplist_t *list) noexcept nogil
cdef void skiplist_reset(skiplist_t *list) noexcept nogil
cdef uint8_t *skiplist_memory(skiplist_t *list, uint64_t size) noexcept nogil
cdef value_t *skiplist_value(skiplist_t *list, const uint8_t *data, uint64_t length, bint deleted) noexcept nogil
cdef entry_t *skiplist_put(skiplist_t *list, uint32_t tree, const uint8_t *key, size_t key_len, uint64_t txn, bint *made) noexcept nogil
cdef entry_t *skiplist_seek(skiplist_t *list, uint32_t tree, const uint8_t *key, size_t key_len, uint64_t txn) noexcept nogil
cdef entry_t *skiplist_get(skiplist_t *list, uint32_t tree, const uint8_t *key, size_t key_len, uint64_t txn) noexcept nogil
cdef bint same_key(entry_t *e, uint32_t tree, const uint8_t *key, size_t key_len) noexcept nogil
cdef uint64_t key_head64(const uint8_t *key, size_t key_len) noexcept nogil
cdef bint _before(entry_t *e, uint64_t head, uint32_t tree, const uint8_t *key, size_t key_len, uint64_t txn) noexcept nogil
cdef entry_t *_find(skiplist_t *list, uint64_t head, uint32_t tree, const uint8_t *key, size_t key_len, uint64_t txn, entry_t **before, int lowest) noexcept nogil
cdef int _new_chunk(skiplist_t *list, chunk_t *old, uint64_t size) noexcept nogil
cdef int _height(skiplist_t *list) noexcept nogil
