"""What a workload is: who does which operations, on what, and how the answers are hashed."""

from __future__ import annotations

import zlib
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from anokuro_bench.data import Data
from anokuro_bench.settings import FACES, READ
from anokuro_bench.stores.base import Session

Operation = Any
Single = Callable[[Operation], Any]
Step = Callable[[Sequence[Operation]], Any]

CHUNK = 1000  # operations between two looks at the clock
DURABLE_SHARE = 1000  # one durable write for so many records, as each waits for the disk
BATCH = 1000  # keys of a get_many
RANGE = 100  # pairs of a range scan


@dataclass
class Role:
    """What one thread does. chunks: its operations, cut into pieces. access: kind of its session.

    background: it repeats its operations until all other roles have finished, and its rate is told apart.
    """

    chunks: list[list[Operation]]
    access: str
    background: bool = False


def cut(operations: Sequence[Operation], size: int = CHUNK) -> list[list[Operation]]:
    """Pieces of so many operations."""
    return [list(operations[at : at + size]) for at in range(0, len(operations), size)]


def hash_values(values: Iterable[bytes | None]) -> int:
    """A hash of values in their order; a missing one counts."""
    return zlib.crc32(b"".join(b"\x00<none>" if value is None else value for value in values))


def hash_pairs(pairs: Iterable[tuple[Any, bytes]], crc: int = 0) -> int:
    """A hash of pairs in their order; keys of both faces are hashed alike."""
    parts = [(key if isinstance(key, bytes) else key.to_bytes(8, "big")) + value for key, value in pairs]
    return zlib.crc32(b"".join(parts), crc)


class Workload(ABC):
    """One sort of work. A class each; an instance holds nothing.

    name: as db_bench or YCSB call it, where they have it. unit: what is counted. durability: class of its writes.
    loaded: it begins with all records. writes: it changes them. cold: the data is four times the cache. faces: how it can
    be run. has_latency: an operation's time says something (a piece of a scan's does not). engines: who can take part; empty means all. group: workloads of the same group are measured in turns.
    several: an operation's answer is a list of answers. turns: measurements in a round; many short ones where the disk,
    which may be shared, changes its speed within seconds. alternates: the engines are open together and take turns after
    every few operations, for the same reason; each operation takes so long that all are clocked.
    """

    name: ClassVar[str]
    title: ClassVar[str]
    unit: ClassVar[str] = "operations"
    durability: ClassVar[str] = READ
    loaded: ClassVar[bool] = True
    writes: ClassVar[bool] = False
    bulk: ClassVar[bool] = False
    cold: ClassVar[bool] = False
    threaded: ClassVar[bool] = False
    has_latency: ClassVar[bool] = True
    faces: ClassVar[tuple[str, ...]] = tuple(FACES)
    engines: ClassVar[tuple[str, ...]] = ()
    group: ClassVar[str] = ""
    several: ClassVar[bool] = False
    turns: ClassVar[int] = 1
    alternates: ClassVar[bool] = False

    @abstractmethod
    def roles(self, data: Data) -> list[Role]:
        """Who does what; the same for every engine."""

    @abstractmethod
    def single(self, session: Session) -> Single:
        """A function that does one operation: for the pass that measures latencies."""

    def step(self, session: Session) -> Step:
        """A function that does a piece: for the passes that measure rates."""
        one = self.single(session)
        return lambda operations: [one(operation) for operation in operations]

    def background_step(self, session: Session) -> Step:
        """The same for background roles."""
        return self.step(session)

    def items(self, operation: Operation) -> int:
        """How many units an operation is."""
        return 1

    def check(self, session: Session, operations: Sequence[Operation], answers: Any) -> int:
        """A hash of what a step answered."""
        return 0

    def written(self, operations: Sequence[Operation]) -> int:
        """Bytes of keys and values that a piece writes."""
        return 0
