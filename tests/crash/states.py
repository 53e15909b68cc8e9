"""The outcomes of a crash that are tried at one crash point: selections of what was pending.

Each `Choice` turns the pending operations into the effects that reached the disk. The fixed ones are tried at every
crash point; the random ones take a seeded generator, so that a state can be made again from its description.
"""

from __future__ import annotations

import random
from collections.abc import Callable

from engine.storage.file_recording import Truncate, Write
from tests.crash.disk import SECTOR, Effect, Grow, PendingOperation

Choice = Callable[[list[PendingOperation], random.Random], list[Effect]]


def everything(pending: list[PendingOperation], rng: random.Random) -> list[Effect]:
    """All that was pending was written."""
    return list(pending)


def nothing(pending: list[PendingOperation], rng: random.Random) -> list[Effect]:
    """Nothing that was pending was written."""
    return []


def names_only(pending: list[PendingOperation], rng: random.Random) -> list[Effect]:
    """Creations, renames and removals are durable, the contents are not."""
    return [op for op in pending if not isinstance(op, Write | Truncate)]


def data_only(pending: list[PendingOperation], rng: random.Random) -> list[Effect]:
    """The contents are durable, creations, renames and removals are not."""
    return [op for op in pending if isinstance(op, Write | Truncate)]


def grown(pending: list[PendingOperation], rng: random.Random) -> list[Effect]:
    """Files have their new sizes, but zeros where the data should be."""
    return [Grow(op.node, op.offset + len(op.data)) if isinstance(op, Write) else op for op in pending]


def last_lost(pending: list[PendingOperation], rng: random.Random) -> list[Effect]:
    """All but the last operation."""
    return list(pending[:-1])


def only_last(pending: list[PendingOperation], rng: random.Random) -> list[Effect]:
    """The last operation overtook all others, which are lost."""
    return list(pending[-1:])


def _with_last_write(pending: list[PendingOperation], change: Callable[[Write], list[Effect]]) -> list[Effect]:
    for index in range(len(pending) - 1, -1, -1):
        operation = pending[index]
        if isinstance(operation, Write) and operation.data:
            return [*pending[:index], *change(operation), *pending[index + 1 :]]
    return list(pending)


def last_cut(pending: list[PendingOperation], rng: random.Random) -> list[Effect]:
    """The last write is cut at any byte."""
    return _with_last_write(pending, lambda w: [Write(w.node, w.offset, w.data[: rng.randrange(len(w.data))])])


def last_garbage(pending: list[PendingOperation], rng: random.Random) -> list[Effect]:
    """The last write is right up to a point and garbage from there on."""

    def change(w: Write) -> list[Effect]:
        cut = rng.randrange(len(w.data))
        return [Write(w.node, w.offset, w.data[:cut] + rng.randbytes(len(w.data) - cut))]

    return _with_last_write(pending, change)


def prefix(pending: list[PendingOperation], rng: random.Random) -> list[Effect]:
    """The operations up to some point, in order."""
    return list(pending[: rng.randrange(len(pending) + 1)])


def subset(pending: list[PendingOperation], rng: random.Random) -> list[Effect]:
    """Each operation by itself written or lost."""
    kept = rng.choice((0.2, 0.5, 0.8))
    return [op for op in pending if rng.random() < kept]


def reordered(pending: list[PendingOperation], rng: random.Random) -> list[Effect]:
    """Some of the writes, in any order; names and sizes keep their order, as a journal has it."""
    chosen = subset(pending, rng)
    writes = [op for op in chosen if isinstance(op, Write)]
    rng.shuffle(writes)
    remaining = iter(writes)
    return [next(remaining) if isinstance(op, Write) else op for op in chosen]


def sectors(pending: list[PendingOperation], rng: random.Random) -> list[Effect]:
    """Each sector of each write by itself written or lost; the files have their new sizes."""
    kept = rng.choice((0.1, 0.5, 0.9))
    effects: list[Effect] = []
    for op in pending:
        if not isinstance(op, Write):
            effects.append(op)
            continue
        effects.append(Grow(op.node, op.offset + len(op.data)))
        start = 0
        while start < len(op.data):
            end = min(len(op.data), (op.offset + start) // SECTOR * SECTOR + SECTOR - op.offset)
            if rng.random() < kept:
                effects.append(Write(op.node, op.offset + start, op.data[start:end]))
            start = end
    return effects


def one_lost(pending: list[PendingOperation], rng: random.Random) -> list[Effect]:
    """A single operation is lost."""
    lost = rng.randrange(len(pending)) if pending else 0
    return [op for index, op in enumerate(pending) if index != lost]


FIXED: tuple[Choice, ...] = (everything, nothing, names_only, data_only, grown, last_lost, only_last)
RANDOM: tuple[Choice, ...] = (last_cut, last_garbage, prefix, subset, reordered, sectors, one_lost)
CHOICES: dict[str, Choice] = {choice.__name__: choice for choice in FIXED + RANDOM}
