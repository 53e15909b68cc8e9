"""The machine a benchmark ran on."""

from __future__ import annotations

import os
import platform
import time
from pathlib import Path
from statistics import median

SYNCS = 30


def describe(folder: Path) -> dict[str, str]:
    """CPU, memory, kernel, Python, date, load, and how long a small synced write takes in `folder`."""
    return {
        "date": time.strftime("%Y-%m-%d %H:%M %Z"),
        "cpu": f"{os.cpu_count()} x {_field('/proc/cpuinfo', 'model name') or platform.machine()}",
        "memory": _memory(),
        "kernel": f"{platform.system()} {platform.release()}",
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "fdatasync": f"{fdatasync_us(folder):,.0f} us for 4 KiB appended (median of {SYNCS})",
        "load": " ".join(f"{load:.2f}" for load in os.getloadavg()),
    }


def fdatasync_us(folder: Path) -> float:
    """Microseconds of an append of 4 KiB and its fdatasync."""
    path, times = folder / "fdatasync", []
    with path.open("wb", buffering=0) as file:
        for _ in range(SYNCS):
            began = time.perf_counter()
            file.write(b"\xa5" * 4096)
            os.fdatasync(file.fileno())
            times.append(time.perf_counter() - began)
    path.unlink()
    return median(times) * 1e6


def written_bytes() -> int:
    """Bytes this process has handed to the disk, also through mappings; 0 where the system does not say."""
    return int(_field("/proc/self/io", "write_bytes") or 0)


def occupied_bytes(folder: Path) -> int:
    """What the files of a folder occupy, holes not counted."""
    return sum(path.stat().st_blocks * 512 for path in folder.rglob("*") if path.is_file())


def _field(file: str, name: str) -> str:
    try:
        lines = Path(file).read_text(encoding="utf-8").splitlines()
    except OSError:
        return ""
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith(name)), "")


def _memory() -> str:
    found = _field("/proc/meminfo", "MemTotal").split()
    return f"{int(found[0]) / 2**20:.0f} GiB" if found else "unknown"
