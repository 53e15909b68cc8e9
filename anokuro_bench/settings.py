"""What a run is asked to do."""

from __future__ import annotations

from dataclasses import dataclass

READ = "read"
DURABLE, UNSYNCED, NONE = "durable", "unsynced", "none"
DURABILITIES = {
    DURABLE: "a returned write survives a power cut",
    UNSYNCED: "a returned write survives a crash of the process, not a power cut",
    NONE: "a returned write may be lost",
}
KV, SQL = "kv", "sql"
FACES = {KV: "keys and values", SQL: "SQL statements"}


class BenchmarkError(Exception):
    """The benchmark cannot be run as asked, or an engine gave a wrong answer. hint: what to do."""

    def __init__(self, message: str, hint: str | None = None) -> None:
        super().__init__(message)
        self.hint = hint


@dataclass(frozen=True)
class Settings:
    """Sizes and choices.

    count: records. value_bytes: size of a value. pool_bytes: page pool or block cache of an engine. threads: of the
    workload with many writers. rounds: measurements of each engine. seconds: longest one measurement may take; one that
    takes longer is cut at the same kind of boundary for everybody, and its rate is that of what it did. seed: of
    everything random. directory: where databases are made (a folder in it, removed afterwards); "" is the system's
    folder for temporary files. durability: class of the workloads that write; "" leaves each its own. engines,
    workloads, faces: names; empty means all.
    """

    count: int = 500_000
    value_bytes: int = 100
    pool_bytes: int = 256 << 20
    threads: int = 32
    rounds: int = 3
    seconds: float = 10.0
    seed: int = 1
    directory: str = ""
    durability: str = ""
    engines: tuple[str, ...] = ()
    workloads: tuple[str, ...] = ()
    faces: tuple[str, ...] = (KV,)

    def __post_init__(self) -> None:
        at_least = {"count": 100, "value_bytes": 1, "pool_bytes": 1 << 20, "threads": 1, "rounds": 1}
        for name, least in at_least.items():
            if getattr(self, name) < least:
                raise BenchmarkError(f"{name.replace('_', ' ')} is {getattr(self, name)}; at least {least} is needed")
        if self.seconds <= 0:
            raise BenchmarkError(f"seconds is {self.seconds}; a positive number is needed")
        for name, known in (("durability", DURABILITIES), *(("face", FACES) for _ in self.faces)):
            for value in (self.durability,) if name == "durability" else self.faces:
                if value and value not in known:
                    raise BenchmarkError(f"there is no {name} {value!r}", f"one of {', '.join(known)}")

    @property
    def data_bytes(self) -> int:
        """Bytes of all keys and values."""
        return self.count * (8 + self.value_bytes)

    @property
    def cold_bytes(self) -> int:
        """Pool or cache of the workloads whose data is four times as large."""
        return max(1 << 20, self.data_bytes // 4)
