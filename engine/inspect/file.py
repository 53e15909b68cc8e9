"""The data file: its slots, who uses them, and a census by kind."""

from __future__ import annotations

from typing import Any

from engine.base.dataclass import dataclass
from engine.base.errors import Error
from engine.inspect.decode import HEADER_SIZE
from engine.inspect.model import Model
from engine.inspect.owners import TABLE_TREE, Owners
from engine.inspect.source import PageRef, SlotUse, Source
from engine.inspect.tree import summarise
from engine.wal.segments import list_segments

STATES = ("live", "retained", "kept", "free", "writing")


@dataclass(frozen=True, slots=True)
class SlotModel(Model):
    """One slot of the file.

    kind: of the image in it (meta, leaf, branch, overflow, page table, free, unknown). state: live: the newest image of
    a page, or one that somebody can still see; retained: only the last checkpoint needs it; kept: only a retained
    checkpoint needs it, or one that somebody reads; writing: of a checkpoint that is being written; free. fill: used part of the page.
    """

    slot: int
    offset: int
    state: str
    kind: str
    page: int | None
    tree: int | None
    owner: str
    level: int
    items: int
    fill: float
    lsn: int
    live: bool
    durable: bool
    kept: bool = False


@dataclass(frozen=True, slots=True)
class Census(Model):
    """How many slots hold images of one kind; fill: used part of them on average."""

    kind: str
    slots: int
    bytes: int
    live: int
    retained: int
    fill: float
    kept: int = 0


@dataclass(frozen=True, slots=True)
class MetaModel(Model):
    """A valid meta slot; counts: it is the one that does."""

    slot: int
    counts: bool
    fields: dict[str, int]


@dataclass(frozen=True, slots=True)
class CheckpointModel(Model):
    """A retained checkpoint. lsn: of the last commit it contains; time_us: when it was made; slot: its page table's root."""

    name: str
    lsn: int
    time_us: int
    sequence: int
    slot: int
    pages: int


@dataclass(frozen=True, slots=True)
class FileModel(Model):
    """The space map of a data file, with its log's segments (LSN of the first byte, bytes)."""

    path: str
    size: int
    page_size: int
    slots: tuple[SlotModel, ...]
    census: tuple[Census, ...]
    metas: tuple[MetaModel, ...]
    segments: tuple[tuple[int, int], ...]
    damage: tuple[str, ...]
    checkpoints: tuple[CheckpointModel, ...] = ()
    model: str = "file"
    version: int = 1


def _state(use: SlotUse) -> str:
    if use.slot < 2:
        return "live"
    state = "writing" if use.pending else "live" if use.live else "retained" if use.durable else "free"
    return "kept" if use.kept and state == "free" else state


def slot_model(source: Source, owners: Owners, use: SlotUse, header: bytes) -> SlotModel:
    """One slot, with what the header of the image in it says."""
    at, state = use.slot * source.page_size, _state(use)
    if use.slot < 2:
        return SlotModel(use.slot, at, "live", "meta", None, None, "", 0, 0, 0.0, 0, True, True)
    if state == "free":
        return SlotModel(use.slot, at, state, "free", None, None, "", 0, 0, 0.0, 0, False, False)
    if len(header) < HEADER_SIZE:
        return SlotModel(use.slot, at, state, "unknown", use.page, None, "", 0, 0, 0.0, 0, use.live, use.durable)
    found = summarise(PageRef(use.page or 0, header, use.slot, 0, None, False), source.page_size, owners)
    kind, tree = found.kind, found.tree
    if use.table is not None or kind == "retained checkpoints":
        state = "live" if use.durable else state
    return SlotModel(
        use.slot, at, state, kind, use.page, tree if tree != TABLE_TREE else None,
        kind if tree == TABLE_TREE else found.owner, found.level, found.items, found.fill, found.lsn,
        use.live, use.durable, use.kept,
    )  # fmt: skip


def file_model(source: Source) -> FileModel:
    """The whole space map; reads one header a used slot."""
    owners = source.owners()
    uses = list(source.slot_uses())
    read = [use.slot for use in uses if use.slot >= 2 and _state(use) != "free"]
    headers = dict(zip(read, source.slot_headers(read), strict=True))
    slots = tuple(slot_model(source, owners, use, headers.get(use.slot, b"")) for use in uses)
    metas = tuple(
        MetaModel(number, i == 0, {name: int(value) for name, value in meta.as_dict().items()})
        for i, (number, meta) in enumerate(source.metas())
    )
    problems = list(source.problems)
    segments: tuple[tuple[int, int], ...] = ()
    try:
        reader: Any = source.log_reader()
        if reader.fs.exists(reader.directory):
            segments = tuple((one.first_lsn, one.size) for one in list_segments(reader.fs, reader.directory))
    except Error as error:
        problems.append(str(error))
    retained: tuple[CheckpointModel, ...] = ()
    try:
        retained = checkpoints_model(source)
    except Error as error:
        problems.append(str(error))
    return FileModel(
        source.path, source.file_size(), source.page_size, slots, _census(slots, source.page_size), metas, segments,
        tuple(problems), retained,
    )  # fmt: skip


def checkpoints_model(source: Source) -> tuple[CheckpointModel, ...]:
    """The retained checkpoints, oldest first. Raises CorruptionError."""
    return tuple(
        CheckpointModel(
            root.name, root.checkpoint_lsn, root.checkpoint_us, root.sequence, root.table_slot, root.next_page_id
        )
        for root in source.retained()
    )


def _census(slots: tuple[SlotModel, ...], page_size: int) -> tuple[Census, ...]:
    found = []
    for kind in ("meta", "leaf", "branch", "overflow", "page table", "retained checkpoints", "unknown", "free"):
        here = [slot for slot in slots if slot.kind == kind]
        if here:
            live = sum(slot.state == "live" for slot in here)
            retained = sum(slot.state == "retained" for slot in here)
            kept = sum(slot.state == "kept" for slot in here)
            fill = round(sum(slot.fill for slot in here) / len(here), 4)
            found.append(Census(kind, len(here), len(here) * page_size, live, retained, fill, kept))
    return tuple(found)
