"""The workloads, a class each, in the order in which they run."""

from __future__ import annotations

from anokuro_bench.settings import BenchmarkError
from anokuro_bench.workloads.base import Role, Workload
from anokuro_bench.workloads.mixed import (
    ReadMany2Writing,
    ReadWhileWriting,
    YcsbA,
    YcsbB,
    YcsbC,
    YcsbD,
    YcsbE,
    YcsbF,
)
from anokuro_bench.workloads.reads import ReadCold, ReadMany, ReadMany2, ReadMissing, ReadRandom, ReadSeq, SeekRandom
from anokuro_bench.workloads.writes import FillMany, FillRandom, FillSeq, FillSync, FillSyncThreads, Overwrite

WORKLOADS: tuple[type[Workload], ...] = (
    ReadRandom, ReadMissing, ReadSeq, SeekRandom, ReadMany, ReadMany2, ReadMany2Writing, ReadCold,
    FillMany, FillSync, FillSyncThreads, FillSeq, FillRandom, Overwrite, ReadWhileWriting,
    YcsbA, YcsbB, YcsbC, YcsbD, YcsbE, YcsbF,
)  # fmt: skip
NAMES = {workload.name: workload for workload in WORKLOADS}


def workloads_named(names: tuple[str, ...]) -> list[Workload]:
    """Instances of the workloads of these names, all where none are given; `ycsb` and a beginning with * stand for several."""
    wanted: set[str] = set()
    for name in names:
        prefix = "ycsb-" if name == "ycsb" else name.removesuffix("*")
        some = prefix != name
        found = {known for known in NAMES if known == name or (some and known.startswith(prefix))}
        if not found:
            raise BenchmarkError(f"there is no workload {name!r}", "anokuro bench --list shows them")
        wanted |= found
    return [workload() for workload in WORKLOADS if not names or workload.name in wanted]


__all__ = ["NAMES", "WORKLOADS", "Role", "Workload", "workloads_named"]
