"""The options of `anokuro [OPTIONS] [FILE] [SQL]`, declared once.

From OPTIONS come the parser used at start-up (`parse`: no imports, well under a millisecond), --help (help.py), the completions of bash, zsh and fish (completions.py) and the man
page (manual.py). The order of -c and -f among each other is kept, which is why they are parsed here.
"""

from __future__ import annotations

from anokuro_cli.settings import MODES
from engine.base.dataclass import dataclass, field

SUBCOMMANDS = {  # name -> what it does, in the order of --help
    "run": "Run a script file against a database.",
    "import": "Load a CSV or TSV file into a table, all of it or nothing.",
    "export": "Write a table or a query to a file: CSV, JSON, SQL, HTML, Parquet ...",
    "backup": "Copy a database, also while it is written to.",
    "check": "Check checksums and structure of a whole database.",
    "recover": "Save what can be read of a damaged database into a new one.",
    "inspect": "Look inside a database file: pages, trees, the log, struct layouts.",
    "workload": "Run threads that read and write a tree, to be looked at.",
    "tour": "A guided tour: a small tree is built, split, crashed and repaired before your eyes.",
    "config": "Show the configuration, or write one to begin with.",
    "bench": "Measure Anokuro beside LMDB, SQLite, LevelDB and RocksDB.",
}
UNITS = {"K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40}
SIZE_EXPECTED = "expected a number of bytes, like 512M or 2G"
RUNS, LOOKS, SCRIPTS, SESSION = "What runs", "How results look", "Scripts and safety", "The session"


@dataclass(frozen=True, slots=True)
class Option:
    """One option. metavar: None for a flag. repeatable: may be given several times, all count. off: the flag that means the opposite. choices: the values there are; ("path",) for a file."""

    group: str
    flags: tuple[str, ...]
    help: str
    metavar: str | None = None
    repeatable: bool = False
    off: str = ""
    choices: tuple[str, ...] = ()


OPTIONS = (
    Option(RUNS, ("-c", "--command"), "Run this SQL or dot command. Repeatable, in order with -f.", "SQL", True),
    Option(
        RUNS, ("-f", "--file"), "Run this script; - is standard input. Repeatable.", "SCRIPT", True, choices=("path",)
    ),
    Option(RUNS, ("-p", "--param"), "Bind a parameter: -p id=7 for :id, @id or $id in the SQL.", "NAME=VALUE", True),
    Option(RUNS, ("-o", "--output"), "Write results to this file.", "PATH", choices=("path",)),
    *(Option(LOOKS, (f"--{mode}",), text) for mode, text in MODES.items()),
    Option(LOOKS, ("-x", "--expanded"), "One column a line, as --line."),
    Option(LOOKS, ("-t", "--tuples-only"), "Rows alone: no header, no row count."),
    Option(LOOKS, ("--header",), "Show column names, or hide them.", off="--no-header"),
    Option(LOOKS, ("--nullvalue",), "Text shown for NULL.", "TEXT"),
    Option(LOOKS, ("--maxrows",), "Show at most so many rows of a result; 0 means all.", "N"),
    Option(LOOKS, ("--color",), "auto, always or never.", "WHEN", choices=("auto", "always", "never")),
    Option(LOOKS, ("--ascii",), "Draw with ASCII characters only."),
    Option(SCRIPTS, ("-1", "--atomic"), "Run everything in one transaction: all or nothing."),
    Option(SCRIPTS, ("--bail",), "Stop a script at its first error (the default), or go on.", off="--no-bail"),
    Option(SCRIPTS, ("--readonly",), "Open the database read-only."),
    Option(SCRIPTS, ("--safe",), "For scripts of strangers: no other files, no shell commands, and --safe-updates."),
    Option(SCRIPTS, ("--safe-updates",), "Refuse UPDATE and DELETE without WHERE, even with --yes."),
    Option(SCRIPTS, ("--yes",), "Answer every question with yes."),
    Option(SCRIPTS, ("--echo",), "Show each statement before it runs."),
    Option(SCRIPTS, ("--timer",), "Show how long each statement took."),
    Option(SCRIPTS, ("--timeout",), "Cancel a statement that takes longer, with exit status 4.", "SECONDS"),
    Option(
        SESSION,
        ("--init",),
        "Run this script first, instead of init.sql beside config.toml.",
        "FILE",
        off="--no-init",
        choices=("path",),
    ),
    Option(
        SESSION,
        ("--wal-retention",),
        "Keep so much log, like 512M, for HISTORY, DIFF and pages AT LSN. Default: 0.",
        "SIZE",
    ),
    Option(SESSION, ("-q", "--quiet"), "No banner, no status messages."),
    Option(SESSION, ("-V", "--version"), "Show the version and exit."),
    Option(SESSION, ("-h", "--help"), "Show this help and exit."),
)
_BY_FLAG = {flag: option for option in OPTIONS for flag in (*option.flags, option.off) if flag}


class UsageError(Exception):
    """The command line cannot be understood. hint: what was probably meant."""

    def __init__(self, message: str, hint: str | None = None):
        super().__init__(message)
        self.hint = hint


@dataclass(slots=True)
class Invocation:
    """A command line, understood. actions: ("command" or "file", text) in order."""

    file: str | None = None
    actions: list[tuple[str, str]] = field(default_factory=list)
    parameters: dict[str, object] = field(default_factory=dict)
    values: dict[str, str] = field(default_factory=dict)
    flags: set[str] = field(default_factory=set)
    mode: str | None = None
    headers: bool | None = None
    bail: bool = True
    init: bool = True

    def has(self, name: str) -> bool:
        """Whether a flag was given; `name` is its long form without dashes."""
        return name in self.flags


def parse(arguments: list[str], script: bool = False) -> Invocation:
    """Raises UsageError. script: the words are SCRIPT [FILE], as those of `anokuro run`, rather than [FILE] [SQL]."""
    found = Invocation()
    positional: list[str] = []
    rest = list(reversed(arguments))
    while rest:
        word = rest.pop()
        if word == "--":
            positional += reversed(rest)
            break
        if word == "-" or not word.startswith("-"):
            positional.append(word)
        elif word.startswith("--"):
            name, equals, value = word.partition("=")
            _take(found, _option(name), name, value if equals else None, rest)
        else:
            _take_letters(found, word, rest)
    if script:
        if not positional and not found.flags & {"help", "version"}:
            raise UsageError("a script is missing", "usage: anokuro run SCRIPT [FILE]")
        if positional:
            found.actions.append(("file", positional.pop(0)))
    if len(positional) > 2 - script:
        hint = "one FILE is understood" if script else "one FILE and one SQL are understood; put the SQL into quotes"
        raise UsageError(f"unexpected argument {positional[2 - script]!r}", hint)
    if positional:
        found.file = positional[0]
    if len(positional) == 2:
        found.actions.append(("command", positional[1]))
    return found


def _take_letters(found: Invocation, word: str, rest: list[str]) -> None:
    for position in range(1, len(word)):
        option = _option("-" + word[position])
        if option.metavar is not None:
            _take(found, option, "-" + word[position], word[position + 1 :].removeprefix("=") or None, rest)
            return
        _take(found, option, "-" + word[position], None, rest)


def _option(flag: str) -> Option:
    option = _BY_FLAG.get(flag)
    if option is None:
        from anokuro_cli.text import did_you_mean

        near = did_you_mean(flag, list(_BY_FLAG)) if len(flag) > 2 else None
        raise UsageError(f"unknown option {flag}", f"did you mean {near}?" if near else "anokuro --help lists them")
    return option


def _take(found: Invocation, option: Option, flag: str, value: str | None, rest: list[str]) -> None:
    name = option.flags[-1].lstrip("-")
    if flag == option.off:
        name = flag.lstrip("-")
    if option.metavar is None or flag == option.off:
        if value is not None:
            raise UsageError(f"{flag} takes no value")
        _take_flag(found, name)
        return
    if value is None:
        if not rest:
            raise UsageError(f"{flag} needs a value: {flag} {option.metavar}")
        value = rest.pop()
    if name in ("command", "file"):
        found.actions.append((name, value))
    elif name == "param":
        key, equals, text = value.partition("=")
        if not equals or not key:
            raise UsageError(f"{flag} {value}: expected {flag} NAME=VALUE")
        found.parameters[key.lstrip(":@$")] = parameter_value(text)
    elif option.choices and "path" not in option.choices and value not in option.choices:
        raise UsageError(f"{flag} {value}: expected {', '.join(option.choices[:-1])} or {option.choices[-1]}")
    elif name == "maxrows" and not value.isdigit():
        raise UsageError(f"{flag} {value}: expected a number of rows; 0 means all")
    elif name == "wal-retention" and to_bytes(value) is None:
        raise UsageError(f"{flag} {value}: {SIZE_EXPECTED}")
    elif name == "timeout" and to_seconds(value) is None:
        raise UsageError(f"{flag} {value}: expected a number of seconds; 0 means no limit")
    else:
        found.values[name] = value


def to_bytes(text: str) -> int | None:
    """A number of bytes, with K, M, G or T behind it or not; None where `text` is none."""
    digits, unit = (text[:-1], text[-1].upper()) if text[-1:].upper() in UNITS else (text, "")
    return int(digits) * UNITS.get(unit, 1) if digits.isascii() and digits.isdigit() and len(digits) < 16 else None


def to_seconds(text: str) -> float | None:
    """A number of seconds from 0 on; None where `text` is none."""
    try:
        value = float(text)
    except ValueError:
        return None
    return value if 0 <= value < 1e9 else None


def _take_flag(found: Invocation, name: str) -> None:
    if name in MODES:
        found.mode = name
    elif name in ("header", "no-header"):
        found.headers = name == "header"
    elif name in ("bail", "no-bail"):
        found.bail = name == "bail"
    elif name == "no-init":
        found.init = False
    else:
        found.flags.add(name)


def parameter_value(text: str) -> object:
    """What the text after NAME= means: NULL, TRUE, FALSE and numbers are themselves, 'quoted' and everything else is text."""
    word = text.strip().lower()
    if word in ("null", "true", "false"):
        return {"null": None, "true": True, "false": False}[word]
    if len(text) >= 2 and text[0] == text[-1] == "'":
        return text[1:-1].replace("''", "'")
    for kind in (int, float):
        try:
            if word[:1] in "+-.0123456789" and "_" not in word:
                return kind(word)
        except ValueError:
            continue
    return text
