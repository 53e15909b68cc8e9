"""The typer application: --help for everything, and the subcommands."""

from __future__ import annotations

import inspect
from typing import Annotated, Any

import typer

from anokuro_cli.options import OPTIONS, Option

EPILOG = (
    "Exit status: 0 ok, 1 a statement failed, 2 usage, 3 the database cannot be opened, 4 timeout, 130 interrupted. "
    "Where output is no terminal, rows are written as TSV without a header."
)


def _parameter(option: Option) -> inspect.Parameter:
    kind: Any = bool if option.metavar is None else list[str] if option.repeatable else str
    info = typer.Option(*option.flags, help=option.help, metavar=option.metavar, show_default=False)
    name = "option_" + option.flags[-1].lstrip("-").replace("-", "_")
    default: Any = False if option.metavar is None else [] if option.repeatable else ""
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=Annotated[kind, info])


def _shell(**_: Any) -> None:
    """An embedded database you can see through.

    Opens FILE (made on the first write; without FILE, a database in memory), runs SQL if there is any, and is an interactive shell if there is none.
    Subcommands: run, import, check, inspect, bench; `anokuro import --help` explains one.
    """


def shell_app() -> typer.Typer:
    """The app whose help describes `anokuro [OPTIONS] [FILE] [SQL]`; options.parse does its parsing."""
    file = Annotated[str, typer.Argument(help="The database file.", metavar="[FILE]", show_default=False)]
    sql = Annotated[str, typer.Argument(help="SQL to run.", metavar="[SQL]", show_default=False)]
    parameters = [
        inspect.Parameter("file", inspect.Parameter.POSITIONAL_OR_KEYWORD, default="", annotation=file),
        inspect.Parameter("sql", inspect.Parameter.POSITIONAL_OR_KEYWORD, default="", annotation=sql),
        *(_parameter(option) for option in OPTIONS if "--help" not in option.flags),
    ]
    _shell.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    _shell.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    app = typer.Typer(add_completion=False, context_settings={"help_option_names": ["-h", "--help"]})
    app.command(name="anokuro", epilog=EPILOG)(_shell)
    return app
