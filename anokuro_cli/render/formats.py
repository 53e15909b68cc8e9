"""The output formats, by name, and the one function that shows a result."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from importlib import import_module
from typing import Any

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
    "insert": ("statements", "write_insert"),
    "html": ("html", "write_html"),
}
assert tuple(_WRITERS) == tuple(MODES)
COLUMN_FORMATS = ("csv", "tsv", "json", "jsonl")  # written from record batches where the engine has them
DRAWN = ("table", "box", "markdown")  # modes that may have bars and sparks beside numbers
ADAPTIVE = ("table", "box")  # modes that may turn into lines where a row is too wide


def _writer(mode: str) -> Callable[..., int]:
    module, function = _WRITERS[mode]
    writer: Callable[..., int] = getattr(import_module(f"anokuro_cli.render.{module}"), function)
    return writer


Watch = Callable[[Iterable[Any]], Iterator[Any]]


def show(result: ResultSet, output: Output, settings: Settings, watch: Watch = iter) -> int:
    """Writes all rows of `result` in the session's mode; returns how many. watch: what batches go through; may raise to end it."""
    if settings.mode in COLUMN_FORMATS and not output.terminal and not settings.maxrows:
        ask = getattr(result, "arrow_batches", None)  # only the engine's own results have it
        found = ask() if ask is not None else None
        if found is not None:
            from anokuro_cli.render.columns import write_columns

            headers = has_headers(settings)
            return write_columns(settings.mode, result.columns, watch(found), output, headers, settings.nullvalue)
    return show_rows(result.columns, watch(batches(result, rows_max=settings.maxrows)), output, settings)


def has_headers(settings: Settings) -> bool:
    """Whether column names come first: as asked for; the unasked-for format of a pipe is data alone."""
    headers = settings.headers if settings.headers is not None else settings.mode_chosen or settings.mode != "tsv"
    return headers and not settings.tuples_only


def show_rows(columns: Sequence[str], source: Iterable[list[Row]], output: Output, settings: Settings) -> int:
    """As `show`, for batches of rows from anywhere."""
    mode, headers = settings.mode, has_headers(settings)
    if settings.expanded == "on" and mode in ADAPTIVE:
        mode = "line"
    if mode in DRAWN and (settings.pictures.bars or settings.pictures.spark):
        from anokuro_cli.render.pictures import with_pictures

        columns, source = with_pictures(columns, source, settings.pictures, output.unicode)
    if mode in ADAPTIVE:
        expand = settings.expanded == "auto" and output.terminal
        return _writer(mode)(columns, source, output, headers, settings.nullvalue, expand, settings.widths)
    return _writer(mode)(columns, source, output, headers, settings.nullvalue)
