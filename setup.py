"""Builds the compiled modules of the engine with build_support.compile; everything else stands in pyproject.toml."""

import os
import tempfile
from pathlib import Path

from setuptools import Extension, setup
from setuptools.command.build import build
from setuptools.command.build_ext import build_ext

from build_support.compile import Job, compile_all, target_in
from build_support.extensions import ORDINARY, ROOT, module_sources


class FreshBuild(build):
    """Collects a wheel in a new folder: what an earlier build left behind cannot get into it."""

    def initialize_options(self):
        super().initialize_options()
        self._folder = tempfile.TemporaryDirectory(prefix="anokuro-build-")  # removed when the process ends
        self.build_base = self._folder.name


class CompileModules(build_ext):
    """Compiles in place for an editable install (sharing the developer's build), into the wheel's folder otherwise."""

    def run(self):
        sources = module_sources(ROOT)
        in_place = self.inplace or self.editable_mode
        target_root = ROOT if in_place else Path(self.build_lib).resolve()
        work = ROOT / "build" / ORDINARY.name if in_place else Path(self.build_temp).resolve()
        jobs = [Job(name, path, target_in(target_root, name), ROOT, work, ORDINARY) for name, path in sources.items()]
        jobs = [job for job in jobs if not job.is_fresh()]
        print(f"compiling {len(jobs)} of {len(sources)} modules with {os.cpu_count()} processes", flush=True)
        failed = False
        for outcome in compile_all(jobs):
            print(f"{outcome.name}: {outcome.problem or f'{outcome.seconds:.1f} s'}", flush=True)
            failed = failed or bool(outcome.problem)
        if failed:
            raise SystemExit("error: the engine could not be compiled; the messages above say why")


setup(
    ext_modules=[Extension(name, [str(path.relative_to(ROOT))]) for name, path in module_sources(ROOT).items()],
    cmdclass={"build": FreshBuild, "build_ext": CompileModules},
)
