"""What was typed: one JSON object a line, {"time": seconds, "database": path, "text": ..., "seconds": how long it took, "status": exit status}.

The file is $ANOKURO_HISTORY, or history.jsonl in $XDG_STATE_HOME/anokuro (~/.local/state/anokuro); mode 0600. Lines are appended with one write each, so two shells at
once do not tear each other's; a line that cannot be read is passed over. A search looks for its words in the raw lines and decodes only those that hold them, the newest first.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator

from anokuro_cli.config import state_path
from engine.base.dataclass import dataclass


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the history. seconds: how long it ran; status: 0 where all went well."""

    text: str
    time: float = 0.0
    database: str = ""
    seconds: float = 0.0
    status: int = 0


def history_path() -> str:
    """Where the history is kept."""
    return os.environ.get("ANOKURO_HISTORY") or state_path("history.jsonl")


class HistoryFile:
    """The file; its methods raise OSError where it cannot be used, but a file that is not there is empty."""

    def __init__(self, path: str | None = None):
        self.path = path or history_path()

    def append(self, entry: Entry) -> None:
        """Adds an entry."""
        fields = {"time": round(entry.time, 3), "database": entry.database, "text": entry.text}
        fields |= {"seconds": round(entry.seconds, 4), "status": entry.status}
        os.makedirs(os.path.dirname(self.path) or ".", mode=0o700, exist_ok=True)
        descriptor = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            os.write(descriptor, (json.dumps(fields) + "\n").encode())
        finally:
            os.close(descriptor)

    def newest_first(self, words: str = "") -> Iterator[Entry]:
        """Entries that hold all the words, in any case."""
        try:
            with open(self.path, "rb") as file:
                lines = file.read().splitlines()
        except FileNotFoundError:
            return
        wanted = words.lower().split()
        needles = [json.dumps(word)[1:-1].encode() for word in wanted]
        for line in reversed(lines):
            if needles:
                low = line.lower()
                if not all(needle in low for needle in needles):
                    continue
            entry = _entry_of(line)
            if entry is not None and all(word in entry.text.lower() for word in wanted):
                yield entry

    def search(self, words: str, count: int) -> list[Entry]:
        """The newest `count` entries that hold all the words, oldest of them first."""
        found: list[Entry] = []
        for entry in self.newest_first(words):
            found.append(entry)
            if len(found) == count:
                break
        found.reverse()
        return found


def _entry_of(line: bytes) -> Entry | None:
    try:
        found = json.loads(line)
    except ValueError:
        return None
    if not isinstance(found, dict) or not isinstance(found.get("text"), str):
        return None
    number = {name: found[name] for name in ("time", "seconds", "status") if isinstance(found.get(name), (int, float))}
    return Entry(found["text"], database=str(found.get("database", "")), **number)
