"""The structs of the data file, each declared once.

One X-macro list per struct gives the C struct, a `_Static_assert` on the offset of every field and on the size,
and the field table that Python reads (`engine.storage.layout.fields`). Nothing else states an offset.
All integers are little-endian; the structs are packed. A big-endian compiler is refused.
"""
from libc.stdint cimport uint8_t, uint16_t, uint32_t, uint64_t, int64_t

cdef extern from *:
    """
    #ifndef ANOKURO_LAYOUT
    #define ANOKURO_LAYOUT
    #include <stdint.h>
    #include <stddef.h>
    #if defined(__BYTE_ORDER__) && __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
    #error "the file format is little-endian and pages are used in place: big-endian machines are not supported"
    #endif

    #define ANK_HINTS 16

    #define PAGE_HEADER_FIELDS(F) \\
        F(uint32_t, checksum,     0, "CRC-32C of the rest of the page") \\
        F(uint8_t,  kind,         4, "page kind: 1 leaf, 2 branch, 3 overflow, 4 page table, 5 retained checkpoints") \\
        F(uint8_t,  level,        5, "height above the leaves; 0 for a leaf") \\
        F(uint16_t, flags,        6, "bit 0: the upper fence is infinite") \\
        F(uint32_t, page_id,      8, "this page's id (page table: index of the block in its level; retained checkpoints: index of the block)") \\
        F(uint32_t, tree_id,     12, "tree the page belongs to; 0xFFFFFFFF: to none") \\
        F(uint64_t, lsn,         16, "LSN of the last log record that changed the page") \\
        F(uint16_t, count,       24, "number of slots") \\
        F(uint16_t, prefix_len,  26, "leading key bytes that all keys share and slots leave out") \\
        F(uint32_t, heap_start,  28, "offset of the lowest cell; cells grow downward") \\
        F(uint32_t, fragmented,  32, "free bytes between cells, regained by compaction") \\
        F(uint16_t, lower_len,   36, "length of the lower fence, the last bytes of the page") \\
        F(uint16_t, upper_len,   38, "length of the upper fence, just before the lower one") \\
        F(uint32_t, next,        40, "overflow: id of the next page of the value, 0 for the last") \\
        F(uint32_t, data_len,    44, "overflow: bytes of the value in this page; page table: entries")
    #define PAGE_HINTS_FIELDS(F) \\
        F(uint32_t, hint, 48, "sixteen key heads at equal distances, to narrow the search")
    #define SLOT_FIELDS(F) \\
        F(uint32_t, head,    0, "first four key bytes behind the prefix, big-endian, zero-padded") \\
        F(uint16_t, offset,  4, "offset of the cell in the page") \\
        F(uint16_t, key_len, 6, "key bytes behind the prefix")
    #define CELL_FIELDS(F) \\
        F(uint16_t, value_len, 0, "bytes of the value; bit 15: the value is an overflow reference")
    #define OVERFLOW_REF_FIELDS(F) \\
        F(uint64_t, length,     0, "bytes of the whole value") \\
        F(uint32_t, first_page, 8, "id of the first overflow page")
    #define TABLE_ENTRY_FIELDS(F) \\
        F(uint32_t, slot, 0, "slot that holds the page's image; 0: the page id is free") \\
        F(uint32_t, tag,  4, "checksum of that image, so that a lost or misplaced write is noticed")
    #define META_FIELDS(F) \\
        F(uint64_t, magic,            0, "the bytes ANOKURO and 0x1A") \\
        F(uint16_t, major,            8, "format version; a newer one is refused") \\
        F(uint16_t, minor,           10, "compatible additions to the format") \\
        F(uint32_t, page_size,       12, "bytes of a page and of a slot") \\
        F(uint64_t, features,        16, "feature bits; an unknown one is refused") \\
        F(uint64_t, database_id,     24, "random, given at creation") \\
        F(uint64_t, log_id,          32, "random; seeds every checksum of the log") \\
        F(uint64_t, sequence,        40, "number of this checkpoint; the larger of the two meta slots counts") \\
        F(uint64_t, checkpoint_lsn,  48, "LSN of the last commit the checkpoint contains (C)") \\
        F(uint64_t, redo_lsn,        56, "where recovery begins to read the log") \\
        F(uint32_t, redo_prev_crc,   64, "checksum of the record before redo_lsn: the start of the chain") \\
        F(uint32_t, table_depth,     68, "levels of the page table") \\
        F(uint32_t, table_slot,      72, "slot of the page table's root; 0 while there is none") \\
        F(uint32_t, table_tag,       76, "checksum of the page table's root") \\
        F(uint32_t, next_page_id,    80, "page ids from here on were never used") \\
        F(uint32_t, next_tree_id,    84, "tree ids from here on were never used") \\
        F(uint32_t, slot_count,      88, "slots the file has room for, meta slots included") \\
        F(uint32_t, segment_size,    92, "bytes of a log segment") \\
        F(int64_t,  created_us,      96, "creation, microseconds since 1970") \\
        F(int64_t,  checkpoint_us,  104, "this checkpoint, microseconds since 1970") \\
        F(uint32_t, checksum,       112, "CRC-32C of the fields before") \\
        F(uint32_t, retained_slot,  116, "feature bit 0: slot of the first block of retained checkpoints") \\
        F(uint32_t, retained_tag,   120, "feature bit 0: checksum of that block") \\
        F(uint32_t, retained_check, 124, "feature bit 0: CRC-32C of the fields before but the first checksum")
    #define RETAINED_FIELDS(F) \\
        F(uint64_t, checkpoint_lsn,   0, "as in the meta of that checkpoint") \\
        F(uint64_t, redo_lsn,         8, "as in the meta") \\
        F(uint64_t, sequence,        16, "as in the meta; no two entries have the same") \\
        F(int64_t,  checkpoint_us,   24, "as in the meta") \\
        F(uint32_t, redo_prev_crc,   32, "as in the meta") \\
        F(uint32_t, table_depth,     36, "as in the meta") \\
        F(uint32_t, table_slot,      40, "as in the meta") \\
        F(uint32_t, table_tag,       44, "as in the meta") \\
        F(uint32_t, next_page_id,    48, "as in the meta") \\
        F(uint32_t, next_tree_id,    52, "as in the meta") \\
        F(uint32_t, slot_count,      56, "as in the meta") \\
        F(uint32_t, name_len,        60, "bytes of the name")
    #define RETAINED_NAME_FIELDS(F) \\
        F(uint8_t, name, 64, "the name in UTF-8, zeros behind it")
    #define ANK_NAME_ROOM 64

    #define ANK_DECL(type, name, off, doc) type name;
    #define ANK_CHECK_PAGE(type, name, off, doc) _Static_assert(offsetof(page_t, name) == off, #name);
    #define ANK_CHECK_SLOT(type, name, off, doc) _Static_assert(offsetof(slot_t, name) == off, #name);
    #define ANK_CHECK_CELL(type, name, off, doc) _Static_assert(offsetof(cell_t, name) == off, #name);
    #define ANK_CHECK_OREF(type, name, off, doc) _Static_assert(offsetof(overflow_ref_t, name) == off, #name);
    #define ANK_CHECK_ENTRY(type, name, off, doc) _Static_assert(offsetof(table_entry_t, name) == off, #name);
    #define ANK_CHECK_META(type, name, off, doc) _Static_assert(offsetof(meta_t, name) == off, #name);
    #define ANK_CHECK_RETAINED(type, name, off, doc) _Static_assert(offsetof(retained_t, name) == off, #name);

    typedef struct __attribute__((packed)) { SLOT_FIELDS(ANK_DECL) } slot_t;
    typedef struct __attribute__((packed)) { CELL_FIELDS(ANK_DECL) } cell_t;
    typedef struct __attribute__((packed)) { OVERFLOW_REF_FIELDS(ANK_DECL) } overflow_ref_t;
    typedef struct __attribute__((packed)) { TABLE_ENTRY_FIELDS(ANK_DECL) } table_entry_t;
    typedef struct __attribute__((packed)) { META_FIELDS(ANK_DECL) } meta_t;
    typedef struct __attribute__((packed)) { RETAINED_FIELDS(ANK_DECL) uint8_t name[ANK_NAME_ROOM]; } retained_t;
    typedef struct __attribute__((packed, aligned(8))) {
        PAGE_HEADER_FIELDS(ANK_DECL)
        uint32_t hint[ANK_HINTS];
        slot_t slots[];
    } page_t;
    PAGE_HEADER_FIELDS(ANK_CHECK_PAGE) PAGE_HINTS_FIELDS(ANK_CHECK_PAGE)
    SLOT_FIELDS(ANK_CHECK_SLOT) CELL_FIELDS(ANK_CHECK_CELL) OVERFLOW_REF_FIELDS(ANK_CHECK_OREF)
    TABLE_ENTRY_FIELDS(ANK_CHECK_ENTRY) META_FIELDS(ANK_CHECK_META)
    RETAINED_FIELDS(ANK_CHECK_RETAINED) RETAINED_NAME_FIELDS(ANK_CHECK_RETAINED)
    _Static_assert(sizeof(page_t) == 112, "page header");
    _Static_assert(sizeof(slot_t) == 8, "slot");
    _Static_assert(sizeof(cell_t) == 2, "cell header");
    _Static_assert(sizeof(overflow_ref_t) == 12, "overflow reference");
    _Static_assert(sizeof(table_entry_t) == 8, "page table entry");
    _Static_assert(sizeof(meta_t) == 128, "meta");
    _Static_assert(sizeof(retained_t) == 128, "retained checkpoint");

    static inline uint32_t ank_key_head(const uint8_t *key, size_t length) {
        uint32_t word;
        if (length >= 4) { __builtin_memcpy(&word, key, 4); return __builtin_bswap32(word); }
        word = 0;
        for (size_t i = 0; i < length; i++) word |= (uint32_t)key[i] << (24 - 8 * i);
        return word;
    }
    #endif
    """
    enum:
        HINTS "ANK_HINTS"
        NAME_ROOM "ANK_NAME_ROOM"

    ctypedef struct slot_t:
        uint32_t head
        uint16_t offset
        uint16_t key_len
    ctypedef struct cell_t:
        uint16_t value_len
    ctypedef struct overflow_ref_t:
        uint64_t length
        uint32_t first_page
    ctypedef struct table_entry_t:
        uint32_t slot
        uint32_t tag
    ctypedef struct meta_t:
        uint64_t magic
        uint16_t major
        uint16_t minor
        uint32_t page_size
        uint64_t features
        uint64_t database_id
        uint64_t log_id
        uint64_t sequence
        uint64_t checkpoint_lsn
        uint64_t redo_lsn
        uint32_t redo_prev_crc
        uint32_t table_depth
        uint32_t table_slot
        uint32_t table_tag
        uint32_t next_page_id
        uint32_t next_tree_id
        uint32_t slot_count
        uint32_t segment_size
        int64_t created_us
        int64_t checkpoint_us
        uint32_t checksum
        uint32_t retained_slot
        uint32_t retained_tag
        uint32_t retained_check
    ctypedef struct retained_t:
        uint64_t checkpoint_lsn
        uint64_t redo_lsn
        uint64_t sequence
        int64_t checkpoint_us
        uint32_t redo_prev_crc
        uint32_t table_depth
        uint32_t table_slot
        uint32_t table_tag
        uint32_t next_page_id
        uint32_t next_tree_id
        uint32_t slot_count
        uint32_t name_len
        uint8_t name[64]
    ctypedef struct page_t:
        uint32_t checksum
        uint8_t kind
        uint8_t level
        uint16_t flags
        uint32_t page_id
        uint32_t tree_id
        uint64_t lsn
        uint16_t count
        uint16_t prefix_len
        uint32_t heap_start
        uint32_t fragmented
        uint16_t lower_len
        uint16_t upper_len
        uint32_t next
        uint32_t data_len
        uint32_t hint[16]
        slot_t slots[0]

    uint32_t key_head "ank_key_head"(const uint8_t *key, size_t length) noexcept nogil

cdef extern from *:
    """
    typedef struct { const char *structure, *name, *type; size_t offset, size; const char *doc; } ank_field_t;
    #define ANK_ROW_PAGE(type, name, off, doc) {"page", #name, #type, offsetof(page_t, name), sizeof(((page_t*)0)->name), doc},
    #define ANK_ROW_SLOT(type, name, off, doc) {"slot", #name, #type, offsetof(slot_t, name), sizeof(((slot_t*)0)->name), doc},
    #define ANK_ROW_CELL(type, name, off, doc) {"cell", #name, #type, offsetof(cell_t, name), sizeof(((cell_t*)0)->name), doc},
    #define ANK_ROW_OREF(type, name, off, doc) {"overflow_ref", #name, #type, offsetof(overflow_ref_t, name), sizeof(((overflow_ref_t*)0)->name), doc},
    #define ANK_ROW_ENTRY(type, name, off, doc) {"table_entry", #name, #type, offsetof(table_entry_t, name), sizeof(((table_entry_t*)0)->name), doc},
    #define ANK_ROW_META(type, name, off, doc) {"meta", #name, #type, offsetof(meta_t, name), sizeof(((meta_t*)0)->name), doc},
    #define ANK_ROW_RETAINED(type, name, off, doc) {"retained", #name, #type, offsetof(retained_t, name), sizeof(((retained_t*)0)->name), doc},
    static const ank_field_t ank_fields[] = {
        PAGE_HEADER_FIELDS(ANK_ROW_PAGE) PAGE_HINTS_FIELDS(ANK_ROW_PAGE) SLOT_FIELDS(ANK_ROW_SLOT) CELL_FIELDS(ANK_ROW_CELL)
        OVERFLOW_REF_FIELDS(ANK_ROW_OREF) TABLE_ENTRY_FIELDS(ANK_ROW_ENTRY) META_FIELDS(ANK_ROW_META)
        RETAINED_FIELDS(ANK_ROW_RETAINED) RETAINED_NAME_FIELDS(ANK_ROW_RETAINED)
    };
    enum { ank_field_count = sizeof(ank_fields) / sizeof(ank_fields[0]) };
    """
    ctypedef struct field_t "ank_field_t":
        const char *structure
        const char *name
        const char *type
        size_t offset
        size_t size
        const char *doc
    const field_t *layout_fields "ank_fields"
    int layout_field_count "ank_field_count"

cdef enum:
    KIND_LEAF = 1
    KIND_BRANCH = 2
    KIND_OVERFLOW = 3
    KIND_TABLE = 4
    KIND_RETAINED = 5
    FLAG_UPPER_INFINITE = 1
    VALUE_OVERFLOW = 0x8000
    VALUE_LEN_MASK = 0x7FFF
    HEADER_SIZE = 112
    FEATURE_RETAINED = 1     # there are retained checkpoints
    SLOT_SIZE = 8
    CELL_SIZE = 2
    META_SLOTS = 2
    PAGE_SIZE_MIN = 4096
    PAGE_SIZE_MAX = 65536
    FORMAT_MAJOR = 1
    FORMAT_MINOR = 0
    ROOT_DIRECTORY = 1
    ROOT_CATALOG = 2
    TREE_DIRECTORY = 0
    TREE_CATALOG = 1

cdef inline slot_t *slot_at(page_t *page, long index) noexcept nogil:
    return &page.slots[index]

cdef inline cell_t *cell_at(page_t *page, const slot_t *slot) noexcept nogil:
    return <cell_t *>(<uint8_t *>page + slot.offset)

cdef inline uint8_t *cell_key(page_t *page, const slot_t *slot) noexcept nogil:
    return <uint8_t *>page + slot.offset + CELL_SIZE

cdef inline uint8_t *cell_value(page_t *page, const slot_t *slot) noexcept nogil:
    return <uint8_t *>page + slot.offset + CELL_SIZE + slot.key_len

cdef inline uint8_t *lower_fence(page_t *page, uint32_t page_size) noexcept nogil:
    return <uint8_t *>page + page_size - page.lower_len

cdef inline uint8_t *upper_fence(page_t *page, uint32_t page_size) noexcept nogil:
    return <uint8_t *>page + page_size - page.lower_len - page.upper_len
