"""The tables at the end: rates by durability class, what else was measured, and the demands."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table
from rich.text import Text

from anokuro_bench.demands import OURS, verdicts
from anokuro_bench.results import Measurement, Report, ratio
from anokuro_bench.settings import DURABILITIES, FACES, READ
from anokuro_bench.stores import TITLES
from anokuro_bench.workloads import NAMES


def show(report: Report, console: Console) -> None:
    """Everything but the demands."""
    console.print(Text(machine_line(report), style="dim"))
    for face, durability, names in report.tables():
        console.print()
        console.print(rates_table(report, face, durability, names))
        console.print(details_table(report, face, durability, names))
    console.print()
    console.print(Text("versions: " + ", ".join(f"{TITLES[name]} {text}" for name, text in report.versions.items())))
    for name, how in report.how.items():
        console.print(Text(f"{name}: {how}", style="dim"))
    for name, why in report.missing.items():
        console.print(Text(f"not measured: {TITLES[name]}: {why}", style="yellow"))


def machine_line(report: Report) -> str:
    """The machine and the sizes, in a line or two."""
    settings = report.settings
    sizes = (
        f"{settings['count']:,} records of 8 + {settings['value_bytes']} bytes in random order, pool or cache "
        f"{settings['pool_bytes'] / 2**20:,.0f} MiB, median of {settings['rounds']} rounds"
    )
    return "; ".join(
        [sizes, *(f"{name} {value}" if name != "date" else value for name, value in report.machine.items())]
    )


def heading(face: str, durability: str) -> str:
    """What the rates of a table have in common."""
    kind = "reading" if durability == READ else f"{durability}: {DURABILITIES[durability]}"
    return f"{FACES[face]}; {kind}"


def versus(report: Report, workload: str, face: str) -> tuple[str, float, float, float] | None:
    """Anokuro's rate over that of the best peer: its name, median, lowest and highest ratio of the rounds."""
    ours = report.find(workload, OURS, face)
    peers = [one for name in report.engines(face) if name != OURS and (one := report.find(workload, name, face))]
    if ours is None or not peers:
        return None
    best = max(peers, key=lambda one: one.rate)
    return (best.engine, *ratio(ours, best))


def rates_table(report: Report, face: str, durability: str, names: list[str]) -> Table:
    """A row for each workload, a column for each engine; the best is bold."""
    engines = [name for name in report.engines(face) if any(report.find(one, name, face) for one in names)]
    table = Table(title=f"A second ({heading(face, durability)})", title_justify="left", title_style="bold")
    table.add_column("workload")
    for name in engines:
        table.add_column(TITLES[name], justify="right")
    table.add_column("Anokuro / best peer", justify="right")
    for name in names:
        found = [report.find(name, engine, face) for engine in engines]
        best = max(one.rate for one in found if one)
        cells = [
            Text(f"{one.rate:,.0f} \xb1{one.spread / 2:.0%}", style="bold" if one.rate == best else "")
            if one
            else Text("")
            for one in found
        ]
        table.add_row(f"{name}\n[dim]{NAMES[name].title}[/dim]", *cells, _ratio_cell(report, name, face))
    return table


def _ratio_cell(report: Report, workload: str, face: str) -> Text:
    found = versus(report, workload, face)
    if found is None:
        return Text("")
    name, middle, lowest, highest = found
    return Text(
        f"{middle:.2f} x {TITLES[name]}\n{lowest:.2f} to {highest:.2f}", style="green" if middle >= 1 else "red"
    )


def details_table(report: Report, face: str, durability: str, names: list[str]) -> Table:
    """Latencies, CPU, files: a row for each workload and engine."""
    table = Table(title="Latency in microseconds, and cost", title_justify="left", show_lines=False)
    for name in ("workload", "engine"):
        table.add_column(name)
    rows = [one for name in names for engine in report.engines(face) if (one := report.find(name, engine, face))]
    heads = ("p50", "p99", "p99.9", "CPU us each", "files MB", "written / user byte", "beside, a second")
    columns = [[head, *cells] for head, *cells in zip(heads, *map(_details, rows), strict=True) if any(cells)]
    for head, *_ in columns:
        table.add_column(head, justify="right")
    for at, one in enumerate(rows):
        first = at == 0 or rows[at - 1].workload != one.workload
        last = at + 1 == len(rows) or rows[at + 1].workload != one.workload
        cells = [column[at + 1] for column in columns]
        table.add_row(one.workload if first else "", TITLES[one.engine], *cells, end_section=last)
    return table


def _details(one: Measurement) -> list[str]:
    latency = [f"{one.latency_us[name]:,.1f}" if one.latency_us else "" for name in ("p50", "p99", "p99.9")]
    written = "" if one.written_per_user_byte is None else f"{one.written_per_user_byte:.1f}"
    beside = "" if one.background is None else f"{one.background:,.0f}"
    return [*latency, f"{one.cpu_each * 1e6:.2f}", f"{one.file_bytes / 1e6:,.1f}", written, beside]


def show_demands(report: Report, console: Console) -> bool:
    """What is wanted and what was measured; whether everything is met. What cannot be told counts as not met."""
    table = Table(title="What Anokuro is to reach (key-value, ratios within this run)", title_justify="left")
    for name in ("demand", "against"):
        table.add_column(name)
    for name in ("wanted", "measured", "rounds", "CPU time"):
        table.add_column(name, justify="right")
    table.add_column("")
    missed = []
    for verdict in verdicts(report):
        demand, measured = verdict.demand, verdict.measured
        unit = "" if not demand.peers and not demand.base else " x"
        digits = ".2f" if unit else ",.0f"
        cpu = "" if verdict.cpu is None else f"{verdict.cpu:.2f} x"
        word, style = {True: ("met", "green"), False: ("NOT MET", "red"), None: ("unknown", "yellow")}[verdict.met]
        table.add_row(
            demand.text,
            verdict.against,
            f"{demand.wanted:{',.1f' if unit else ',.0f'}}{unit}",
            "" if measured is None else f"{measured:{digits}}{unit}",
            "" if measured is None else f"{verdict.lowest:{digits}} to {verdict.highest:{digits}}",
            cpu,
            Text(word, style=style),
        )
        if not verdict.met:
            missed.append(demand.text)
    console.print(table)
    console.print(_losses(report))
    console.print(Text(f"not met: {'; '.join(missed)}" if missed else "everything is met", style="bold"))
    return not missed


def losses(report: Report) -> list[str]:
    """Where another engine is faster, in words."""
    found = []
    for face, _, names in report.tables():
        for name in names:
            against = versus(report, name, face)
            if against and against[1] < 1:
                way = "" if face == "kv" else " through SQL"
                found.append(f"{name}{way} ({1 / against[1]:.1f} times slower than {TITLES[against[0]]})")
    return found


def _losses(report: Report) -> Text:
    found = losses(report)
    return Text("Where Anokuro loses: " + (", ".join(found) if found else "nowhere in this run"))
