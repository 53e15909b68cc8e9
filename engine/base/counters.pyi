NAMES: tuple[str, ...]
OPERATIONS: tuple[str, ...]

def thread_counters() -> tuple[int, ...]: ...
