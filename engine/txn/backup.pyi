from collections.abc import Callable

from engine.storage.file import FileSystem
from engine.txn.store import Store

def backup_store(
    store: Store, fs: FileSystem, path: str, progress: Callable[[int, int], None] | None = None
) -> None: ...
