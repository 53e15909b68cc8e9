"""Where tiny benchmarks keep their databases: in memory where that is possible, as a busy disk would slow hundreds of syncs."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

MEMORY = Path("/dev/shm")


@pytest.fixture(scope="session")
def quick_folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder in memory, or an ordinary one."""
    if MEMORY.is_dir() and os.access(MEMORY, os.W_OK):
        with tempfile.TemporaryDirectory(dir=MEMORY, prefix="anokuro-test-") as name:
            yield Path(name)
    else:
        yield tmp_path_factory.mktemp("bench")


@pytest.fixture
def folder(quick_folder: Path) -> Iterator[Path]:
    """A folder of one test."""
    with tempfile.TemporaryDirectory(dir=quick_folder) as name:
        yield Path(name)
