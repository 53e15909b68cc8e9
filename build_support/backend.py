"""The build backend (PEP 517 and 660): setuptools, plus a C compiler where the machine has none.

The hooks that name requirements add `ziglang` when no C compiler is found; pip installs it into the build's own
environment and `zig cc` compiles. Everything else is handed to setuptools.
"""

from __future__ import annotations

from collections.abc import Mapping

from setuptools import build_meta as _setuptools
from setuptools.build_meta import (
    build_editable,
    build_sdist,
    build_wheel,
    prepare_metadata_for_build_editable,
    prepare_metadata_for_build_wheel,
)

from build_support.compiler import system_compiler

__all__ = [
    "build_editable",
    "build_sdist",
    "build_wheel",
    "get_requires_for_build_editable",
    "get_requires_for_build_sdist",
    "get_requires_for_build_wheel",
    "prepare_metadata_for_build_editable",
    "prepare_metadata_for_build_wheel",
]

Settings = Mapping[str, str | list[str] | None] | None


def _compiler_requirement() -> list[str]:
    return [] if system_compiler() is not None else ["ziglang>=0.13"]


def get_requires_for_build_wheel(config_settings: Settings = None) -> list[str]:
    """What setuptools wants for a wheel, and `ziglang` where no C compiler is found."""
    return [*_setuptools.get_requires_for_build_wheel(config_settings), *_compiler_requirement()]


def get_requires_for_build_editable(config_settings: Settings = None) -> list[str]:
    """What setuptools wants for an editable install, and `ziglang` where no C compiler is found."""
    return [*_setuptools.get_requires_for_build_editable(config_settings), *_compiler_requirement()]


def get_requires_for_build_sdist(config_settings: Settings = None) -> list[str]:
    """What setuptools wants for a source archive: nothing is compiled for it."""
    return [*_setuptools.get_requires_for_build_sdist(config_settings)]
