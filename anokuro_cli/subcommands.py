"""The subcommands, as a typer application. (`anokuro run` takes the options of `anokuro` itself and is parsed as that is.)"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Annotated, Any

import typer
from typer.core import TyperCommand

from anokuro_cli.benchmarking import bench
from anokuro_cli.errors import CANNOT_OPEN, FAILED, OK, USAGE, Problem, ShellError, explain, show_problem
from anokuro_cli.help import subcommand_help
from anokuro_cli.opening import MEMORY, CannotOpen, Handle, Opener, keeping_log, open_database
from anokuro_cli.options import SIZE_EXPECTED, SUBCOMMANDS, to_bytes
from anokuro_cli.render.output import output_for
from anokuro_cli.settings import Settings
from anokuro_cli.shell import Session
from anokuro_cli.text import did_you_mean


class _Command(TyperCommand):
    """A subcommand, with help in the form of `anokuro --help`."""

    def format_help(self, ctx: Any, formatter: Any) -> None:
        formatter.write(subcommand_help(ctx, output_for(sys.stdout)))


app = typer.Typer(
    add_completion=False,
    help="An embedded database you can see through.",
    context_settings={"help_option_names": ["-h", "--help"]},
    pretty_exceptions_enable=False,
)
_opener: list[Opener] = [open_database]


def run_subcommand(arguments: list[str], opener: Opener | None = None) -> int:
    """Runs `arguments`, whose first is a subcommand; returns the exit status."""
    messages = output_for(sys.stderr)
    _opener[0] = opener or open_database
    try:
        status = app(arguments, standalone_mode=False, prog_name="anokuro")
        return status if isinstance(status, int) else OK
    except CannotOpen as error:
        show_problem(error.problem, messages)
        return CANNOT_OPEN
    except BrokenPipeError:
        raise
    except (ShellError, OSError) as error:
        show_problem(explain(error), messages)
        return getattr(error, "status", FAILED)
    except Exception as error:
        if not hasattr(error, "format_message"):  # typer's own errors have it
            show_problem(explain(error), messages)
            return FAILED
        hint = _flag_hint(error, arguments[0])
        show_problem(Problem(error.format_message(), USAGE, hint), messages)
        return USAGE


def _flag_hint(error: Exception, subcommand: str) -> str:
    wrong, near = getattr(error, "option_name", None), None
    possible = getattr(error, "possibilities", None)
    if wrong and possible:
        near = did_you_mean(wrong, list(possible))
    return f"did you mean {near}?" if near else f"anokuro {subcommand} --help explains it"


def _session(handle: Handle, *, mode: str | None = None, settings: Settings | None = None) -> Session:
    output = output_for(sys.stdout)
    if settings is None:
        settings = Settings(mode=mode or ("table" if output.terminal else "tsv"))
        settings.mode_chosen = mode is not None or output.terminal
    return Session(handle, output, output_for(sys.stderr), settings)


Database = Annotated[str, typer.Argument(metavar="FILE", help="The database file.")]


@app.command(
    name="import",
    cls=_Command,
    epilog="Example:\n  anokuro import shop.ank users.csv.gz --table users --create --null NA\n  cut -f1,3 log.tsv | anokuro import shop.ank - -T visits -d tab --create\n\nTypes are guessed from the whole file: BOOLEAN, INTEGER, REAL, DATE, TIMESTAMP, else TEXT.",
)
def import_(
    file: Database,
    source: Annotated[str, typer.Argument(metavar="SOURCE", help="A CSV or TSV file, also inside .zip or .gz.")],
    table: Annotated[
        str, typer.Option("--table", "-T", metavar="NAME", help="Table; named like the file otherwise.")
    ] = "",
    create: Annotated[bool, typer.Option("--create", help="Make the table; types come from the whole file.")] = False,
    null: Annotated[list[str], typer.Option("--null", metavar="TEXT", help="This text means NULL; repeatable.")] = [],  # noqa: B006
    delimiter: Annotated[str, typer.Option("--delimiter", "-d", metavar="C", help="Field delimiter.")] = "",
    header: Annotated[bool, typer.Option("--header/--no-header", help="The first row names the columns.")] = True,
    kept: Annotated[
        str, typer.Option("--wal-retention", metavar="SIZE", help="Keep so much log, like 512M, for HISTORY.")
    ] = "0",
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress, no report.")] = False,
) -> int:
    """Load a file into a table, all of it or nothing."""
    from anokuro_cli.importing.arguments import make_plan
    from anokuro_cli.importing.run import import_file, report

    plan = make_plan(
        source, table or None, create=create, nulls=tuple(null), delimiter=delimiter or None, header=header
    )
    if to_bytes(kept) is None:
        raise ShellError(f"--wal-retention {kept}: {SIZE_EXPECTED}", status=USAGE)
    opener = keeping_log(kept) if _opener[0] is open_database else _opener[0]
    with Handle(file, opener=opener) as handle:
        session = _session(handle, settings=Settings(quiet=quiet))
        return _run(session, lambda: report(session, import_file(session, plan)))


@app.command(
    name="check",
    cls=_Command,
    epilog="Status 0: no damage. Status 1: findings, one a line, each with its page and offset.",
)
def check_(file: Database, json: Annotated[bool, typer.Option("--json", help="The findings as JSON.")] = False) -> int:
    """Check checksums and structure of a whole database."""
    from anokuro_cli.checking import check_files

    return check_files(file, output_for(sys.stdout), output_for(sys.stderr), _opener[0], json)


@app.command(
    name="recover",
    cls=_Command,
    epilog="Status 0: nothing was lost. Status 1: something was, and the report says what.",
)
def recover_(
    file: Annotated[str, typer.Argument(metavar="BROKEN", help="The damaged database file; it is only read.")],
    output: Annotated[str, typer.Option("--output", "-o", metavar="NEW", help="The new database; must not exist.")],
    json: Annotated[bool, typer.Option("--json", help="The report as JSON.")] = False,
) -> int:
    """Save what can be read of a damaged database into a new one."""
    from anokuro_cli.recovering import recover_and_report

    return recover_and_report(file, output, output_for(sys.stdout), output_for(sys.stderr), as_json=json)


@app.command(
    name="inspect",
    cls=_Command,
    epilog="Examples:\n  anokuro inspect shop.ank file\n  anokuro inspect shop.ank page 6\n  anokuro inspect shop.ank tree users --json\n\nFiles are read as they are, also damaged ones and those another process has open.",
)
def inspect_(
    file: Database,
    what: Annotated[
        str,
        typer.Argument(
            metavar="WHAT",
            help="page, slot, tree, file, wal, layout, diff, history-page, history-row, pool, latches, snapshots, memtable, txns.",
        ),
    ],
    words: Annotated[
        list[str], typer.Argument(metavar="[WORDS]", help="page 42; tree flights; diff 42 100 200 ...")
    ] = [],  # noqa: B006
    at: Annotated[str, typer.Option("--at", metavar="LSN", help="The page as it was at this LSN.")] = "",
    json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False,
    svg: Annotated[str, typer.Option("--svg", metavar="FILE", help="Write the picture as SVG to this file.")] = "",
    redact: Annotated[bool, typer.Option("--redact", help="Show structure, no keys and values.")] = False,
) -> int:
    """Look inside a database file: pages, trees, the log, struct layouts."""
    from anokuro_cli.inspecting import inspect_files

    output = output_for(sys.stdout)
    words = [*words, f"@{at}"] if at else list(words)
    return inspect_files(file, what, words, as_json=json, output=output, opener=_opener[0], svg=svg, redact=redact)


@app.command(
    name="export",
    cls=_Command,
    epilog="Examples:\n  anokuro export shop.ank users.csv users\n  anokuro export shop.ank late.parquet 'SELECT * FROM flights WHERE delay > 60'\n  anokuro export shop.ank - --format json users",
)
def export_(
    file: Database,
    target: Annotated[
        str,
        typer.Argument(
            metavar="TARGET",
            help="The file to write; - is standard output. Its name says the format: .csv .tsv .json .jsonl .md .html .sql .parquet .arrow, text also with .gz.",
        ),
    ],
    source: Annotated[str, typer.Argument(metavar="TABLE|QUERY", help="A table, or a query in quotes.")],
    format: Annotated[
        str, typer.Option("--format", "-F", metavar="FORMAT", help="The format, whatever the name says.")
    ] = "",
    header: Annotated[bool, typer.Option("--header/--no-header", help="Column names first.")] = True,
    null: Annotated[str, typer.Option("--null", metavar="TEXT", help="Text for NULL.")] = "",
    param: Annotated[
        list[str], typer.Option("-p", "--param", metavar="NAME=VALUE", help="Bind a parameter; repeatable.")
    ] = [],  # noqa: B006
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress, no report.")] = False,
) -> int:
    """Write a table or a query to a file, all of it or nothing."""
    from anokuro_cli.exporting.arguments import make_plan
    from anokuro_cli.exporting.run import export
    from anokuro_cli.options import parse

    plan = make_plan(target, source, format or None, header=header, null=null or None)
    with Handle(file, readonly=True, opener=_opener[0]) as handle:
        session = _session(handle, settings=Settings(quiet=quiet or target == "-"))
        session.parameters = parse([word for text in param for word in ("-p", text)]).parameters
        return _run(session, lambda: export(session, plan))


@app.command(
    name="backup", cls=_Command, epilog="The copy is a database like any other; .restore in the shell brings it back."
)
def backup_(
    file: Database,
    target: Annotated[str, typer.Argument(metavar="TARGET", help="The new file; it must not exist.")],
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No report.")] = False,
) -> int:
    """Copy a database at one moment, also while another process writes to it."""
    from anokuro_cli.exporting.copy import backup

    with Handle(file, readonly=True, opener=_opener[0]) as handle:
        session = _session(handle, settings=Settings(quiet=quiet))
        return _run(session, lambda: backup(session, target))


@app.command(name="config", cls=_Command)
def config_(
    init: Annotated[bool, typer.Option("--init", help="Write a commented config.toml; one that exists stays.")] = False,
    path: Annotated[bool, typer.Option("--path", help="Show where config.toml is.")] = False,
    completion: Annotated[
        str, typer.Option("--completion", metavar="SHELL", help="Show the completion script of bash, zsh or fish.")
    ] = "",
    man: Annotated[bool, typer.Option("--man", help="Show the man page, in the form that man reads.")] = False,
) -> int:
    """Show the configuration, or write one to begin with."""
    from anokuro_cli.configuring import show

    return show(output_for(sys.stdout), output_for(sys.stderr), init=init, path=path, completion=completion, man=man)


def _run(session: Session, work: Callable[[], object]) -> int:
    """Does something with Ctrl-C watched and errors shown; returns the exit status."""
    session.interrupts.start()
    try:
        with session.interrupts.busy():
            work()
    except BrokenPipeError:
        raise
    except Exception as error:
        session.report(explain(error))
        return session.status
    finally:
        session.interrupts.stop()
    return OK


@app.command(
    name="workload",
    cls=_Command,
    epilog="Examples:\n  anokuro workload --top\n  anokuro workload --threads 4 --mix read=90,update=10 --seconds 30\n  anokuro workload --seconds 60 --cost",
)
def workload_(
    file: Annotated[str, typer.Argument(metavar="[FILE]", help="The database; in memory if left out.")] = MEMORY,
    threads: Annotated[int, typer.Option("--threads", metavar="N", help="How many threads.")] = 2,
    mix: Annotated[str, typer.Option("--mix", metavar="MIX", help="Weights, like read=50,update=50.")] = "",
    seconds: Annotated[float, typer.Option("--seconds", metavar="S", help="How long.")] = 10.0,
    keys: Annotated[int, typer.Option("--keys", metavar="N", help="Keys at the beginning.")] = 100_000,
    top: Annotated[bool, typer.Option("--top", help="Show the dashboard meanwhile.")] = False,
    cost: Annotated[
        bool, typer.Option("--cost", help="Measure what inspections take from it, and how fast they answer.")
    ] = False,
) -> int:
    """Run threads that read and write a tree, to be looked at."""
    from anokuro_cli.workload import run_workload

    with Handle(file, opener=_opener[0]) as handle:
        handle.make()
        return run_workload(
            handle.db, threads, mix, keys, seconds, "cost" if cost else "top" if top else "", output_for(sys.stdout)
        )


@app.command(
    name="tour",
    cls=_Command,
    epilog="Enter goes on, q ends it. Nothing is left behind, unless a folder is named.",
)
def tour_(
    folder: Annotated[str, typer.Option("--keep", metavar="FOLDER", help="Keep the database, in this folder.")] = "",
) -> int:
    """A guided tour: a small tree is built, split, crashed and repaired before your eyes."""
    from anokuro_cli.tour import take_tour

    output = output_for(sys.stdout)

    def ask() -> bool:
        if not (sys.stdin.isatty() and output.terminal):
            return True
        try:
            return input("\n[Enter] goes on, q ends: ").strip().lower() != "q"
        except (EOFError, KeyboardInterrupt):
            return False

    return take_tour(output, ask, folder)


app.command(name="bench", cls=_Command)(bench)

assert {command.name for command in app.registered_commands} == set(SUBCOMMANDS) - {"run"}
