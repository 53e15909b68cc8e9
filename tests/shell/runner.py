"""The shell as a program, from any working directory, whether or not the package is installed."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from anokuro_cli.main import program

if __name__ == "__main__":
    program()
