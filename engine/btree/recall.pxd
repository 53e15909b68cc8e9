"""Where in a leaf keys were found lately (see recall.py)."""
from libc.stdint cimport int32_t, uint8_t, uint32_t, uint64_t
from libc.string cimport memcpy
from engine.base.atomic cimport load16_relaxed, load8_relaxed, prefetch, store8_relaxed
from engine.pool.pool cimport RECALLED_BITS, frame_page, pool_t
from engine.storage.layout cimport CELL_SIZE, HEADER_SIZE, SLOT_SIZE, slot_at

cdef enum:
    RECALL_NEW = 0          # of a page since it is in its frame: nobody has looked a key up
    RECALL_VISITED = 1      # somebody has
    RECALL_FILLED = 2       # its keys are entered

cdef void recall_fill(pool_t *p, int32_t frame) noexcept nogil

# Which of a frame's bytes is a key's: a hash of its last eight bytes, in which neighbours differ.
cdef inline uint32_t recall_hash(const uint8_t *key, size_t key_len) noexcept nogil:
    cdef uint64_t word = 0
    if key_len >= 8:
        memcpy(&word, key + key_len - 8, 8)
    else:
        memcpy(&word, key, key_len)
    return <uint32_t>((word * 0x9E3779B97F4A7C15ULL) >> (64 - RECALLED_BITS))

cdef inline uint8_t *recall_at(const pool_t *p, int32_t frame, uint32_t hash) noexcept nogil:
    return p.recalled + (<uint64_t>frame << RECALLED_BITS) + hash

# Ask for the place where the key's cell is, if it is where one with its hash was last.
cdef inline void recall_prefetch(const pool_t *p, int32_t frame, uint32_t hash) noexcept nogil:
    cell = <const char *>frame_page(p, frame) + (<size_t>load8_relaxed(recall_at(p, frame, hash)) << (p.page_shift - 8))
    prefetch(cell)
    prefetch(cell + 64)
    prefetch(cell + 128)

# The key's cell is at this offset.
cdef inline void recall_note(const pool_t *p, int32_t frame, uint32_t hash, size_t offset) noexcept nogil:
    place = <uint8_t>(offset >> (p.page_shift - 8))
    if load8_relaxed(recall_at(p, frame, hash)) != place:
        store8_relaxed(recall_at(p, frame, hash), place)

# A lookup has found the key's cell at this offset.
cdef inline void recall_found(pool_t *p, int32_t frame, uint32_t hash, size_t offset) noexcept nogil:
    state = &p.frames[frame].recall
    seen = load8_relaxed(state)
    if seen == RECALL_FILLED:
        recall_note(p, frame, hash, offset)
        return
    store8_relaxed(state, seen + 1)
    if seen == RECALL_VISITED:
        recall_fill(p, frame)
