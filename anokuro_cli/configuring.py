"""`anokuro config`: what is configured, and the texts for the system around: completion scripts and the man page."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from anokuro_cli import config
from anokuro_cli.errors import FAILED, OK, ShellError
from anokuro_cli.history import history_path
from anokuro_cli.settings import KEYS, Settings
from anokuro_cli.text import neutralise

if TYPE_CHECKING:
    from anokuro_cli.render.output import Output


def show(output: Output, messages: Output, *, init: bool, path: bool, completion: str, man: bool) -> int:
    """Returns the exit status. Raises ShellError and OSError."""
    if path:
        output.line(config.config_path())
    elif init:
        _write_default(messages)
    elif completion:
        from anokuro_cli.completions import script_for

        output.write(script_for(completion))
    elif man:
        from anokuro_cli.manual import man_page

        output.write(man_page())
    else:
        return _show_values(output, messages)
    return OK


def _write_default(messages: Output) -> None:
    path = config.config_path()
    if os.path.exists(path):
        raise ShellError(f"{path} exists already", "edit it, or remove it first")
    config.write_privately(path, config.default_text())
    messages.line(f"wrote {path}")


def _show_values(output: Output, messages: Output) -> int:
    settings = Settings()
    warnings = config.read_config(settings)
    for name, where in (
        ("configuration", config.config_path()), ("init script", config.beside_config("init.sql")),
        ("favourites", config.beside_config("favourites.json")), ("history", history_path()),
    ):  # fmt: skip
        output.line(f"{name:>13}: {neutralise(where)}{'' if os.path.exists(where) else ' (not there)'}")
    defaults = Settings()
    for key in KEYS:
        value = getattr(settings, key.name)
        shown = "auto" if value is None else str(value).lower() if isinstance(value, bool) else str(value)
        changed = output.style(" (changed)", "dim") if value != getattr(defaults, key.name) else ""
        output.line(f"{key.name:>13}: {neutralise(shown)}{changed}")
    for warning in warnings:
        messages.line(f"warning: {neutralise(warning)}")
    return FAILED if warnings else OK
