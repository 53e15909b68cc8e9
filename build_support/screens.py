"""The screens in the documentation, from real sessions: python -m build_support.screens [FOLDER]

    keys --> the shell in a pseudo-terminal (pexpect) --> its screen (pyte) --> rich --> SVG

A session is typed over the sample of flights in examples/. What is written is what a person sees, toolbar and colours included; the times in it are those of the machine.
"""

from __future__ import annotations

import io
import os
import subprocess
import sys
import tempfile
from itertools import groupby
from pathlib import Path
from typing import Any

from build_support.extensions import ROOT

COLUMNS, LINES = 100, 26
DEFAULT_FOLDER = ROOT / "examples" / "screens"
# name -> (lines typed, what is waited for after each)
SESSIONS: dict[str, list[tuple[str, str]]] = {
    "query": [
        ("SELECT carrier, count(*) AS flights, round(avg(dep_delay), 1) AS delay\r", "..."),
        ("FROM flights GROUP BY carrier ORDER BY flights DESC LIMIT 6;\r", "(6 rows)"),
        (".chart bar carrier flights\r", "█"),
    ],
    "safety": [
        ("SELECT carrier FROM flihgts;\r", "flights"),
        ("BEGIN;\r", "*>"),
        ("DELETE FROM flights;\r", "Go on?"),
        ("n\r", "nothing was changed"),
        ("ROLLBACK;\r", "rollback ok"),
    ],
    "completion": [("SELECT * FROM flights f JOIN airlines a ON ", "a ON"), ("\t", "same name")],
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
        for name, lines in SESSIONS.items():
            path = folder / f"{name}.svg"
            path.write_text(
                svg_of(
                    typed(
                        ["/bin/sh", "-c", f"cd {home}; exec {sys.executable} -m anokuro_cli flights.ank"],
                        environment,
                        lines,
                    ),
                    "anokuro flights.ank",
                ),
                encoding="utf-8",
            )
            print(path)


def typed(command: list[str], environment: dict[str, str], lines: list[tuple[str, str]]) -> Any:
    """The pyte screen after a session."""
    from tests.shell.terminal import Terminal

    with Terminal(command, environment, COLUMNS, LINES) as terminal:
        terminal.wait_for("flights>")
        for keys, shows in lines:
            terminal.type(keys)
            terminal.wait_for(shows)
            terminal.pump()  # a person does not type ahead of the screen
        for _ in range(3):  # what is still being painted
            terminal.pump()
        return terminal.emulator


def svg_of(screen: Any, title: str) -> str:
    """A screen as an SVG picture, trailing empty lines cut."""
    from rich.console import Console
    from rich.text import Text

    console = Console(width=COLUMNS, record=True, file=io.StringIO(), force_terminal=True, color_system="truecolor")
    last = max(
        (row for row in range(LINES) if any(screen.buffer[row][column].data.strip() for column in range(COLUMNS))),
        default=0,
    )
    for row in range(last + 1):
        line, runs = Text(no_wrap=True), []
        for column in range(COLUMNS):
            cell = screen.buffer[row][column]
            runs.append((cell.data, style_of(cell)))
        for style, cells in groupby(runs, key=lambda run: run[1]):
            line.append("".join(data for data, _ in cells), style)
        line.rstrip()
        console.print(line, crop=False)
    return console.export_svg(title=title, unique_id="screen")


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
