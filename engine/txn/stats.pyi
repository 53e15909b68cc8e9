from dataclasses import dataclass

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

def store_stats(store: Store) -> StoreStats: ...
