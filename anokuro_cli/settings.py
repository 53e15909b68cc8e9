"""What a session remembers about how to show things: the state behind .mode, .headers, .nullvalue and their like."""

from __future__ import annotations

from engine.base.dataclass import dataclass

MODES = ("table", "box", "markdown", "csv", "tsv", "json", "jsonl", "line")


@dataclass(slots=True)
class Settings:
    """Changed by options and dot commands.

    mode: one of MODES. mode_chosen: somebody asked for the mode; it is not the default of a pipe. headers: None means as the mode has it. expanded: "on", "off" or "auto" (on where a row is wider than the terminal). nullvalue:
    None means as the mode has it. bail: a script stops at its first error.
    """

    mode: str = "table"
    mode_chosen: bool = True
    headers: bool | None = None
    tuples_only: bool = False
    expanded: str = "auto"
    nullvalue: str | None = None
    timer: bool = False
    echo: bool = False
    bail: bool = True
    quiet: bool = False
    yes: bool = False
    pager: bool = True
    error_format: str = "text"
