"""What the shell's README says is so."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import anokuro_cli
from anokuro_cli.dot import COMMANDS, GROUPS
from anokuro_cli.errors import CANNOT_OPEN, FAILED, INTERRUPTED, OK, TIMEOUT, USAGE
from anokuro_cli.importing.infer import TYPES, Inference
from anokuro_cli.options import OPTIONS, SUBCOMMANDS, parse
from anokuro_cli.settings import MODES

README = (Path(anokuro_cli.__file__).parent / "README.md").read_text("utf-8")


def test_modes_and_subcommands_are_described() -> None:
    for mode in MODES:
        assert f"`{mode}`" in README
        assert parse([f"--{mode}"]).mode == mode
    for subcommand in SUBCOMMANDS:
        assert f"anokuro {subcommand} " in README


def test_exit_statuses() -> None:
    sentence = "0 ok, 1 a statement failed, 2 usage, 3 the database cannot be opened, 4 timeout, 130 interrupted"
    assert sentence in README
    assert [int(number) for number in re.findall(r"\d+", sentence)] == [
        OK, FAILED, USAGE, CANNOT_OPEN, TIMEOUT, INTERRUPTED,
    ]  # fmt: skip


@pytest.mark.parametrize("kind", TYPES)
def test_import_types(kind: str) -> None:
    """The examples of the table in backquotes are of the type beside which they stand."""
    row = re.search(rf"^\| {kind} \| (.*) \|$", README, re.MULTILINE)
    assert row is not None
    for example in re.findall(r"`([^`]+)`", row[1]):
        expected = "TEXT" if example in ("007", "+5") else kind
        inference = Inference(1, ())
        inference.look([[example]])
        assert inference.types == [expected]


def test_files_named_exist() -> None:
    folder = Path(anokuro_cli.__file__).parent
    for name in re.findall(r"\b\w+(?:\.py|/)(?=\s)", README.partition("## How it is built")[2]):
        assert (folder / name).exists(), name


def test_every_command_is_in_a_group_with_help() -> None:
    groups = {group.__name__ for group in GROUPS}
    for command in COMMANDS.values():
        assert command.run.__module__ in groups
        assert command.help.endswith(".")
        assert command.usage.startswith(command.name)


def test_options_are_documented_and_unique() -> None:
    flags = [flag for option in OPTIONS for flag in (*option.flags, option.off) if flag]
    assert len(flags) == len(set(flags))
    assert all(option.help.endswith(".") for option in OPTIONS)
