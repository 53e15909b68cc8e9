"""A machine without a C compiler, made from one that has one: a copy of the checkout, and a PATH without compilers.

python -m build_support.no_compiler FOLDER                  make both
python -m build_support.no_compiler --environment FOLDER    print the shell command that sets PATH
python -m build_support.no_compiler --verify FOLDER         the modules built there come from zig, every one
"""

from __future__ import annotations

import argparse
import os
import re
import shlex
import sys
from pathlib import Path

from build_support.checked import mirror
from build_support.compile import target_in
from build_support.extensions import ROOT, module_sources

COMPILERS = re.compile(r"(.*-)?(cc|c89|c99|gcc|g\+\+|c\+\+|cpp|clang|clang\+\+|tcc|zig|icx)(-[\d.]+)?")
MARK = b"clang version"  # what zig's compiler leaves in the .comment section; gcc leaves "GCC: ("


def programs(folder: Path) -> Path:
    """Where the programs of the compiler-less PATH are."""
    return folder.with_name(folder.name + "-bin")


def make(folder: Path) -> None:
    """Copy the checkout, and link every program of PATH that is no compiler. Python is entered by its real name."""
    mirror(ROOT, folder)
    bin_folder = programs(folder)
    bin_folder.mkdir(parents=True, exist_ok=True)
    for old in bin_folder.iterdir():
        old.unlink()
    for entry in os.environ["PATH"].split(os.pathsep):
        for program in sorted(Path(entry).glob("*")):
            link = bin_folder / program.name
            wanted = not COMPILERS.fullmatch(program.name) and not program.name.startswith(("python", "pip"))
            if wanted and os.access(program, os.X_OK) and not link.exists() and not link.is_symlink():
                link.symlink_to(program.resolve())
    python = bin_folder / "python3"
    python.write_text(f'#!/bin/sh\nexec {shlex.quote(os.path.realpath(sys.executable))} "$@"\n')
    python.chmod(0o755)


def verify(folder: Path) -> list[str]:
    """Names of modules in the copy that zig did not compile (or that are not there)."""
    wrong = []
    for name in module_sources(folder):
        target = target_in(folder, name)
        if not target.exists() or MARK not in target.read_bytes():
            wrong.append(name)
    return wrong


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m build_support.no_compiler")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--environment", action="store_true")
    parser.add_argument("--verify", action="store_true")
    options = parser.parse_args()
    folder = options.folder.resolve()
    if options.environment:
        print(f"unset CC; export PATH={shlex.quote(str(programs(folder)))}")
    elif options.verify:
        wrong = verify(folder)
        print(f"not compiled by zig: {', '.join(wrong)}" if wrong else "every module was compiled by zig")
        return 1 if wrong else 0
    else:
        make(folder)
    return 0


if __name__ == "__main__":
    sys.exit(main())
