"""Which C compiler builds the engine, and the command line it gets.

Order: `$CC`, the compiler Python was built with, `cc`, `gcc`, `clang`; each has to compile a few lines to count as found.
Where none does, the wheel `ziglang` is required by the build (see backend.py) and `zig cc` compiles.
"""

from __future__ import annotations

import functools
import importlib.util
import os
import platform
import shlex
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from dataclasses import dataclass
from pathlib import Path

PROBE = """
#include <pthread.h>
#include <stdint.h>
#include <string.h>
uint64_t probe(const char *text) { return (uint64_t)strlen(text); }
"""

# zig names glibc versions itself and refuses those it does not know yet.
NEWEST_GLIBC = (2, 38)


class CompilerError(Exception):
    """No usable C compiler, or one that reported errors (the message holds its output)."""


@dataclass(frozen=True)
class Compiler:
    """A command that compiles and links C, and what only it needs."""

    command: tuple[str, ...]
    extra_flags: tuple[str, ...] = ()

    def __str__(self) -> str:
        return shlex.join(self.command)

    def compile_shared(self, source: Path, target: Path, flags: tuple[str, ...], include: Path) -> str:
        """Compile one C file to one extension module; returns the compiler's warnings.

        `$CFLAGS` and `$LDFLAGS` are added at the end. Raises CompilerError with the compiler's messages.
        """
        paths = dict.fromkeys([sysconfig.get_path("include"), sysconfig.get_path("platinclude")])
        link = ["-bundle", "-undefined", "dynamic_lookup"] if sys.platform == "darwin" else ["-shared"]
        command = [
            *self.command,
            *self.extra_flags,
            *flags,
            *shlex.split(os.environ.get("CFLAGS", "")),
            "-fPIC",
            "-pthread",
            "-fvisibility=hidden",
            *(f"-I{path}" for path in (include, *paths)),
            str(source),
            *link,
            "-o",
            str(target),
            "-lm",
            *shlex.split(os.environ.get("LDFLAGS", "")),
        ]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            hint = ""
            if "Python.h" in done.stderr:
                hint = "\nThe headers of Python are missing: install its development package (python3-dev or the like)."
            raise CompilerError(f"{shlex.join(command)}\n{done.stderr.strip()}{hint}")
        return done.stderr.strip()


def _works(command: list[str]) -> bool:
    if not command or shutil.which(command[0]) is None:
        return False
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder, "probe.c")
        source.write_text(PROBE)
        try:
            done = subprocess.run(
                [*command, "-shared", "-fPIC", "-o", f"{folder}/probe.so", str(source)],
                capture_output=True,
                check=False,
            )
        except OSError:
            return False
        return done.returncode == 0


@functools.cache
def system_compiler() -> Compiler | None:
    """The C compiler of this machine; None where there is none. Raises CompilerError for a `$CC` that does not work."""
    wanted = shlex.split(os.environ.get("CC", ""))
    if wanted:
        if not _works(wanted):
            raise CompilerError(
                f"$CC is {shlex.join(wanted)!r}, which cannot compile a small file: correct or unset it"
            )
        return Compiler(tuple(wanted))
    of_python = shlex.split(sysconfig.get_config_var("CC") or "")[:1]
    for command in (of_python, ["cc"], ["gcc"], ["clang"]):
        if _works(command):
            return Compiler(tuple(command))
    return None


def zig_target() -> list[str]:
    """Flags that make `zig cc` build for this platform's C library and any processor of its architecture.

    Without a target zig would use everything this very processor can do.
    """
    if sys.platform != "linux":
        return ["-mcpu=baseline"]
    machine = {"amd64": "x86_64", "arm64": "aarch64"}.get(platform.machine().lower(), platform.machine().lower())
    library, version = platform.libc_ver()
    if library != "glibc":
        return ["-target", f"{machine}-linux-musl"]
    glibc = tuple(int(part) for part in version.split(".")[:2])
    return ["-target", f"{machine}-linux-gnu.{'.'.join(map(str, min(glibc, NEWEST_GLIBC)))}"]


def find_compiler() -> Compiler:
    """The compiler to use now. Raises CompilerError where neither a C compiler nor the ziglang wheel is there."""
    found = system_compiler()
    if found is not None:
        return found
    if importlib.util.find_spec("ziglang") is None:
        raise CompilerError("no C compiler found (tried $CC, cc, gcc, clang), and the package ziglang is not installed")
    # -fno-sanitize: zig turns a sanitizer on by itself; 32-bit hosts and the rest of its defaults are fine.
    return Compiler((sys.executable, "-m", "ziglang", "cc"), (*zig_target(), "-fno-sanitize=undefined"))
