"""The ten anomalies of Hermitage (Kleppmann, 2014) as scripts of sessions that interleave, each under both isolation levels.

    # comment                      isolation: snapshot       a new database with rows (1, 10), (2, 20)
    T1: begin                      T1: select ...            a line for a session; what it gave stands below, indented
      1 | 10

A session without `begin` runs statement by statement. ANOKURO_UPDATE_SCRIPTS=1 writes what was given into the files, to be
read before it is committed.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

import engine

SCRIPTS = sorted((Path(__file__).parent / "scripts").glob("*.txt"))
UPDATE = os.environ.get("ANOKURO_UPDATE_SCRIPTS") == "1"


class Sessions:
    """A database with its named sessions."""

    def __init__(self, isolation: str) -> None:
        self.db = engine.open(":memory:", isolation=isolation)
        self.db.execute("create table test (id integer primary key, value integer)")
        self.db.execute("insert into test values (1, 10), (2, 20)")
        self.open: dict[str, Any] = {}

    def run(self, session: str, statement: str) -> list[str]:
        """What a session's statement gives, one line for each row."""
        try:
            if statement == "begin":
                assert session not in self.open
                self.open[session] = self.db.begin()
                return []
            if statement == "commit":
                self.open.pop(session).commit()
                return ["committed"]
            if statement == "rollback":
                self.open.pop(session).rollback()
                return ["rolled back"]
            result = self.open.get(session, self.db).execute(statement)
            if not statement.startswith("select"):
                return [f"{result.rowcount} changed"]
            return [" | ".join(map(str, row)) for row in result] or ["no rows"]
        except engine.Error as error:
            return [type(error).__name__]

    def close(self) -> None:
        assert self.open == {}, "a session was left open"
        assert self.db.check() == []
        self.db.close()


def play(script: str) -> str:
    """The script with what it gives now."""
    out: list[str] = []
    sessions: Sessions | None = None
    for line in script.splitlines():
        if line.startswith("  "):
            continue
        out.append(line)
        name, colon, rest = line.partition(": ")
        if name == "isolation":
            if sessions is not None:
                sessions.close()
            sessions = Sessions(rest)
        elif line and not line.startswith("#"):
            assert colon and sessions is not None, f"not a line of a script: {line}"
            out += [f"  {given}" for given in sessions.run(name, rest)]
    assert sessions is not None
    sessions.close()
    return "\n".join(out) + "\n"


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.stem)
def test_sessions_see_what_the_script_says(path: Path) -> None:
    script = path.read_text()
    given = play(script)
    if UPDATE:
        path.write_text(given)
    assert given == script


def test_all_ten_are_there() -> None:
    assert len(SCRIPTS) == 10
    for path in SCRIPTS:
        assert path.read_text().count("isolation: ") == 2
