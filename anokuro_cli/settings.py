"""What a session remembers about how to show things: the state behind .mode, .headers, .nullvalue and their like."""

from __future__ import annotations

from typing import Any

from engine.base.dataclass import dataclass, field

MODES = {  # name -> what it is; the first is the default of a terminal
    "table": "Columns beside each other, lightly ruled (the default of a terminal).",
    "box": "As table, in a frame.",
    "markdown": "A Markdown table.",
    "csv": "RFC 4180, with a header.",
    "tsv": "Tab separated (the default of a pipe, then without a header).",
    "json": "One array of objects.",
    "jsonl": "One JSON object a line.",
    "line": "One column a line.",
    "insert": "INSERT statements.",
    "html": "An HTML table.",
}

ALL_NUMBERS = ("*",)
ON_OFF = ("on", "off")
THEMES = ("auto", "dark", "light", "plain")
PROMPT = "%d%t> "


@dataclass(frozen=True, slots=True)
class Pictures:
    """Which columns have bars and which make the spark: names or numbers of columns, ALL_NUMBERS for every column of numbers, () for none."""

    bars: tuple[str, ...] = ()
    spark: tuple[str, ...] = ()


@dataclass(slots=True)
class Settings:
    """Changed by options, config.toml and dot commands.

    mode: one of MODES. mode_chosen: somebody asked for the mode; it is not the default of a pipe. headers: None means as the mode has it. tuples_only: neither
    header nor count. expanded: "on", "off" or "auto" (on where a row is wider than the terminal). nullvalue: None means as the mode has it. maxrows: rows shown
    of a result, 0 for all. timeout: seconds a statement may take, 0 for any. widths: of the first columns, 0 for as wide as needed. pictures: bars and sparks beside numbers. changes: say how many rows a statement changed (None: at the prompt).
    eqp: "on" shows the plan before each query, "analyze" runs it twice. bail: a script stops at its first error. safe: no other files, no shell. safe_updates: refuse UPDATE and DELETE without WHERE.
    prompt: see repl/toolbar.py. keys: "emacs" or "vi".
    """

    mode: str = "table"
    mode_chosen: bool = True
    headers: bool | None = None
    tuples_only: bool = False
    expanded: str = "auto"
    nullvalue: str | None = None
    maxrows: int = 0
    widths: tuple[int, ...] = ()
    pictures: Pictures = field(default_factory=Pictures)
    timer: bool = False
    timeout: float = 0.0
    changes: bool | None = None
    eqp: str = "off"
    echo: bool = False
    bail: bool = True
    quiet: bool = False
    yes: bool = False
    safe: bool = False
    safe_updates: bool = False
    pager: bool = True
    prompt: str = PROMPT
    theme: str = "auto"
    keys: str = "emacs"
    error_format: str = "text"


@dataclass(frozen=True, slots=True)
class Key:
    """A setting that config.toml may hold. kind: bool, int or str; choices: what a str may be, () for anything."""

    name: str
    help: str
    kind: type
    choices: tuple[str, ...] = ()

    def problem(self, value: Any) -> str | None:
        """What is wrong with a value, or None."""
        if type(value) is not self.kind and not (self.kind is float and type(value) is int):
            return f"{self.name} must be {_KINDS[self.kind]}, not {value!r}"
        if self.choices and value not in self.choices:
            return f"{self.name} must be one of {', '.join(self.choices)}, not {value!r}"
        return f"{self.name} must not be negative" if isinstance(value, (int, float)) and value < 0 else None


_KINDS = {bool: "true or false", int: "a whole number", float: "a number", str: "text in quotes"}
KEYS = (
    Key("mode", "How results look at the prompt.", str, tuple(MODES)),
    Key("headers", "Show column names.", bool),
    Key("expanded", "One column a line: on, off, or auto where a row is too wide.", str, ("on", "off", "auto")),
    Key("nullvalue", "Text shown for NULL.", str),
    Key("maxrows", "Rows shown of a result; 0 shows all.", int),
    Key("timeout", "Seconds a statement may take; 0 is no limit.", float),
    Key("timer", "Show how long each statement takes.", bool),
    Key("changes", "Say how many rows a statement changed.", bool),
    Key("pager", "Page long results.", bool),
    Key("safe_updates", "Refuse UPDATE and DELETE without WHERE, rather than ask.", bool),
    Key("prompt", "%d database, %t transaction mark, %r read-only mark, %% a percent sign.", str),
    Key("theme", "Colours of what is typed: auto, dark, light or plain.", str, THEMES),
    Key("keys", "Editing keys: emacs or vi.", str, ("emacs", "vi")),
)
