"""Engines with one mistake in their concurrency, to see that the interleavings notice.

A mutant is an edit of one source file. It is applied in a copy of the checked build, of which only that module is compiled
again; the interleavings then run on the copy, in a process of their own.
"""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from build_support.checked import sanitizer_environment
from build_support.compile import Job, compile_all, target_in
from build_support.extensions import CHECKED, ROOT

COPIED = ("engine", "grammar", "tests", "build_support")


@dataclass(frozen=True)
class Mutant:
    """An edit: in the module's source, `old` (there exactly once) becomes `new`."""

    module: str
    old: str
    new: str


MUTANTS = {
    # a record's LSN is published as soon as its page has changed: half a batch can be seen
    "published_before_all_is_applied": Mutant(
        "engine.btree.batch",
        "    page.lsn = lsn\n    ref_of(b.pool, page_id).lsn = lsn\n",
        "    page.lsn = lsn\n    ref_of(b.pool, page_id).lsn = lsn\n    store_release(cython.address(b.pool.published), lsn)\n",
    ),
    # a slot is free when its first use ends, though the last checkpoint needs it too
    "slot_freed_too_early": Mutant("engine.pool.slots", "    p.slots[slot] &= ~use\n", "    p.slots[slot] = 0\n"),
    # the list of snapshots is changed while others change it
    "snapshot_registered_without_the_mutex": Mutant(
        "engine.btree.batch",
        "    mutex_lock(cython.address(b.pool.mutex))\n    b.snapshot = snapshot_register(b.pool, b.pool.published)\n"
        "    mutex_unlock(cython.address(b.pool.mutex))\n",
        "    b.snapshot = snapshot_register(b.pool, b.pool.published)\n",
    ),
    # whoever latched a frame takes it for the page that he looked for
    "latched_frame_not_looked_at_again": Mutant(
        "engine.pool.pool",
        "        latch_shared(cython.address(f.word), frame, page_id)\n"
        "        if f.page_id == page_id and f.version == -1 and frame_of(p, page_id) == frame:\n",
        "        latch_shared(cython.address(f.word), frame, page_id)\n        if f.page_id != 0:\n",
    ),
    # a page that was written out in the middle of a batch counts as clean though the batch changes it again
    "written_page_stays_clean": Mutant("engine.btree.batch", "    if not f.flags & FRAME_DIRTY:\n", "    if False:\n"),
    # a pinned frame is given to another page
    "pinned_frame_evicted": Mutant(
        "engine.pool.latch",
        "    if seen & (LATCH_EXCLUSIVE | LATCH_SHARED | LATCH_PINS):\n",
        "    if seen & (LATCH_EXCLUSIVE | LATCH_SHARED):\n",
    ),
    # an optimistic reader takes what it read without looking whether the leaf stood still
    "optimistic_read_not_validated": Mutant(
        "engine.btree.read",
        "        if not optimistic_valid(cython.address(f.word), seen):\n            DropObject(value)\n            frame_restart(f)\n            return -1\n",
        "        optimistic_valid(cython.address(f.word), seen)\n",
    ),
    # the slots of a replaced checkpoint are freed though a reader has pinned it
    "pins_not_looked_at": Mutant(
        "engine.txn.keep",
        "    pins = s.fs.pins(s.file)\n",
        "    pins = set()\n",
    ),
    # a reader takes the checkpoint that it has pinned for the one that counts, without looking again
    "pinned_checkpoint_not_looked_at_again": Mutant(
        "engine.txn.pins",
        "        if counts(file, path, meta):\n            return Pinned(",
        "        if True:\n            return Pinned(",
    ),
    # nobody of the next group is woken to lead it
    "next_group_not_led": Mutant(
        "engine.wal.writer",
        "    leader = _take_leader(w, parity ^ 1)\n",
        "    leader = cython.cast(cython.pointer(waiter_t), cython.NULL)\n",
    ),
}


def copy_tree(source: Path, target: Path) -> None:
    """A copy by links: what is replaced there stays as it is here."""
    for folder in COPIED:
        for path in (source / folder).rglob("*"):
            if path.is_file() and "__pycache__" not in path.parts:
                there = target / path.relative_to(source)
                there.parent.mkdir(parents=True, exist_ok=True)
                os.link(path, there)


def make(name: str, folder: Path, root: Path) -> None:
    """Make the mutant in an empty folder. Raises AssertionError where the edit does not fit or does not compile."""
    mutant = MUTANTS[name]
    copy_tree(root, folder)
    source = folder.joinpath(*mutant.module.split(".")).with_suffix(".py")
    text = source.read_text()
    assert text.count(mutant.old) == 1, f"{mutant.module} has changed: the edit fits {text.count(mutant.old)} times"
    source.unlink()
    source.write_text(text.replace(mutant.old, mutant.new))
    target = target_in(folder, mutant.module)
    if not target.exists():
        return  # plain Python
    target.unlink()
    job = Job(mutant.module, source, target, folder, folder / "work", CHECKED)
    problems = [outcome.problem for outcome in compile_all([job])]
    assert problems == [""], problems


def build(name: str, folder: Path, root: Path = ROOT) -> None:
    """`make` in a process without the sanitizers, which would slow the compiler down. `root` holds the checked build."""
    without = {key: value for key, value in os.environ.items() if key not in ("LD_PRELOAD", "PYTHONMALLOC")}
    command = [sys.executable, "-m", "tests.interleave.mutants", name, str(folder)]
    subprocess.run(command, cwd=root, env={**without, "PYTHONPATH": str(root)}, check=True)


def run(folder: Path, first: int, count: int, seconds: int = 300) -> subprocess.CompletedProcess[str]:
    """Run interleavings in a process of their own, on the build in `folder`."""
    command = [sys.executable, "-m", "tests.interleave.run", str(first), str(count)]
    environment = {**sanitizer_environment(), "PYTHONPATH": str(folder)}
    return subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, check=False, timeout=seconds
    )


if __name__ == "__main__":
    make(sys.argv[1], Path(sys.argv[2]), ROOT)
