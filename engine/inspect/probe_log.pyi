from engine.wal.reader import LogReader, LogRecord

def scan_log(
    reader: LogReader, from_lsn: int | None, page: int | None, txn: int | None, limit: int
) -> tuple[dict[int, tuple[int, int]], list[LogRecord]]: ...
