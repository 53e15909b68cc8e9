"""Where results go instead of the terminal: .output FILE until further notice, .once FILE for the next statement alone.

A name that begins with | is a shell command that gets the output. Errors and notes stay on standard error.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from anokuro_cli.render.output import Output

if TYPE_CHECKING:
    import subprocess

    from anokuro_cli.shell import Session


class Redirect:
    """Swaps the session's output and puts it back."""

    def __init__(self, session: Session):
        self._session = session
        self._standard: Output | None = None
        self._process: subprocess.Popen[str] | None = None
        self._once = self._fresh = False

    def to(self, target: str, once: bool = False) -> None:
        """From now on results go to a file or command. Raises OSError."""
        self.back()
        stream: object
        if target.startswith("|"):
            import subprocess  # not at the start: 4 ms

            self._process = subprocess.Popen(
                ["/bin/sh", "-c", target[1:]], stdin=subprocess.PIPE, text=True, encoding="utf-8"
            )
            stream = self._process.stdin
        else:
            stream = open(os.path.expanduser(target), "w", encoding="utf-8", errors="surrogateescape", newline="")  # noqa: SIM115
        self._standard, self._session.output = self._session.output, Output(stream)  # type: ignore[arg-type]
        self._once = self._fresh = once

    def back(self) -> None:
        """Results go where they went at first."""
        if self._standard is None:
            return
        self._session.output.stream.close()
        if self._process is not None:
            self._process.wait()
        self._session.output, self._standard, self._process, self._once = self._standard, None, None, False

    def just_set(self) -> bool:
        """Whether the command that has just run is the .once itself."""
        fresh, self._fresh = self._fresh, False
        return fresh

    def statement_ended(self) -> None:
        """Ends what .once began."""
        if self._once:
            self.back()
