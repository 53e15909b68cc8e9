"""Developer's build: `python -m build_support.dev [module prefix ...]` rebuilds, in place, only what changed.

One lock serialises concurrent builds of one checkout.
"""

from __future__ import annotations

import fcntl
import os
import sys

from setuptools import Distribution, Extension

from build_support.extensions import DIRECTIVES, ROOT, compile_args, module_sources


def build(prefixes: list[str]) -> None:
    from Cython.Build import cythonize

    os.chdir(ROOT)
    (ROOT / "build").mkdir(exist_ok=True)
    with open(ROOT / "build" / ".lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        chosen = {n: p for n, p in module_sources().items() if not prefixes or n.startswith(tuple(prefixes))}
        extensions = [
            Extension(n, [str(p.relative_to(ROOT))], extra_compile_args=compile_args()) for n, p in chosen.items()
        ]
        ready = cythonize(extensions, compiler_directives=DIRECTIVES, build_dir="build/cython", annotate=False)
        command = Distribution({"name": "anokuro", "ext_modules": ready}).get_command_obj("build_ext")
        command.inplace = True
        command.parallel = 2
        command.build_temp = "build/temp"
        command.ensure_finalized()
        command.run()


if __name__ == "__main__":
    build(sys.argv[1:])
