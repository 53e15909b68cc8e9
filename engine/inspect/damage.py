"""What is wrong with the files of a database, found without opening it: each place, and what it means.

    meta slots -> page table -> every image it names     every image of a retained checkpoint     the log, from its first record

This finds what makes a database refuse to open, and what an opened one cannot see: a meta slot that does not count, log that is
kept for history alone. What stands in sound pages, and does not fit together, is found by Database.check.
"""

from __future__ import annotations

from engine.base.dataclass import dataclass
from engine.base.errors import CorruptionError, Error
from engine.inspect.decode import Origin, decode_page, header_of, kind_of
from engine.inspect.file_source import FileSource
from engine.inspect.model import Model
from engine.inspect.owners import Owner
from engine.inspect.probe import problem_of
from engine.inspect.replay import committed_records
from engine.wal.reader import LogReader
from engine.wal.segments import list_segments, segment_path

RECOVER = "`anokuro recover` saves what can be read"


@dataclass(frozen=True, slots=True)
class Damage(Model):
    """One thing that is wrong. offset: byte in `file`, None: not at one place. means: what is lost by it, and what helps."""

    what: str
    means: str
    file: str
    page: int | None = None
    offset: int | None = None

    def __str__(self) -> str:
        places = (("page", self.page), ("offset", self.offset))
        where = ", ".join(f"{name} {value}" for name, value in places if value is not None)
        return f"{self.what} ({self.file}{', ' + where if where else ''}); {self.means}"


def find_damage(source: FileSource) -> list[Damage]:
    """Everything that is wrong with the files; empty where nothing is."""
    return [*_structure(source), *_pages(source), *_retained(source), *_log(source)]


def _structure(source: FileSource) -> list[Damage]:
    """Meta slots and page table."""
    source.owners()  # notes what is wrong with the catalog
    found = []
    for problem in source.problems:
        if problem.startswith("meta slot"):
            number = int(problem.split()[2])
            means = "the other meta slot counts: nothing is lost as long as the log reaches its checkpoint"
            found.append(Damage(problem, means, source.path, None, number * source.page_size))
        elif "page table block" in problem:
            slot = int(problem.rsplit("slot ", 1)[1].split(":")[0])
            means = f"the pages it names are not found any more; {RECOVER} of every slot"
            found.append(Damage(problem, means, source.path, None, slot * source.page_size))
        elif problem.startswith("checkpoint ") or "retained checkpoints" in problem:
            found.append(
                Damage(
                    problem,
                    "retained checkpoints cannot be read, drop them; the newest state is not affected",
                    source.path,
                )
            )
        else:
            found.append(Damage(problem, f"the database cannot be opened; {RECOVER}", source.path, None, 0))
    return found


def _pages(source: FileSource) -> list[Damage]:
    owners = source.owners()
    found = []
    for page, (slot, _) in sorted(source.table.items()):
        image = source.image(page)
        if image is None:
            continue
        owner = owners.of(header_of(image.data)["tree_id"])
        offset = slot * source.page_size
        if image.damage:
            found.append(Damage(f"{image.damage[0]}", meaning(owner, image.data), source.path, page, offset))
            continue
        model = decode_page(image.data, Origin("slot", slot, None, page, (), str(owner), owner.decode))
        broken = [item.damage for item in model.items if item.damage is not None]
        for problem in (*model.damage, *broken[:1]):
            found.append(Damage(problem, meaning(owner, image.data), source.path, page, offset))
    return found


def meaning(owner: Owner, image: bytes) -> str:
    """What it means that a page cannot be read; its header, which may be damaged too, tells whose it is."""
    kind = kind_of(header_of(image))
    if owner.kind == "index":
        return (
            f"part of index {owner.name} cannot be read; its table is not affected: drop the index and create it again"
        )
    if owner.kind in ("directory", "catalog"):
        return f"the {owner.name} cannot be read, so tables are not found; {RECOVER}"
    whose = str(owner) if owner.kind in ("table", "tree") else "an unknown tree"
    if kind == "branch":
        return f"keys of {whose} are not found by their order; {RECOVER}, all of them where the leaves are sound"
    if kind == "overflow":
        return f"a long value of {whose} cannot be read; {RECOVER}"
    return f"rows of {whose} cannot be read; {RECOVER}, these too if the log still has the page"


def _retained(source: FileSource) -> list[Damage]:
    """Images that retained checkpoints alone need."""
    found = []
    live = {slot for slot, _ in source.table.values()}
    for slot, page in sorted(source.kept.items()):
        if slot in live:
            continue
        data = source.slot_bytes(slot)
        if len(data) < source.page_size or problem_of(data)[0] != header_of(data)["checksum"]:
            means = "a retained checkpoint cannot be read there; the newest state is not affected"
            found.append(
                Damage("the checksum does not match the content", means, source.path, page, slot * source.page_size)
            )
    return found


# --- the log ------------------------------------------------------------------------------------------------------------


def _log(source: FileSource) -> list[Damage]:
    """The log from its first record to its end, read once more where a writer goes on meanwhile."""
    found: list[Damage] = []
    for _ in range(3):
        before, found = found, _read_log(source)
        if not found or found == before:
            return found
    return found


def _read_log(source: FileSource) -> list[Damage]:
    found: list[Damage] = []
    redo = int(source.metas()[0][1].as_dict()["redo_lsn"]) if source.metas() else 0
    lost = f"commits behind it are lost; {RECOVER} from before"
    try:
        reader = source.log_reader()
        start = reader.first_lsn()
        segments = list_segments(reader.fs, reader.directory) if reader.fs.exists(reader.directory) else []
        if not segments:
            return (
                [Damage("the log is missing", "commits since the last checkpoint are lost", reader.directory)]
                if redo
                else []
            )
        reader.seek(start)
        _, _, end = committed_records(reader)
        stopped = reader.end_lsn
        if stopped < redo:
            found.append(
                _at(
                    reader,
                    stopped,
                    f"the log is damaged: {reader.reason}",
                    "history before the last checkpoint cannot be shown",
                )
            )
            reader.seek(redo, int(source.metas()[0][1].as_dict()["redo_prev_crc"]))
            _, _, end = committed_records(reader)
            stopped = reader.end_lsn
        stale = [one for one in segments if one.first_lsn + reader.segment_size <= start]
        found += [
            Damage("log segments are missing behind this one", "history before them cannot be shown", one.path, None, 0)
            for one in stale
        ]
        reader.check_tail()
        if stopped > end or _rest(source, reader, stopped):
            found.append(
                _at(
                    reader, end, f"behind the last complete commit lies what is none: {reader.reason}",
                    "what a crash left of a commit that had not returned; without a crash, the last commit is lost",
                )
            )  # fmt: skip
    except CorruptionError as error:
        found.append(Damage(str(error.args[0]), lost, error.file or source.path, None, error.offset))
    except Error as error:
        found.append(Damage(str(error), lost, source.path))
    return found


def _at(reader: LogReader, lsn: int, what: str, means: str) -> Damage:
    size = reader.segment_size
    return Damage(f"{what} (LSN {lsn})", means, segment_path(reader.directory, lsn - lsn % size), None, lsn % size)


def _rest(source: FileSource, reader: LogReader, stopped: int) -> bool:
    """Whether anything but zeros stands in the segment behind the place where reading stopped."""
    size = reader.segment_size
    path = segment_path(reader.directory, stopped - stopped % size)
    if not reader.fs.exists(path):
        return False
    with reader.fs.open(path, readonly=True) as file:
        return any(file.pread(size, stopped % size))
