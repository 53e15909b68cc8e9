"""The system around: shell commands, the working directory."""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING

from anokuro_cli.dot.registry import command
from anokuro_cli.errors import ShellError

if TYPE_CHECKING:
    from anokuro_cli.shell import Session


@command(".shell COMMAND", "Run a command of the system's shell.", aliases=("\\!",), least=1, most=1, raw=True)
def shell(session: Session, words: list[str]) -> bool | None:
    session.forbid(".shell")
    session.output.flush()
    with session.interrupts.asking():  # Ctrl-C is the command's
        try:
            done = subprocess.run(["/bin/sh", "-c", words[0]])
        except KeyboardInterrupt:
            return False
    if done.returncode != 0:
        raise ShellError(f"the command ended with status {done.returncode}")
    return None


@command(".cd [FOLDER]", "Change the working directory, or go home.", completes="path", most=1)
def cd(session: Session, words: list[str]) -> bool | None:
    session.forbid(".cd")
    session.handle.stay()
    os.chdir(os.path.expanduser(words[0] if words else "~"))
    return None
