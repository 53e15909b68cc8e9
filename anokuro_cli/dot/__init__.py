"""Dot commands: one file per group, each command a function registered with its usage.

registry.py    Command, the decorator, parsing of a command line, aliases
control.py     .help .quit                            schema.py      .tables .schema .indexes .databases
output.py      .mode .headers .nullvalue .show ...    results.py     .output .once .last .watch .chart
files.py       .open .read .import                    data.py        .export .dump .backup .restore
editing.py     .edit .history .fav                    variables.py   .parameter .explain .eqp
system.py      .shell .cd                             inspect.py     .check and the inspections
trace.py       .trace .trace-steps .trace-save        watch.py       .top .workload
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from anokuro_cli.dot import (
    control,
    data,
    editing,
    files,
    inspect,
    output,
    results,
    schema,
    system,
    trace,
    variables,
    watch,
)
from anokuro_cli.dot.registry import COMMANDS, Command, run_line

if TYPE_CHECKING:
    from anokuro_cli.shell import Session

GROUPS = (
    control,
    schema,
    output,
    results,
    files,
    data,
    editing,
    variables,
    system,
    inspect,
    trace,
    watch,
)  # the order of .help


def run_command(session: Session, line: str) -> bool:
    """Runs one dot command line; False if it failed. Raises Leave for .quit, ShellError for wrong use."""
    return run_line(session, line)


__all__ = ["COMMANDS", "GROUPS", "Command", "run_command"]
