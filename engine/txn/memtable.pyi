from dataclasses import dataclass

@dataclass(frozen=True, slots=True)
class MemtableState:
    writers: int
    generations: int
    entries: int
    bytes: int
    oldest_snapshot_lsn: int | None
    forgotten_lsn: int
