"""Runs mypy, strict, on all plain Python: `python -m build_support.typecheck`.

Compiled modules are left to Cython; where they have a stub (.pyi), the stub is checked, and others against it.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from build_support.extensions import ROOT

PACKAGES = ("grammar", "anokuro_cli", "anokuro_bench", "engine", "build_support")


def plain_files() -> list[Path]:
    """Every stub, and every Python file that is neither compiled nor described by a stub."""
    found = []
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            stub = path.with_suffix(".pyi")
            if stub.exists():
                found.append(stub)
            elif path.name == "__init__.py" or not path.with_suffix(".pxd").exists():
                found.append(path)
    return [path.relative_to(ROOT) for path in found]


if __name__ == "__main__":
    command = [sys.executable, "-m", "mypy", *map(str, plain_files())]
    sys.exit(subprocess.run(command, cwd=ROOT, check=False).returncode)
