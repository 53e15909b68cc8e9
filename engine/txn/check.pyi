from collections.abc import Callable

from engine.btree.check import Finding
from engine.txn.store import Store

def check_store(store: Store, progress: Callable[[int], None] | None = None) -> list[Finding]: ...
