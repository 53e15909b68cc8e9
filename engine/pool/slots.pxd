from libc.stdint cimport int32_t, uint8_t, uint32_t
from libc.stdlib cimport realloc
from libc.string cimport memset
from engine.base.invariant cimport invariant
from engine.base.schedule cimport POINT_SLOT, yield_point
from engine.base.sync cimport cond_broadcast, cond_wait
from engine.pool.pool cimport META_SLOTS, SLOT_DURABLE, SLOT_LIVE, SLOT_PENDING, pool_t

# all with the pool's mutex held, which slot_take may give up
cdef uint32_t slot_take(pool_t *p, uint8_t use) noexcept nogil
cdef void slot_drop(pool_t *p, uint32_t slot, uint8_t use) noexcept nogil
cdef int slot_room(pool_t *p, uint32_t count) noexcept nogil
cdef bint slot_mark(pool_t *p, uint32_t slot, uint8_t use) noexcept nogil
cdef uint32_t slots_end(pool_t *p) noexcept nogil
cdef uint32_t slots_cut(pool_t *p, uint32_t wanted) noexcept nogil
cdef void slots_done(pool_t *p) noexcept nogil
