"""A picture of a run: for each workload a bar for each engine, as a share of the fastest. SVG, readable in light and dark."""

from __future__ import annotations

from xml.sax.saxutils import escape

from anokuro_bench.report import heading, machine_line, versus
from anokuro_bench.results import Measurement, Report
from anokuro_bench.stores import TITLES
from anokuro_bench.workloads import NAMES

WIDTH, LEFT, RIGHT = 960, 250, 210
BAR, GAP, GROUP_GAP = 13, 2, 16
COLOURS = {  # light, dark: the ones of Okabe and Ito, told apart also by those who see fewer colours
    "anokuro": ("#d55e00", "#ff8b3d"),
    "lmdb": ("#0072b2", "#56b4e9"),
    "sqlite": ("#007f5f", "#2fc49b"),
    "leveldb": ("#a0568a", "#d98cc0"),
    "rocksdb": ("#7a7a7a", "#a9a9a9"),
}
FONT = "font-family: system-ui, sans-serif"


def draw(report: Report) -> str:
    """The picture as text of an SVG file."""
    body: list[str] = []
    y = _head(report, body)
    for face, durability, names in report.tables():
        y += 26
        body.append(f'<text class="h" x="16" y="{y}">{escape(heading(face, durability))}</text>')
        y += 14
        for name in names:
            y = _group(report, face, name, y, body) + GROUP_GAP
    return "\n".join(
        [_opening(y + 8), _style(), f'<rect class="bg" width="{WIDTH}" height="{y + 8}"/>', *body, "</svg>\n"]
    )


def _opening(height: int) -> str:
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}" '
        'role="img" aria-label="Rates of Anokuro and other engines, workload by workload">'
    )


def _style() -> str:
    light = "".join(f".{name}{{fill:{pair[0]}}}" for name, pair in COLOURS.items())
    dark = "".join(f".{name}{{fill:{pair[1]}}}" for name, pair in COLOURS.items())
    return (
        f"<style>text{{{FONT};font-size:11px;fill:#24292f}}.t{{font-size:18px;font-weight:600}}.h{{font-size:13px;font-weight:600}}"
        f".d{{fill:#57606a}}.w{{font-size:12px;font-weight:600}}.bg{{fill:#ffffff}}{light}"
        f"@media (prefers-color-scheme: dark){{text{{fill:#e6edf3}}.d{{fill:#9aa4af}}.bg{{fill:#0d1117}}{dark}}}</style>"
    )


def _head(report: Report, body: list[str]) -> int:
    body.append('<text class="t" x="16" y="30">Anokuro and others, operations a second</text>')
    y = 50
    for line in _wrapped(machine_line(report), 150):
        body.append(f'<text class="d" x="16" y="{y}">{escape(line)}</text>')
        y += 15
    note = "at the right: Anokuro over the best of the others, median of the rounds"
    body.append(f'<text class="d" x="{WIDTH - 16}" y="30" text-anchor="end">{note}</text>')
    x = 16
    for engine in dict.fromkeys(one.engine for one in report.measurements):
        body.append(f'<rect class="{engine}" x="{x}" y="{y}" width="11" height="11" rx="2"/>')
        body.append(
            f'<text x="{x + 16}" y="{y + 10}">{TITLES[engine]} {escape(report.versions[engine].split(" (")[0])}</text>'
        )
        x += 175
    return y + 12


def _wrapped(text: str, width: int) -> list[str]:
    lines = [""]
    for part in text.split("; "):
        if lines[-1] and len(lines[-1]) + len(part) > width:
            lines.append("")
        lines[-1] += ("; " if lines[-1] else "") + part
    return lines


def _group(report: Report, face: str, name: str, y: int, body: list[str]) -> int:
    found: list[Measurement] = [one for engine in report.engines(face) if (one := report.find(name, engine, face))]
    best = max(one.rate for one in found)
    body.append(f'<text class="w" x="16" y="{y + 12}">{name}</text>')
    for at, line in enumerate(_wrapped_words(NAMES[name].title, 35)):
        body.append(f'<text class="d" x="16" y="{y + 26 + 13 * at}">{escape(line)}</text>')
    room, top = WIDTH - LEFT - RIGHT, y
    for one in found:
        length = max(2.0, room * one.rate / best)
        label = f"{one.rate:,.0f} {one.unit}"
        body.append(f'<rect class="{one.engine}" x="{LEFT}" y="{y}" width="{length:.1f}" height="{BAR}" rx="2">'
                    f"<title>{TITLES[one.engine]}: {label} a second, rounds {', '.join(f'{rate:,.0f}' for rate in one.rates)}</title></rect>")  # fmt: skip
        body.append(f'<text x="{LEFT + length + 6:.1f}" y="{y + 10}">{label}</text>')
        y += BAR + GAP
    against = versus(report, name, face)
    if against:
        body.append(
            f'<text x="{WIDTH - 16}" y="{top + 10}" text-anchor="end">{against[1]:.2f} x {TITLES[against[0]]}</text>'
        )
    return max(y, top + 44)


def _wrapped_words(text: str, width: int) -> list[str]:
    lines = [""]
    for word in text.split():
        if lines[-1] and len(lines[-1]) + 1 + len(word) > width:
            lines.append("")
        lines[-1] += (" " if lines[-1] else "") + word
    return lines
