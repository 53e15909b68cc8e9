"""The screens in the documentation, from real sessions: python -m build_support.screens [FOLDER [NAME ...]]

    keys --> the shell in a pseudo-terminal (pexpect) --> its screen (pyte) --> rich --> SVG

A session is typed over the sample of flights in examples/. What is written is what a person sees, toolbar and colours included; the times in it are those of the machine.
In keys, {1} stands for the first group of what `see` matched on the screen before.
"""

from __future__ import annotations

import io
import os
import re
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

from build_support.extensions import ROOT

COLUMNS = 100
SPACE = "&#160;"
CELL = 12.2  # units of the picture a column is wide
_RUN = re.compile(
    r'(?P<head><text class="screen-r\d+" x=")(?P<x>[\d.]+)(?P<mid>" y="[\d.]+" textLength=")(?P<length>[\d.]+)(?P<tail>"[^>]*>)'
    rf"(?P<before>(?:{SPACE})*)(?P<text>.*?)(?P<after>(?:{SPACE})*)</text>"
)
DEFAULT_FOLDER = ROOT / "examples" / "screens"


@dataclass(frozen=True)
class Screen:
    """What is typed, and what is waited for after each; lines of the terminal. see: a pattern, looked for after each, too."""

    typed: list[tuple[str, str]]
    lines: int = 26
    see: str = ""


SESSIONS = {
    "query": Screen(
        [
            ("SELECT carrier, count(*) AS flights, round(avg(dep_delay), 1) AS delay\r", "..."),
            ("FROM flights GROUP BY carrier ORDER BY flights DESC LIMIT 6;\r", "(6 rows)"),
            (".chart bar carrier flights\r", "█"),
        ]
    ),
    "safety": Screen(
        [
            ("SELECT carrier FROM flihgts;\r", "flights"),
            ("BEGIN;\r", "*>"),
            ("DELETE FROM flights;\r", "Go on?"),
            ("n\r", "nothing was changed"),
            ("ROLLBACK;\r", "rollback ok"),
        ]
    ),
    "completion": Screen([("SELECT * FROM flights f JOIN airlines a ON ", "a ON"), ("\t", "same name")]),
    "row": Screen(
        [
            ("SELECT rowid, carrier, flight, origin, dest, arr_delay FROM flights\r", "..."),
            ("WHERE tailnum = 'N14228' AND month = 1 AND day = 1;\r", "(1 row)"),
            ("SELECT DISTINCT page, kind, level FROM sys.tree_path('flights', {1});\r", "(3 rows)"),
        ],
        see=r"\n +(\d+) │ UA",
    ),
    "page": Screen([(".page 60\r", "dep_time=554")], 46),
    "bytes": Screen([(".page 60\r", "uint32_t"), ("G", "1ff0")], 22),
    "history": Screen(
        [
            ("UPDATE flights SET arr_delay = 12 WHERE rowid = 1;\r", "1 row changed"),
            ("HISTORY ROW flights 1;\r", "its page at one of them"),
            ("DIFF PAGE 60 BETWEEN {2} AND {1};\r", "lsn"),
        ],
        44,
        see=r"(?s)\n *(\d+)  20[^\n]*updated[^\n]*\n *(\d+)  20",
    ),
}


def main() -> None:
    """Types every session and writes its screen."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else DEFAULT_FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as home:
        database = str(Path(home) / "flights.ank")
        environment = {
            **os.environ,
            "PYTHONPATH": str(ROOT),
            "HOME": home,
            "TERM": "xterm-256color",
            "LC_ALL": "C.UTF-8",
        }
        shell = [sys.executable, "-m", "anokuro_cli"]
        script = ROOT / "examples" / "flights.sql"
        subprocess.run(
            [*shell, database, "-q", "-f", str(script)],
            check=True,
            env=environment,
            cwd=ROOT,
            stdout=subprocess.DEVNULL,
        )
        wanted = sys.argv[2:] or list(SESSIONS)
        for name in wanted:
            place = Path(home) / name
            place.mkdir()
            shutil.copy(database, place)
            shutil.copytree(f"{database}-wal", place / "flights.ank-wal")
            command = ["/bin/sh", "-c", f"cd {place}; exec {sys.executable} -m anokuro_cli flights.ank"]
            path = folder / f"{name}.svg"
            path.write_text(
                svg_of(typed(command, environment, SESSIONS[name]), "anokuro flights.ank"), encoding="utf-8"
            )
            print(path)


def typed(command: list[str], environment: dict[str, str], session: Screen) -> Any:
    """The pyte screen after a session."""
    from tests.shell.terminal import Terminal

    seen: re.Match[str] | None = None
    with Terminal(command, environment, COLUMNS, session.lines) as terminal:
        terminal.wait_for("flights>")
        for keys, shows in session.typed:
            for number, group in enumerate(seen.groups() if seen else (), 1):
                keys = keys.replace(f"{{{number}}}", group)
            terminal.type(keys)
            screen = terminal.wait_for(shows)
            terminal.pump()  # a person does not type ahead of the screen
            if session.see:
                seen = re.search(session.see, screen) or seen
        for _ in range(3):  # what is still being painted
            terminal.pump()
        return terminal.emulator


def svg_of(screen: Any, title: str) -> str:
    """A screen as an SVG picture, without the empty lines at its end and over its toolbar."""
    from rich.console import Console
    from rich.text import Text

    console = Console(width=COLUMNS, record=True, file=io.StringIO(), force_terminal=True, color_system="truecolor")
    last = max(
        (
            row
            for row in range(screen.lines)
            if any(screen.buffer[row][column].data.strip() for column in range(COLUMNS))
        ),
        default=0,
    )
    written = [row for row in range(last) if any(cell.strip() for cell in screen.display[row])]
    for row in (*range(written[-1] + 1 if written else last), last):
        line, runs = Text(no_wrap=True), []
        for column in range(COLUMNS):
            cell = screen.buffer[row][column]
            runs.append((cell.data, style_of(cell)))
        for style, cells in groupby(runs, key=lambda run: run[1]):
            line.append("".join(data for data, _ in cells), style)
        line.rstrip()
        console.print(line, crop=False)
    return _RUN.sub(_trimmed, console.export_svg(title=title, unique_id="screen"))


def _trimmed(run: re.Match[str]) -> str:
    """A run of text without the spaces around it: some programs that show SVG drop them, but not the room they take."""
    before, after = run["before"].count(SPACE), run["after"].count(SPACE)
    x, length = float(run["x"]) + before * CELL, float(run["length"]) - (before + after) * CELL
    return f"{run['head']}{x:g}{run['mid']}{length:g}{run['tail']}{run['text']}</text>" if run["text"] else ""


def style_of(cell: Any) -> str:
    """A pyte cell's attributes as rich has them."""
    names = {"brown": "yellow", "brightbrown": "bright_yellow", "default": ""}
    words = []
    for prefix, colour in (("", cell.fg), ("on ", cell.bg)):
        colour = names.get(colour, colour)
        if not colour:
            continue
        if len(colour) == 6 and all(digit in "0123456789abcdef" for digit in colour):
            colour = f"#{colour}"
        words.append(prefix + colour.replace("bright", "bright_").replace("__", "_"))
    words += [name for name in ("bold", "reverse") if getattr(cell, name)]
    words += ["italic"] if cell.italics else []
    words += ["underline"] if cell.underscore else []
    return " ".join(words)


if __name__ == "__main__":
    main()
