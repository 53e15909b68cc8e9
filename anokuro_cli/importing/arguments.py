"""What to import, from where, into what."""

from __future__ import annotations

import os
import re
from pathlib import Path

from anokuro_cli.errors import ShellError
from anokuro_cli.importing.source import Source, guess_delimiter
from engine.base.dataclass import dataclass


@dataclass(frozen=True, slots=True)
class Plan:
    """An import that was asked for. nulls: texts that mean NULL; an empty field does where there are none."""

    source: Source
    table: str
    create: bool = False
    nulls: tuple[str, ...] = ("",)


def make_plan(
    path: str,
    table: str | None = None,
    *,
    create: bool = False,
    nulls: tuple[str, ...] = (),
    delimiter: str | None = None,
    header: bool = True,
) -> Plan:
    """Fills in what was not said: the table is named like the file, the delimiter follows its name. Raises ShellError."""
    path = os.path.expanduser(path)
    mark = guess_delimiter(path) if delimiter is None else {"\\t": "\t", "tab": "\t"}.get(delimiter, delimiter)
    if len(mark) != 1 or mark in '"\r\n':
        raise ShellError(f"the delimiter must be one character, not {delimiter!r}")
    return Plan(Source(path, mark, header), table or _table_name(path), create, nulls or ("",))


def _table_name(path: str) -> str:
    stem = re.sub(r"(?:\.(?:csv|tsv|tab|txt|gz|zip))+$", "", Path(path).name.lower())
    name = re.sub(r"\W+", "_", stem).strip("_")
    if not name:
        raise ShellError(f"{path} suggests no name for the table", "say --table NAME")
    return name if not name[0].isdigit() else f"t_{name}"


def plan_from_words(words: list[str]) -> Plan:
    """From the words of .import; raises ShellError."""
    plain: list[str] = []
    values: dict[str, list[str]] = {"--null": [], "--delimiter": [], "--table": []}
    flags: set[str] = set()
    rest = list(reversed(words))
    while rest:
        word = rest.pop()
        name, equals, value = word.partition("=")
        if name in values:
            if not equals and not rest:
                raise ShellError(f"{name} needs a value")
            values[name].append(value if equals else rest.pop())
        elif word in ("--create", "--no-header"):
            flags.add(word)
        elif word.startswith("--"):
            raise ShellError(f"unknown option {word}", "known: --create --null --delimiter --table --no-header")
        else:
            plain.append(word)
    if not 1 <= len(plain) <= 2:
        raise ShellError("usage: .import FILE [TABLE] [--create] [--null TEXT] [--delimiter C] [--no-header]")
    table = values["--table"][-1] if values["--table"] else plain[1] if len(plain) == 2 else None
    return make_plan(
        plain[0],
        table,
        create="--create" in flags,
        nulls=tuple(values["--null"]),
        delimiter=values["--delimiter"][-1] if values["--delimiter"] else None,
        header="--no-header" not in flags,
    )
