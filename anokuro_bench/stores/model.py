"""The truth: a dict, asked the same. What engines answer is compared with it; it is never measured."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterator

from anokuro_bench.data import Key, Pair
from anokuro_bench.stores.base import Session, as_they_are, nothing


class Model:
    """A store without a disk."""

    def __init__(self, pairs: list[Pair], order: list[Key] | None = None) -> None:
        """order: the sorted keys of `pairs`, where the caller has them."""
        self.records = dict(pairs)
        self._order = None if order is None else list(order)

    @property
    def order(self) -> list[Key]:
        """The keys in order; sorted when first asked for."""
        if self._order is None:
            self._order = sorted(self.records)
        return self._order

    def session(self) -> Session:
        """A session; all of them see the same."""
        get = self.records.get
        return Session(
            get=get,
            get_many=lambda keys: [get(key) for key in keys],
            values=as_they_are,
            scan=self._scan,
            range=self._range,
            put=self._put,
            close=nothing,
        )

    def put_many(self, pairs: list[Pair]) -> None:
        """Write all pairs."""
        self.records.update(pairs)
        self._order = None

    def _scan(self) -> Iterator[Pair]:
        records = self.records
        return ((key, records[key]) for key in self.order)

    def _range(self, start: Key, count: int) -> list[Pair]:
        at = bisect_left(self.order, start)
        return [(key, self.records[key]) for key in self.order[at : at + count]]

    def _put(self, key: Key, value: bytes) -> None:
        if self._order is not None and key not in self.records:
            insort(self._order, key)
        self.records[key] = value
