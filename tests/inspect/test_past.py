"""Time travel: pages rebuilt at an LSN are those that lived, byte for byte; differences and histories fit."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import engine
from engine.inspect import offline
from engine.inspect.history import Chain
from engine.inspect.past import Past
from tests.inspect.workload import PAGE, Workload

OPERATIONS = 10_000
SEED = 20_261_123


@pytest.fixture(scope="module")
def worked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workload]:
    """10,000 operations with splits, merges, long values, deletes, rollbacks, checkpoints and reopenings."""
    path = str(tmp_path_factory.mktemp("past") / "past.ank")
    options = {"page_size": PAGE, "memtable_bytes": 1 << 18, "wal_retention": 1 << 40, "synchronous": "off"}
    print(f"seed {SEED}")
    work = Workload(lambda: engine.open(path, segment_size=1 << 20, **options), SEED)
    work.run(OPERATIONS)
    yield work
    assert dict(work.db.tree("t").scan()) == work.model
    findings = work.db.check()
    work.db.close()
    assert findings == []


def changes_of(work: Workload, page: int) -> list[int]:
    """LSNs of the records of a page whose batches count, newest first: a filtered full scan of the log."""
    return [r.lsn for r in reversed(work.records) if r.page == page and r.lsn not in work.aborted]


def test_the_workload_has_every_kind_of_record(worked: Workload) -> None:
    kinds = {record.type.name for record in worked.records}
    assert kinds >= {"BUILD", "INSERT", "UPDATE", "DELETE", "TRUNCATE", "FREE", "OVERFLOW", "COMMIT", "ABORT"}
    assert len(worked.records) > OPERATIONS and worked.aborted


def test_every_page_is_rebuilt_byte_for_byte(worked: Workload) -> None:
    compared = 0
    for page, truth in worked.truth.items():
        rebuilt = {
            s.changed: s.image[4:] if s.image is not None else None for s in Past(worked_source(worked), page).states()
        }
        for lsn, image in truth.items():
            assert rebuilt[lsn] == image, f"page {page} at LSN {lsn}"
            compared += 1
    every = sum(record.page != 0 for record in worked.records if record.lsn > worked.first_traced)
    assert compared >= every > OPERATIONS and worked.copies > OPERATIONS


def worked_source(work: Workload) -> Any:
    return work.db.inspect.source


def test_statements_show_what_was(worked: Workload) -> None:
    """Through the public faces, at random places: between records, at them, live and from the files alone."""
    choose = random.Random(SEED)
    seen = [(page, lsn) for page, truth in worked.truth.items() for lsn in truth]
    worked.db.checkpoint()
    with offline(worked.db.path) as files:
        for page, lsn in choose.sample(seen, 150):
            image = worked.truth[page][lsn]
            later = [r.lsn for r in worked.records if r.lsn > lsn and r.page == page]
            ends = [r.lsn for r in worked.records if r.type.name == "ABORT" and r.lsn > lsn]
            end = min([*later[:1], *ends[:1]], default=lsn + 8)
            at = choose.choice([lsn, end - 1])
            for look in (worked.db.inspect, files):
                if image is None:
                    with pytest.raises(engine.ProgrammingError, match="did not exist"):
                        look.page(page, at)
                else:
                    model = look.page(page, at)
                    assert model.data[4:] == image and model.sealed and model.damage == ()
                    assert model.source == "log" and model.at_lsn == at
                    if lsn in worked.aborted:
                        assert model.batch.endswith("never counted")
                    else:
                        assert "rolled back" not in model.batch


def test_histories_are_the_filtered_log(worked: Workload) -> None:
    for page in worked.truth:
        wanted = changes_of(worked, page)
        found = [change.record.start_lsn for change in Chain(worked_source(worked), page)]
        assert found == wanted, f"page {page}"
        rows = worked.db.execute("SELECT start_lsn FROM sys.page_history(?)", (page,)).fetchall()
        assert [row[0] for row in rows] == wanted


def test_a_difference_leads_from_one_state_to_the_other(worked: Workload) -> None:
    choose = random.Random(SEED + 1)
    pages = [page for page, truth in worked.truth.items() if len(truth) > 3]
    for _ in range(80):
        page = choose.choice(pages)
        low, high = sorted(choose.sample(sorted(worked.truth[page]), 2))
        before, after = worked.truth[page][low], worked.truth[page][high]
        if before is None and after is None:
            continue
        diff = worked.db.inspect.diff(page, low, high)
        made = diff.apply(bytes(4) + before if before is not None else None)
        assert (made[4:] if made is not None else None) == after
        wanted = [lsn for lsn in reversed(changes_of(worked, page)) if low < lsn <= high]
        assert [c.record.start_lsn for c in diff.records] == wanted[-1000:]
        assert ("never counted" in diff.note) == bool({low, high} & worked.aborted)
        causes = {lsn for item in diff.items for lsn in item.lsns}
        assert causes <= set(wanted)


def test_a_page_of_a_batch_that_was_rolled_back(tmp_path: Path) -> None:
    """Made, and given up again: it never was, but the log can show it."""
    with engine.open(str(tmp_path / "back.ank"), page_size=PAGE, memtable_bytes=1 << 18, wal_retention=1 << 30) as db:
        tree = db.tree("t")
        tree.put_many((b"key %03d" % i, b"x" * 50) for i in range(30))
        begun = db.inspect.wal().end_lsn
        with db.begin() as txn:
            for i in range(100):
                txn.tree("t").put(b"new %03d" % i, b"y" * 1000)
            txn.rollback()
        records = db.inspect.wal(from_lsn=begun).records
        made = next(r for r in records if r.record_type == "BUILD" and r.prev_lsn == 0)
        (abort,) = (r for r in records if r.record_type == "ABORT")
        shown = db.inspect.page(made.page, made.start_lsn)
        assert shown.live_items and f"rolled back at LSN {abort.start_lsn}: this never counted" in shown.batch
        for lsn in (made.start_lsn - 1, abort.start_lsn):
            with pytest.raises(engine.ProgrammingError, match="did not exist"):
                db.inspect.page(made.page, lsn)
        with pytest.raises(engine.ProgrammingError, match="only ever part of batches that were rolled back"):
            db.execute("HISTORY PAGE ?", (made.page,))
        assert "never counted" in db.inspect.diff(made.page, made.start_lsn - 1, made.start_lsn).note
        tree.put_many((b"later %03d" % i, b"z" * 900) for i in range(100))
        old = records[0].page
        changed = [c.record.start_lsn for c in db.inspect.page_history(old).changes]
        assert changed and not set(changed) & {r.start_lsn for r in records}
        assert "can be seen, from LSN" in db.inspect.page(old, changed[0]).batch


def test_history_of_a_key_is_what_was_done_to_it(tmp_path: Path) -> None:
    """Through splits, merges, a range that is deleted, and a rollback."""
    with engine.open(str(tmp_path / "row.ank"), page_size=PAGE, wal_retention=1 << 40) as db:
        tree = db.tree("t")
        seen: list[bytes | None] = []
        for turn in range(6):
            tree.put(b"key 0500", b"value %d" % turn)
            seen.append(b"value %d" % turn)
            tree.put_many((b"key %04d" % i, b"x" * 60) for i in range(1000) if i != 500)
            for i in range(1000):
                if i != 500:
                    tree.delete(b"key %04d" % i)
        tree.put_many((b"key %04d" % i, b"y" * 60) for i in range(1000) if i != 500)
        tree.delete_range(b"key 0100", b"key 0900")
        seen.append(None)
        model = db.inspect.row_history("t", "key 0500")
        told = [v for v in reversed(model.versions) if v.event != "moved"]
        assert [v.value for v in told] == seen
        assert [v.event for v in told] == ["inserted", *["updated"] * 5, "deleted"]
        assert model.complete and any(v.event == "moved" for v in model.versions)
        assert db.execute("SELECT count(*) FROM sys.row_history('t', 'key 0500')").fetchone() == (len(model.versions),)


def test_what_is_gone_is_named(tmp_path: Path) -> None:
    with engine.open(str(tmp_path / "gone.ank"), page_size=PAGE, segment_size=1 << 14, checkpoint_bytes=0) as db:
        tree = db.tree("t")
        page = 0
        early = 0
        for turn in range(3):
            for i in range(300):
                tree.put(b"key %03d" % (i % 30), b"%d %d" % (turn, i))
            if turn == 0:
                page = db.execute("SELECT page FROM sys.pages WHERE owner = 'tree t'").fetchone()[0]
                early = db.inspect.page(page).lsn
                db.checkpoint("first")
            db.checkpoint()
        with pytest.raises(engine.HistoryError, match="is gone") as caught:
            db.inspect.page(page, early + 500)
        oldest = caught.value.oldest_lsn
        assert early + 500 < oldest < db.inspect.page(page).lsn
        assert db.inspect.page(page, oldest).at_lsn == oldest
        with pytest.raises(engine.HistoryError):
            db.inspect.page(page, oldest - 1)
        assert db.inspect.page(page, early).lsn == early  # the named checkpoint has it
        assert f"LSN {early} to" in str(caught.value)
        with pytest.raises(engine.ProgrammingError, match="not written yet"):
            db.inspect.page(page, 1 << 40)
        with pytest.raises(engine.ProgrammingError):
            db.execute("DIFF PAGE ? BETWEEN 200 AND 100", (page,))


def test_three_faces_of_time_travel(open_db: Callable[..., Any]) -> None:
    db = open_db(page_size=PAGE, wal_retention=1 << 30)
    db.execute("CREATE TABLE t (a INTEGER PRIMARY KEY, b TEXT)")
    for i in range(20):
        db.execute("INSERT INTO t VALUES (?, ?)", (i, "text"))
    db.execute("UPDATE t SET b = 'other' WHERE a = 7")
    page = db.inspect.tree("t", 7).path[-1].page
    history = db.execute("HISTORY PAGE ?", (page,))
    rows = history.fetchall()
    assert rows == db.execute(f"SELECT * FROM sys.page_history({page})").fetchall()
    assert [c["record"]["start_lsn"] for c in history.model.to_json()["changes"]] == [row[0] for row in rows]
    then = rows[3][0]
    shown = db.execute("INSPECT PAGE ? AT LSN ?", (page, then))
    assert shown.fetchall() == db.execute(f"SELECT * FROM sys.page_items({page}, {then})").fetchall()
    assert shown.model.to_json()["at_lsn"] == then
    diff = db.execute("DIFF PAGE ? BETWEEN ? AND ?", (page, then, rows[0][0]))
    assert diff.fetchall() == db.execute(f"SELECT * FROM sys.page_diff({page}, {then}, {rows[0][0]})").fetchall()
    changed = [item for item in diff.model.items if item.change == "changed"]
    assert [(i.decoded_before, i.decoded_after) for i in changed] == [({"a": 7, "b": "text"}, {"a": 7, "b": "other"})]
    assert [i.lsns for i in changed] == [(rows[0][0],)]
    row = db.execute("HISTORY ROW t 7")
    assert row.fetchall() == db.execute("SELECT * FROM sys.row_history('t', 7)").fetchall()
    assert [v.event for v in row.model.versions] == ["updated", "inserted"]
    assert row.model.to_json()["versions"][0]["decoded"] == {"a": 7, "b": "other"}
