"""The output formats, by name, and the one function that shows a result."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from importlib import import_module

from anokuro_cli.protocols import ResultSet, Row
from anokuro_cli.render.batches import batches
from anokuro_cli.render.output import Output
from anokuro_cli.settings import MODES, Settings

# name -> module and function: a format is imported when it is first used
_WRITERS = {
    "table": ("grid", "write_table"),
    "box": ("grid", "write_box"),
    "markdown": ("grid", "write_markdown"),
    "csv": ("separated", "write_csv"),
    "tsv": ("separated", "write_tsv"),
    "json": ("documents", "write_json"),
    "jsonl": ("documents", "write_jsonl"),
    "line": ("lines", "write_line"),
}
assert tuple(_WRITERS) == MODES
ADAPTIVE = ("table", "box")  # modes that may turn into lines where a row is too wide


def _writer(mode: str) -> Callable[..., int]:
    module, function = _WRITERS[mode]
    writer: Callable[..., int] = getattr(import_module(f"anokuro_cli.render.{module}"), function)
    return writer


def show(result: ResultSet, output: Output, settings: Settings, check: Callable[[], None] | None = None) -> int:
    """Writes all rows of `result` in the session's mode; returns how many. check: called between batches, may raise to end it."""
    return show_rows(result.columns, batches(result, check), output, settings)


def show_rows(columns: Sequence[str], source: Iterable[list[Row]], output: Output, settings: Settings) -> int:
    """As `show`, for batches of rows from anywhere."""
    mode, headers = settings.mode, settings.headers
    if headers is None:
        headers = settings.mode_chosen or mode != "tsv"  # the unasked-for format of a pipe is data alone
    headers = headers and not settings.tuples_only
    if settings.expanded == "on" and mode in ADAPTIVE:
        mode = "line"
    if mode in ADAPTIVE:
        expand = settings.expanded == "auto" and output.terminal
        return _writer(mode)(columns, source, output, headers, settings.nullvalue, expand)
    return _writer(mode)(columns, source, output, headers, settings.nullvalue)
