"""The harness is proved before it is believed: the correct toy is clean, every broken one is caught."""

from __future__ import annotations

import random

import pytest

from engine.storage.file_memory import MemoryFileSystem
from engine.storage.file_recording import (
    Create,
    MakeDir,
    Mark,
    Operation,
    RecordingFileSystem,
    Rename,
    Sync,
    SyncDir,
    Truncate,
    Unlink,
    Write,
)
from tests.crash.disk import Disk
from tests.crash.harness import Workload, explore
from tests.crash.states import CHOICES
from tests.crash.toy import Toy, steps

WORKLOAD = Workload("toy", steps(16), further={"further": "step"})

MUTANTS = {
    "no sync of the log": Toy(sync_append=False),
    "acknowledged before the sync": Toy(sync_before_ack=False),
    "renamed before the new file is synced": Toy(sync_new=False),
    "names not synced after creation": Toy(sync_names_at_creation=False),
    "names not synced after renaming": Toy(sync_names_at_rename=False),
    "rewritten in place": Toy(rename_into_place=False),
    "checksum ignored": Toy(verify_checksum=False),
    "torn tail left in the log": Toy(cut_tail=False),
    "a transaction in two records": Toy(one_record=False),
}


def test_the_correct_toy_is_clean() -> None:
    found = explore(Toy(), WORKLOAD, budget=600)
    assert found.failures == []
    assert found.states >= 500
    assert found.nested > 0
    assert found.points > 60


@pytest.mark.parametrize("name", MUTANTS)
def test_a_broken_toy_is_caught(name: str) -> None:
    found = explore(MUTANTS[name], WORKLOAD, budget=1500, stop_at=1)
    assert found.failures, f"the mutant '{name}' went unseen in {found.states} states"


def test_a_seed_gives_the_same_exploration_again() -> None:
    first = explore(MUTANTS["no sync of the log"], WORKLOAD, budget=200, seed=5)
    second = explore(MUTANTS["no sync of the log"], WORKLOAD, budget=200, seed=5)
    assert first == second
    assert first.failures


def disk_after(*operations: Operation) -> Disk:
    disk = Disk({"/old": b"before"})
    for operation in operations:
        disk.play(operation)
    return disk


def contents(disk: Disk, choice: str) -> dict[str, bytes | None]:
    return disk.image(CHOICES[choice](disk.pending, random.Random(1)), choice).file_system().contents()


def test_only_what_was_synced_is_sure() -> None:
    disk = disk_after(
        Create(0, "/a"),
        Write(0, 0, b"one"),
        Sync(0),
        SyncDir("/"),
        Write(0, 3, b"two"),
        Create(1, "/b"),
        Unlink("/old"),
    )
    assert contents(disk, "nothing") == {"/a": b"one", "/old": b"before"}
    assert contents(disk, "everything") == {"/a": b"onetwo", "/b": b""}
    assert contents(disk, "names_only") == {"/a": b"one", "/b": b""}
    assert contents(disk, "data_only") == {"/a": b"onetwo", "/old": b"before"}
    assert contents(disk, "grown") == {"/a": b"one\0\0\0", "/b": b""}
    assert contents(disk, "only_last") == {"/a": b"one"}


def test_a_synced_file_can_lose_its_name() -> None:
    disk = disk_after(Create(0, "/a"), Write(0, 0, b"x"), Sync(0))
    assert contents(disk, "nothing") == {"/old": b"before"}


def test_a_directory_must_itself_be_durable() -> None:
    disk = disk_after(MakeDir("/d"), Create(0, "/d/a"), Sync(0), SyncDir("/d"))
    assert contents(disk, "nothing") == {"/old": b"before"}
    disk.play(SyncDir("/"))
    assert contents(disk, "nothing") == {"/d": None, "/d/a": b"", "/old": b"before"}


def test_renaming_reaches_the_disk_with_its_directory() -> None:
    disk = disk_after(Rename("/old", "/new"))
    assert contents(disk, "nothing") == {"/old": b"before"}
    disk.play(SyncDir("/"))
    assert contents(disk, "nothing") == {"/new": b"before"}


def test_marks_move_the_window_of_their_lane() -> None:
    marks = [
        Mark("begin", 1),
        Mark("begin", 2),
        Mark("ack", 1),
        Mark("begin", 1, 2),
        Mark("begin", 3, 2),
        Mark("ack", 3, 2),
    ]
    assert disk_after(*marks).windows(3) == ((1, 2), (0, 0), (3, 3))


def test_truncation_is_pending_until_synced() -> None:
    disk = disk_after(Create(0, "/a"), Write(0, 0, b"abcdef"), Sync(0), SyncDir("/"), Truncate(0, 2), Truncate(0, 4))
    assert contents(disk, "nothing")["/a"] == b"abcdef"
    assert contents(disk, "last_lost")["/a"] == b"ab"
    assert contents(disk, "everything")["/a"] == b"ab\0\0"


def test_everything_is_what_the_program_saw() -> None:
    """Playing a random record and keeping all of it gives exactly the file system it was recorded on."""
    seed = random.randrange(1 << 32)
    print("seed", seed)
    rng = random.Random(seed)
    memory = MemoryFileSystem({"/old": b"before"})
    fs = RecordingFileSystem(memory)
    paths = [f"/{name}" for name in "abcd"] + ["/old"]
    for _ in range(400):
        path = rng.choice(paths)
        match rng.randrange(6):
            case 0 | 1 | 2:
                with fs.open(path, create=True) as f:
                    f.pwrite(rng.randbytes(rng.randrange(2000)), rng.randrange(3000))
                    if rng.random() < 0.3:
                        f.sync()
            case 3:
                with fs.open(path, create=True) as f:
                    f.truncate(rng.randrange(3000))
            case 4 if fs.exists(path):
                fs.rename(path, rng.choice(paths))
            case 5 if fs.exists(path):
                fs.unlink(path) if rng.random() < 0.5 else fs.sync_dir("/")
    disk = Disk({"/old": b"before"})
    for operation in fs.operations:
        disk.play(operation)
    assert contents(disk, "everything") == memory.contents()


def test_sectors_are_kept_or_lost_whole() -> None:
    disk = disk_after(Create(0, "/a"), Sync(0), SyncDir("/"), Write(0, 300, b"x" * 2000))
    seen = set()
    for seed in range(40):
        data = (
            disk.image(CHOICES["sectors"](disk.pending, random.Random(seed)), "sectors").file_system().contents()["/a"]
        )
        assert data is not None and len(data) == 2300
        spans = [(300, 512), (512, 1024), (1024, 1536), (1536, 2048), (2048, 2300)]
        assert all(len(set(data[start:end])) == 1 for start, end in spans)
        seen.add(data)
    assert len(seen) > 5
