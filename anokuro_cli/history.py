"""What was typed: one JSON object a line, {"time": seconds, "database": path, "text": ..., "seconds": how long it took, "status": exit status}.

The file is $ANOKURO_HISTORY, or history.jsonl in $XDG_STATE_HOME/anokuro (~/.local/state/anokuro); mode 0600. Lines are appended with one write each, so two shells at
once do not tear each other's; a line that cannot be read is passed over. A search looks for its words in raw blocks from the file's end and decodes only the lines that
hold them.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator

from anokuro_cli.config import state_path
from engine.base.dataclass import dataclass

BLOCK = (
    1 << 16
)  # bytes of the file that are looked at together: they stay in the processor's cache, and need no new memory


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
        os.makedirs(os.path.dirname(self.path) or ".", mode=0o700, exist_ok=True)
        descriptor = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            os.write(descriptor, to_line(entry))
        finally:
            os.close(descriptor)

    def newest_first(self, words: str = "") -> Iterator[Entry]:
        """Entries that hold all the words, in any case."""
        wanted = words.lower().split()
        needles = [json.dumps(word)[1:-1].encode() for word in wanted]
        for line in self._lines(needles):
            entry = _entry_of(line)
            if entry is not None and (not wanted or all(word in entry.text.lower() for word in wanted)):
                yield entry

    def _lines(self, needles: list[bytes]) -> Iterator[bytes]:
        """Lines that hold all the needles (in lower case), the last first; the file is read in blocks from its end."""
        rest = b""  # the end of a line that begins in the block before
        for block in self._blocks():
            block += rest
            first = block.find(b"\n") + 1
            rest = block[:first] if first else block
            yield from _matching(block[first:], needles) if first else ()
        yield from _matching(rest, needles)

    def _blocks(self) -> Iterator[bytes]:
        try:
            with open(self.path, "rb") as file:
                end = file.seek(0, os.SEEK_END)
                while end > 0:
                    start = max(end - BLOCK, 0)
                    file.seek(start)
                    yield file.read(end - start)
                    end = start
        except FileNotFoundError:
            return

    def search(self, words: str, count: int) -> list[Entry]:
        """The newest `count` entries that hold all the words, oldest of them first."""
        found: list[Entry] = []
        for entry in self.newest_first(words):
            found.append(entry)
            if len(found) == count:
                break
        found.reverse()
        return found


def _matching(block: bytes, needles: list[bytes]) -> Iterator[bytes]:
    """The lines of a block that hold all the needles, the last first: most blocks are done with after one look."""
    if not needles:
        yield from reversed(block.splitlines())
        return
    low = block.lower()
    if not all(needle in low for needle in needles):
        return
    first, *others = sorted(needles, key=low.count) if len(needles) > 1 else needles
    found = []
    at = low.find(first)
    while at >= 0:
        start, end = low.rfind(b"\n", 0, at) + 1, low.find(b"\n", at)
        end = end if end >= 0 else len(low)
        if all(low.find(needle, start, end) >= 0 for needle in others):
            found.append(block[start:end])
        at = low.find(first, end)
    yield from reversed(found)


def to_line(entry: Entry) -> bytes:
    """An entry as it stands in the file."""
    fields = {"time": round(entry.time, 3), "database": entry.database, "text": entry.text}
    fields |= {"seconds": round(entry.seconds, 4), "status": entry.status}
    return (json.dumps(fields) + "\n").encode()


def _entry_of(line: bytes) -> Entry | None:
    try:
        found = json.loads(line)
    except ValueError:
        return None
    if not isinstance(found, dict) or not isinstance(found.get("text"), str):
        return None
    number = {name: found[name] for name in ("time", "seconds", "status") if isinstance(found.get(name), (int, float))}
    return Entry(found["text"], database=str(found.get("database", "")), **number)
