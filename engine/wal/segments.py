"""Names and sizes of the log's segment files: `<first LSN, 16 hexadecimal digits>.wal` in the log's directory."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

from engine.base.dataclass import dataclass
from engine.base.errors import OperationalError

if TYPE_CHECKING:
    from engine.storage.file import FileSystem

SEGMENT_SIZE_MIN = 1024
SEGMENT_SIZE_MAX = 1 << 30

_NAME = re.compile(r"[0-9a-f]{16}\.wal")


@dataclass(frozen=True, slots=True)
class SegmentFile:
    """One segment of the log: LSN of its first byte, path, bytes in the file."""

    first_lsn: int
    path: str
    size: int


def segment_path(directory: str, first_lsn: int) -> str:
    """Path of the segment whose header has this LSN."""
    return os.path.join(directory, f"{first_lsn:016x}.wal")


def list_segments(fs: FileSystem, directory: str) -> list[SegmentFile]:
    """Segments in the directory by rising LSN; other names are passed over. Raises OperationalError."""
    found = []
    for name in fs.listdir(directory):
        if _NAME.fullmatch(name):
            path = os.path.join(directory, name)
            try:
                found.append(SegmentFile(int(name[:16], 16), path, fs.size(path)))
            except OperationalError:
                if fs.exists(path):
                    raise
                # the writer, in another process, has removed it since it was listed
    return sorted(found, key=lambda segment: segment.first_lsn)
