from dataclasses import dataclass
from typing import Any

from engine.txn.store import Store

@dataclass(frozen=True, slots=True)
class StoreStats:
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

def store_stats(store: Store) -> StoreStats: ...
def io_stats(store: Store) -> dict[str, Any]: ...
