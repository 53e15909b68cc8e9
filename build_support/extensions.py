"""Which engine modules are compiled, and how.

A module is compiled when a `.pxd` of the same name stands beside its `.py` (Cython's pure Python mode);
a `.pyx` is always compiled. Package `__init__` files never are.
"""

from __future__ import annotations

import os
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

DIRECTIVES = {
    "language_level": 3,
    "infer_types": True,
    "boundscheck": False,
    "wraparound": False,
    "cdivision": True,
    "initializedcheck": False,
    "embedsignature": True,
    "binding": True,
    "freethreading_compatible": False,
}


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


def compile_args(checked: bool = False) -> list[str]:
    """Flags of the C compiler: `checked` adds assertions and the sanitizers."""
    if checked:
        return ["-O1", "-g", "-fno-omit-frame-pointer", "-fno-wrapv", "-UNDEBUG", "-DANOKURO_CHECKED=1",
                "-fsanitize=address,undefined", "-fno-sanitize-recover=undefined"]
    return ["-O2", "-g1", "-DANOKURO_CHECKED=" + os.environ.get("ANOKURO_CHECKED", "0")]
