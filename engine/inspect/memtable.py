"""The memtable and the transactions: what is written and not yet in a page, by whom, and what was committed just now.

An entry without a commit LSN is pending: its transaction is open. Entries of transactions that are gone and have no commit LSN
were rolled back, or committed while nobody could conflict with them: they wait for their list to be given up.
"""

from __future__ import annotations

import time
from typing import Any

from engine.base.dataclass import dataclass
from engine.inspect import probe, probe_memtable
from engine.inspect.live_source import LiveSource
from engine.inspect.model import Model

SHOWN = 1000
PENDING, COMMITTED, GONE = "pending", "committed", "gone"


@dataclass(frozen=True, slots=True)
class EntryModel(Model):
    """One entry of a skip list. state: pending, committed, or gone (of a transaction that is over; nobody looks at it).

    write: put, delete, or none (taken back to a savepoint, or a note that a commit wrote the key). height: levels it is linked
    at. value: its first 64 bytes, of `length`.
    """

    generation: int
    tree: int
    owner: str
    key: bytes
    txn: int
    state: str
    commit_lsn: int | None
    write: str
    height: int
    length: int
    value: bytes
    decoded: dict[str, Any] | None


@dataclass(frozen=True, slots=True)
class GenerationModel(Model):
    """One skip list. last_commit: newest commit LSN among its entries, 0 for none; bound: transactions that write to it."""

    number: int
    entries: int
    bytes: int
    last_commit: int
    bound: int


@dataclass(frozen=True, slots=True)
class LevelCount(Model):
    """How many entries are linked at a level, and how many would be by the odds: a quarter of those of the level below."""

    level: int
    entries: int
    expected: float


@dataclass(frozen=True, slots=True)
class MemtableModel(Model):
    """The memtable: its generations, oldest first, the census of its levels, and its first SHOWN entries by tree and key.

    forgotten_lsn: commits up to there are no longer all noted, and transactions older than that are validated by pages.
    """

    writers: int
    budget: int
    total: int
    entries_total: int
    forgotten_lsn: int
    generations: tuple[GenerationModel, ...]
    levels: tuple[LevelCount, ...]
    entries: tuple[EntryModel, ...]
    more: int
    model: str = "memtable"
    version: int = 1


@dataclass(frozen=True, slots=True)
class TransactionModel(Model):
    """A transaction. state: writing, large (in the commit section, writing to pages), reading (`readers` that share a snapshot), or
    committed (and still noted, because an open one may conflict with it). kept: page versions that its snapshot keeps for it and for
    others that share it. since_us: when that snapshot was taken. generation: -1: a list of its own. None: does not apply."""

    txn: int | None
    state: str
    readers: int
    snapshot_lsn: int | None
    commit_lsn: int | None
    since_us: int | None
    age_ms: float | None
    entries: int
    deletes: int
    bytes: int
    generation: int | None
    kept: int | None
    pages_kept: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class TransactionsModel(Model):
    """Open transactions, oldest snapshot first, then those committed just now; published_lsn: the last commit."""

    published_lsn: int
    transactions: tuple[TransactionModel, ...]
    model: str = "transactions"
    version: int = 1


def memtable_model(source: LiveSource, limit: int = SHOWN) -> MemtableModel:
    """The memtable as of now; what goes on meanwhile may be seen in part."""
    found = probe_memtable.memtable(source.store, limit)
    open_txns = {txn for txn, *_ in probe_memtable.writers(source.store)}
    owners = source.owners()
    entries = []
    for generation, tree, key, txn, commit_lsn, height, deleted, length, value in found["entries"]:
        state = COMMITTED if commit_lsn else PENDING if txn in open_txns else GONE
        write = "none" if deleted is None else "delete" if deleted else "put"
        owner = owners.of(tree)
        entries.append(
            EntryModel(
                generation, tree, str(owner), key, txn, state, commit_lsn or None, write, height, length, value,
                _decoded(owner, key, value, write == "put" and length == len(value)),
            )
        )  # fmt: skip
    total = sum(generation[0] for generation in found["generations"])
    return MemtableModel(
        writers=len(open_txns),
        budget=int(source.store.options.memtable_bytes),
        total=sum(generation[1] for generation in found["generations"]),
        entries_total=total,
        forgotten_lsn=found["forgotten"],
        generations=tuple(GenerationModel(i, *one) for i, one in enumerate(found["generations"])),
        levels=tuple(_levels(found["levels"])),
        entries=tuple(entries),
        more=max(total - len(entries), 0),
    )


def _levels(counts: list[int]) -> list[LevelCount]:
    used = max((level for level, count in enumerate(counts) if count), default=-1) + 1
    return [LevelCount(level, counts[level], round(counts[0] / 4**level, 1)) for level in range(used)]


def _decoded(owner: Any, key: bytes, value: bytes, whole: bool) -> dict[str, Any] | None:
    if owner.decode is None:
        return None
    try:
        decoded: dict[str, Any] | None = owner.decode("leaf" if whole else "branch", key, value)
        return decoded
    except Exception:  # bytes that are no row of this table, as of a tree that is being made: shown as bytes
        return None


def transactions_model(source: LiveSource) -> TransactionsModel:
    """Who reads and writes, as of now."""
    store = source.store
    snapshots = {
        lsn: (readers, kept, since, versions) for lsn, readers, kept, since, versions in probe.snapshots(store)
    }
    tallies = {one[0]: one[1:] for one in probe_memtable.memtable(store, 0)["transactions"]}
    now = time.time_ns() // 1000
    found: list[TransactionModel] = []
    writing: dict[int, int] = {}
    for txn, snapshot_lsn, home, home_bytes, home_entries in probe_memtable.writers(store):
        _, kept, since, versions = snapshots.get(snapshot_lsn, (0, 0, 0, []))
        _, entries, deletes, undone, total = tallies.pop(txn, (0, 0, 0, 0, 0))
        if home < 0:
            entries, deletes, undone, total = home_entries, 0, 0, home_bytes
        writing[snapshot_lsn] = writing.get(snapshot_lsn, 0) + 1
        found.append(
            TransactionModel(
                txn, "large" if home < 0 else "writing", 1, snapshot_lsn, None, since or None, _age(now, since),
                entries - undone, deletes, total, home, kept, tuple(page for page, *_ in versions),
            )
        )  # fmt: skip
    for lsn, (readers, kept, since, versions) in snapshots.items():
        if readers > writing.get(lsn, 0):
            found.append(
                TransactionModel(
                    None, "reading", readers - writing.get(lsn, 0), lsn, None, since, _age(now, since), 0, 0, 0, None, kept,
                    tuple(page for page, *_ in versions),
                )
            )  # fmt: skip
    found.sort(key=lambda one: one.snapshot_lsn or 0)
    recent = sorted((tally[0], txn, tally) for txn, tally in tallies.items() if tally[0])
    for commit_lsn, txn, (_, entries, deletes, _, total) in recent:
        found.append(
            TransactionModel(
                txn, "committed", 0, None, commit_lsn, None, None, entries, deletes, total, None, None, ()
            )
        )  # fmt: skip
    return TransactionsModel(int(store.published_lsn), tuple(found))


def _age(now: int, since: int) -> float | None:
    return round(max(now - since, 0) / 1000, 1) if since else None
