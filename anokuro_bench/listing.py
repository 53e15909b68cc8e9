"""`anokuro bench --list`: workloads and engines."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table
from rich.text import Text

from anokuro_bench.demands import NEEDED
from anokuro_bench.stores import STORES
from anokuro_bench.workloads import WORKLOADS


def show_list(console: Console) -> None:
    """What there is to run, and on what."""
    table = Table(title="Workloads", title_justify="left")
    for name in ("name", "what", "class", "data", "faces", "--check"):
        table.add_column(name)
    for one in WORKLOADS:
        data = "4 x pool" if one.cold else "loaded" if one.loaded else "empty"
        needed = "yes" if one.name in NEEDED else ""
        table.add_row(one.name, one.title, one.durability, data, " ".join(one.faces), needed)
    console.print(table)
    engines = Table(title="Engines", title_justify="left")
    for name in ("name", "face", "version", "how it is used"):
        engines.add_column(name)
    for store in STORES:
        problem = store.problem()
        version = Text(f"not installed: {problem}", style="yellow") if problem else Text(store.version())
        engines.add_row(store.engine, store.face, version, store.how)
    console.print(engines)
