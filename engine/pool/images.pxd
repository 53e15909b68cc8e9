"""Page images on their way to the file, several at once (see images.py)."""
from libc.stdint cimport int32_t, uint8_t, uint32_t, uint64_t
from libc.stdlib cimport free, malloc
from libc.string cimport memcpy
from engine.base.atomic cimport load_acquire
from engine.base.codes cimport ERR_MEMORY, OK
from engine.base.invariant cimport invariant
from engine.pool.latch cimport LATCH_SHARED, try_shared, unlatch_shared
from engine.pool.pool cimport FRAME_DIRTY, FRAME_GARBAGE, SLOT_LIVE, SLOT_PENDING, frame_page, pool_t, ref_of
from engine.pool.slots cimport slot_drop, slot_take
from engine.storage.file cimport file_t, file_write
from engine.storage.file_os cimport os_begin_write
from engine.storage.layout cimport page_t
from engine.storage.page cimport page_seal

cdef extern from "<unistd.h>" nogil:
    int usleep(unsigned int microseconds)

cdef enum:
    IMAGES_MAX = 32
    PACED_PAGES = 4          # written at a pace: so many, then a pause
    PACED_PAUSE_US = 100

# The copy of one page, for slot `slot`, made when the frame's latch had the version `seen`.
ctypedef struct image_t:
    int32_t frame
    uint32_t page_id
    uint32_t slot
    uint32_t tag
    uint32_t seen
    uint32_t user            # the caller's own

ctypedef struct images_t:
    uint8_t *buffer          # image i begins at i pages
    uint32_t count
    bint paced               # others wait for the same disk: little at a time
    image_t images[32]

cdef int images_init(images_t *s, const pool_t *p) noexcept nogil
cdef void images_free(images_t *s) noexcept nogil
cdef void images_copy(pool_t *p, images_t *s, int32_t frame, uint32_t slot, uint32_t user) noexcept nogil
cdef int images_write(pool_t *p, images_t *s) noexcept nogil
cdef bint image_settle(pool_t *p, const image_t *image) noexcept nogil
