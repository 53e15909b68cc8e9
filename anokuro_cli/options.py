"""The options of `anokuro [OPTIONS] [FILE] [SQL]`, declared once.

From OPTIONS come the parser used at start-up (`parse`: no imports, well under a millisecond) and the parameters of the typer command
that prints --help (help.py). The order of -c and -f among each other is kept, which is why they are parsed here.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from anokuro_cli.settings import MODES

SUBCOMMANDS = ("run", "import", "check", "recover", "inspect", "bench")


@dataclass(frozen=True, slots=True)
class Option:
    """One option. metavar: None for a flag. repeatable: may be given several times, all count."""

    flags: tuple[str, ...]
    help: str
    metavar: str | None = None
    repeatable: bool = False


OPTIONS = (
    Option(("-c", "--command"), "Run this SQL or dot command; may be repeated, in order with -f.", "SQL", True),
    Option(("-f", "--file"), "Run this script; - is standard input. May be repeated.", "SCRIPT", True),
    Option(("-p", "--param"), "Bind a parameter: -p id=7 for :id, @id or $id in the SQL.", "NAME=VALUE", True),
    Option(("-o", "--output"), "Write results to this file.", "PATH"),
    *(Option((f"--{mode}",), f"Show results as {mode}.") for mode in MODES),
    Option(("-x", "--expanded"), "One column a line."),
    Option(("-t", "--tuples-only"), "Rows alone: no header, no row count."),
    Option(("--header",), "Show column names."),
    Option(("--no-header",), "Hide column names."),
    Option(("--nullvalue",), "Text shown for NULL.", "TEXT"),
    Option(("-q", "--quiet"), "No banner, no status messages."),
    Option(("--readonly",), "Open the database read-only."),
    Option(("-1", "--atomic"), "Run everything in one transaction: all or nothing."),
    Option(("--bail",), "Stop a script at its first error (the default)."),
    Option(("--no-bail",), "Go on after errors."),
    Option(("--echo",), "Show each statement before it runs."),
    Option(("--timer",), "Show how long each statement took."),
    Option(("--yes",), "Answer every question with yes."),
    Option(("--color",), "auto, always or never.", "WHEN"),
    Option(("-V", "--version"), "Show the version and exit."),
    Option(("-h", "--help"), "Show this help and exit."),
)
_BY_FLAG = {flag: option for option in OPTIONS for flag in option.flags}


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

    def has(self, name: str) -> bool:
        """Whether a flag was given; `name` is its long form without dashes."""
        return name in self.flags


def parse(arguments: list[str]) -> Invocation:
    """Raises UsageError."""
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
    if len(positional) > 2:
        raise UsageError(
            f"unexpected argument {positional[2]!r}", "one FILE and one SQL are understood; put the SQL into quotes"
        )
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
    if option.metavar is None:
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
    elif name == "color" and value not in ("auto", "always", "never"):
        raise UsageError(f"--color {value}: expected auto, always or never")
    else:
        found.values[name] = value


def _take_flag(found: Invocation, name: str) -> None:
    if name in MODES:
        found.mode = name
    elif name in ("header", "no-header"):
        found.headers = name == "header"
    elif name in ("bail", "no-bail"):
        found.bail = name == "bail"
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
