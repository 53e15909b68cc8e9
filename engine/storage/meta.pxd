from libc.stdint cimport uint8_t, uint32_t, uint64_t
from libc.string cimport memcpy, memset
from engine.base.crc32c cimport crc32c
from engine.storage.layout cimport FEATURE_RETAINED, FORMAT_MAJOR, FORMAT_MINOR, META_SLOTS, PAGE_SIZE_MAX, PAGE_SIZE_MIN, meta_t

cdef extern from *:
    """
    #define ANK_META_MAGIC 0x1A4F52554B4F4E41ull   /* "ANOKURO" 0x1A, little-endian */
    #define ANK_META_CHECKED offsetof(meta_t, checksum)
    #define ANK_RETAINED_SIZE (offsetof(meta_t, retained_check) - offsetof(meta_t, retained_slot))
    """
    uint64_t META_MAGIC "ANK_META_MAGIC"
    size_t META_CHECKED "ANK_META_CHECKED"
    size_t RETAINED_SIZE "ANK_RETAINED_SIZE"

cdef uint32_t retained_check(const meta_t* m) noexcept nogil

cdef class Meta:
    cdef meta_t m
    cdef bytes seal(self)
