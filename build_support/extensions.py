"""Which engine modules are compiled, from what, and in which variants.

A module is compiled when a `.pxd` of the same name stands beside its `.py` (Cython's pure Python mode);
a `.pyx` is always compiled. Package `__init__` files never are.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

DIRECTIVES: dict[str, object] = {
    "language_level": 3,
    "infer_types": True,
    "boundscheck": True,
    "wraparound": True,
    "cdivision": True,
    "initializedcheck": False,
    "embedsignature": True,
    "binding": True,
    "freethreading_compatible": False,
}


@dataclass(frozen=True)
class Variant:
    """One way to compile all modules: flags of the C compiler and directives of Cython.

    `line_directives` lets compiler and sanitizers name lines of the `.py` file instead of the generated C.
    """

    name: str
    flags: tuple[str, ...]
    directives: dict[str, object] = field(default_factory=lambda: dict(DIRECTIVES))
    line_directives: bool = False


# Pages are read through packed structs laid over bytes, hence no strict aliasing; never -march=native, what is
# built may be shipped to an older processor.
ORDINARY = Variant(
    "ordinary",
    ("-O2", "-g1", "-DNDEBUG", "-DANOKURO_CHECKED=0", "-fwrapv", "-fno-strict-aliasing"),
)
# The ordinary build without the diagnostics of latches: what they cost is measured against it.
BLIND = Variant("blind", (*ORDINARY.flags, "-DANOKURO_DIAGNOSTICS=0"))
SANITIZER_FLAGS = (
    "-O1",
    "-g",
    "-fno-omit-frame-pointer",
    "-fno-wrapv",  # with -fwrapv signed overflow is defined, and nobody would report it
    "-UNDEBUG",
    "-fno-strict-aliasing",
    "-fsanitize=address,undefined",
    "-fno-sanitize-recover=undefined",
)
CHECKED = Variant(
    "checked",
    (*SANITIZER_FLAGS, "-DANOKURO_CHECKED=1"),
    {**DIRECTIVES, "boundscheck": True, "initializedcheck": True},
    line_directives=True,
)
# Races between threads. Wrapping is left alone here: undefined behaviour is what the checked build is for.
THREADS = Variant(
    "tsan",
    (
        "-O1",
        "-g",
        "-fno-omit-frame-pointer",
        "-fno-optimize-sibling-calls",  # every caller is in the report, for the suppressions to find
        "-fwrapv",
        "-UNDEBUG",
        "-fno-strict-aliasing",
        "-fsanitize=thread",
        "-Wno-tsan",  # fences are not understood; tests/sanitizer/suppressions.txt says where that matters
        "-DANOKURO_CHECKED=1",
    ),
    line_directives=True,
)


def module_sources(root: Path = ROOT) -> dict[str, Path]:
    """Map the dotted name of every compiled module to its source file."""
    found = {}
    for path in sorted((root / "engine").rglob("*.py*")):
        if path.stem == "__init__":
            continue
        if path.suffix == ".pyx" or (path.suffix == ".py" and path.with_suffix(".pxd").exists()):
            name = ".".join(path.relative_to(root).with_suffix("").parts)
            found[name] = path
    return found


_CIMPORT = re.compile(
    r"""^[ \t]*(?:
        from [ \t]+ (?P<package>[.\w]+) [ \t]+ cimport [ \t]+ (?P<names>\([^)]*\)|[^\n]+)
      | cimport [ \t]+ (?P<modules>[^\n]+)
      | from [ \t]+ cython\.cimports\.(?P<py_package>[.\w]+) [ \t]+ import [ \t]+ (?P<py_names>\([^)]*\)|[^\n]+)
      | import [ \t]+ cython\.cimports\.(?P<py_module>[.\w]+)
      | cdef [ \t]+ extern [ \t]+ from [ \t]+ "(?P<header>[^"<]+)"
    )""",
    re.MULTILINE | re.VERBOSE,
)


def _words(text: str) -> list[str]:
    """The names of an import list, without `as` aliases, comments and parentheses."""
    text = re.sub(r"#[^\n]*", "", text).strip("() \t\n\\")
    return [part.split()[0] for part in text.replace("\\\n", " ").split(",") if part.split()]


def cimports(path: Path) -> Iterator[str]:
    """Dotted names a `.pxd`, `.pyx` or `.py` file may cimport: packages, and their members (which may be modules)."""
    for match in _CIMPORT.finditer(path.read_text(encoding="utf-8")):
        package = match["package"] or match["py_package"]
        if package is not None:
            yield package
            joint = "" if package.endswith(".") else "."
            yield from (f"{package}{joint}{name}" for name in _words(match["names"] or match["py_names"]))
        elif match["modules"] is not None:
            yield from _words(match["modules"])
        elif match["py_module"] is not None:
            yield match["py_module"]


def _headers(path: Path) -> Iterator[Path]:
    for match in _CIMPORT.finditer(path.read_text(encoding="utf-8")):
        if match["header"] is not None and (path.parent / match["header"]).exists():
            yield path.parent / match["header"]


def dependencies(source: Path, root: Path = ROOT) -> list[Path]:
    """Every file of the project a module is compiled from, itself first: its `.pxd` and, transitively, all it cimports."""

    @cache
    def declaration(dotted: str) -> Path | None:
        base = root.joinpath(*dotted.split("."))
        for candidate in (base.with_suffix(".pxd"), base / "__init__.pxd"):
            if candidate.exists():
                return candidate
        return None

    found = [source]
    if source.with_suffix(".pxd").exists():
        found.append(source.with_suffix(".pxd"))
    for path in found:  # grows while it is walked
        for dotted in cimports(path):
            if dotted.startswith("."):
                package = path.parent.relative_to(root).parts
                dots = len(dotted) - len(dotted.lstrip("."))
                dotted = ".".join(filter(None, (*package[: len(package) - dots + 1], dotted.lstrip("."))))
            declared = declaration(dotted)
            if declared is not None and declared not in found:
                found.append(declared)
        found.extend(header for header in _headers(path) if header not in found)
    return found
