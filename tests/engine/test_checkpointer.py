"""The background thread: nothing that is noticed or asked for while it works is lost."""

from __future__ import annotations

import threading
from types import SimpleNamespace
from typing import Any, cast

from engine.txn.checkpointer import Checkpointer

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
    made = Checkpointer(cast(Any, SimpleNamespace(log=log, redo_lsn=0, failure=None)), 0)
    made.last_sync = -1e9  # a sync is long due
    return made


def test_a_stop_during_work_is_heard() -> None:
    log = SlowLog()
    checkpointer = checkpointer_of(log)
    checkpointer.notice(1, True)
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
    checkpointer.notice(1, True)
    assert log.entered.wait(PATIENCE_SECONDS)
    log.entered.clear()
    checkpointer.notice(2, True)
    log.leave.set()
    assert log.entered.wait(PATIENCE_SECONDS), "the second sync was never made"
    checkpointer.stop()
