"""The developer's command: rebuild what changed, check it, print a micro-benchmark.

    python -m build_support.dev                      everything that changed
    python -m build_support.dev engine.wal           only modules whose names begin like this
    python -m build_support.dev --checked            the checked build (assertions, sanitizers), in build/checked
    python -m build_support.dev --checked --test -q tests/btree     ... and pytest on it; the rest goes to pytest
    python -m build_support.dev --tsan --test -q tests/isolation    the same with the thread sanitizer, in build/tsan

Several may run at once in one checkout. Modules are built in place, beside their sources.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from pathlib import Path

from build_support.checked import mirror, run_tests
from build_support.compile import Job, compile_all, remove_orphans, target_in
from build_support.extensions import CHECKED, ORDINARY, ROOT, THREADS, Variant, module_sources


def rebuild(root: Path, work: Path, variant: Variant, prefixes: list[str], everything: bool) -> tuple[list[str], bool]:
    """Compile, under `root`, the chosen modules that changed; returns the names of those built, and success."""
    sources = module_sources(root)
    for path in remove_orphans(root, set(sources)):
        print(f"removed {path.relative_to(root)}: its source is no longer compiled")
    jobs = [Job(name, path, target_in(root, name), root, work, variant) for name, path in sources.items()]
    if everything:
        for job in jobs:
            if not prefixes or job.name.startswith(tuple(prefixes)):
                job.key_file.unlink(missing_ok=True)
    stale = [job for job in jobs if not job.is_fresh()]
    chosen = [job for job in stale if not prefixes or job.name.startswith(tuple(prefixes))]
    built, good = [], True
    for outcome in compile_all(chosen):
        print(f"  {outcome.name}  {outcome.seconds:.1f} s", flush=True)
        if outcome.messages:
            print(outcome.messages)
        if outcome.problem:
            print(f"{outcome.problem}\n{outcome.name} was not built\n", flush=True)
            good = False
        else:
            built.append(outcome.name)
    others = [job.name for job in stale if job not in chosen]
    if others:
        print(f"  also out of date, not asked for: {', '.join(others)}")
    return built, good


def check_imports(names: list[str]) -> bool:
    """Import every module just built in a new process: finds missing symbols and wrong declarations."""
    if not names:
        return True
    code = "import importlib, sys\nfor name in sys.argv[1:]: importlib.import_module(name)"
    done = subprocess.run([sys.executable, "-c", code, *names], cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        print(done.stderr.strip() or f"importing ended with status {done.returncode}")
    return done.returncode == 0


def benchmark() -> bool:
    """Run the micro-benchmark in a new process (it sees what was just built)."""
    command = [sys.executable, "-m", "build_support.benchmark"]
    return subprocess.run(command, cwd=ROOT, check=False).returncode == 0


def arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m build_support.dev", description=__doc__.splitlines()[0])
    parser.add_argument("prefixes", nargs="*", metavar="MODULE", help="names, or beginnings of names, of modules")
    parser.add_argument("--all", action="store_true", help="rebuild the chosen modules even if nothing changed")
    parser.add_argument("--no-benchmark", action="store_true", help="leave the micro-benchmark out")
    parser.add_argument("--checked", action="store_true", help="the checked build: assertions and sanitizers")
    parser.add_argument("--tsan", action="store_true", help="the checked build with the thread sanitizer instead")
    parser.add_argument("--into", type=Path, help="folder of the checked build (build/checked, build/tsan)")
    parser.add_argument("--test", nargs=argparse.REMAINDER, help="run pytest on the checked build with these arguments")
    return parser


def checked_build(options: argparse.Namespace) -> int:
    """Mirror the checkout into a folder of its own, compile there with sanitizers, run the tests there if asked."""
    variant = THREADS if options.tsan else CHECKED
    root = (options.into or ROOT / "build" / variant.name).resolve()
    if root == ROOT or root in ROOT.parents:
        print("--into must name a folder that does not hold the checkout", file=sys.stderr)
        return 2
    mirror(ROOT, root)
    built, good = rebuild(root, root / "build" / variant.name, variant, options.prefixes, options.all)
    print(f"{variant.name} build in {root}: {len(built)} modules rebuilt")
    if not good:
        return 1
    return run_tests(root, options.test, variant) if options.test is not None else 0


def main() -> int:
    parser = arguments()
    options = parser.parse_args()
    if options.test is not None and not (options.checked or options.tsan):
        parser.error("--test belongs to --checked or --tsan; in the ordinary build run pytest itself")
    if options.checked or options.tsan:
        return checked_build(options)
    began = time.perf_counter()
    built, good = rebuild(ROOT, ROOT / "build" / ORDINARY.name, ORDINARY, options.prefixes, options.all)
    compiled = time.perf_counter()
    good = check_imports(built) and good
    checked = time.perf_counter()
    if good and not options.no_benchmark:
        good = benchmark()
    now = time.perf_counter()
    print(
        f"{len(built)} modules rebuilt in {compiled - began:.1f} s, imported in {checked - compiled:.1f} s, "
        f"benchmark {now - checked:.1f} s; {now - began:.1f} s in all"
    )
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
