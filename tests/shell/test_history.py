"""The history: searched in blocks from the file's end, gone through by Up, Ctrl-R and the grey text."""

import random
from pathlib import Path

import pytest
from prompt_toolkit.buffer import Buffer
from prompt_toolkit.document import Document
from prompt_toolkit.search import SearchDirection, SearchState

import anokuro_cli.history as history
from anokuro_cli.history import Entry, HistoryFile, to_line
from anokuro_cli.repl.history import FileHistory, Suggestions, search

TEXTS = (
    "SELECT 1;",
    "select größe\nFROM häuser;",
    "UPDATE t SET a = 'x';",
    ".import a.csv",
    "SELECT \"quoted\", '\\\\';",
)


def write(path: Path, texts: list[str], damage: str = "") -> HistoryFile:
    lines = [to_line(Entry(text, 1.7e9 + number, "/shop.ank", 0.5, 0)) for number, text in enumerate(texts)]
    path.write_bytes(b"".join(lines) + damage.encode())
    return HistoryFile(str(path))


@pytest.mark.parametrize("block", [1, 7, 100, 1000, 1 << 20])
@pytest.mark.parametrize("damage", ["", '{"time": 1, "te', "\x00\n\n[]\n"])
def test_blocks_find_what_the_whole_file_has(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, block: int, damage: str
) -> None:
    rng = random.Random(7)
    texts = [rng.choice(TEXTS) + f" -- {number % 10}" for number in range(60)]
    file = write(tmp_path / "h", texts, damage)
    monkeypatch.setattr(history, "BLOCK", block)
    assert [entry.text for entry in file.newest_first()] == texts[::-1]
    for words in (
        "select",
        "SELECT 9",
        "GRÖSSE",
        "größe häuser 3",
        "'x'",
        '"quoted"',
        "\\\\",
        "-- 1",
        "nothing",
        "time",
    ):
        wanted = [text for text in texts[::-1] if all(word in text.lower() for word in words.lower().split())]
        assert [entry.text for entry in file.newest_first(words)] == wanted, words
    assert [entry.text for entry in file.search("update", 3)] == [text for text in texts if "UPDATE" in text][-3:]


def test_a_file_that_is_not_there_is_empty(tmp_path: Path) -> None:
    assert list(HistoryFile(str(tmp_path / "none")).newest_first("x")) == []


def loaded(tmp_path: Path, texts: list[str]) -> Buffer:
    """A buffer as the prompt has it, with everything loaded and an empty last line."""
    kept = FileHistory(write(tmp_path / "h", texts), "/shop.ank", print)
    kept.load_all()
    buffer = Buffer(history=kept)
    buffer._working_lines.extendleft(kept.newest_first())
    buffer._Buffer__working_index = len(buffer._working_lines) - 1  # type: ignore[attr-defined]
    return buffer


def test_a_text_is_offered_once_its_newest_place_counts(tmp_path: Path) -> None:
    buffer = loaded(tmp_path, ["a", "b", "a", "c", "b"])
    assert buffer.history.get_strings() == ["a", "c", "b"]


def test_search_finds_what_prompt_toolkit_finds(tmp_path: Path) -> None:
    rng = random.Random(3)
    buffer = loaded(tmp_path, [f"{rng.choice(TEXTS)} {number}" for number in range(40)])
    for _ in range(400):
        at = rng.randrange(len(buffer._working_lines))
        buffer.go_to_history(at)
        buffer.cursor_position = rng.randint(0, len(buffer.text))
        text = rng.choice(["select", "größe", "a", "t", "1", "2", "FROM", "nothing"])
        direction = rng.choice([SearchDirection.BACKWARD, SearchDirection.FORWARD])
        state = SearchState(text, direction, ignore_case=rng.random() < 0.5)
        here, count = rng.random() < 0.5, rng.randint(1, 3)
        ours = search(buffer, state, here, count)
        theirs = Buffer._search(buffer, state, here, count)
        if theirs is not None or ours is None:
            assert ours == theirs, (at, buffer.cursor_position, text, direction, here, count)
        else:  # they go round the end by one line only
            line, cursor = ours
            found = buffer._working_lines[line][cursor : cursor + len(text)]
            assert (found.lower() if state.ignore_case() else found) == text.lower() or found == text


def test_grey_text_is_the_rest_of_the_newest_line(tmp_path: Path) -> None:
    buffer = loaded(tmp_path, ["SELECT old;", "SELECT a\nFROM planes\nWHERE x", "SELECT new;"])
    suggest = Suggestions()

    def rest(text: str) -> str | None:
        found = suggest.get_suggestion(buffer, Document(text))
        return None if found is None else found.text

    assert rest("SEL") == "ECT new;"
    assert rest("SELECT o") == "ld;"
    assert rest("SELECT b\nFROM p") == "lanes"
    assert rest("nothing") is None
    assert rest("  ") is None
