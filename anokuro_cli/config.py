"""The configuration: config.toml, the init script and where they are.

    $ANOKURO_CONFIG, else $XDG_CONFIG_HOME/anokuro/config.toml, else ~/.config/anokuro/config.toml
    init.sql         beside it: statements and dot commands that run before the first prompt
    favourites.json  beside it: statements saved with .fav

The configuration is for the prompt: a script, a pipe and -c do the same on every machine. (`--init FILE` is obeyed by all of them.) It is read with the standard library and
only where a prompt follows. What is wrong in it is a warning that names the key; the rest counts.
"""

from __future__ import annotations

import os
from typing import Any

from anokuro_cli.settings import KEYS, Settings
from anokuro_cli.text import did_you_mean


def config_path() -> str:
    """Where config.toml is, or would be."""
    return os.environ.get("ANOKURO_CONFIG") or os.path.join(_base("XDG_CONFIG_HOME", ".config"), "config.toml")


def beside_config(name: str) -> str:
    """A file in the folder of config.toml."""
    return os.path.join(os.path.dirname(config_path()), name)


def state_path(name: str) -> str:
    """A file in $XDG_STATE_HOME/anokuro, else ~/.local/state/anokuro."""
    return os.path.join(_base("XDG_STATE_HOME", os.path.join(".local", "state")), name)


def _base(variable: str, fallback: str) -> str:
    return os.path.join(os.environ.get(variable) or os.path.join(os.path.expanduser("~"), fallback), "anokuro")


def default_text() -> str:
    """A config.toml that changes nothing: every key as a comment, with its default."""
    defaults = Settings()
    lines = ["# The configuration of the Anokuro shell. Take the # away from a line to change it.", ""]
    for key in KEYS:
        value = getattr(defaults, key.name)
        choices = f" ({', '.join(key.choices)})" if key.choices else ""
        lines += [
            f"# {key.help}{choices if key.name == 'mode' else ''}",
            f"# {key.name} = {_toml(key.kind, value)}",
            "",
        ]
    return "\n".join(lines)


def _toml(kind: type, value: Any) -> str:
    if value is None:
        value = {bool: True, str: "NULL", int: 0, float: 0.0}[kind]
    if kind is bool:
        return "true" if value else "false"
    return f'"{value}"' if kind is str else str(value)


def read_config(settings: Settings, path: str | None = None) -> list[str]:
    """Changes the settings as the file says; returns warnings. A file that is not there is no warning."""
    path = path or config_path()
    try:
        with open(path, "rb") as file:
            import tomllib  # 4 ms, and most people have no such file

            found = tomllib.load(file)
    except FileNotFoundError:
        return []
    except (OSError, ValueError) as error:  # TOMLDecodeError and UnicodeDecodeError are ValueErrors
        return [f"{path}: {error.strerror if isinstance(error, OSError) else error}"]
    return [f"{path}: {warning}" for warning in apply(settings, found)]


def apply(settings: Settings, found: dict[str, Any]) -> list[str]:
    """Changes the settings; returns what could not be understood."""
    known = {key.name: key for key in KEYS}
    warnings = []
    for name, value in found.items():
        key = known.get(name)
        if key is None:
            near = did_you_mean(name, list(known))
            warnings.append(f"unknown key {name}" + (f", did you mean {near}?" if near else ""))
            continue
        problem = key.problem(value)
        if problem is not None:
            warnings.append(problem)
        else:
            setattr(settings, name, value)
    return warnings


def write_privately(path: str, text: str) -> None:
    """Writes a file of mode 0600 as a whole: beside it first, then in its place. Raises OSError."""
    os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
    new = f"{path}.{os.getpid()}"
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
    os.replace(new, path)
