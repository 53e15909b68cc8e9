"""Dot commands: one file per group, each command a function registered with its usage.

registry.py   Command, the decorator, parsing of a command line, aliases      schema.py    .tables .schema .indexes
output.py     .mode .headers .nullvalue .timer .show ...                      files.py     .open .read .import
control.py    .help .quit                                                     inspect.py   .check and the inspections; trace.py   .trace
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from anokuro_cli.dot import control, files, inspect, output, schema, trace
from anokuro_cli.dot.registry import COMMANDS, Command, run_line

if TYPE_CHECKING:
    from anokuro_cli.shell import Session

GROUPS = (control, schema, output, files, inspect, trace)  # the order of .help


def run_command(session: Session, line: str) -> bool:
    """Runs one dot command line; False if it failed. Raises Leave for .quit, ShellError for wrong use."""
    return run_line(session, line)


__all__ = ["COMMANDS", "GROUPS", "Command", "run_command"]
