"""The man page, made from the same tables as --help and .help: `anokuro config --man > anokuro.1`, `man ./anokuro.1`."""

from __future__ import annotations

from anokuro_cli.config import default_text
from anokuro_cli.help import EPILOGUE, EXAMPLES, INTRODUCTION, flags_of
from anokuro_cli.options import OPTIONS, SUBCOMMANDS

VARIABLES = {
    "ANOKURO_CONFIG": "The configuration file, instead of $XDG_CONFIG_HOME/anokuro/config.toml.",
    "ANOKURO_HISTORY": "The history file, instead of $XDG_STATE_HOME/anokuro/history.jsonl.",
    "ANOKURO_PAGER, PAGER": "The pager; less -SRXF where neither is set.",
    "ANOKURO_EDITOR, VISUAL, EDITOR": "The editor of .edit; vi where none is set.",
    "NO_COLOR": "Set to anything: no colour.",
    "TERM": "dumb: no colour, no pager.",
}


def man_page() -> str:
    """The page in roff's man macros."""
    import engine
    from anokuro_cli.dot import COMMANDS, GROUPS

    parts = [
        f'.TH ANOKURO 1 "" "anokuro {engine.__version__}" "Anokuro"',
        ".SH NAME",
        "anokuro \\- an embedded database you can see through",
    ]
    parts += [".SH SYNOPSIS", ".B anokuro", "[OPTIONS] [FILE] [SQL]", ".br", ".B anokuro", "SUBCOMMAND ..."]
    parts += [".SH DESCRIPTION", _text(INTRODUCTION), ".PP", _text(EPILOGUE)]
    for group in dict.fromkeys(option.group for option in OPTIONS):
        parts.append(f".SH {group.upper()}")
        parts += [_item(flags_of(option), option.help) for option in OPTIONS if option.group == group]
    parts.append(".SH SUBCOMMANDS")
    parts += [_item(f"anokuro {name}", text) for name, text in SUBCOMMANDS.items()]
    parts.append(".SH COMMANDS AT THE PROMPT AND IN SCRIPTS")
    for module in GROUPS:
        parts.append(f".SS {_text((module.__doc__ or '').partition(chr(10))[0].rstrip('.'))}")
        for command in COMMANDS.values():
            if command.run.__module__ == module.__name__:
                also = f" Also {', '.join(command.aliases)}." if command.aliases else ""
                parts.append(_item(command.usage, command.help + also))
    parts.append(".SH ENVIRONMENT")
    parts += [_item(name, text) for name, text in VARIABLES.items()]
    parts += [".SH CONFIGURATION", "config.toml, with its defaults:", ".PP", ".nf", _text(default_text()), ".fi"]
    parts.append(".SH EXAMPLES")
    parts += [_item(example, text) for example, text in EXAMPLES]
    return "\n".join(parts) + "\n"


def _item(name: str, text: str) -> str:
    return f".TP\n.B {_text(name)}\n{_text(text)}"


def _text(text: str) -> str:
    """Text as roff reads it: backslashes and hyphens escaped, no line that begins with a dot or quote."""
    escaped = text.replace("\\", "\\e").replace("-", "\\-")
    return "\n".join("\\&" + line if line[:1] in (".", "'") else line for line in escaped.split("\n"))
