"""--help: of `anokuro` from its table of options, of a subcommand from what typer knows of it; one form for both.

    Usage: anokuro import [OPTIONS] FILE SOURCE

    Load a file into a table, all of it or nothing.

    Options
      -T, --table NAME   Table; named like the file otherwise.

Plain text of the terminal's width, at the most 100 columns. `anokuro --help` imports neither typer nor rich.
"""

from __future__ import annotations

import os
import textwrap
from typing import TYPE_CHECKING, Any

from anokuro_cli.options import OPTIONS, SUBCOMMANDS, Option

if TYPE_CHECKING:
    from anokuro_cli.render.output import Output

WIDEST, LEFT_MAX = 100, 30
INTRODUCTION = (
    "An embedded database you can see through. Opens FILE (made by the first statement that writes; without FILE, a database in memory), runs SQL where some is given, "
    "and is an interactive shell where none is."
)
RUN_INTRODUCTION = (
    "Runs a script file against a database: SQL statements that end with a semicolon, and dot commands at the beginning of a line. Stops at the first error and names its "
    "file, line and column. The same as `anokuro FILE -f SCRIPT`."
)
EXAMPLES = (
    ("anokuro shop.ank", "a prompt; .help lists its commands"),
    ("anokuro shop.ank 'SELECT * FROM users'", "one query"),
    ("anokuro shop.ank --csv -c 'SELECT 1 AS one'", "data alone, for other programs"),
    ("anokuro shop.ank -1 -f a.sql -f b.sql", "two scripts, one transaction"),
    ("echo 'SELECT 2' | anokuro", "a pipe is a script"),
)
STATUSES = (
    (0, "ok"),
    (1, "a statement failed"),
    (2, "usage"),
    (3, "the database cannot be opened"),
    (4, "timeout"),
    (130, "interrupted"),
)
EPILOGUE = (
    "Exit status: " + ", ".join(f"{number} {text}" for number, text in STATUSES) + ". "
    "Where output is no terminal, rows are written as TSV without a header, and errors go to standard error."
)
Rows = list[tuple[str, str]]


def flags_of(option: Option) -> str:
    """ "-c, --command SQL", "--header, --no-header"."""
    words = ", ".join([*option.flags, *([option.off] if option.off else [])])
    return f"{words} {option.metavar}" if option.metavar else words


def show_help(output: Output, run: bool = False) -> None:
    """`anokuro --help`; run: `anokuro run --help`, which takes the same options."""
    sections: list[tuple[str, Rows]] = [("Examples", list(EXAMPLES)), ("Subcommands", list(SUBCOMMANDS.items()))]
    usage, introduction = "anokuro [OPTIONS] [FILE] [SQL]\n       anokuro SUBCOMMAND --help", INTRODUCTION
    if run:
        usage, introduction = "anokuro run [OPTIONS] SCRIPT [FILE]", RUN_INTRODUCTION
        sections = [
            (
                "Arguments",
                [("SCRIPT", "The script; - is standard input."), ("[FILE]", "The database; in memory if left out.")],
            )
        ]
    for group in dict.fromkeys(option.group for option in OPTIONS):
        sections.append((group, [(flags_of(option), option.help) for option in OPTIONS if option.group == group]))
    output.write(compose(usage, introduction, sections, EPILOGUE, width_of(output), output))


def width_of(output: Output) -> int:
    """The width of help: that of the terminal, else $COLUMNS, else 80; never more than WIDEST."""
    chosen = os.environ.get("COLUMNS", "")
    return max(20, min(WIDEST, output.width or (int(chosen) if chosen.isdigit() else 80)))


def compose(
    usage: str, introduction: str, sections: list[tuple[str, Rows]], end: str, width: int, output: Output
) -> str:
    """The text of a help page."""
    parts = [f"{output.style('Usage', 'bold')}: {usage}", _wrapped(introduction, width)]
    for title, rows in sections:
        if rows:
            parts.append("\n".join([output.style(title, "bold"), *_columns(rows, width)]))
    if end:
        parts.append("\n".join(_wrapped(line, width) for line in end.split("\n")))
    return "\n\n".join(parts) + "\n"


def _columns(rows: Rows, width: int) -> list[str]:
    left = min(max(len(name) for name, _ in rows), LEFT_MAX, width // 2)
    lines: list[str] = []
    for name, text in rows:
        wrapped = textwrap.wrap(text, max(width - left - 4, 12)) or [""]
        if len(name) > left:
            lines.append("  " + name)
        else:
            lines.append(f"  {name.ljust(left)}  {wrapped.pop(0)}".rstrip())
        lines += [" " * (left + 4) + more for more in wrapped]
    return lines


def _wrapped(text: str, width: int) -> str:
    return text if text.startswith("  ") else textwrap.fill(text, width)


def subcommand_help(context: Any, output: Output) -> str:
    """The help of a typer command, from the parameters it declares."""
    command = context.command
    shown = [parameter for parameter in command.params if not getattr(parameter, "hidden", False)]
    arguments = [parameter for parameter in shown if parameter.param_type_name == "argument"]
    options = [parameter for parameter in shown if parameter.param_type_name == "option"]
    usage = " ".join([context.command_path, "[OPTIONS]", *map(_metavar, arguments)])
    sections = [
        ("Arguments", [(_metavar(parameter), parameter.help or "") for parameter in arguments]),
        (
            "Options",
            [(_flags(parameter), _text(parameter)) for parameter in options]
            + [("-h, --help", "Show this help and exit.")],
        ),
    ]
    return compose(
        usage, " ".join((command.help or "").split()), sections, command.epilog or "", width_of(output), output
    )


def _metavar(parameter: Any) -> str:
    return str(parameter.metavar or parameter.name.upper())


def _flags(parameter: Any) -> str:
    flags = sorted(parameter.opts, key=len) + list(parameter.secondary_opts)
    return ", ".join(flags) + (f" {parameter.metavar}" if parameter.metavar and not parameter.is_flag else "")


def _text(parameter: Any) -> str:
    default = parameter.default
    shown = isinstance(default, (int, float, str)) and not isinstance(default, bool) and default != ""
    return (parameter.help or "") + (f" Default: {default}." if shown else "")
