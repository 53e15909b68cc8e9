"""Choosing a checkpoint to read beside a writer, and pinning it so that the writer keeps its slots; see keep.py."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.base.dataclass import dataclass
from engine.base.errors import CorruptionError, OperationalError
from engine.storage.meta import Meta, choose
from engine.txn.keep import log_pin, slots_pin
from engine.txn.roots import Root, find_root, meta_of, read_retained

if TYPE_CHECKING:
    from engine.storage.file import File, FileLock, FileSystem

ATTEMPTS = 1000
"""How often a checkpoint is chosen anew because a newer one was made in the microseconds between two looks."""


@dataclass(frozen=True, slots=True)
class Pinned:
    """A checkpoint that stays readable until `slots` is closed; the log behind it until `log` is."""

    meta_slot: int
    meta: Meta
    slots: FileLock
    log: FileLock | None


def pin_newest(fs: FileSystem, file: File, path: str) -> Pinned:
    """Pin the checkpoint that counts, and its log. Raises what `choose` raises; LockedError where a system has no pins."""
    for _ in range(ATTEMPTS):
        number, meta = _choose(file, path)
        sequence = int(meta.as_dict()["sequence"])
        slots, log = fs.pin(file, slots_pin(sequence)), fs.pin(file, log_pin(sequence))
        if counts(file, path, meta):
            return Pinned(number, meta, slots, log)
        slots.close()
        log.close()
    raise _too_fast(path)


def pin_retained(fs: FileSystem, file: File, path: str, name: str) -> tuple[Root, Pinned]:
    """Pin a retained checkpoint. Raises ProgrammingError where there is none of that name (any more), CorruptionError."""
    for _ in range(ATTEMPTS):
        number, meta, roots = newest_roots(file, path)
        root = find_root(roots, name)
        slots = fs.pin(file, slots_pin(root.sequence))
        if counts(file, path, meta):
            return root, Pinned(number, meta_of(meta, root), slots, None)
        slots.close()
    raise _too_fast(path)


def newest_roots(file: File, path: str) -> tuple[int, Meta, list[Root]]:
    """The meta that counts, its slot, and the retained checkpoints that it names. Raises CorruptionError."""
    for _ in range(ATTEMPTS):
        number, meta = _choose(file, path)
        try:
            return number, meta, read_retained(file, path, meta)[0]
        except CorruptionError:
            if counts(file, path, meta):
                raise
            # the writer has made another checkpoint, and used these blocks again
    raise _too_fast(path)


def _choose(file: File, path: str) -> tuple[int, Meta]:
    """`choose`, once more where each meta slot may have been read just while it was written."""
    try:
        return choose(file, path)
    except CorruptionError:
        return choose(file, path)


def counts(file: File, path: str, meta: Meta) -> bool:
    """Whether this is the meta that counts still."""
    return _choose(file, path)[1].as_dict() == meta.as_dict()


def _too_fast(path: str) -> OperationalError:
    return OperationalError(f"{path}: checkpoints are made faster than one can be opened; try again")
