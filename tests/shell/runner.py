"""The shell on the stand-in database, as a program: for tests that need a process of its own and are not about the engine."""

import sys
from pathlib import Path

HERE = Path(__file__).resolve()
sys.path[:0] = [str(HERE.parents[2])]

from anokuro_cli import main  # noqa: E402
from tests.shell.standin import opener  # noqa: E402

if __name__ == "__main__":
    sys.exit(main.main(sys.argv[1:], opener))
