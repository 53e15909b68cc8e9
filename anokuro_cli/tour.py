"""`anokuro tour`: a small database is made, split, looked at, crashed and damaged, and every step shown with the inspections themselves.

Each step is a function that says what is about to happen, does it, and gives the models to be shown. The database is in a
directory of its own that is removed afterwards (or kept, where the person names one).
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from textwrap import fill
from typing import TYPE_CHECKING, Any

from anokuro_cli.errors import OK

if TYPE_CHECKING:
    from anokuro_cli.render.output import Output

WAIT_SECONDS = 10.0
PAGE = 4096
OPTIONS: dict[str, Any] = {"wal_retention": 1 << 26, "memtable_bytes": 1 << 18}
BIRDS = ("blackbird", "crane", "dunnock", "egret", "finch", "goldcrest", "heron", "ibis", "jay", "kestrel")
CRASH = """
import engine, os, signal, sys
db = engine.open(sys.argv[1])
for number in range(5):
    db.execute("INSERT INTO birds VALUES (?, 'seen just before the crash')", (90_000 + number,))
print("committed", flush=True)
txn = db.begin()
txn.execute("INSERT INTO birds VALUES (99_999, 'never committed')")
os.kill(os.getpid(), signal.SIGKILL)
"""


class Tour:
    """The database of a tour, and its steps in order."""

    def __init__(self, folder: str) -> None:
        import engine

        self.path = os.path.join(folder, "tour.ank")
        self.db: Any = engine.open(self.path, page_size=PAGE, **OPTIONS)
        self.next_bird = 0

    def close(self) -> None:
        """End it; the files stay."""
        self.db.close()

    def steps(self) -> list[Callable[[], Iterator[Any]]]:
        """Each gives texts, to be read, and models, to be seen."""
        return [
            self.a_page, self.a_full_page, self.a_split, self.the_way, self.the_past, self.snapshots, self.latches, self.crash,
            self.damage,
        ]  # fmt: skip

    def _insert(self) -> str:
        bird = BIRDS[self.next_bird % len(BIRDS)]
        statement = f"INSERT INTO birds VALUES ({self.next_bird * 10}, '{bird} number {self.next_bird}')"
        self.next_bird += 1
        return statement

    def _leaf(self, key: int) -> int:
        return int(self.db.inspect.tree("birds", key).path[-1].page)

    def a_page(self) -> Iterator[Any]:
        """1. A table is a tree, and a small tree is one page"""
        self.db.execute("CREATE TABLE birds (id INTEGER PRIMARY KEY, name TEXT)")
        for _ in range(4):
            self.db.execute(self._insert())
        yield (
            "Four rows were inserted. This is the page they are in, byte for byte: slots grow from the left, in key order; the cells they "
            "point to grow from the right, in the order in which they came."
        )
        yield self.db.inspect.page(self._leaf(0))

    def a_full_page(self) -> Iterator[Any]:
        """2. A page fills"""
        page = self._leaf(0)
        while self.db.inspect.page(page).free > 60:
            self.db.execute(self._insert())
        model = self.db.inspect.page(page)
        yield f"{self.next_bird} rows later: {model.live_items} items, {model.free} bytes free. The next insert will not fit."
        yield self.db.inspect.tree("birds")

    def a_split(self) -> Iterator[Any]:
        """3. A split, as it happens"""
        yield (
            "An insert between two rows, and it does not fit, traced: look for `grow root`, for `split`, which says how many items move to the "
            "new page, and for the log records of each page."
        )
        for key in range(self.next_bird * 5 + 1, self.next_bird * 5 + 9):
            model = self.db.execute(f"TRACE INSERT INTO birds VALUES ({key}, 'one in between')").model
            if any(event.event == "split" for event in model.events):
                break
        yield model
        yield "The tree has two levels now."
        yield self.db.inspect.tree("birds")

    def the_way(self) -> Iterator[Any]:
        """4. How a key is found"""
        yield "From the root down, with each comparison that is made on the way:"
        yield self.db.inspect.tree("birds", 70)

    def the_past(self) -> Iterator[Any]:
        """5. What a page was"""
        page = self._leaf(30)
        before = self.db.inspect.page(page).lsn
        self.db.execute("UPDATE birds SET name = 'a rare one' WHERE id = 30")
        self.db.execute("DELETE FROM birds WHERE id = 40")
        yield "One row was changed and one deleted. The log knows what the page was; a row can be followed back to the insert that made it."
        yield self.db.inspect.diff(page, before, self.db.inspect.page(page).lsn)
        yield self.db.inspect.row_history("birds", 30)

    def snapshots(self) -> Iterator[Any]:
        """6. Readers see one state"""
        with self.db.begin(readonly=True) as reader:
            count = reader.execute("SELECT count(*) FROM birds").fetchone()[0]
            self.db.execute("DELETE FROM birds WHERE id >= 100 AND id < 400")
            again = reader.execute("SELECT count(*) FROM birds").fetchone()[0]
            yield (
                f"A reader counted {count} rows; then others were deleted; it still counts {again}. For it the pages are kept as they "
                "were: older versions."
            )
            yield self.db.inspect.transactions()

    def latches(self) -> Iterator[Any]:
        """7. Threads at work"""
        from anokuro_cli.workload import Plan, Workload, parse_mix

        self.db.execute("CREATE TABLE islands (id INTEGER PRIMARY KEY, name TEXT)")
        self.db.execute("INSERT INTO islands VALUES (1, 'Skomer')")
        page = int(self.db.inspect.tree("islands", 1).path[-1].page)
        yield (
            f"The disk took long to read page {page}. The thread that was reading it held its latch; three others wanted the same page, and "
            "had to wait. Who holds what, and who waits for whom:"
        )
        yield self._wait_for_a_page(page)
        large = self.db.begin()
        for number in range(100):
            large.tree("nests").put(b"%d" % number, bytes(1000))
        writer = threading.Thread(target=lambda: self.db.tree("eggs").put(b"one", b"blue"), name="second writer")
        writer.start()
        model = self._look_until(lambda model: bool(model.graph))
        large.rollback()
        writer.join()
        yield (
            "A transaction had written more than fits the memory for writes, and so kept the commit section to itself. Another thread "
            "wanted to commit, and had to wait. Who waits for whom:"
        )
        yield model
        work = Workload(self.db, Plan(threads=3, mix=parse_mix("update=80,read=20"), keys=200))
        top = self.db.inspect.top()
        work.start()
        top.look()
        threading.Event().wait(1.0)
        yield "Three threads changed two hundred keys for a second. Who held which latch, who waited, what was hot:"
        yield top.look(work.rates())
        work.stop()

    def _wait_for_a_page(self, page: int) -> Any:
        """Opens the database again, with no page of it in memory, lets four threads ask for a row while the disk waits, and looks."""
        from engine.api.database import open_database
        from engine.inspect.held_disk import HeldDisk

        self.db.close()
        disk = HeldDisk(self.path, WAIT_SECONDS)
        self.db = open_database(self.path, disk, **OPTIONS)
        readers = [self.db.begin(readonly=True) for _ in range(4)]
        for reader in readers:  # the catalog is in memory now, the page is not
            reader.execute("SELECT name FROM birds WHERE id = 10").fetchall()
        self.db.inspect.latches()
        threads = [
            threading.Thread(
                target=lambda reader=reader: reader.execute("SELECT name FROM islands WHERE id = 1").fetchall(),
                name=f"reader {number}",
            )
            for number, reader in enumerate(readers, 1)
        ]
        disk.hold()
        try:
            for thread in threads:
                thread.start()
            return self._look_until(lambda model: sum(one.page == page for one in model.latches) == len(threads))
        finally:
            disk.release()
            for thread in threads:
                thread.join()
            for reader in readers:
                reader.rollback()

    def _look_until(self, seen: Callable[[Any], bool]) -> Any:
        """Latches, as soon as what is expected is to be seen in them."""
        end = time.monotonic() + WAIT_SECONDS
        while not seen(model := self.db.inspect.latches()) and time.monotonic() < end:
            time.sleep(0.01)
        return model

    def crash(self) -> Iterator[Any]:
        """8. A crash"""
        import engine
        from engine import inspect

        self.db.close()
        root = Path(engine.__file__).parent.parent
        environment = {
            **os.environ,
            "PYTHONPATH": os.pathsep.join(filter(None, [str(root), os.environ.get("PYTHONPATH")])),
        }
        done = subprocess.run(
            [sys.executable, "-c", CRASH, self.path], env=environment, capture_output=True, check=False
        )
        killed = done.returncode == -signal.SIGKILL
        yield "Another process inserted five rows, committed them, began a sixth, and " + (
            "was killed." if killed else "ended."
        )
        with inspect.offline(self.path) as files:
            yield "The log behind the last checkpoint is what recovery has:"
            redo = files.source.metas()[0][1].as_dict()["redo_lsn"]
            yield files.wal(redo)
        self.db = engine.open(self.path, **OPTIONS)
        rows = self.db.execute("SELECT id, name FROM birds WHERE id >= 90000").fetchall()
        yield f"Opened again: {len(rows)} of the rows are there, what was not committed is not, and a check finds {len(self.db.check())} faults."

    def damage(self) -> Iterator[Any]:
        """9. Damage"""
        import engine
        from engine import inspect

        self.db.checkpoint()
        slot = self.db.execute(
            "SELECT max(slot) FROM sys.pages WHERE owner = 'table birds' AND kind = 'leaf'"
        ).fetchone()[0]
        self.db.close()
        with open(self.path, "r+b") as file:
            file.seek(slot * PAGE + 3000)
            file.write(b"\xff" * 64)
        with inspect.offline(self.path) as files:
            found = files.damage()
        yield "Sixty-four bytes of a page were overwritten. `anokuro check` says:"
        yield from (f"  {one}" for one in found)
        report = engine.recover(self.path, self.path + "-saved")
        saved = ", ".join(f"{tree.name}: {tree.saved}" for tree in report.trees)
        yield f"`anokuro recover` saves what can be read, from pages, their older images and the log ({saved})" + (
            ": all of it, for the log still has the page." if report.is_whole else "."
        )
        os.replace(self.path + "-saved", self.path)
        for segment in Path(f"{self.path}-wal").iterdir():
            segment.unlink()
        for segment in Path(f"{self.path}-saved-wal").iterdir():
            segment.rename(Path(f"{self.path}-wal") / segment.name)
        Path(f"{self.path}-saved-wal").rmdir()
        self.db = engine.open(self.path)


def take_tour(output: Output, ask: Callable[[], bool], folder: str = "") -> int:
    """Go through all steps. ask: called between two of them; False ends the tour. folder: where the database is kept."""
    from anokuro_cli.render.inspections import show_model

    with tempfile.TemporaryDirectory(prefix="anokuro-tour-") as made:
        tour = Tour(folder or made)
        try:
            for step in tour.steps():
                output.line("")
                output.line(output.style((step.__doc__ or "").strip(), "bold"))
                for part in step():
                    output.line("")
                    if isinstance(part, str):
                        output.line(
                            fill(part, min(output.width or 80, 100), subsequent_indent=" " * 4 * part.startswith(" "))
                        )
                    else:
                        show_model(part, output)
                output.flush()
                if not ask():
                    return OK
        finally:
            tour.close()
    output.line("")
    output.line("That was it. .help lists the commands; each picture is also a table of sys, and JSON.")
    return OK
