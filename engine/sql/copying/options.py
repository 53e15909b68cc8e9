"""The options of COPY, and what the name of the file says about them."""

from __future__ import annotations

from pathlib import PurePath
from typing import Any

from engine.base.dataclass import dataclass
from engine.base.errors import ProgrammingError
from engine.sql.copying.files import shown
from grammar import ast

FORMATS = ("csv", "tsv", "jsonl", "parquet", "arrow")
_SUFFIXES = {
    ".csv": "csv", ".tsv": "tsv", ".tab": "tsv", ".jsonl": "jsonl", ".ndjson": "jsonl", ".json": "jsonl",
    ".parquet": "parquet", ".pq": "parquet", ".arrow": "arrow", ".feather": "arrow", ".ipc": "arrow",
}  # fmt: skip
_TRUTHS = {"TRUE": True, "ON": True, "1": True, "FALSE": False, "OFF": False, "0": False}
_MARKS = {"\\t": "\t", "tab": "\t"}


@dataclass(frozen=True)
class CopyOptions:
    """How a file is to be read or written. header: None where nothing was said."""

    format: str
    gzip: bool
    header: bool | None = None
    delimiter: str = ","
    null: str = ""
    quote: str = '"'

    @property
    def is_text(self) -> bool:
        """Whether the file has lines and delimiters."""
        return self.format in ("csv", "tsv")


def read_options(path: str, given: tuple[ast.CopyOption, ...]) -> CopyOptions:
    """The options as written, the rest as the file's name suggests. Raises ProgrammingError."""
    found: dict[str, Any] = {}
    for option in given:
        name = {"SEP": "DELIMITER", "DELIM": "DELIMITER", "NULLSTR": "NULL"}.get(option.name, option.name)
        if name in found:
            raise ProgrammingError(f"COPY: {name} is given twice")
        if name not in ("FORMAT", "HEADER", "DELIMITER", "NULL", "QUOTE", "COMPRESSION"):
            raise ProgrammingError(
                f"COPY has no option {shown(option.name)}; there are FORMAT, HEADER, DELIMITER, NULL, QUOTE, COMPRESSION"
            )
        found[name] = _plain(option.value)
    name = PurePath(path).name.lower()
    gzip = name.endswith(".gz")
    if "COMPRESSION" in found:
        kind = str(found["COMPRESSION"]).lower()
        if kind not in ("gzip", "gz", "none"):
            raise ProgrammingError("COPY: COMPRESSION is gzip or none")
        gzip = kind != "none"
    format_ = _format(found.get("FORMAT"), name.removesuffix(".gz"), path)
    made = CopyOptions(
        format_,
        gzip,
        _truth(found["HEADER"]) if "HEADER" in found else None,
        _mark("DELIMITER", found.get("DELIMITER", "\t" if format_ == "tsv" else ",")),
        _text("NULL", found.get("NULL", "")),
        _mark("QUOTE", found.get("QUOTE", '"'), empty=True),
    )
    wrong = sorted(found.keys() & {"HEADER", "DELIMITER", "NULL", "QUOTE"})
    if wrong and not made.is_text:
        raise ProgrammingError(f"COPY: {wrong[0]} is an option of csv and tsv, not of {format_}")
    if made.gzip and format_ in ("parquet", "arrow"):
        raise ProgrammingError(f"COPY: {format_} files have a compression of their own; gzip is for csv, tsv and jsonl")
    if made.delimiter == made.quote or any(c in made.null for c in "\r\n") or (made.quote and made.quote in made.null):
        raise ProgrammingError("COPY: DELIMITER, QUOTE and NULL must differ, and NULL is on one line")
    if made.delimiter in made.null:
        raise ProgrammingError("COPY: the delimiter must not be part of NULL")
    return made


def _plain(value: Any) -> Any:
    return value.value if isinstance(value, ast.Literal) else value


def _format(value: Any, name: str, path: str) -> str:
    if value is None:
        found = _SUFFIXES.get(PurePath(name).suffix)
        if found is None:
            raise ProgrammingError(f"COPY: the name {shown(path)} does not say what format it is; add (FORMAT csv)")
        return found
    found = {"ndjson": "jsonl", "json": "jsonl", "ipc": "arrow", "feather": "arrow"}.get(str(value).lower())
    found = found or str(value).lower()
    if found not in FORMATS:
        raise ProgrammingError(f"COPY: FORMAT is one of {', '.join(FORMATS)}")
    return found


def _truth(value: Any) -> bool:
    if value is None:  # (HEADER)
        return True
    found = _TRUTHS.get(str(value).upper())
    if found is None:
        raise ProgrammingError("COPY: HEADER is TRUE or FALSE")
    return found


def _text(name: str, value: Any) -> str:
    if not isinstance(value, str):
        raise ProgrammingError(f"COPY: {name} is a text")
    return value


def _mark(name: str, value: Any, empty: bool = False) -> str:
    text = _text(name, value)
    text = _MARKS.get(text.lower(), text)
    if not text and empty:
        return ""
    if len(text) != 1 or ord(text) > 127 or text in "\r\n\0":
        raise ProgrammingError(f"COPY: {name} is one ASCII character")
    return text
