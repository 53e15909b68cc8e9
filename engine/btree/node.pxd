from libc.stdint cimport uint8_t, uint16_t, uint32_t, uint64_t, int64_t
from libc.string cimport memcmp, memcpy, memmove, memset
from engine.base.atomic cimport load16_relaxed, load32_relaxed, prefetch
from engine.base.invariant cimport checked, invariant
from engine.storage.page cimport PAGE_OK, page_validate
from engine.storage.layout cimport (
    CELL_SIZE, FLAG_UPPER_INFINITE, HEADER_SIZE, HINTS, KIND_BRANCH, KIND_LEAF, SLOT_SIZE, VALUE_LEN_MASK,
    cell_at, cell_key, cell_t, cell_value, key_head, lower_fence, page_t, slot_at, slot_t, upper_fence,
)

# What a page becomes: the arguments of the log record BUILD.
ctypedef struct build_t:
    uint8_t kind
    uint8_t level
    uint16_t count
    uint16_t lower_len
    uint16_t upper_len
    uint16_t flags
    uint16_t prefix_len
    uint32_t cells_len
    const uint8_t *lower
    const uint8_t *upper
    const uint8_t *cells

cdef enum:
    NODE_FULL = -1          # the cell does not fit, even after compaction
    NODE_DAMAGED = -2       # bytes that no node operation leaves behind
    CELL_PACKED = 4         # u16 key_len, u16 value_len before each cell of a packed run

cdef inline uint32_t node_value_len(uint16_t raw) noexcept nogil:
    return raw & VALUE_LEN_MASK

cdef inline long node_free_contiguous(const page_t *page) noexcept nogil:
    return <long>page.heap_start - HEADER_SIZE - <long>page.count * SLOT_SIZE

cdef inline long node_free(const page_t *page) noexcept nogil:
    return node_free_contiguous(page) + <long>page.fragmented

cdef inline long node_used(const page_t *page, uint32_t page_size) noexcept nogil:
    return <long>page_size - HEADER_SIZE - node_free(page)

# order of two byte strings: negative, 0, positive
cdef inline int compare_keys(const uint8_t *a, size_t a_len, const uint8_t *b, size_t b_len) noexcept nogil:
    cdef int order = memcmp(a, b, a_len if a_len < b_len else b_len)
    if order != 0 or a_len == b_len:
        return order
    return -1 if a_len < b_len else 1

# memcmp for the short ends of keys: the first four bytes, which most often decide or are all, without a call
cdef inline int order_of(const uint8_t *a, const uint8_t *b, size_t length) noexcept nogil:
    cdef uint32_t x, y
    if length < 4:
        return memcmp(a, b, length)
    x = key_head(a, 4)
    y = key_head(b, 4)
    if x != y:
        return -1 if x < y else 1
    return 0 if length == 4 else memcmp(a + 4, b + 4, length - 4)

# cut [low, high), the slots among which a head is or would be, by the hints; no branch depends on what they are
cdef inline void node_narrow(const page_t *page, long count, uint32_t head, long *low, long *high) noexcept nogil:
    cdef uint32_t below = 0, upto = 0
    cdef int i
    cdef long distance
    if count <= 2 * HINTS:
        return
    distance = count // (HINTS + 1)
    for i in range(HINTS):
        below += page.hint[i] < head
        upto += page.hint[i] <= head
    low[0] = below * distance
    if upto < HINTS:
        high[0] = (upto + 1) * distance

# the first of the slots [low, high) whose head is not below `head`, or high; no branch depends on what the heads are
cdef inline long node_lower_bound(page_t *page, long low, long high, uint32_t head) noexcept nogil:
    cdef long half, left = high - low
    while left > 0:
        half = left >> 1
        low += (left - half) if load32_relaxed(&slot_at(page, low + half).head) < head else 0
        left = half
    return low

# the index in bits 1.., bit 0 set when the key itself is there; or NODE_DAMAGED
cdef long node_search(page_t *page, uint32_t page_size, const uint8_t *key, size_t key_len) noexcept nogil
cdef long node_search_from(
    page_t *page, uint32_t page_size, long low, long middle, long high, uint32_t head, const uint8_t *suffix, size_t length
) noexcept nogil
cdef int64_t node_child_of(page_t *page, uint32_t page_size, long found) noexcept nogil
cdef int64_t node_child(page_t *page, uint32_t page_size, const uint8_t *key, size_t key_len) noexcept nogil
cdef long node_child_index(page_t *page, uint32_t page_size, const uint8_t *key, size_t key_len) noexcept nogil
cdef uint32_t node_child_at(page_t *page, long index) noexcept nogil
cdef size_t common_prefix(const uint8_t *a, size_t a_len, const uint8_t *b, size_t b_len) noexcept nogil
cdef void node_refresh_hints(page_t *page) noexcept nogil
cdef void node_compact(page_t *page, uint32_t page_size, uint8_t *scratch) noexcept nogil
cdef bint node_fits(const page_t *page, size_t key_len, size_t value_len) noexcept nogil
cdef int node_insert(page_t *page, uint32_t page_size, long index, const uint8_t *key, size_t key_len, const uint8_t *value, uint16_t value_len, uint8_t *scratch) noexcept nogil
cdef bint node_can_update(page_t *page, long index, uint16_t value_len) noexcept nogil
cdef int node_update(page_t *page, uint32_t page_size, long index, const uint8_t *value, uint16_t value_len, uint8_t *scratch) noexcept nogil
cdef void node_compact_without(page_t *page, uint32_t page_size, long skip, uint8_t *scratch) noexcept nogil
cdef int node_delete(page_t *page, uint32_t page_size, long index) noexcept nogil
cdef int node_build(page_t *page, uint32_t page_size, const build_t *build) noexcept nogil
cdef long node_pack(page_t *page, uint32_t page_size, long first, long last, size_t prefix_len, uint8_t *out, size_t capacity) noexcept nogil
cdef int node_truncate(page_t *page, uint32_t page_size, long index, const uint8_t *upper, size_t upper_len, uint8_t *scratch) noexcept nogil
cdef size_t node_key(page_t *page, uint32_t page_size, long index, uint8_t *out) noexcept nogil
cdef long node_split_index(page_t *page, uint32_t page_size, long position, size_t fence_len) noexcept nogil
cdef void _sound(page_t *page, uint32_t page_size) noexcept nogil
cdef int node_compare(page_t *page, uint32_t page_size, slot_t *slot, const uint8_t *suffix, size_t length) noexcept nogil
cdef void node_drop_cell(page_t *page, slot_t *slot) noexcept nogil
cdef void node_place_cell(page_t *page, slot_t *slot, const uint8_t *suffix, size_t suffix_len, const uint8_t *value, uint16_t value_len) noexcept nogil
