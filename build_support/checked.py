"""The checked builds: copies of the checkout, compiled with assertions and sanitizers, and how tests run on them.

    checked   address and undefined behaviour; stops at the first finding
    tsan      races between threads; reports all, and the process that had one ends with status 66

They are copies because Python imports what lies beside the sources, and there the ordinary modules are. Everything tests
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
from build_support.extensions import CHECKED, ROOT, THREADS, Variant

COPIED = ("engine", "grammar", "anokuro_cli", "anokuro_bench", "tests", "examples", "build_support", ".ci")
COPIED_FILES = ("pyproject.toml", "setup.py", "README.md", "LICENSE", "MANIFEST.in")
NOT_COPIED = ("__pycache__", ".so", ".pyd", ".hypothesis")
PRELOADED = {CHECKED.name: ("libasan.so", "libubsan.so", "libstdc++.so"), THREADS.name: ("libtsan.so",)}
SUPPRESSIONS = Path("tests", "sanitizer", "suppressions.txt")
RACE_STATUS = 66


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


def sanitizer_libraries(variant: Variant = CHECKED) -> list[str]:
    """Paths of the run-time libraries that must be loaded before Python's own; empty where the compiler has none."""
    found = []
    for name in PRELOADED[variant.name]:
        command = [*find_compiler().command, f"-print-file-name={name}"]
        path = subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
        if not os.path.isabs(path) or not os.path.exists(path):
            return []
        found.append(os.path.realpath(path))
    return found


def sanitizer_environment(variant: Variant = CHECKED, root: Path = ROOT) -> dict[str, str]:
    """Environment in which stock Python can import modules built with sanitizers.

    Raises RuntimeError where the compiler brings no sanitizer libraries.
    """
    libraries = sanitizer_libraries(variant)
    if not libraries:
        raise RuntimeError(
            f"the C compiler ({find_compiler()}) has no {', '.join(PRELOADED[variant.name])}: use gcc with its sanitizers"
        )
    common = {
        **os.environ,
        "LD_PRELOAD": " ".join(libraries),
        "PYTHONMALLOC": "malloc",
        "ANOKURO_CHECKED_BUILD": "1",
    }
    if variant is THREADS:
        options = f"exitcode={RACE_STATUS}:history_size=4:suppressions={root / SUPPRESSIONS}"
        return {**common, "ANOKURO_TSAN_BUILD": "1", "TSAN_OPTIONS": options}
    return {
        **common,
        "ASAN_OPTIONS": "detect_leaks=0",
        "UBSAN_OPTIONS": "halt_on_error=1:print_stacktrace=1",
    }


def run_tests(root: Path, arguments: list[str], variant: Variant = CHECKED) -> int:
    """Run pytest in the checked copy, in one process; returns its exit status."""
    command = [sys.executable, "-m", "pytest", "-p", "no:xdist", *arguments]
    return subprocess.run(command, cwd=root, env=sanitizer_environment(variant, root), check=False).returncode
