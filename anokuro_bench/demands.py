"""What Anokuro is to reach, as ratios within one run, and whether a run reached it."""

from __future__ import annotations

from dataclasses import dataclass

from anokuro_bench.results import Measurement, Report, ratio
from anokuro_bench.stores import TITLES

OURS = "anokuro"


@dataclass(frozen=True)
class Demand:
    """Anokuro's rate of `workload` is at least `wanted` times that of the best of `peers` at the same workload, or, where
    `base` names another workload, of Anokuro's own rate of that. A demand with neither is a rate by itself."""

    text: str
    workload: str
    wanted: float
    peers: tuple[str, ...] = ()
    base: str = ""

    @property
    def workloads(self) -> tuple[str, ...]:
        """What must be run to know."""
        return (self.workload, self.base) if self.base else (self.workload,)


DEMANDS = (
    Demand("get", "readrandom", 2.5, ("lmdb",)),
    Demand("get, a second (2 cores of an AMD EPYC)", "readrandom", 1_400_000),
    Demand("get_many of 1,000", "readmany", 5.0, ("lmdb",)),
    Demand("put_many of all, random order, one durable transaction", "fillmany", 1.3, ("lmdb",)),
    Demand("single puts, not waiting for the disk", "fillrandom", 1.5, ("lmdb", "leveldb")),
    Demand("durable single puts", "fillsync", 1.0, ("lmdb", "leveldb", "sqlite")),
    Demand("durable puts of 32 threads", "fillsyncthreads", 8.0, base="fillsync"),
    Demand("full scan", "readseq", 0.5, ("lmdb",)),
    Demand("range scans of 100", "seekrandom", 1.0, ("lmdb",)),
    Demand("get_many in two threads", "readmany2", 1.7, base="readmany"),
    Demand("the same beside a thread of durable puts", "readmany2writing", 0.8, base="readmany2"),
    Demand("get, data four times the pool", "readcold", 1.0, ("sqlite",)),
)
NEEDED = tuple(dict.fromkeys(name for demand in DEMANDS for name in demand.workloads))


@dataclass(frozen=True)
class Verdict:
    """A demand and what was measured. measured, lowest, highest: the ratio, median and extremes of the rounds, or None where
    something it needs was not measured. against: with what it was compared. cpu: how many times the CPU time the peer took for
    the same; it changes less than the rate when others use the machine, and decides nothing."""

    demand: Demand
    measured: float | None
    lowest: float = 0.0
    highest: float = 0.0
    against: str = ""
    cpu: float | None = None

    @property
    def met(self) -> bool | None:
        """None where it could not be measured."""
        return None if self.measured is None else self.measured >= self.demand.wanted


def verdicts(report: Report) -> list[Verdict]:
    """Every demand, in order."""
    return [_verdict(report, demand) for demand in DEMANDS]


def _verdict(report: Report, demand: Demand) -> Verdict:
    ours = report.find(demand.workload, OURS)
    if ours is None:
        return Verdict(demand, None, against=f"{demand.workload} was not run")
    if demand.base:
        base = report.find(demand.base, OURS)
        if base is None:
            return Verdict(demand, None, against=f"{demand.base} was not run")
        return Verdict(demand, *ratio(ours, base), against=f"Anokuro's own {demand.base}")
    if not demand.peers:
        return Verdict(demand, ours.rate, min(ours.rates), max(ours.rates), "the clock")
    peers: list[Measurement] = []
    for name in demand.peers:
        peer = report.find(demand.workload, name)
        if peer is None:  # the best of the others might be slower than this one
            return Verdict(demand, None, against=f"{TITLES[name]} was not measured")
        if peer.durability != ours.durability:
            raise AssertionError("rates of different durability classes are never compared")
        peers.append(peer)
    best = max(peers, key=lambda one: one.rate)
    cpu = best.cpu_each / ours.cpu_each if ours.cpu_seconds else None
    return Verdict(demand, *ratio(ours, best), against=TITLES[best.engine], cpu=cpu)
