"""The subcommands, as a typer application: run, import, check, recover, inspect, bench."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from anokuro_cli.benchmarking import bench
from anokuro_cli.errors import CANNOT_OPEN, FAILED, OK, USAGE, Problem, ShellError, explain, show_problem
from anokuro_cli.opening import MEMORY, CannotOpen, Handle, Opener, open_database
from anokuro_cli.options import SUBCOMMANDS
from anokuro_cli.render.output import output_for
from anokuro_cli.settings import Settings
from anokuro_cli.shell import Session
from anokuro_cli.text import did_you_mean

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


@app.command(name="run")
def run_(
    script: Annotated[str, typer.Argument(metavar="SCRIPT", help="The SQL script; - is standard input.")],
    file: Annotated[str, typer.Argument(metavar="[FILE]", help="The database; in memory if left out.")] = MEMORY,
    param: Annotated[list[str], typer.Option("-p", "--param", metavar="NAME=VALUE", help="Bind a parameter.")] = [],  # noqa: B006
    bail: Annotated[bool, typer.Option("--bail/--no-bail", help="Stop at the first error.")] = True,
    echo: Annotated[bool, typer.Option("--echo", help="Show each statement before it runs.")] = False,
    timer: Annotated[bool, typer.Option("--timer", help="Show how long each statement took.")] = False,
    readonly: Annotated[bool, typer.Option("--readonly", help="Open the database read-only.")] = False,
    atomic: Annotated[bool, typer.Option("-1", "--atomic", help="One transaction: all or nothing.")] = False,
    mode: Annotated[str, typer.Option("--mode", metavar="MODE", help="Output mode: table, csv, json, ...")] = "",
) -> int:
    """Run a script file against a database."""
    from anokuro_cli.main import run

    words = ["-f", script, "" if bail else "--no-bail", "--echo" if echo else "", "--timer" if timer else ""]
    words += ["--readonly" if readonly else "", "--atomic" if atomic else "", f"--{mode}" if mode else ""]
    words += [word for text in param for word in ("-p", text)]
    return run([*filter(None, words), "--", file], _opener[0])


@app.command(name="import")
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
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress, no report.")] = False,
) -> int:
    """Load a file into a table, all of it or nothing."""
    from anokuro_cli.importing.arguments import make_plan
    from anokuro_cli.importing.run import import_file, report

    plan = make_plan(
        source, table or None, create=create, nulls=tuple(null), delimiter=delimiter or None, header=header
    )
    with Handle(file, opener=_opener[0]) as handle:
        session = _session(handle, settings=Settings(quiet=quiet))
        session.interrupts.start()
        try:
            with session.interrupts.busy():
                done = import_file(session, plan)
        except Exception as error:
            session.report(explain(error))
            return session.status
        report(session, done)
    return OK


@app.command(name="check")
def check_(file: Database) -> int:
    """Check checksums and structure of a whole database."""
    from anokuro_cli.checking import check_files

    return check_files(file, output_for(sys.stdout), output_for(sys.stderr), _opener[0])


@app.command(name="recover")
def recover_(
    file: Annotated[str, typer.Argument(metavar="BROKEN", help="The damaged database file; it is only read.")],
    output: Annotated[str, typer.Option("--output", "-o", metavar="NEW", help="The new database; must not exist.")],
    json: Annotated[bool, typer.Option("--json", help="The report as JSON.")] = False,
) -> int:
    """Save what can be read of a damaged database into a new one."""
    from anokuro_cli.recovering import recover_and_report

    return recover_and_report(file, output, output_for(sys.stdout), output_for(sys.stderr), as_json=json)


@app.command(name="inspect")
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
) -> int:
    """Look inside a database file: pages, trees, the log, struct layouts."""
    from anokuro_cli.inspecting import inspect_files

    output = output_for(sys.stdout)
    words = [*words, f"@{at}"] if at else list(words)
    return inspect_files(file, what, words, as_json=json, output=output, opener=_opener[0])


app.command(name="bench")(bench)

assert {command.name for command in app.registered_commands} == set(SUBCOMMANDS)
