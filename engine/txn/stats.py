"""Counters of a store."""

import cython

from engine.base.dataclass import dataclass
from engine.storage.aio import MODES


@dataclass(frozen=True, slots=True)
class StoreStats:
    """Counters since the store was opened, and sizes as of now. Bytes, counts; LSNs are byte positions in the log."""

    page_size: int
    pool_frames: int
    pages: int
    free_pages: int
    slots: int
    slots_used: int
    page_reads: int
    page_writes: int
    evictions: int
    evictions_dirty: int
    versions: int
    version_copies: int
    latches_shared: int
    latches_exclusive: int
    latch_waits: int
    restarts: int
    published_lsn: int
    redo_lsn: int
    log_bytes: int
    log_appends: int
    log_syncs: int
    log_groups: int
    checkpoints: int
    checkpoint_failures: int
    io: str
    io_batches: int
    io_reads: int
    io_writes: int
    io_threads: int
    io_rings: int
    page_reads_together: int
    pages_written_ahead: int
    pages_written_by_misses: int
    frames_taken_ahead: int
    frames_reused_by_scans: int


def store_stats(store):
    """A snapshot of the counters; nothing is stopped for it. Latch counters are of the whole process."""
    s: Store = store
    p = cython.address(s.pool)
    shared = exclusive = waits = restarts = 0
    for index in range(THREADS_MAX):
        t = thread_at(index)  # one whose thread has ended keeps its counts, and goes on with them for the next
        if t == cython.NULL:
            continue
        shared += int(t.acquired_shared)
        exclusive += int(t.acquired_exclusive)
        waits += int(t.contended)
        restarts += int(t.restarts)
    log = s.log.stats() if s.log is not None else None
    return StoreStats(
        page_size=int(p.page_size),
        pool_frames=int(p.frame_count),
        pages=int(p.next_page_id) - 1 - int(p.free_count),
        free_pages=int(p.free_count),
        slots=int(p.slot_count),
        slots_used=int(p.slots_used),
        page_reads=int(p.reads),
        page_writes=int(p.writes),
        evictions=int(p.evictions),
        evictions_dirty=int(p.evicted_dirty),
        versions=int(p.version_count),
        version_copies=int(p.copies),
        latches_shared=shared,
        latches_exclusive=exclusive,
        latch_waits=waits,
        restarts=restarts,
        published_lsn=s.published_lsn,
        redo_lsn=int(s.redo_lsn),
        log_bytes=log.end_lsn if log else 0,
        log_appends=log.appends if log else 0,
        log_syncs=log.syncs if log else 0,
        log_groups=log.groups if log else 0,
        checkpoints=s.checkpointer.count if s.checkpointer is not None else 0,
        checkpoint_failures=s.checkpointer.failures if s.checkpointer is not None else 0,
        page_reads_together=int(p.batch_reads),
        pages_written_ahead=int(p.written_ahead),
        pages_written_by_misses=int(p.miss_writes),
        frames_taken_ahead=int(p.warmed),
        frames_reused_by_scans=int(p.recycled),
        **io_stats(s),
    )


def io_stats(store):
    """How pages of this store are read and written together: `io` is what its file allows of what was asked for."""
    s: Store = store
    a = cython.cast(cython.pointer(aio_t), s.pool.aio)
    concurrent = aio_concurrent(a, s.file.ptr())
    return {
        "io": MODES[a.mode] if concurrent else "sync",
        "io_batches": int(a.batches) if a != cython.NULL else 0,
        "io_reads": int(a.reads) if a != cython.NULL else 0,
        "io_writes": int(a.writes) if a != cython.NULL else 0,
        "io_threads": int(a.workers.started) if a != cython.NULL else 0,
        "io_rings": int(a.ring_count) if a != cython.NULL else 0,
    }
