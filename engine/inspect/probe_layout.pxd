from libc.stdint cimport uint32_t
from engine.pool.pool cimport frame_t, page_ref_t, snapshot_t, version_t

# The structs of the pool in memory, with the compiler's own offsets, for INSPECT LAYOUT.
cdef extern from *:
    """
    #define ANK_MEM(s, f, t, doc) {#s, #f, t, offsetof(s##_t, f), sizeof(((s##_t*)0)->f), doc},
    typedef struct { const char *structure, *name, *type; size_t offset, size; const char *doc; } ank_memory_field_t;
    typedef struct { const char *structure; size_t size; } ank_memory_size_t;
    static const ank_memory_field_t ank_memory_fields[] = {
        ANK_MEM(frame, word, "uint64_t", "the page latch: shared holders, pins, X, W, version")
        ANK_MEM(frame, page_id, "uint32_t", "page in the frame; 0: none")
        ANK_MEM(frame, version, "int32_t", "-1: newest version of the page, else an index of versions")
        ANK_MEM(frame, flags, "uint32_t", "bit 0: dirty; bit 1: garbage")
        ANK_MEM(frame, usage, "uint32_t", "clock sweep's usage count")
        ANK_MEM(frame, next_free, "int32_t", "next frame of the free list")
        ANK_MEM(frame, loads, "uint32_t", "times a page was read into the frame")
        ANK_MEM(frame, waits, "uint32_t", "waits for the latch since the page is here")
        ANK_MEM(frame, restarts, "uint32_t", "optimistic readers who began again because of the page")
        ANK_MEM(frame, heat, "uint32_t", "sampled visits: one of 64 is counted")
        ANK_MEM(frame, kind, "uint8_t", "kind of the page, as last seen")
        ANK_MEM(frame, level, "uint8_t", "its level")
        ANK_MEM(page_ref, slot, "uint32_t", "slot of the newest image; 0: only the frame has it")
        ANK_MEM(page_ref, tag, "uint32_t", "checksum of that image")
        ANK_MEM(page_ref, durable_slot, "uint32_t", "slot as of the last checkpoint")
        ANK_MEM(page_ref, durable_tag, "uint32_t", "checksum of that image")
        ANK_MEM(page_ref, versions, "int32_t", "newest older version that somebody can see, or -1")
        ANK_MEM(page_ref, changed, "uint32_t", "number of the checkpoint that must write it, 0 if none")
        ANK_MEM(page_ref, lsn, "uint64_t", "LSN of the newest version")
        ANK_MEM(version, lsn, "uint64_t", "LSN of the version")
        ANK_MEM(version, page_id, "uint32_t", "its page")
        ANK_MEM(version, frame, "int32_t", "its frame, or -1")
        ANK_MEM(version, slot, "uint32_t", "its slot, or 0")
        ANK_MEM(version, tag, "uint32_t", "checksum of the image in the slot")
        ANK_MEM(version, older, "int32_t", "next older version of the page, or -1")
        ANK_MEM(version, next, "int32_t", "next version that the same snapshot keeps")
        ANK_MEM(version, prev, "int32_t", "previous one")
        ANK_MEM(version, keeper, "int32_t", "the snapshot that keeps it")
        ANK_MEM(snapshot, lsn, "uint64_t", "the state that is seen")
        ANK_MEM(snapshot, readers, "uint32_t", "transactions that share it")
        ANK_MEM(snapshot, kept, "uint32_t", "versions it keeps")
        ANK_MEM(snapshot, first, "int32_t", "the first of them")
        ANK_MEM(snapshot, newer, "int32_t", "neighbour by LSN")
        ANK_MEM(snapshot, older, "int32_t", "neighbour by LSN")
        ANK_MEM(snapshot, since_us, "int64_t", "when it was taken, microseconds since 1970")
    };
    static const ank_memory_size_t ank_memory_sizes[] = {
        {"frame", sizeof(frame_t)}, {"page_ref", sizeof(page_ref_t)}, {"version", sizeof(version_t)},
        {"snapshot", sizeof(snapshot_t)},
    };
    enum {
        ank_memory_field_count = sizeof(ank_memory_fields) / sizeof(ank_memory_fields[0]),
        ank_memory_size_count = sizeof(ank_memory_sizes) / sizeof(ank_memory_sizes[0])
    };
    """
    ctypedef struct memory_field_t "ank_memory_field_t":
        const char *structure
        const char *name
        const char *type
        size_t offset
        size_t size
        const char *doc
    ctypedef struct memory_size_t "ank_memory_size_t":
        const char *structure
        size_t size
    const memory_field_t *memory_fields "ank_memory_fields"
    const memory_size_t *memory_sizes "ank_memory_sizes"
    int memory_field_count "ank_memory_field_count"
    int memory_size_count "ank_memory_size_count"
