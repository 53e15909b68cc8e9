"""`anokuro bench`: its options, its progress, and what is done with the results. The benchmark itself is anokuro_bench."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from anokuro_cli.errors import FAILED, OK, USAGE, ShellError
from anokuro_cli.render.output import Output, output_for

if TYPE_CHECKING:
    from rich.console import Console

    from anokuro_bench.results import Report
    from anokuro_bench.settings import Settings

SIZES = {"k": 1 << 10, "m": 1 << 20, "g": 1 << 30}
RENDERED_WIDTH = 130  # of the tables where there is no terminal


def bench(
    workloads: Annotated[
        str, typer.Option("--workloads", "-w", metavar="NAMES", help="Only these: readrandom,fill*,ycsb ...")
    ] = "",
    engines: Annotated[
        str, typer.Option("--engines", "-e", metavar="NAMES", help="Only these: anokuro,lmdb,sqlite,leveldb,rocksdb.")
    ] = "",
    face: Annotated[str, typer.Option("--face", metavar="FACE", help="kv, sql or both.")] = "kv",
    count: Annotated[int, typer.Option("--count", "-n", metavar="N", help="Records.")] = 500_000,
    value_size: Annotated[int, typer.Option("--value-size", metavar="BYTES", help="Size of a value.")] = 100,
    pool: Annotated[str, typer.Option("--pool", metavar="SIZE", help="Page pool or block cache: 64m, 1g ...")] = "256m",
    threads: Annotated[int, typer.Option("--threads", metavar="N", help="Threads of fillsyncthreads.")] = 32,
    rounds: Annotated[int, typer.Option("--rounds", metavar="N", help="Measurements of each; the median counts.")] = 3,
    seconds: Annotated[float, typer.Option("--seconds", metavar="S", help="Longest time of one measurement.")] = 10.0,
    seed: Annotated[int, typer.Option("--seed", metavar="N", help="Of keys, values and orders.")] = 1,
    directory: Annotated[
        str, typer.Option("--directory", "-d", metavar="PATH", help="Where databases are made; on the disk to measure.")
    ] = "",
    durability: Annotated[
        str, typer.Option("--durability", metavar="CLASS", help="durable, unsynced or none, for all that writes.")
    ] = "",
    listing: Annotated[bool, typer.Option("--list", help="Show workloads and engines.")] = False,
    check: Annotated[
        bool, typer.Option("--check", help="Compare with what is to be reached; status 1 if something is not.")
    ] = False,
    json: Annotated[str, typer.Option("--json", metavar="FILE", help="Write the results as JSON.")] = "",
    svg: Annotated[str, typer.Option("--svg", metavar="FILE", help="Draw a picture of the results.")] = "",
    source: Annotated[
        str, typer.Option("--from", metavar="FILE", help="Measure nothing; show the results in this JSON file.")
    ] = "",
    readme: Annotated[
        str, typer.Option("--readme", metavar="FILE", help="Write the results between the markers of this README.")
    ] = "",
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress.")] = False,
) -> int:
    """Measure Anokuro beside LMDB, SQLite, LevelDB and RocksDB, on the same work."""
    from anokuro_bench.settings import FACES, BenchmarkError, Settings

    console, messages = _console(output_for(sys.stdout)), output_for(sys.stderr)
    try:
        if listing:
            from anokuro_bench.listing import show_list

            show_list(console)
            return OK
        if source:
            from anokuro_bench.results import load

            report = load(Path(source))
        else:
            wanted = _names(workloads)
            if check and not wanted:
                from anokuro_bench.demands import NEEDED

                wanted = NEEDED
            report = _measure(
                Settings(
                    count=count, value_bytes=value_size, pool_bytes=_size(pool), threads=threads, rounds=rounds,
                    seconds=seconds, seed=seed, directory=directory, durability=durability, engines=_names(engines),
                    workloads=wanted, faces=tuple(FACES) if face == "both" else (face,),
                ),
                messages,
                quiet,
            )  # fmt: skip
        return _deliver(report, console, check=check, json=json, svg=svg, readme=readme)
    except BenchmarkError as error:
        raise ShellError(str(error), error.hint, FAILED) from error


def _names(text: str) -> tuple[str, ...]:
    return tuple(filter(None, (name.strip() for name in text.split(","))))


def _size(text: str) -> int:
    digits, unit = (text[:-1], text[-1].lower()) if text[-1:].lower() in SIZES else (text, "")
    if not digits.isdecimal():
        raise ShellError(f"--pool {text!r} is not a size", "bytes, or a number with k, m or g: 64m", USAGE)
    return int(digits) * SIZES.get(unit, 1)


def _console(output: Output) -> Console:
    from rich.console import Console

    width = output.width or RENDERED_WIDTH
    return Console(file=output.stream, no_color=not output.colour, width=width, highlight=False)


def _deliver(report: Report, console: Console, *, check: bool, json: str, svg: str, readme: str) -> int:
    """Files first, so that a long run is kept whatever happens to the rest."""
    from anokuro_bench.report import show, show_demands

    if json:
        report.save(Path(json))
    if svg:
        from anokuro_bench.picture import draw

        Path(svg).write_text(draw(report), encoding="utf-8")
    if readme:
        from anokuro_bench.readme import write_block

        write_block(report, Path(readme))
    show(report, console)
    if not check:
        return OK
    console.print()
    return OK if show_demands(report, console) else FAILED


def _measure(settings: Settings, messages: Output, quiet: bool) -> Report:
    from anokuro_bench.runner import Runner

    with _progress(messages, quiet) as notify:
        return Runner(settings, notify).run()


@contextmanager
def _progress(messages: Output, quiet: bool) -> Iterator[Callable[[str, int, int], None]]:
    """A bar on a terminal; elsewhere a line when another workload begins."""
    if quiet:
        yield lambda text, done, total: None
        return
    if not messages.terminal:
        yield _lines(messages)
        return
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

    columns: tuple[Any, ...] = (
        BarColumn(), TaskProgressColumn(), TimeElapsedColumn(), TextColumn("{task.description}", markup=False),
    )  # fmt: skip
    with Progress(*columns, console=_console(messages), transient=True) as bar:
        task = bar.add_task("", total=None)
        yield lambda text, done, total: bar.update(task, description=text, completed=done, total=total)


def _lines(messages: Output) -> Callable[[str, int, int], None]:
    seen: set[str] = set()

    def notify(text: str, done: int, total: int) -> None:
        name = text.partition(":")[0]
        if name not in seen:
            seen.add(name)
            messages.line(f"{done}/{total} {name}")
            messages.flush()

    return notify
