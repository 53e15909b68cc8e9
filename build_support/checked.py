"""The checked build: a copy of the checkout, compiled with assertions and sanitizers, and how tests run on it.

It is a copy because Python imports what lies beside the sources, and there the ordinary modules are. Everything tests
look at is copied, so that paths relative to the repository hold there too.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from build_support.compiler import find_compiler

COPIED = ("engine", "grammar", "anokuro_cli", "anokuro_bench", "tests", "examples", "build_support", ".ci")
COPIED_FILES = ("pyproject.toml", "setup.py", "README.md", "LICENSE", "MANIFEST.in")
NOT_COPIED = ("__pycache__", ".so", ".pyd", ".hypothesis")
PRELOADED = ("libasan.so", "libubsan.so", "libstdc++.so")


def _files(root: Path) -> Iterator[Path]:
    for folder in COPIED:
        for path in sorted((root / folder).rglob("*")):
            if path.is_file() and not any(part in path.parts or path.name.endswith(part) for part in NOT_COPIED):
                yield path.relative_to(root)
    for name in COPIED_FILES:
        if (root / name).exists():
            yield Path(name)


def mirror(source: Path, target: Path) -> None:
    """Make `target` a copy of the checkout's sources: changed files are copied, files that are gone are removed.

    Compiled modules in the target stay. Raises OSError.
    """
    wanted = set(_files(source))
    if target.exists():
        for path in set(_files(target)) - wanted:
            (target / path).unlink()
    for path in sorted(wanted):
        here, there = source / path, target / path
        if there.exists() and there.read_bytes() == here.read_bytes():
            continue
        there.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(here, there)


def sanitizer_libraries() -> list[str]:
    """Paths of the run-time libraries that must be loaded before Python's own; empty where the compiler has none."""
    found = []
    for name in PRELOADED:
        command = [*find_compiler().command, f"-print-file-name={name}"]
        path = subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
        if not os.path.isabs(path) or not os.path.exists(path):
            return []
        found.append(os.path.realpath(path))
    return found


def sanitizer_environment() -> dict[str, str]:
    """Environment in which stock Python can import modules built with sanitizers, and stops at their first finding.

    Raises RuntimeError where the compiler brings no sanitizer libraries.
    """
    libraries = sanitizer_libraries()
    if not libraries:
        raise RuntimeError(f"the C compiler ({find_compiler()}) has no {', '.join(PRELOADED)}: use gcc with libasan")
    return {
        **os.environ,
        "LD_PRELOAD": " ".join(libraries),
        "PYTHONMALLOC": "malloc",
        "ASAN_OPTIONS": "detect_leaks=0",
        "UBSAN_OPTIONS": "halt_on_error=1:print_stacktrace=1",
        "ANOKURO_CHECKED_BUILD": "1",
    }


def run_tests(root: Path, arguments: list[str]) -> int:
    """Run pytest in the checked copy, in one process; returns its exit status."""
    command = [sys.executable, "-m", "pytest", "-p", "no:xdist", *arguments]
    return subprocess.run(command, cwd=root, env=sanitizer_environment(), check=False).returncode
