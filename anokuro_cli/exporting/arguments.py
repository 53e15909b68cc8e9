"""What to export, in which format, to where."""

from __future__ import annotations

import os

from anokuro_cli.dot.registry import first_word, words_of
from anokuro_cli.errors import ShellError
from anokuro_cli.settings import MODES
from anokuro_cli.text import did_you_mean
from engine.base.dataclass import dataclass
from grammar.tokens import quote

FORMATS = (*MODES, "parquet", "arrow")
STANDARD_OUTPUT = "-"
COLUMNAR = ("parquet", "arrow")
SUFFIXES = {
    ".csv": "csv", ".tsv": "tsv", ".tab": "tsv", ".json": "json", ".jsonl": "jsonl", ".ndjson": "jsonl", ".md": "markdown", ".sql": "insert",
    ".html": "html", ".htm": "html", ".txt": "table", ".parquet": "parquet", ".arrow": "arrow", ".feather": "arrow",
}  # fmt: skip
USAGE = ".export FILE [--format FORMAT] [--no-header] [--null TEXT] [TABLE | QUERY]"


@dataclass(frozen=True, slots=True)
class Plan:
    """An export that was asked for. table: the name in INSERT statements. query: "" for the last result. gzip: text is compressed."""

    path: str
    format: str
    query: str
    table: str
    header: bool = True
    null: str | None = None
    gzip: bool = False


_QUERIES = frozenset(("SELECT", "WITH", "VALUES", "EXPLAIN", "INSERT", "UPDATE", "DELETE"))


def make_plan(
    path: str, source: str, format: str | None = None, *, header: bool = True, null: str | None = None
) -> Plan:
    """source: a table's name or a query; the format follows the file's name where none is given. Raises ShellError."""
    path = os.path.expanduser(path)
    bare = path.lower()
    gzip = bare.endswith(".gz")
    suffix = os.path.splitext(bare.removesuffix(".gz"))[1]
    chosen = format or SUFFIXES.get(suffix)
    if chosen is None:
        raise ShellError(f"{path} does not say which format it is to have", f"--format {', '.join(FORMATS)}")
    if chosen not in FORMATS:
        near = did_you_mean(chosen, FORMATS)
        raise ShellError(
            f"unknown format {chosen}", f"did you mean {near}?" if near else f"formats: {', '.join(FORMATS)}"
        )
    if gzip and chosen in COLUMNAR:
        raise ShellError(f"{chosen} files are compressed already", "leave .gz out")
    words = source.replace("(", " ").split()
    if not words or (len(words) > 1 and words[0].upper() in _QUERIES):
        return Plan(path, chosen, source.rstrip().rstrip(";"), "result", header, null, gzip)
    name = source.strip()
    return Plan(path, chosen, f"SELECT * FROM {quoted_name(name)}", name, header, null, gzip)


def quoted_name(name: str) -> str:
    """A table's name as SQL has it; one that is quoted already, or belongs to sys, stays as it is."""
    if name.startswith('"') or name.lower().startswith("sys."):
        return name
    return quote(name)


def plan_from_line(text: str) -> Plan:
    """From what follows .export: FILE, options, then a table or a query as it stands. Raises ShellError."""
    path, rest = first_word(text)
    chosen: dict[str, str] = {}
    header = True
    while rest.startswith("--"):
        word, rest = first_word(rest)
        name, equals, value = word.partition("=")
        if name == "--no-header":
            header = False
        elif name in ("--format", "--null"):
            if not equals:
                value, rest = first_word(rest)
            chosen[name] = value
        else:
            near = did_you_mean(name, ("--format", "--null", "--no-header"))
            raise ShellError(f"unknown option {name}", f"did you mean {near}?" if near else f"usage: {USAGE}")
    if not path:
        raise ShellError(f"usage: {USAGE}")
    if len(rest) > 1 and rest[0] == rest[-1] and rest[0] in "\"'":
        rest = words_of(rest)[0]
    return make_plan(path, rest, chosen.get("--format"), header=header, null=chosen.get("--null"))
