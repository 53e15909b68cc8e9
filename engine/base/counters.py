"""What the calling thread has done so far: for measuring by differences, without stopping or asking anybody else."""

NAMES = (
    "pages", "reads", "dirtied", "latches_shared", "latches_exclusive", "waits", "wait_ns", "log_records", "log_bytes", "probes",
)  # fmt: skip

OPERATIONS = (
    "", "get", "get many", "scan", "commit", "checkpoint", "write ahead", "check", "backup", "vacuum", "recovery", "inspection",
)  # fmt: skip
"""What a thread does with page latches, by OP_ number (thread.pxd)."""


def thread_counters():
    """The calling thread's counters, in the order of NAMES.

    pages: visited (pinned, latched, or read optimistically as a leaf); reads: of these, read from the file; dirtied: pages that became
    different from what is in the file, new ones too; latches taken, by mode; waits for a latch, and how long they took
    together; records and bytes appended to the log; probes: searches in the memtable, for reading and for writing.
    """
    t = thread_self()
    return (
        int(t.visits),
        int(t.misses),
        int(t.dirtied),
        int(t.acquired_shared),
        int(t.acquired_exclusive),
        int(t.contended),
        int(t.wait_ns),
        int(t.log_records),
        int(t.log_bytes),
        int(t.probes),
    )
