"""Keys, values and orders, all from one seed.

Keys are 63-bit random numbers, 8 bytes big-endian (through SQL: the number itself), so key order and order of insertion
have nothing to do with each other. Values are random bytes: nothing an engine or a disk could compress.

A program makes a key shortly before it asks for it. Keys of operations therefore are objects of their own that lie in memory
in the order of their use; the records' own keys would be cache misses of Python (200 ns each, for 500,000 records), counted
as the engines'.
"""

from __future__ import annotations

import random
from functools import cached_property
from itertools import accumulate
from typing import Any

from anokuro_bench.settings import SQL, Settings

Key = Any  # bytes, or int through SQL
Pair = tuple[Key, bytes]


class Data:
    """The records of a run as one face sees them, and ways to choose among them."""

    def __init__(self, settings: Settings, face: str) -> None:
        self.settings = settings
        self.face = face
        self.count = settings.count

    def random(self, name: str) -> random.Random:
        """A generator that depends on the seed and this name alone."""
        return random.Random(f"{self.settings.seed} {name}")

    @cached_property
    def _numbers(self) -> list[int]:
        source, found = self.random("keys"), set[int]()
        while len(found) < 2 * self.count:
            found.add(source.getrandbits(63))
        return self.random("order").sample(sorted(found), len(found))

    def _as_keys(self, numbers: list[int]) -> list[Key]:
        return numbers if self.face == SQL else [number.to_bytes(8, "big") for number in numbers]

    @cached_property
    def keys(self) -> list[Key]:
        """Keys of the records, in the order of insertion, which is random."""
        return self._as_keys(self._numbers[: self.count])

    @cached_property
    def missing(self) -> list[Key]:
        """As many keys again, of which no record exists."""
        return self._as_keys(self._numbers[self.count :])

    @cached_property
    def pairs(self) -> list[Pair]:
        """The records, in the order of insertion."""
        return list(zip(self.keys, self.values("values", self.count), strict=True))

    def values(self, name: str, count: int) -> list[bytes]:
        """Random values."""
        size = self.settings.value_bytes
        drawn = self.random(name).randbytes(size * count)
        return [drawn[at : at + size] for at in range(0, size * count, size)]

    def uniform(self, name: str, count: int, keys: list[Key] | None = None) -> list[Key]:
        """Keys drawn with replacement, all alike."""
        return self.fresh(self.random(name).choices(self.keys if keys is None else keys, k=count))

    def fresh(self, keys: list[Key]) -> list[Key]:
        """Equal keys, made anew in this order."""
        return [key + 0 for key in keys] if self.face == SQL else [key[:1] + key[1:] for key in keys]

    def zipfian(self, name: str, count: int) -> list[Key]:
        """Keys drawn with YCSB's zipfian distribution (constant 0.99); which keys are hot has nothing to do with their order."""
        return self.fresh(self.random(name).choices(self.keys, cum_weights=self._zipf_weights, k=count))

    def zipfian_ranks(self, name: str, count: int) -> list[int]:
        """Ranks drawn with the same distribution: 0 is the likeliest. YCSB's "latest" counts them from the newest record."""
        return self.random(name).choices(range(self.count), cum_weights=self._zipf_weights, k=count)

    @cached_property
    def _zipf_weights(self) -> list[float]:
        return list(accumulate(1 / (rank**0.99) for rank in range(1, self.count + 1)))
