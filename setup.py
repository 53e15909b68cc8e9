"""Builds the compiled modules of the engine with build_support.compile; everything else stands in pyproject.toml."""

import shutil
import tempfile
from pathlib import Path

from setuptools import Extension, setup
from setuptools.command.build import build
from setuptools.command.build_ext import build_ext

from build_support.compile import Job, compile_all, target_in
from build_support.compiler import find_compiler
from build_support.extensions import ORDINARY, ROOT, module_sources


class FreshBuild(build):
    """Collects a wheel in a new folder: what an earlier build left behind cannot get into it."""

    def initialize_options(self):
        super().initialize_options()
        self._folder = tempfile.TemporaryDirectory(prefix="anokuro-build-")  # removed when the process ends
        self.build_base = self._folder.name


class CompileModules(build_ext):
    """Compiles beside the sources, only what changed, and copies the result where a wheel is being collected."""

    def run(self):
        sources = module_sources(ROOT)
        work = ROOT / "build" / ORDINARY.name
        jobs = [Job(name, path, target_in(ROOT, name), ROOT, work, ORDINARY) for name, path in sources.items()]
        stale = [job for job in jobs if not job.is_fresh()]
        print(f"{len(jobs)} modules, to be compiled: {len(stale)} with {find_compiler()}", flush=True)
        failed = False
        for outcome in compile_all(stale):
            print(f"{outcome.name}: {outcome.problem or f'{outcome.seconds:.1f} s'}", flush=True)
            failed = failed or bool(outcome.problem)
        if failed:
            raise SystemExit("error: the engine could not be compiled; the messages above say why")
        if not self.inplace and not self.editable_mode:
            for job in jobs:
                target = target_in(Path(self.build_lib).resolve(), job.name)
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(job.target, target)


setup(
    ext_modules=[Extension(name, [str(path.relative_to(ROOT))]) for name, path in module_sources(ROOT).items()],
    cmdclass={"build": FreshBuild, "build_ext": CompileModules},
)
