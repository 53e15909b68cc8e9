"""What a benchmark asks of an engine: open, a session for each thread, a batch, settle, close."""

from __future__ import annotations

import importlib
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from anokuro_bench.data import Key, Pair


@dataclass(frozen=True)
class Opening:
    """How a store is to be opened.

    durability: class of its writes. cache_bytes: pool or cache. data_bytes: what it will hold, roughly. single_writes: it will be
    written, record by record. bounded: the cache is to be the only memory of data the engine has of its own.
    """

    folder: Path
    durability: str
    cache_bytes: int
    data_bytes: int
    single_writes: bool = False
    bounded: bool = False


@dataclass
class Session:
    """What one thread uses. The functions are the engine's own wherever that is possible, so that nothing is measured but it.

    get: a value or None. get_many: whatever the engine answers to a list of keys; `values` makes it a list in their order.
    scan: all pairs in key order. range: so many pairs from a key on. put: one write, one transaction.
    close: let go of what the session holds.
    """

    get: Callable[[Key], bytes | None]
    get_many: Callable[[list[Key]], Any]
    values: Callable[[list[Key], Any], list[bytes | None]]
    scan: Callable[[], Iterator[Pair]]
    range: Callable[[Key, int], list[Pair]]
    put: Callable[[Key, bytes], object]
    close: Callable[[], object]


def nothing() -> None:
    """For sessions that have nothing to let go."""


def as_they_are(_: list[Key], found: list[bytes | None]) -> list[bytes | None]:
    """For engines whose get_many answers in the order of the keys."""
    return found


def from_pairs(keys: list[Key], found: Iterable[Pair]) -> list[bytes | None]:
    """For engines whose get_many answers with the pairs it found."""
    known = dict(found)
    return [known.get(key) for key in keys]


class Store(ABC):
    """An open database of one engine.

    Sessions are of four kinds. "read": of a state that may be as old as the session. "fresh": every read sees the newest
    state. "write": puts alone. "both": puts, and reads that see them.
    """

    engine: ClassVar[str]
    title: ClassVar[str]
    face: ClassVar[str]
    module: ClassVar[str]
    how: ClassVar[str]
    """How it is used here, in a sentence or two."""

    def __init__(self, opening: Opening) -> None:
        self.opening = opening

    @classmethod
    def problem(cls) -> str | None:
        """Why this engine cannot be measured here, or None."""
        try:
            importlib.import_module(cls.module)
        except ImportError as error:
            return f"{error}; pip install 'anokuro[bench]'"
        return None

    @classmethod
    @abstractmethod
    def version(cls) -> str:
        """Version of the engine and of what binds it to Python."""

    @abstractmethod
    def session(self, access: str) -> Session:
        """A session for the thread that calls."""

    @abstractmethod
    def put_many(self, pairs: list[Pair]) -> None:
        """Write all pairs, which come in no order, as one transaction."""

    def settle(self) -> None:  # noqa: B027  most engines have nothing to do
        """Bring a freshly loaded store into the state in which it reads best."""

    @abstractmethod
    def close(self) -> None:
        """Close it; everything written is in its files."""
