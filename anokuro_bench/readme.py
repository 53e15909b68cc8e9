"""The block of results in a README, written by a command and never by hand."""

from __future__ import annotations

from pathlib import Path

from anokuro_bench.report import heading, losses, machine_line, versus
from anokuro_bench.results import Report
from anokuro_bench.settings import BenchmarkError
from anokuro_bench.stores import TITLES
from anokuro_bench.workloads import NAMES

BEGIN = "<!-- benchmark: written by `anokuro bench --readme` -->"
END = "<!-- end of benchmark -->"


def block(report: Report) -> str:
    """The results in Markdown, with machine, date, and where Anokuro loses."""
    parts = [f"{machine_line(report)}."]
    for face, durability, names in report.tables():
        engines = [name for name in report.engines(face) if any(report.find(one, name, face) for one in names)]
        rows = [
            f"**{heading(face, durability)}**, a second:\n",
            "| workload | " + " | ".join(TITLES[name] for name in engines) + " | Anokuro / best peer |",
            "|---|" + "--:|" * (len(engines) + 1),
        ]
        for name in names:
            found = [report.find(name, engine, face) for engine in engines]
            cells = [f"{one.rate:,.0f}" if one else "" for one in found]
            against = versus(report, name, face)
            last = f"{against[1]:.2f} x {TITLES[against[0]]}" if against else ""
            rows.append(f"| {name}: {NAMES[name].title} | {' | '.join(cells)} | {last} |")
        parts.append("\n".join(rows))
    lost = losses(report)
    parts.append("Where Anokuro loses: " + ("; ".join(lost) if lost else "nowhere in this run") + ".")
    parts.append("Versions: " + ", ".join(f"{TITLES[name]} {text}" for name, text in report.versions.items()) + ".")
    return "\n\n".join(parts)


def write_block(report: Report, path: Path) -> None:
    """Replace what stands between the two markers. Raises BenchmarkError where they are not there, OSError."""
    text = path.read_text(encoding="utf-8")
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise BenchmarkError(f"{path} has no place for the results", f"put these two lines into it: {BEGIN} and {END}")
    path.write_text(f"{before}{BEGIN}\n\n{block(report)}\n\n{END}{after}", encoding="utf-8")
