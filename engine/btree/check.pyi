from collections.abc import Callable
from dataclasses import dataclass

@dataclass(frozen=True, slots=True)
class Finding:
    what: str
    file: str | None = None
    page: int | None = None
    offset: int | None = None

class TreeChecker:
    path: str
    lsn: int
    findings: list[Finding]
    owners: dict[int, str]
    progress: Callable[[int], None] | None
    def __init__(self, path: str, lsn: int) -> None: ...
    def check_tree(self, root: int, tree: int, what: str) -> int: ...
