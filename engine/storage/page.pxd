from libc.string cimport memcpy, memset
from libc.stdint cimport uint8_t, uint16_t, uint32_t, uint64_t
from engine.base.crc32c cimport crc32c
from engine.storage.layout cimport (
    CELL_SIZE, FLAG_UPPER_INFINITE, HEADER_SIZE, KIND_BRANCH, KIND_LEAF, KIND_OVERFLOW, KIND_RETAINED, KIND_TABLE,
    SLOT_SIZE, VALUE_LEN_MASK, VALUE_OVERFLOW, cell_at, page_t, retained_t, slot_at, slot_t, table_entry_t,
)

cdef enum:
    PAGE_OK = 0
    PAGE_BAD_CHECKSUM = 1
    PAGE_BAD_TAG = 2
    PAGE_BAD_ID = 3
    PAGE_BAD_KIND = 4
    PAGE_BAD_HEADER = 5
    PAGE_BAD_SLOT = 6
    PAGE_BAD_CELL = 7
    PAGE_BAD_ORDER = 8

cdef uint32_t page_checksum(const page_t *page, uint32_t page_size) noexcept nogil
cdef void page_seal(page_t *page, uint32_t page_size) noexcept nogil
cdef int page_verify(page_t *page, uint32_t page_size, uint32_t page_id, uint32_t tag) noexcept nogil
cdef int page_validate(page_t *page, uint32_t page_size) noexcept nogil
cdef int page_make_overflow(page_t *page, uint32_t page_size, uint32_t next, const uint8_t *data, uint32_t data_len) noexcept nogil
