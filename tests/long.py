"""The long run: the same tests as ever, much more of them. `python -m tests.long [PART ...]`; without a part, all.

See tests/README.md for what each part proves. Builds the checked and the tsan build as they are needed.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time

ORDINARY = ("-m", "pytest", "-q", "-s")
CHECKED = ("-m", "build_support.dev", "--checked", "--test", "-q", "-s")
TSAN = ("-m", "build_support.dev", "--tsan", "--test", "-q")
THREADS = ("tests/isolation", "tests/engine", "tests/wal", "tests/api", "tests/inspect", "tests/crash/test_engine.py")

# part: (environment, command)
PARTS: dict[str, tuple[dict[str, str], tuple[str, ...]]] = {
    "crash": ({"ANOKURO_CRASH_SCALE": "6"}, (*ORDINARY, "tests/crash")),
    "isolation": ({"ANOKURO_ISOLATION_TRANSACTIONS": "200000"}, (*ORDINARY, "tests/isolation")),
    "machines": ({"ANOKURO_PROGRAMS": "500"}, (*ORDINARY, "tests/engine/test_machines.py")),
    "flips": ({"ANOKURO_FLIPS": "1"}, (*ORDINARY, "-o", "faulthandler_timeout=0", "tests/inspect/test_flips.py")),
    "large": (
        {"ANOKURO_LARGE_ROWS": "20000000"},
        (*ORDINARY, "-o", "faulthandler_timeout=0", "tests/engine/test_large.py", "-k", "many_rows"),
    ),
    "sql": (
        {"ANOKURO_SQL_QUERIES": "100000"},
        (*ORDINARY, "-o", "faulthandler_timeout=0", "tests/sql/test_differential.py", "tests/sql/test_metamorphic.py"),
    ),
    "interleave": ({"ANOKURO_INTERLEAVINGS": "5000"}, (*CHECKED, "-o", "faulthandler_timeout=0", "tests/interleave")),
    "tsan": ({"ANOKURO_ISOLATION_TRANSACTIONS": "10000"}, (*TSAN, *THREADS, "-k", "sums or thread or group or crash")),
}


def main() -> int:
    chosen = sys.argv[1:] or list(PARTS)
    if unknown := set(chosen) - PARTS.keys():
        print(f"no part {', '.join(sorted(unknown))}; there are {', '.join(PARTS)}", file=sys.stderr)
        return 2
    bad = []
    for name in chosen:
        environment, command = PARTS[name]
        began = time.monotonic()
        status = subprocess.run([sys.executable, *command], env={**os.environ, **environment}, check=False).returncode
        print(
            f"=== {name}: {'good' if status == 0 else f'status {status}'}, {time.monotonic() - began:.0f} s", flush=True
        )
        if status != 0:
            bad.append(name)
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
