"""Kernels over many rows, run so that the statement can be cancelled meanwhile.

A kernel of pyarrow cannot be stopped, and a signal is not even heard while the thread that hears signals is inside of
one. Most work comes in pieces of bounded size, between which the operators look; what needs all rows at once (a sort, a
dictionary of all values) and has many of them is handed to a thread of its own, and this one waits for it, looking whether
the statement was cancelled:

    rows < LONG    called at once
    else           thread: kernel ------------------------> outcome
                   here:   wait 10 ms, look, wait 10 ms, look ... --> raises where the statement was cancelled

A kernel that nobody waits for any more runs to its end and its outcome is dropped; it touches Arrow's memory alone, nothing
of the database. Its size is bounded by query_memory.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

LONG = 400_000
"""Rows from which on a kernel is waited for."""
LOOK_SECONDS = 0.01


class _Running(threading.local):
    """What the statement that runs in this thread calls to see whether it was cancelled."""

    check: Callable[[], None] | None = None


_running = _Running()


@contextmanager
def watching(check: Callable[[], None]) -> Iterator[None]:
    """Within it, long kernels of this thread call `check` again and again, which raises when the statement was cancelled."""
    before = _running.check
    _running.check = check
    try:
        yield
    finally:
        _running.check = before


def watched(rows: int, kernel: Callable[..., Any], *args: Any, **options: Any) -> Any:
    """What the kernel gives; rows: how many it works on. Raises StatementInterrupted."""
    check = _running.check
    if rows < LONG or check is None:
        return kernel(*args, **options)
    return _in_thread(check, kernel, args, options)


def _in_thread(check: Callable[[], None], kernel: Callable[..., Any], args: Any, options: dict[str, Any]) -> Any:
    found: list[Any] = []
    failed: list[BaseException] = []

    def work() -> None:
        try:
            found.append(kernel(*args, **options))
        except BaseException as error:
            failed.append(error)

    thread = threading.Thread(target=work, name="kernel")
    thread.start()
    while thread.is_alive():
        thread.join(LOOK_SECONDS)
        check()
    if failed:
        raise failed[0]
    return found[0]


def imported(load: Callable[[], Any]) -> Any:
    """What a function gives that imports a large library, which may take longer than anybody wants to wait."""
    return watched(LONG, load)


def take(array: Any, places: Any) -> Any:
    """array.take(places)"""
    return watched(len(places), array.take, places)


def dictionary_encode(array: Any, **options: Any) -> Any:
    """array.dictionary_encode(...)"""
    return watched(len(array), array.dictionary_encode, **options)
