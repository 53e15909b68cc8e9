"""Compiles the engine's modules: Cython, then the C compiler, several modules at a time, only what changed.

    source, .pxd and all they cimport, flags, versions --hash--> key --equal to the stored one?--> nothing to do
                                                                     --else--> Cython -> C -> temporary .so -> rename

A module counts as fresh when the hash of all it is made from is the one stored when it was last built; times of files
play no part. One lock per module lets several builds of a checkout run at once, and the rename at the end leaves no
moment in which the module is absent or half written (a running process keeps the one it has mapped).
"""

from __future__ import annotations

import concurrent.futures
import contextlib
import fcntl
import hashlib
import importlib.metadata
import io
import multiprocessing
import os
import sysconfig
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from build_support.compiler import Compiler, CompilerError, find_compiler
from build_support.extensions import Variant, dependencies

SUFFIX: str = sysconfig.get_config_var("EXT_SUFFIX")
ERRORS_SHOWN = 6


@dataclass(frozen=True)
class Job:
    """One module to compile: everything a worker process needs to know."""

    name: str
    source: Path
    target: Path
    root: Path
    work: Path
    variant: Variant

    def key(self) -> str:
        """Hash of all that decides what the compiled module is, the C compiler's version excepted."""
        digest = hashlib.sha256()
        chosen = [os.environ.get(name, "") for name in ("CC", "CFLAGS", "LDFLAGS")]
        for part in (self.variant, chosen, importlib.metadata.version("cython"), SUFFIX):
            digest.update(repr(part).encode())
        for path in dependencies(self.source, self.root):
            digest.update(f"\0{path.relative_to(self.root)}\0".encode() + path.read_bytes())
        return digest.hexdigest()

    @property
    def key_file(self) -> Path:
        return self.work / "keys" / f"{self.name}{SUFFIX}.key"

    def is_fresh(self) -> bool:
        """Whether the compiled module is there and made from exactly what its sources are now."""
        try:
            return self.target.exists() and self.key_file.read_text() == self.key()
        except OSError:
            return False


@dataclass(frozen=True)
class Outcome:
    """What became of one job: `problem` is empty when it succeeded."""

    name: str
    seconds: float
    problem: str = ""
    messages: str = ""


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[None]:
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _shortened(messages: str) -> str:
    """The first few of Cython's errors: one mistake in a declaration has hundreds of others follow."""
    separator = "\nError compiling Cython file:\n"
    errors = messages.strip().split(separator)
    more = f"\n\n... and {len(errors) - ERRORS_SHOWN} more errors" if len(errors) > ERRORS_SHOWN else ""
    return separator.join(errors[:ERRORS_SHOWN]).strip() + more


def _to_c(job: Job) -> tuple[Path, str]:
    """Run Cython on one module; returns the C file and Cython's messages."""
    from Cython.Build import cythonize
    from Cython.Compiler.Errors import CompileError
    from setuptools import Extension

    messages = io.StringIO()
    build_dir = os.path.relpath(job.work / "c", job.root)
    relative = job.source.relative_to(job.root)
    # Cython finds packages, and names sources in tracebacks, relative to where it runs.
    with contextlib.chdir(job.root), contextlib.redirect_stderr(messages), contextlib.redirect_stdout(messages):
        try:
            cythonize(
                [Extension(job.name, [str(relative)])],
                compiler_directives=job.variant.directives,
                build_dir=build_dir,
                force=True,
                quiet=True,
                emit_linenums=job.variant.line_directives,
            )
        except CompileError as error:
            raise CompilerError(f"{_shortened(messages.getvalue())}\n{error}") from None
    return job.work / "c" / relative.with_suffix(".c"), messages.getvalue().strip()


def _compile(job: Job, compiler: Compiler) -> Outcome:
    """Build one module under its lock, unless another process has just done it."""
    began = time.perf_counter()
    with _locked(job.work / "locks" / f"{job.name}.lock"):
        if job.is_fresh():
            return Outcome(job.name, time.perf_counter() - began)
        key = job.key()  # before the sources are read: an edit in between makes the module stale again
        temporary = job.target.with_name(f".{job.target.name}.{os.getpid()}")
        try:
            c_file, messages = _to_c(job)
            job.target.parent.mkdir(parents=True, exist_ok=True)
            warnings = compiler.compile_shared(c_file, temporary, job.variant.flags, job.root)
            os.replace(temporary, job.target)
            job.key_file.parent.mkdir(parents=True, exist_ok=True)
            job.key_file.write_text(key)
        except (CompilerError, OSError) as error:
            temporary.unlink(missing_ok=True)
            return Outcome(job.name, time.perf_counter() - began, problem=str(error))
    return Outcome(job.name, time.perf_counter() - began, messages="\n".join(filter(None, (messages, warnings))))


def compile_all(jobs: list[Job], workers: int | None = None) -> Iterator[Outcome]:
    """Build the jobs that are not fresh, one process per processor; yields each outcome as it comes.

    A module that fails does not keep the others from being built.
    """
    if not jobs:
        return
    compiler = find_compiler()
    workers = min(len(jobs), workers or os.cpu_count() or 1)
    if workers == 1:
        yield from (_compile(job, compiler) for job in jobs)
        return
    import Cython.Build  # noqa: F401  imported once here, for all the processes forked below

    # The largest first: the last one to finish then is a small one.
    jobs = sorted(jobs, key=lambda job: -job.source.stat().st_size)
    context = multiprocessing.get_context("fork")
    with concurrent.futures.ProcessPoolExecutor(workers, mp_context=context) as pool:
        futures = [pool.submit(_compile, job, compiler) for job in jobs]
        for future in concurrent.futures.as_completed(futures):
            yield future.result()


def target_in(root: Path, name: str) -> Path:
    """Where the compiled module of this name lies beside its source under `root`."""
    return root.joinpath(*name.split(".")).with_name(name.rpartition(".")[2] + SUFFIX)


def remove_orphans(root: Path, names: set[str]) -> list[Path]:
    """Delete compiled modules whose source is gone or is plain Python again: they would be imported instead of it."""
    orphans = []
    for path in (root / "engine").rglob("*" + SUFFIX):
        if path.name.startswith("."):
            continue  # being written by another build
        name = ".".join((*path.parent.relative_to(root).parts, path.name.removesuffix(SUFFIX)))
        if name not in names:
            path.unlink(missing_ok=True)
            orphans.append(path)
    return orphans
