"""What the calling thread has done to pages so far: for measuring by differences, without stopping or asking anybody else."""

NAMES = ("pages", "reads", "latches_shared", "latches_exclusive", "waits", "wait_ns")


def thread_counters():
    """The calling thread's counters, in the order of NAMES.

    pages: visited (pinned, latched, or read optimistically as a leaf); reads: of these, read from the file; latches taken, by mode;
    waits for a latch, and how long they took together.
    """
    t = thread_self()
    return (
        int(t.visits),
        int(t.misses),
        int(t.acquired_shared),
        int(t.acquired_exclusive),
        int(t.contended),
        int(t.wait_ns),
    )
