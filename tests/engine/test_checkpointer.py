"""The background thread: nothing that is noticed or asked for while it works is lost."""

from __future__ import annotations

import threading
from types import SimpleNamespace
from typing import Any, cast

from engine.txn.checkpointer import NEVER, Checkpointer

PATIENCE_SECONDS = 30


class SlowLog:
    """A log whose sync lasts until the test lets it end."""

    def __init__(self) -> None:
        self.entered = threading.Event()
        self.leave = threading.Event()

    def sync(self) -> None:
        self.entered.set()
        assert self.leave.wait(PATIENCE_SECONDS)

    def end(self) -> int:
        return 0


def checkpointer_of(log: SlowLog) -> Checkpointer:
    store = SimpleNamespace(log=log, redo_lsn=100, failure=None, options=SimpleNamespace(synchronous="full"), armed=[])
    store.arm = lambda lsn, delay_ns: store.armed.append((lsn, delay_ns))
    return Checkpointer(cast(Any, store), 1000)


def test_a_stop_during_work_is_heard() -> None:
    log = SlowLog()
    checkpointer = checkpointer_of(log)
    checkpointer.notice()
    assert log.entered.wait(PATIENCE_SECONDS)
    stopper = threading.Thread(target=checkpointer.stop, daemon=True)
    stopper.start()
    while not checkpointer.wake.is_set():
        pass  # stop has said what it wants, while the thread is still at work
    log.leave.set()
    stopper.join(PATIENCE_SECONDS)
    assert not stopper.is_alive(), "the thread never heard that it was to stop"


def test_what_is_noticed_during_work_leads_to_another_turn() -> None:
    log = SlowLog()
    checkpointer = checkpointer_of(log)
    checkpointer.notice()
    assert log.entered.wait(PATIENCE_SECONDS)
    log.entered.clear()
    checkpointer.notice()
    log.leave.set()
    assert log.entered.wait(PATIENCE_SECONDS), "the second sync was never made"
    checkpointer.stop()


def test_the_store_is_armed_before_the_work_begins() -> None:
    log = SlowLog()
    checkpointer = checkpointer_of(log)
    armed = cast(Any, checkpointer.store).armed
    assert armed == [(1100, None)]
    checkpointer.notice()
    assert log.entered.wait(PATIENCE_SECONDS)
    assert armed == [(1100, None), (NEVER, None), (1100, None)]  # not told again, until the thread has taken it back
    log.leave.set()
    checkpointer.stop()
