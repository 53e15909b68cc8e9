from libc.stdint cimport uint32_t
from libc.stdlib cimport free, malloc, realloc
from engine.base.atomic cimport store32_relaxed
from engine.base.codes cimport ERR_FULL, ERR_MEMORY, OK
from engine.pool.pool cimport pool_know, pool_t, ref_of

cdef int note_page(uint32_t **list, uint32_t *count, uint32_t *room, uint32_t page_id) noexcept nogil
cdef int mark_changed(pool_t *p, uint32_t page_id) noexcept nogil
cdef int page_id_take(pool_t *p, uint32_t *page_id) noexcept nogil
cdef int page_id_give(pool_t *p, uint32_t page_id) noexcept nogil
