"""What the answers and the content must be: computed once for each workload by a dict, for every engine the same."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice

from anokuro_bench.data import Data, Key, Pair
from anokuro_bench.stores.model import Model
from anokuro_bench.workloads import Role, Workload
from anokuro_bench.workloads.base import hash_pairs

PIECE = 10_000


def hash_content(pairs: Iterable[Pair]) -> tuple[int, int]:
    """How many pairs there are, and a hash of them."""
    iterator, count, crc = iter(pairs), 0, 0
    while piece := list(islice(iterator, PIECE)):
        count += len(piece)
        crc = hash_pairs(piece, crc)
    return count, crc


class Truth:
    """Of one workload over one set of data. order: the sorted keys of `data`, so that they are sorted once."""

    def __init__(self, workload: Workload, data: Data, roles: list[Role], order: list[Key]) -> None:
        self.workload = workload
        self.roles = roles
        self._pairs = data.pairs if workload.loaded else []
        self._order = order if workload.loaded else None
        self._contents: dict[tuple[int, ...], tuple[int, int]] = {}
        model = self._model()
        self.hashes = [[] if role.background else self._replay(model, role, len(role.chunks)) for role in roles]

    def _model(self) -> Model:
        return Model(self._pairs, self._order)

    def _replay(self, model: Model, role: Role, done: int) -> list[int]:
        """Do so many pieces of a role, which begins anew at its end; the hashes of the answers."""
        workload, session = self.workload, model.session()
        if role.access == "bulk":
            for chunk in role.chunks[:done]:
                for pairs in chunk:
                    model.put_many(pairs)
            return [0] * done
        step = workload.background_step(session) if role.background else workload.step(session)
        count, hashes = len(role.chunks), []
        for at in range(max(0, done - count), done):  # earlier turns are overwritten by the last
            chunk = role.chunks[at % count]
            answers = step(chunk)
            hashes.append(0 if role.background else workload.check(session, chunk, answers))
        return hashes

    def content(self, done: tuple[int, ...]) -> tuple[int, int]:
        """The content after so many pieces of each role. Roles that write never write the same keys."""
        if done not in self._contents:
            model = self._model()
            for role, pieces in zip(self.roles, done, strict=True):
                if role.access not in ("read", "fresh"):
                    self._replay(model, role, pieces)
            self._contents = {done: hash_content(model.session().scan())}
        return self._contents[done]
