"""The commands of README.md: `python -m build_support.readme 1` prints the first block of shell commands.

CI runs what this prints, and a test checks it, so the README cannot say something else than what works.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

README = Path(__file__).resolve().parent.parent / "README.md"


def command_blocks(text: str) -> list[list[str]]:
    """The lines of every ```sh block, in order; a line that ends in a backslash is joined with the next."""
    blocks = re.findall(r"^```sh\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)
    return [[line for line in block.replace("\\\n", " ").splitlines() if line.strip()] for block in blocks]


if __name__ == "__main__":
    print("\n".join(command_blocks(README.read_text(encoding="utf-8"))[int(sys.argv[1]) - 1]))
