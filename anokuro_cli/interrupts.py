"""Ctrl-C: cancels what runs, never the session.

Python calls a signal handler only between two bytecodes of the main thread, which may be busy for seconds in compiled code. So the C-level handler
wakes a small thread through a pipe (signal.set_wakeup_fd), and that thread calls Database.interrupt(); the engine, which looks at its
flag in every loop, ends the statement with StatementInterrupted. Rendering and loading ask `check()` between batches.

The handler itself never raises while the engine runs: an exception between any two bytecodes of the engine would be an interrupt it cannot answer.
"""

from __future__ import annotations

import os
import select
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

from anokuro_cli.errors import Interrupted, TimedOut


class Interrupts:
    """Watches SIGINT for one session. `cancel` is what stops the engine; it is called in the watching thread."""

    def __init__(self, cancel: Callable[[], None]):
        self._cancel = cancel
        self._busy = False
        self._prompting = False
        self._asked = self._expired = False
        self._clock: threading.Timer | None = None
        self._read_end = self._write_end = -1
        self._before: Any = signal.SIG_DFL

    def start(self) -> None:
        """Takes over SIGINT; call it in the main thread, once."""
        self._read_end, self._write_end = os.pipe()
        os.set_blocking(self._write_end, False)
        self._before = signal.getsignal(signal.SIGINT)
        self.take_over()
        threading.Thread(target=self._watch, name="interrupts", daemon=True).start()

    def take_over(self) -> None:
        """SIGINT comes here from now on."""
        signal.signal(signal.SIGINT, self._handle)
        signal.set_wakeup_fd(self._write_end, warn_on_full_buffer=False)

    def stop(self) -> None:
        """Gives SIGINT back and ends the watching thread."""
        if self._write_end < 0:
            return
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGINT, self._before)
        os.close(self._write_end)  # the thread reads the end of the pipe
        self._write_end = -1

    def _handle(self, number: int, frame: FrameType | None) -> None:
        self._asked = True
        if not self._busy and not self._prompting:
            raise KeyboardInterrupt

    def _watch(self) -> None:
        while data := os.read(self._read_end, 64):
            if signal.SIGINT in data and self._busy:
                self._asked = True
                self._cancel()
        os.close(self._read_end)

    @contextmanager
    def busy(self) -> Iterator[None]:
        """While a statement runs: Ctrl-C cancels it. Inside a busy block (a script's statement in .read) it changes nothing."""
        if self._busy or self._write_end < 0:
            yield
            return
        self.take_over()  # the prompt's event loop has had both in between
        self._asked, self._busy = False, True
        try:
            yield
        finally:
            self._busy = False

    @contextmanager
    def prompting(self) -> Iterator[None]:
        """While a person types and statements run in turn: in the prompt Ctrl-C is a key, in a statement it cancels, and in between it means nothing.

        An exception between any two bytecodes of an event loop that is being made or closed would leave half of one.
        """
        self._prompting = True
        try:
            yield
        finally:
            self._prompting = False

    @contextmanager
    def asking(self) -> Iterator[None]:
        """While a person is asked something: Ctrl-C is their answer, a KeyboardInterrupt here."""
        before = self._busy, self._prompting
        self._busy = self._prompting = False
        try:
            yield
        finally:
            self._busy, self._prompting = before
            self._asked = False

    def ask(self, question: str) -> str:
        """The line typed in answer, without its end. Raises KeyboardInterrupt for Ctrl-C, EOFError at the end of the input.

        A signal that comes just before a read is noticed only after it, when the next line is typed: so what is waited for is the
        input or the signal's byte in a pipe.
        """
        read_end, write_end = os.pipe()
        os.set_blocking(write_end, False)
        with self.asking():
            before = signal.set_wakeup_fd(write_end, warn_on_full_buffer=False)
            try:
                sys.stdout.write(question)
                sys.stdout.flush()
                if read_end in select.select([sys.stdin, read_end], [], [])[0]:
                    raise KeyboardInterrupt
                line = sys.stdin.readline()
            finally:
                signal.set_wakeup_fd(before)
                os.close(read_end)
                os.close(write_end)
        if not line:
            raise EOFError
        return line.rstrip("\n")

    @contextmanager
    def limited(self, seconds: float) -> Iterator[None]:
        """What takes longer than so many seconds (0: any) is cancelled as by Ctrl-C, and raises TimedOut."""
        if not seconds or self._clock is not None:
            yield
            return
        self._clock = threading.Timer(seconds, self._expire)
        self._clock.daemon = True
        self._clock.start()
        try:
            yield
        except Exception as error:
            if self._expired and (isinstance(error, Interrupted) or type(error).__name__ == "StatementInterrupted"):
                raise TimedOut(seconds) from error
            raise
        finally:
            self.stop_clock()
            if self._expired:
                self._asked = self._expired = False

    def stop_clock(self) -> None:
        """From now on the limit does not count: somebody reads what has come so far."""
        if self._clock is not None:
            self._clock.cancel()
            self._clock = None

    def _expire(self) -> None:
        self._asked = self._expired = True
        self._cancel()

    def check(self) -> None:
        """Raises Interrupted if Ctrl-C was pressed since the statement began, or its time is over."""
        if self._asked:
            raise Interrupted
