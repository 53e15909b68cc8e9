"""What was typed: one JSON object a line, {"time": seconds, "database": path, "text": ...}.

The file is $ANOKURO_HISTORY, or history.jsonl in $XDG_STATE_HOME/anokuro (~/.local/state/anokuro); mode 0600. Lines are appended with one write each, so two shells at
once do not tear each other's; a line that cannot be read is passed over. Where the file cannot be written, the session remembers by itself and warns once.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterable
from pathlib import Path

from prompt_toolkit.history import History

LOADED_MAX = 20_000  # newest entries that are offered at the prompt


def history_path() -> Path:
    """Where the history is kept."""
    chosen = os.environ.get("ANOKURO_HISTORY")
    if chosen:
        return Path(chosen)
    state = os.environ.get("XDG_STATE_HOME") or os.path.join(os.path.expanduser("~"), ".local", "state")
    return Path(state) / "anokuro" / "history.jsonl"


class FileHistory(History):
    """prompt_toolkit's history on that file. warn: told once if it cannot be used."""

    def __init__(self, path: Path, database: str, warn: Callable[[str], None]):
        super().__init__()
        self._path, self._database, self._warn = path, database, warn
        self._works = True

    def load_history_strings(self) -> Iterable[str]:
        """Newest first."""
        try:
            lines = self._path.read_text("utf-8", errors="replace").splitlines()
        except FileNotFoundError:
            return []
        except OSError as error:
            self._give_up(error)
            return []
        return [text for line in reversed(lines[-LOADED_MAX:]) if (text := _text_of(line)) is not None]

    def store_string(self, string: str) -> None:
        """Appends an entry."""
        if not self._works:
            return
        entry = {"time": round(time.time(), 3), "database": self._database, "text": string}
        try:
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC
            descriptor = os.open(self._path, flags, 0o600)
            try:
                os.write(descriptor, (json.dumps(entry) + "\n").encode())
            finally:
                os.close(descriptor)
        except OSError as error:
            self._give_up(error)

    def _give_up(self, error: OSError) -> None:
        if self._works:
            self._works = False
            self._warn(f"history is not kept: {self._path}: {error.strerror}")


def _text_of(line: str) -> str | None:
    try:
        entry = json.loads(line)
    except ValueError:
        return None
    text = entry.get("text") if isinstance(entry, dict) else None
    return text if isinstance(text, str) else None
