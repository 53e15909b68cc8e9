"""Reports made by hand, for tests of what is done with them."""

from __future__ import annotations

from anokuro_bench.results import Measurement, Report
from anokuro_bench.workloads import NAMES

RATES = {"anokuro": [300.0, 330.0, 360.0], "lmdb": [100.0, 110.0, 120.0]}


def measurement(workload: str, engine: str, rates: list[float], face: str = "kv") -> Measurement:
    """A measurement with some latencies and costs."""
    return Measurement(
        workload=workload, face=face, durability=NAMES[workload].durability, unit=NAMES[workload].unit, engine=engine,
        items=1000, rates=rates, cpu_seconds=0.5, file_bytes=123_456,
        written_per_user_byte=1.5 if NAMES[workload].writes else None,
        latency_us={"p50": 1.0, "p99": 2.0, "p99.9": 3.0, "max": 9.0},
    )  # fmt: skip


def report(rates: dict[str, dict[str, list[float]]]) -> Report:
    """A report of workload -> engine -> rates."""
    measurements = [measurement(name, engine, one) for name, some in rates.items() for engine, one in some.items()]
    engines = dict.fromkeys(one.engine for one in measurements)
    return Report(
        machine={"date": "2026-01-02 03:04 UTC", "cpu": "2 x <Some & CPU>"},
        settings={"count": 1000, "value_bytes": 100, "pool_bytes": 1 << 20, "rounds": 3},
        versions=dict.fromkeys(engines, "1.0"),
        how=dict.fromkeys(engines, "as usual"),
        missing={},
        measurements=measurements,
    )
