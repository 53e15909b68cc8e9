"""How long a search of the history takes: python -m build_support.history_benchmark [--entries 100000]

A history file of so many statements is written; then .history's search is asked for words that occur often, seldom, once and never, and the prompt's own ways through the history
are taken: what Ctrl-R finds and the grey text. The middle of --runs counts. The file is in the system's cache, as that of a person at work is.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from anokuro_cli.history import Entry, HistoryFile, to_line

WORDS = {
    "often": "select",
    "two words": "carrier 777",
    "seldom": "dest = 'X42'",
    "once, the oldest": "needle",
    "never": "no such words",
    "not ASCII": "größe",
}


def statement(number: int) -> str:
    """A statement as people type them."""
    if number == 0:
        return "SELECT needle FROM haystack;"
    kinds = (
        f"SELECT carrier, count(*) FROM flights WHERE dep_delay > {number % 1000} GROUP BY carrier ORDER BY 2 DESC;",
        f"UPDATE planes SET seats = {number % 500} WHERE tailnum = 'N{number}';",
        f"SELECT f.* FROM flights f\nJOIN planes p USING (tailnum)\nWHERE dest = 'X{number % 997}';",
        f".import file{number}.csv größe{number % 50} --create",
    )
    return kinds[number % len(kinds)]


def write(path: Path, count: int) -> None:
    """A history file of `count` entries."""
    with path.open("wb") as file:
        for number in range(count):
            file.write(
                to_line(
                    Entry(
                        statement(number), 1.7e9 + number * 60, "/data/shop.ank", number % 97 / 1000, number % 13 == 0
                    )
                )
            )


def milliseconds(work: Callable[[], Any], runs: int) -> float:
    """The middle of so many runs."""
    found = []
    for _ in range(runs):
        began = time.perf_counter()
        work()
        found.append((time.perf_counter() - began) * 1000)
    return statistics.median(found)


def main() -> None:
    """Measures and prints a table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--entries", type=int, default=100_000)
    parser.add_argument("--runs", type=int, default=9)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "history.jsonl"
        write(path, chosen.entries)
        file = HistoryFile(str(path))
        print(f"{chosen.entries:,} entries, {path.stat().st_size / 1e6:.1f} MB")
        for name, words in WORDS.items():
            found = len(file.search(words, 1000))
            took = milliseconds(lambda words=words: file.search(words, 1000), chosen.runs)  # type: ignore[misc]
            print(f".history, {name:20} {took:7.1f} ms   {found} found")
        measure_prompt(file, chosen.runs)


def measure_prompt(file: HistoryFile, runs: int) -> None:
    """What the prompt does: loading (in the background), Ctrl-R, the grey text."""
    from prompt_toolkit.buffer import Buffer
    from prompt_toolkit.document import Document
    from prompt_toolkit.search import SearchDirection, SearchState

    from anokuro_cli.repl.history import FileHistory, Suggestions, search

    history = FileHistory(file, "/data/shop.ank", print)
    loading = milliseconds(lambda: sum(1 for _ in history.load_history_strings()), 3)
    print(f"{'prompt, loading':30} {loading:7.1f} ms   (in the background)")
    history.load_all()
    buffer = Buffer(history=history)
    buffer._working_lines.extendleft(history.newest_first())
    buffer._Buffer__working_index = len(buffer._working_lines) - 1  # type: ignore[attr-defined]
    suggest = Suggestions()
    for name, text in {"newest": "SELECT f.", "oldest": "SELECT needle", "never": "nothing begins so"}.items():
        took = milliseconds(lambda text=text: suggest.get_suggestion(buffer, Document(text)), runs)  # type: ignore[misc]
        print(f"{'grey text, ' + name:30} {took:7.1f} ms")
    for name, text in {"newest": "dest", "oldest": "needle", "never": "no such words"}.items():
        state = SearchState(text, SearchDirection.BACKWARD, ignore_case=True)
        found = search(buffer, state)
        took = milliseconds(lambda state=state: search(buffer, state), runs)  # type: ignore[misc]
        print(f"{'Ctrl-R, ' + name:30} {took:7.1f} ms   {'found' if found else 'not found'}")


if __name__ == "__main__":
    main()
