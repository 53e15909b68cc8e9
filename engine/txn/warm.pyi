from collections.abc import Iterable

from engine.txn.store import Store

def warm_keys(store: Store, tree: int, keys: Iterable[bytes]) -> int: ...
