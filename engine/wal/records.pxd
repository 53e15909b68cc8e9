"""The log's bytes: segment header, record header and every record type, each declared once.

One X-macro list per struct gives the C struct, a `_Static_assert` on the offset and the size of every field, and the field
table that Python reads (records.py). A record is its header, a fixed part, then a tail whose parts have their lengths in
the fixed part. Refused by the compiler: a field of size zero, a field whose size is not fixed, a gap or an overlap, and a
tail part in front of a field (fields and parts are separate lists).

To add a record type: two lists, one line in ANK_RECORDS, the Cython view of the struct, its REC_ number.
All integers are little-endian; the structs are packed.
"""
from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t

cdef extern from *:
    """
    #ifndef ANOKURO_WAL_RECORDS
    #define ANOKURO_WAL_RECORDS
    #include <stdint.h>
    #include <stddef.h>
    typedef uint8_t ank_u8x7[7];

    /* F(structure, type, name, offset, meaning): a field.  P(structure, name, length field, mask, meaning): a tail part. */
    #define ANK_SEGMENT_FIELDS(F) \\
        F(segment_header_t, uint64_t, magic,         0, "the bytes ANKWAL, 0x1A and 0x01") \\
        F(segment_header_t, uint32_t, version,       8, "format version of the log; another one is refused") \\
        F(segment_header_t, uint32_t, segment_size, 12, "bytes of a segment, this header included") \\
        F(segment_header_t, uint64_t, log_id,       16, "random, given at creation; seeds every checksum") \\
        F(segment_header_t, uint64_t, first_lsn,    24, "LSN of this header: file offset = LSN - first_lsn") \\
        F(segment_header_t, uint32_t, prev_crc,     32, "checksum of the last record of the segment before") \\
        F(segment_header_t, uint32_t, reserved0,    36, "zero") \\
        F(segment_header_t, uint64_t, reserved1,    40, "zero") \\
        F(segment_header_t, uint64_t, reserved2,    48, "zero") \\
        F(segment_header_t, uint32_t, reserved3,    56, "zero") \\
        F(segment_header_t, uint32_t, crc,          60, "CRC-32C of the fields before")
    #define ANK_RECORD_FIELDS(F) \\
        F(record_header_t, uint32_t, crc,            0, "CRC-32C of the rest of the record, seeded from log id and LSN") \\
        F(record_header_t, uint32_t, prev_crc,       4, "checksum of the record before: the chain") \\
        F(record_header_t, uint32_t, length,         8, "bytes of header, fixed part and tail, without padding to 8") \\
        F(record_header_t, uint16_t, type,          12, "record type") \\
        F(record_header_t, uint16_t, flags,         14, "zero") \\
        F(record_header_t, uint64_t, txn,           16, "transaction") \\
        F(record_header_t, uint32_t, page,          24, "page the record changes; 0 for none") \\
        F(record_header_t, uint32_t, tree,          28, "tree of that page") \\
        F(record_header_t, uint64_t, page_prev_lsn, 32, "LSN of the record that changed the page before; 0 for none")

    #define ANK_BUILD_FIELDS(F) \\
        F(build_record_t, uint8_t,  kind,        0, "page kind") \\
        F(build_record_t, uint8_t,  level,       1, "height above the leaves") \\
        F(build_record_t, uint16_t, count,       2, "number of cells") \\
        F(build_record_t, uint16_t, lower_len,   4, "bytes of the lower fence") \\
        F(build_record_t, uint16_t, upper_len,   6, "bytes of the upper fence") \\
        F(build_record_t, uint16_t, flags,       8, "bit 0: the upper fence is infinite") \\
        F(build_record_t, uint16_t, prefix_len, 10, "key bytes that all keys share and cells leave out") \\
        F(build_record_t, uint32_t, cells_len,  12, "bytes of the cells")
    #define ANK_BUILD_PARTS(P) \\
        P(build_record_t, lower, lower_len, 0xFFFF, "lower fence") \\
        P(build_record_t, upper, upper_len, 0xFFFF, "upper fence") \\
        P(build_record_t, cells, cells_len, 0xFFFFFFFF, "cells in key order")
    #define ANK_INSERT_FIELDS(F) \\
        F(insert_record_t, uint16_t, slot,      0, "slot that the cell gets") \\
        F(insert_record_t, uint16_t, key_len,   2, "bytes of the whole key") \\
        F(insert_record_t, uint16_t, value_len, 4, "bytes of the value; bit 15: the value is an overflow reference")
    #define ANK_INSERT_PARTS(P) \\
        P(insert_record_t, key,   key_len,   0xFFFF, "whole key") \\
        P(insert_record_t, value, value_len, 0x7FFF, "value, or overflow reference")
    #define ANK_UPDATE_FIELDS(F) \\
        F(update_record_t, uint16_t, slot,      0, "slot of the cell") \\
        F(update_record_t, uint16_t, key_len,   2, "bytes of the whole key") \\
        F(update_record_t, uint16_t, value_len, 4, "bytes of the new value; bit 15: the value is an overflow reference")
    #define ANK_UPDATE_PARTS(P) \\
        P(update_record_t, key,   key_len,   0xFFFF, "whole key") \\
        P(update_record_t, value, value_len, 0x7FFF, "new value, or overflow reference")
    #define ANK_DELETE_FIELDS(F) \\
        F(delete_record_t, uint16_t, slot,    0, "slot of the cell") \\
        F(delete_record_t, uint16_t, key_len, 2, "bytes of the whole key")
    #define ANK_DELETE_PARTS(P) \\
        P(delete_record_t, key, key_len, 0xFFFF, "whole key")
    #define ANK_TRUNCATE_FIELDS(F) \\
        F(truncate_record_t, uint16_t, slot,      0, "first slot whose cell has moved away") \\
        F(truncate_record_t, uint16_t, upper_len, 2, "bytes of the new upper fence")
    #define ANK_TRUNCATE_PARTS(P) \\
        P(truncate_record_t, upper, upper_len, 0xFFFF, "new upper fence")
    #define ANK_FREE_FIELDS(F) \\
        F(free_record_t, uint8_t,  kind, 0, "kind of the page that is freed") \\
        F(free_record_t, ank_u8x7, pad,  1, "zero")
    #define ANK_OVERFLOW_FIELDS(F) \\
        F(overflow_record_t, uint32_t, next,     0, "id of the next page of the value, 0 for the last") \\
        F(overflow_record_t, uint32_t, data_len, 4, "bytes of the value in this page")
    #define ANK_OVERFLOW_PARTS(P) \\
        P(overflow_record_t, data, data_len, 0xFFFFFFFF, "bytes of the value")
    #define ANK_COMMIT_FIELDS(F) \\
        F(commit_record_t, int64_t,  time_us,     0, "wall clock, microseconds since 1970") \\
        F(commit_record_t, uint64_t, synced_lsn,  8, "the log was durable up to here when this was appended") \\
        F(commit_record_t, uint64_t, first_lsn,  16, "LSN of the batch's first record") \\
        F(commit_record_t, uint32_t, records,    24, "records of the batch, without this one") \\
        F(commit_record_t, uint32_t, flags,      28, "zero")
    #define ANK_ABORT_FIELDS(F) \\
        F(abort_record_t, uint64_t, first_lsn, 0, "LSN of the batch's first record") \\
        F(abort_record_t, uint32_t, records,   8, "records of the batch, without this one") \\
        F(abort_record_t, uint32_t, pad,      12, "zero")
    #define ANK_CHECKPOINT_FIELDS(F) \\
        F(checkpoint_record_t, uint64_t, lsn,      0, "LSN of the last commit the checkpoint contains") \\
        F(checkpoint_record_t, uint64_t, sequence, 8, "number of the checkpoint")
    #define ANK_NO_FIELDS(F)
    #define ANK_NO_PARTS(P)

    /* R(number, NAME, structure, fields, parts, meaning) */
    #define ANK_RECORDS(R) \\
        R(1,  BUILD,      build_record_t,      ANK_BUILD_FIELDS,      ANK_BUILD_PARTS,    "the page becomes exactly this") \\
        R(2,  INSERT,     insert_record_t,     ANK_INSERT_FIELDS,     ANK_INSERT_PARTS,   "a cell is inserted") \\
        R(3,  UPDATE,     update_record_t,     ANK_UPDATE_FIELDS,     ANK_UPDATE_PARTS,   "a cell's value is replaced") \\
        R(4,  DELETE,     delete_record_t,     ANK_DELETE_FIELDS,     ANK_DELETE_PARTS,   "a cell is removed") \\
        R(5,  TRUNCATE,   truncate_record_t,   ANK_TRUNCATE_FIELDS,   ANK_TRUNCATE_PARTS, "the cells from a slot on have moved away") \\
        R(6,  FREE,       free_record_t,       ANK_FREE_FIELDS,       ANK_NO_PARTS,       "the page id is free") \\
        R(7,  OVERFLOW,   overflow_record_t,   ANK_OVERFLOW_FIELDS,   ANK_OVERFLOW_PARTS, "an overflow page is written") \\
        R(8,  COMMIT,     commit_record_t,     ANK_COMMIT_FIELDS,     ANK_NO_PARTS,       "the batch is complete and counts") \\
        R(9,  ABORT,      abort_record_t,      ANK_ABORT_FIELDS,      ANK_NO_PARTS,       "the batch is complete and does not count") \\
        R(10, CHECKPOINT, checkpoint_record_t, ANK_CHECKPOINT_FIELDS, ANK_NO_PARTS,       "a checkpoint was completed (informational)") \\
        R(11, PAD,        pad_record_t,        ANK_NO_FIELDS,         ANK_NO_PARTS,       "the rest of the segment is unused")

    #define ANK_WAL_DECL(structure, type, name, off, doc) type name;
    #define ANK_WAL_CHECK(structure, type, name, off, doc) \\
        _Static_assert(offsetof(structure, name) == off, #structure "." #name ": offset"); \\
        _Static_assert(sizeof(((structure *)0)->name) > 0, #structure "." #name ": size zero");
    #define ANK_WAL_SIZE(structure, type, name, off, doc) + sizeof(((structure *)0)->name)
    #define ANK_WAL_PART_CHECK(structure, name, length, mask, doc) \\
        _Static_assert(sizeof(((structure *)0)->length) >= 2 && (mask) != 0, #structure "." #name ": length field");
    #define ANK_WAL_STRUCT(number, NAME, structure, FIELDS, PARTS, doc) \\
        typedef struct __attribute__((packed)) { FIELDS(ANK_WAL_DECL) } structure; \\
        FIELDS(ANK_WAL_CHECK) PARTS(ANK_WAL_PART_CHECK) \\
        _Static_assert(sizeof(structure) == 0 FIELDS(ANK_WAL_SIZE), #structure ": gap or overlap");

    typedef struct __attribute__((packed)) { ANK_SEGMENT_FIELDS(ANK_WAL_DECL) } segment_header_t;
    typedef struct __attribute__((packed)) { ANK_RECORD_FIELDS(ANK_WAL_DECL) } record_header_t;
    ANK_SEGMENT_FIELDS(ANK_WAL_CHECK) ANK_RECORD_FIELDS(ANK_WAL_CHECK)
    _Static_assert(sizeof(segment_header_t) == 64, "segment header");
    _Static_assert(sizeof(record_header_t) == 40, "record header");
    ANK_RECORDS(ANK_WAL_STRUCT)

    typedef struct { const char *structure, *type, *name; size_t offset, size; const char *doc; } ank_wal_field_t;
    typedef struct { const char *structure, *name, *length; size_t offset, size; uint32_t mask; const char *doc; } ank_wal_part_row_t;
    typedef struct { uint16_t number; const char *name, *structure; size_t fixed_len; const char *doc; } ank_wal_record_row_t;
    #endif
    """
    ctypedef struct segment_header_t:
        uint64_t magic
        uint32_t version
        uint32_t segment_size
        uint64_t log_id
        uint64_t first_lsn
        uint32_t prev_crc
        uint32_t reserved0
        uint64_t reserved1
        uint64_t reserved2
        uint32_t reserved3
        uint32_t crc
    ctypedef struct record_header_t:
        uint32_t crc
        uint32_t prev_crc
        uint32_t length
        uint16_t type
        uint16_t flags
        uint64_t txn
        uint32_t page
        uint32_t tree
        uint64_t page_prev_lsn
    ctypedef struct build_record_t:
        uint8_t kind
        uint8_t level
        uint16_t count
        uint16_t lower_len
        uint16_t upper_len
        uint16_t flags
        uint16_t prefix_len
        uint32_t cells_len
    ctypedef struct insert_record_t:
        uint16_t slot
        uint16_t key_len
        uint16_t value_len
    ctypedef struct update_record_t:
        uint16_t slot
        uint16_t key_len
        uint16_t value_len
    ctypedef struct delete_record_t:
        uint16_t slot
        uint16_t key_len
    ctypedef struct truncate_record_t:
        uint16_t slot
        uint16_t upper_len
    ctypedef struct free_record_t:
        uint8_t kind
        uint8_t pad[7]
    ctypedef struct overflow_record_t:
        uint32_t next
        uint32_t data_len
    ctypedef struct commit_record_t:
        int64_t time_us
        uint64_t synced_lsn
        uint64_t first_lsn
        uint32_t records
        uint32_t flags
    ctypedef struct abort_record_t:
        uint64_t first_lsn
        uint32_t records
        uint32_t pad
    ctypedef struct checkpoint_record_t:
        uint64_t lsn
        uint64_t sequence

    ctypedef struct wal_field_t "ank_wal_field_t":
        const char *structure
        const char *type
        const char *name
        size_t offset
        size_t size
        const char *doc
    ctypedef struct wal_part_row_t "ank_wal_part_row_t":
        const char *structure
        const char *name
        const char *length
        size_t offset
        size_t size
        uint32_t mask
        const char *doc
    ctypedef struct wal_record_row_t "ank_wal_record_row_t":
        uint16_t number
        const char *name
        const char *structure
        size_t fixed_len
        const char *doc

cdef enum:
    REC_BUILD = 1
    REC_INSERT = 2
    REC_UPDATE = 3
    REC_DELETE = 4
    REC_TRUNCATE = 5
    REC_FREE = 6
    REC_OVERFLOW = 7
    REC_COMMIT = 8
    REC_ABORT = 9
    REC_CHECKPOINT = 10
    REC_PAD = 11
    REC_LIMIT = 12               # numbers are below this
    RECORD_HEADER_SIZE = 40
    SEGMENT_HEADER_SIZE = 64
    RECORD_ALIGNMENT = 8
    LOG_VERSION = 1
    PARTS_MAX = 3

# What a reader needs of a record type: where the lengths of the tail's parts stand in the fixed part.
cdef struct wal_shape_part_t:
    uint16_t offset
    uint16_t size
    uint32_t mask

cdef struct wal_shape_t:
    bint known
    uint32_t fixed_len
    int part_count
    wal_shape_part_t parts[3]

# One tail part, as the appender gets it and the reader hands it out.
ctypedef struct wal_part_t:
    const void *data
    size_t len

cdef wal_shape_t shapes[12]
cdef uint64_t segment_magic

# Cut the payload of a verified record into fixed part and tail; 0, or -1 where the lengths do not add up or the type is unknown.
cdef int split_payload(uint16_t type, const uint8_t *payload, size_t length, wal_part_t *parts) noexcept nogil
cdef uint32_t log_seed(uint64_t log_id) noexcept nogil
cdef uint32_t segment_header_crc(const segment_header_t *header) noexcept nogil

cdef inline uint64_t record_align(uint64_t lsn) noexcept nogil:
    return (lsn + 7) & ~<uint64_t>7
