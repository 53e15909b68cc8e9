from libc.stdint cimport uint8_t, uint16_t, uint32_t
from libc.stdlib cimport calloc, free, malloc
from engine.btree.node cimport (
    build_t, common_prefix, node_build, node_can_update, node_delete, node_fits, node_free, node_insert, node_key, node_search,
    node_split_index, node_truncate, node_update,
)
from engine.storage.layout cimport (
    FLAG_UPPER_INFINITE, KIND_BRANCH, KIND_LEAF, cell_at, cell_value, lower_fence, page_t, slot_at, upper_fence,
)
from engine.storage.page cimport page_validate

cdef class PageImage:
    cdef page_t *page
    cdef uint8_t *scratch
    cdef readonly uint32_t page_size
