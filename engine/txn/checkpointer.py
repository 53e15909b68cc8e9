"""When checkpoints are made: on request, at close, and in the background once enough log was written.

    commits --notice()--> [wake] --> thread: sync the log, then, if the log has grown enough, a checkpoint
       ^                                |
       +-- Store.arm: from which LSN, or moment, on it wants to hear of commits

The thread takes the wake-up back, and arms the store again, *before* it works: what is noticed, or a stop that is asked
for, while it works is seen at its next turn and never lost. Under synchronous="normal" the same thread syncs the log at intervals.
A failure in the background is kept in `last_error` and counted in `failures`; the next commits try again.
"""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

from engine.base.errors import Error, ProgrammingError
from engine.txn.checkpoint import run_checkpoint
from engine.txn.roots import check_name, find_root
from engine.txn.vacuum import Trimmer

if TYPE_CHECKING:
    from engine.txn.store import Store

SYNC_INTERVAL_SECONDS = 1.0
"""Under synchronous="normal": how long a commit may wait for the disk at most, as long as commits go on."""


NEVER = (1 << 64) - 1


class Checkpointer:
    """Runs the checkpoints of one store, one at a time. interval_bytes: log between two of them; 0: only on request."""

    def __init__(self, store: Store, interval_bytes: int) -> None:
        self.store = store
        self.interval_bytes = interval_bytes
        self.mutex = threading.Lock()
        self.wake = threading.Event()
        self.stopping = False
        self.thread: threading.Thread | None = None
        self.last_error: BaseException | None = None
        self.failures = 0
        self.count = 0
        self.seconds = 0.0
        self.trimmer = Trimmer(store)
        self._arm()

    def _arm(self) -> None:
        """Be told of the commit with which it is time for a checkpoint, or for a sync of the log."""
        lsn = self.store.redo_lsn + self.interval_bytes if self.interval_bytes > 0 else NEVER
        syncing = self.store.options.synchronous == "normal"
        self.store.arm(lsn, int(SYNC_INTERVAL_SECONDS * 1e9) if syncing else None)

    def notice(self) -> None:
        """A commit that the store was armed for has ended. Others need not be told until the thread has looked."""
        self.store.arm(NEVER, None)
        if self.thread is None:
            self.thread = threading.Thread(target=self._work, name="anokuro-checkpoint", daemon=True)
            self.thread.start()
        self.wake.set()

    def _log_has_grown(self, lsn: int) -> bool:
        return self.interval_bytes > 0 and lsn - self.store.redo_lsn > self.interval_bytes

    def _work(self) -> None:
        while True:
            self.wake.wait()
            self.wake.clear()
            if self.stopping:
                return
            self._arm()
            try:
                self.store.log.sync()
                if self._log_has_grown(self.store.log.end()):
                    self.run()
            except Error as error:
                self.last_error = error
                self.failures += 1
                if self.store.failure is not None or self.store.log.stats().poisoned:
                    return

    def run(self, retain: str | None = None, drop: str | None = None) -> bool:
        """Make a checkpoint now; False where there was nothing to do. It waits for a large transaction to end.

        retain: a name under which it is kept. drop: the name of a retained one that is not kept any more.
        Raises ProgrammingError where `retain` exists already, or `drop` does not; InterfaceError, LimitError for a name.
        """
        self.store.check_section()
        with self.mutex:
            start = time.monotonic()
            root = None if drop is None else find_root(self.store.retained, drop)
            if retain is not None:
                check_name(retain)
                if any(other.key == retain.lower() for other in self.store.retained):
                    raise ProgrammingError(f"a checkpoint {retain!r} is retained already; drop it first")
            done = run_checkpoint(self.store, retain, root)
            if done:
                self.count += 1
                self.seconds += time.monotonic() - start
                self.trimmer.after_checkpoint(self.stopping)
            return done

    def stop(self) -> None:
        """End the background thread, after what it is doing."""
        self.stopping = True
        self.wake.set()
        if self.thread is not None:
            self.thread.join()
            self.thread = None
