from libc.stdint cimport int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free, malloc, realloc
from libc.string cimport memcpy, memset
from engine.base.atomic cimport (
    load32_relaxed, load_acquire, load_relaxed, loadi32_acquire, prefetch, store32_relaxed, store8_relaxed, store_relaxed, store_release,
    storei32_release,
)
from engine.base.codes cimport (
    ERR_CORRUPT, ERR_INTERNAL, ERR_MEMORY, ERR_NO_PAGE, ERR_POOL_FULL, ERR_RESTART, OK,
)
from engine.base.invariant cimport invariant
from engine.base.ranks cimport RANK_POOL
from engine.base.schedule cimport POINT_MAP, yield_point, yield_spin
from engine.base.sync cimport (
    cond_destroy, cond_init, cond_t, mutex_destroy, mutex_init, mutex_lock, mutex_t, mutex_unlock, thread_yield,
)
from engine.base.thread cimport thread_buffer, thread_self, thread_t, ticks
from engine.base.trace cimport TRACE_EVICT, TRACE_LOAD, TRACE_PIN, TRACE_UNPIN, trace_event, traced
from engine.pool.latch cimport (
    LATCH_EXCLUSIVE, LATCH_PIN, frame_t, frame_visit, latch_exclusive, latch_note_kind, latch_note_page, latch_pin, latch_shared, latch_unpin, try_evict, try_shared,
    unlatch_exclusive, unlatch_shared,
)
from engine.storage.file cimport file_read, file_t, file_write
from engine.storage.layout cimport META_SLOTS, page_t
from engine.storage.page cimport page_seal, page_validate, page_verify

cdef enum:
    FRAME_DIRTY = 1          # the content is in no slot yet
    FRAME_GARBAGE = 2        # an old version nobody can see
    USAGE_MAX = 3
    EVICTED_MAX = 64         # pages that left their frames, as far as they are remembered
    EVICTED_UNUSED = 0       # the hand came by, and its usage count had run down
    EVICTED_GARBAGE = 1      # an old version nobody can see
    EVICTED_RING = 2         # a scan used a frame of its own again
    SLOT_LIVE = 1            # holds the newest image of a page, or an old version somebody can see
    SLOT_DURABLE = 2         # the last durable checkpoint needs it
    SLOT_PENDING = 4         # being written; or the checkpoint being written will need it
    SLOT_RETAINED = 8        # a retained checkpoint needs it, or one that somebody reads
    RECALLED_BITS = 7
    CHUNK_BITS = 16
    CHUNK_SIZE = 65536
    CHUNKS = 65536
    WRITER_NONE = 0          # dirty pages are written by whoever needs a frame
    WRITER_ALLOWED = 1       # the writer is started when it is needed
    WRITER_RUNS = 2
    WRITER_STOPS = 3
    WARM_NEVER = 0xFFFFFFFF
    SKIPS = 32               # dirty frames a miss leaves to the writer before it writes one itself

cdef extern from *:
    """
    #ifndef ANOKURO_POOL
    #define ANOKURO_POOL
    #include <stdint.h>
    #include <pthread.h>
    /* Where the newest version of a page is, besides its frame. */
    typedef struct {
        uint32_t slot, tag;                  /* newest image; slot 0: only the frame has it */
        uint32_t durable_slot, durable_tag;  /* as of the last checkpoint */
        int32_t versions;                    /* newest of the older versions somebody can see, or -1 */
        uint32_t changed;                    /* number of the checkpoint that must write it, 0 if none */
        uint64_t lsn;                        /* LSN of the newest version, or a bound of it where that was not read yet;
                                                of the FREE record for a free page id */
    } page_ref_t;
    /* An older version of a page. */
    typedef struct {
        uint64_t lsn;
        uint32_t page_id;
        int32_t frame;          /* -1: not in the pool */
        uint32_t slot, tag;     /* 0: not in the file */
        int32_t older;          /* next older version of the page, or -1; the free list's link */
        int32_t next, prev;     /* among the versions that the same snapshot keeps */
        int32_t keeper;         /* index of that snapshot */
        uint64_t until;         /* the newest state when it was kept: later ones do not see it */
    } version_t;
    /* A page that had to leave its frame. */
    typedef struct {
        uint64_t at;            /* ticks */
        uint32_t page_id;
        int32_t frame;
        uint32_t steps;         /* frames the clock hand looked at for it */
        uint8_t reason, written, kind, level;
        uint32_t operation;     /* of the thread that wanted the frame */
    } eviction_t;
    /* A live snapshot, shared by all who read at the same LSN. */
    typedef struct {
        uint64_t lsn;
        uint32_t readers;
        uint32_t kept;          /* how many versions it keeps */
        int32_t first;          /* their list */
        int32_t newer, older;   /* neighbours by LSN; newer is the free list's link */
        int64_t since_us;
    } snapshot_t;
    typedef struct {
        uint32_t page_size, page_shift;
        uint32_t frame_count, hand;
        int32_t free_frames;
        uint32_t frames_free;        /* how many of them */
        uint32_t next_page_id;
        uint8_t *arena;
        uint64_t arena_bytes;
        frame_t *frames;
        uint8_t *recalled;           /* 128 bytes for each frame: where in it keys were found lately, see engine/btree/recall.py */
        int32_t **frame_chunks;      /* page id -> frame of the newest version, -1 where not resident */
        page_ref_t **ref_chunks;
        pthread_mutex_t mutex;       /* everything below, and moves of pages between frames and slots */
        void *file;                  /* file_t of the data file */
        uint64_t published;          /* LSN of the last published commit record */
        uint8_t *slots;              /* flags of each slot */
        uint32_t slot_count, slot_hint, slots_used;
        uint32_t slot_cut;           /* the file is being cut here: no slot from here on is taken; 0: it is not */
        uint32_t slot_peak;          /* end of the slots that were in use at any time since this was last set back */
        pthread_cond_t slots_whole;  /* the file has been cut */
        version_t *versions;
        int32_t version_count, version_room, free_version;
        snapshot_t *snapshots;
        int32_t snapshot_room, newest_snapshot, oldest_snapshot, free_snapshot;
        uint32_t *free_pages;        /* page ids that may be reused, ring buffer in order of freeing */
        uint32_t free_first, free_count, free_room;
        uint32_t *changed;           /* page ids changed since the last checkpoint began */
        uint32_t changed_count, changed_room, changed_epoch;
        uint64_t reads, writes, evictions, evicted_dirty, sweeps, copies, kept_versions, evicted_versions;
        uint64_t batch_reads;        /* pages that were read together with others */
        uint64_t recycled;           /* frames that scans used again */
        uint64_t written_ahead;      /* pages the writer wrote */
        uint64_t miss_writes;        /* pages that a thread in want of a frame wrote itself */
        void *aio;                   /* aio_t of the pool; NULL: everything is synchronous */
        pthread_t writer;            /* the thread that writes ahead of the hand, see writer.py */
        pthread_cond_t writer_wake;
        uint32_t writer_state, writer_called;
        uint32_t warm_at;            /* the frame whose use calls for more memory; 0xFFFFFFFF: none does */
        uint32_t warm_end;           /* frames before it have their memory, as far as it was taken ahead */
        uint32_t warm_called;
        uint64_t warmed;             /* frames whose memory was taken ahead */
        eviction_t evicted[64];      /* the last ones, in a ring */
        uint64_t evicted_count;
    } pool_t;
    #endif
    """
    ctypedef struct pthread_t:
        pass
    ctypedef struct page_ref_t:
        uint32_t slot
        uint32_t tag
        uint32_t durable_slot
        uint32_t durable_tag
        int32_t versions
        uint32_t changed
        uint64_t lsn
    ctypedef struct eviction_t:
        uint64_t at
        uint32_t page_id
        int32_t frame
        uint32_t steps
        uint8_t reason
        uint8_t written
        uint8_t kind
        uint8_t level
        uint32_t operation
    ctypedef struct version_t:
        uint64_t lsn
        uint32_t page_id
        int32_t frame
        uint32_t slot
        uint32_t tag
        int32_t older
        int32_t next
        int32_t prev
        int32_t keeper
        uint64_t until
    ctypedef struct snapshot_t:
        uint64_t lsn
        uint32_t readers
        uint32_t kept
        int32_t first
        int32_t newer
        int32_t older
        int64_t since_us
    ctypedef struct pool_t:
        uint32_t page_size
        uint32_t page_shift
        uint32_t frame_count
        uint32_t hand
        int32_t free_frames
        uint32_t frames_free
        uint32_t next_page_id
        uint8_t *arena
        uint64_t arena_bytes
        frame_t *frames
        uint8_t *recalled
        int32_t **frame_chunks
        page_ref_t **ref_chunks
        mutex_t mutex
        void *file
        uint64_t published
        uint8_t *slots
        uint32_t slot_count
        uint32_t slot_hint
        uint32_t slots_used
        uint32_t slot_cut
        uint32_t slot_peak
        cond_t slots_whole
        version_t *versions
        int32_t version_count
        int32_t version_room
        int32_t free_version
        snapshot_t *snapshots
        int32_t snapshot_room
        int32_t newest_snapshot
        int32_t oldest_snapshot
        int32_t free_snapshot
        uint32_t *free_pages
        uint32_t free_first
        uint32_t free_count
        uint32_t free_room
        uint32_t *changed
        uint32_t changed_count
        uint32_t changed_room
        uint32_t changed_epoch
        uint64_t reads
        uint64_t writes
        uint64_t evictions
        uint64_t evicted_dirty
        uint64_t sweeps
        uint64_t copies
        uint64_t kept_versions
        uint64_t evicted_versions
        uint64_t batch_reads
        uint64_t recycled
        uint64_t written_ahead
        uint64_t miss_writes
        void *aio
        pthread_t writer
        cond_t writer_wake
        uint32_t writer_state
        uint32_t writer_called
        uint32_t warm_at
        uint32_t warm_end
        uint32_t warm_called
        uint64_t warmed
        eviction_t evicted[64]
        uint64_t evicted_count

cdef inline page_t *frame_page(const pool_t *p, int32_t frame) noexcept nogil:
    return <page_t *>(p.arena + (<uint64_t>frame << p.page_shift))

# Ask for what a search of the page looks at first: header, hints, and the slots of a page with some sixty cells. They come
# side by side, where the search would wait for one after the other. Worth it for one lookup, not for many interleaved
# ones: those wait for nothing, and 10 lines instead of 3 made them a fifth slower.
cdef inline void page_prefetch(const page_t *page) noexcept nogil:
    line = <const char *>page
    prefetch(line)
    prefetch(line + 64)
    prefetch(line + 128)
    prefetch(line + 192)
    prefetch(line + 256)
    prefetch(line + 320)
    prefetch(line + 384)
    prefetch(line + 448)
    prefetch(line + 512)
    prefetch(line + 576)

# -1 where the page's newest version is not resident (or the id was never used)
cdef inline int32_t frame_of(const pool_t *p, uint32_t page_id) noexcept nogil:
    chunk = p.frame_chunks[page_id >> CHUNK_BITS]
    if chunk == NULL:
        return -1
    return loadi32_acquire(&chunk[page_id & (CHUNK_SIZE - 1)])

cdef inline page_ref_t *ref_of(const pool_t *p, uint32_t page_id) noexcept nogil:
    return &p.ref_chunks[page_id >> CHUNK_BITS][page_id & (CHUNK_SIZE - 1)]

cdef inline bint page_known(const pool_t *p, uint32_t page_id) noexcept nogil:
    return page_id != 0 and p.ref_chunks[page_id >> CHUNK_BITS] != NULL

cdef inline void set_frame(pool_t *p, uint32_t page_id, int32_t frame) noexcept nogil:
    storei32_release(&p.frame_chunks[page_id >> CHUNK_BITS][page_id & (CHUNK_SIZE - 1)], frame)
    yield_point(POINT_MAP)

# The frame's page is about to differ from what is in the file. Mutex held, or X.
cdef inline void frame_dirty(frame_t *f) noexcept nogil:
    if not f.flags & FRAME_DIRTY:
        f.flags |= FRAME_DIRTY
        thread_self().dirtied += 1

cdef inline void frame_touch(frame_t *f) noexcept nogil:
    usage = load32_relaxed(&f.usage)
    if usage < USAGE_MAX:
        store32_relaxed(&f.usage, usage + 1)

# frames and pages (pool.py)
cdef int pool_init(pool_t *p, uint32_t page_size, uint64_t pool_bytes, file_t *file) noexcept nogil
cdef void pool_free(pool_t *p) noexcept nogil
cdef int pool_know(pool_t *p, uint32_t page_id) noexcept nogil
cdef void _clear(frame_t *f) noexcept nogil
cdef int32_t _take_free(pool_t *p) noexcept nogil
cdef int32_t frame_take(pool_t *p) noexcept nogil
cdef void frame_give(pool_t *p, int32_t frame) noexcept nogil
cdef int _from_the_future(uint32_t page_id, uint64_t offset) noexcept nogil
cdef int32_t pool_load(pool_t *p, uint32_t page_id) noexcept nogil
cdef int32_t pool_pin(pool_t *p, uint32_t page_id) noexcept nogil
cdef int32_t pool_fix(pool_t *p, uint32_t page_id, uint64_t lsn) noexcept nogil
cdef int32_t pool_fix_once(pool_t *p, uint32_t page_id, uint64_t lsn) noexcept nogil
cdef int32_t _fix(pool_t *p, uint32_t page_id, uint64_t lsn, bint use) noexcept nogil
cdef int32_t _fix_version(pool_t *p, uint32_t page_id, uint64_t lsn) noexcept nogil
cdef int32_t _load_version(pool_t *p, int32_t version) noexcept nogil
cdef int read_image(pool_t *p, uint32_t page_id, uint32_t slot, uint32_t tag, page_t *into) noexcept nogil
cdef int write_image(pool_t *p, const page_t *page, uint32_t slot, uint32_t *tag) noexcept nogil
cdef int _write_out(pool_t *p, int32_t frame) noexcept nogil
cdef bint _detach(pool_t *p, int32_t frame, uint8_t reason, long steps, bint written) noexcept nogil

cdef inline void pool_unfix(pool_t *p, int32_t frame) noexcept nogil:
    unlatch_shared(&p.frames[frame].word, <uint32_t>frame)

cdef inline void pool_unpin(pool_t *p, int32_t frame) noexcept nogil:
    if traced():
        trace_event(TRACE_UNPIN, p.frames[frame].page_id, frame, 0, 0, 0)
    latch_unpin(&p.frames[frame].word)
