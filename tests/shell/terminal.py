"""A program in a pseudo-terminal: keys typed, screen read."""

from __future__ import annotations

import time
from types import TracebackType

import pexpect
import pyte

WAIT_SECONDS = 20.0  # an upper bound for a loaded machine, not an expectation


class Terminal:
    """Runs a command; `screen` is what a person would see."""

    def __init__(self, command: list[str], environment: dict[str, str], columns: int = 80, lines: int = 24):
        self._screen = pyte.Screen(columns, lines)
        self._stream = pyte.ByteStream(self._screen)
        self.raw = b""
        self._child = pexpect.spawn(
            command[0], command[1:], env=environment, dimensions=(lines, columns), timeout=WAIT_SECONDS, echo=False
        )
        self._child.delaybeforesend = None

    def type(self, keys: str) -> None:
        """Sends keys; \\r is Enter, \\x03 Ctrl-C, \\x04 Ctrl-D, \\t Tab."""
        self._child.send(keys)

    def wait_for(self, text: str, times: int = 1) -> str:
        """Reads until the screen shows `text` (so many times); returns the screen. Fails with the screen where that does not happen."""
        end = time.monotonic() + WAIT_SECONDS
        while self.screen().count(text) < times:
            if time.monotonic() > end or not self._read():
                if self.screen().count(text) >= times:
                    break
                raise AssertionError(f"{text!r} is not on the screen:\n{self.screen()}")
        return self.screen()

    def wait_until_absent(self, text: str) -> None:
        """Reads until the screen shows `text` no more."""
        end = time.monotonic() + WAIT_SECONDS
        while text in self.screen():
            assert self._read() and time.monotonic() < end, f"{text!r} stays on the screen:\n{self.screen()}"

    def wait_until_gone(self) -> int:
        """Reads until the program has ended; returns its exit status."""
        end = time.monotonic() + WAIT_SECONDS
        while self._read():
            assert time.monotonic() < end, f"the program does not end:\n{self.screen()}"
        self._child.close()
        status = self._child.exitstatus
        assert status is not None, f"ended by signal {self._child.signalstatus}"
        return int(status)

    def resize(self, columns: int, lines: int) -> None:
        """The person pulls at the window's corner."""
        self._screen.resize(lines, columns)
        self._child.setwinsize(lines, columns)

    def pump(self) -> None:
        """Reads what has come, waiting for it a little; fails where the program has ended."""
        assert self._read(), f"the program has ended:\n{self.screen()}"

    def _read(self) -> bool:
        try:
            data = self._child.read_nonblocking(65536, timeout=0.2)
        except pexpect.TIMEOUT:
            return True
        except pexpect.EOF:
            return False
        self.raw += data
        self._stream.feed(data)
        return True

    @property
    def emulator(self) -> pyte.Screen:
        """The screen with its colours."""
        return self._screen

    def screen(self) -> str:
        """The lines of the screen without trailing space."""
        return "\n".join(line.rstrip() for line in self._screen.display).rstrip()

    def __enter__(self) -> Terminal:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._child.close(force=True)
