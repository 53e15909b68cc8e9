"""Statements saved under a name: favourites.json beside config.toml, mode 0600."""

from __future__ import annotations

import json

from anokuro_cli.config import beside_config, write_privately
from anokuro_cli.errors import ShellError


def load() -> dict[str, str]:
    """Name -> statement; empty where there is no file. Raises ShellError for a file that cannot be understood."""
    path = beside_config("favourites.json")
    try:
        with open(path, encoding="utf-8") as file:
            found = json.load(file)
    except FileNotFoundError:
        return {}
    except ValueError as error:
        raise ShellError(f"{path} is no JSON: {error}", "mend or remove it") from error
    if not isinstance(found, dict):
        raise ShellError(f"{path} holds no favourites", "mend or remove it")
    return {str(name): str(sql) for name, sql in found.items()}


def store(favourites: dict[str, str]) -> None:
    """Writes the file. Raises OSError."""
    write_privately(beside_config("favourites.json"), json.dumps(favourites, indent=2, ensure_ascii=False) + "\n")
