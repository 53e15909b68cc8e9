"""Where images come from: what a live database and mere files have in common, and walks over it that trust nothing."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator

from engine.base.dataclass import dataclass
from engine.base.errors import CorruptionError, Error
from engine.catalog.catalog import Catalog, Schema
from engine.catalog.objects import NamedTree
from engine.inspect.decode import HEADER_SIZE, NODES, Origin, decode_page, header_of, kind_of
from engine.inspect.owners import Owners
from engine.inspect.page import PageModel
from engine.storage.meta import Meta
from engine.txn.roots import Root
from engine.wal.reader import LogReader

DEPTH_MAX = 40
ROOT_DIRECTORY, ROOT_CATALOG = 1, 2


@dataclass(frozen=True, slots=True)
class Image:
    """The bytes of one page and where they were: source "frame" or "slot"; damage: why they may not be what is wanted."""

    data: bytes
    source: str
    slot: int
    frame: int | None = None
    damage: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class PageRef:
    """What is known of a page besides its content. header: 112 bytes; frame: None where it is in no frame."""

    page: int
    header: bytes
    slot: int
    durable_slot: int
    frame: int | None
    older: bool


@dataclass(frozen=True, slots=True)
class SlotUse:
    """Who uses a slot. live: newest image of a page or an old version that is seen; durable: of the last checkpoint.

    kept: a retained checkpoint needs it, or one that somebody reads.
    """

    slot: int
    live: bool
    durable: bool
    pending: bool
    page: int | None
    table: tuple[int, int] | None
    kept: bool = False


class Source(ABC):
    """Images, references and slots of one database."""

    path: str
    page_size: int
    problems: list[str]

    @abstractmethod
    def image(self, page: int) -> Image | None:
        """The newest image there is of a page; None where the page id is free."""

    @abstractmethod
    def refs(self) -> Iterator[PageRef]:
        """All pages in use, by page id."""

    @abstractmethod
    def slot_bytes(self, slot: int, length: int | None = None) -> bytes:
        """The first bytes of a slot, as the file has them."""

    def slot_headers(self, slots: list[int]) -> list[bytes]:
        """The page header at the beginning of each slot; shorter where the file ends."""
        return [self.slot_bytes(slot, HEADER_SIZE) for slot in slots]

    @abstractmethod
    def slot_uses(self) -> Iterator[SlotUse]:
        """All slots of the file, by number, meta slots included."""

    @abstractmethod
    def metas(self) -> list[tuple[int, Meta]]:
        """The valid meta slots, the one that counts first."""

    @abstractmethod
    def retained(self) -> list[Root]:
        """The retained checkpoints, oldest first."""

    @abstractmethod
    def log_reader(self) -> LogReader:
        """A new reader of the log, standing at its oldest record."""

    @abstractmethod
    def written_lsn(self) -> int | None:
        """Up to where a writer who goes on meanwhile has written the log; None where there is none."""

    @abstractmethod
    def published_lsn(self) -> int | None:
        """LSN of the last commit that can be seen; None for files alone, whose log has to be read for it."""

    @abstractmethod
    def file_size(self) -> int:
        """Bytes of the data file."""

    @abstractmethod
    def owners(self) -> Owners:
        """Names and decoders of the trees."""


def read_page(source: Source, page: int, owners: Owners | None = None) -> PageModel | None:
    """Decode the newest image of a page; None where the page id is free."""
    image = source.image(page)
    if image is None:
        return None
    owner = owners.of(header_of(image.data)["tree_id"]) if owners is not None else None
    return decode_page(
        image.data,
        Origin(
            image.source,
            image.slot,
            image.frame,
            page,
            image.damage,
            str(owner) if owner is not None else "",
            owner.decode if owner is not None else None,
        ),
    )


def scan_tree(source: Source, root: int) -> Iterator[tuple[bytes, bytes]]:
    """Every (key, value) that can be reached below a root, in key order; damaged pages and long values end in nothing."""
    seen: set[int] = set()
    waiting = [root]
    while waiting:
        page = waiting.pop()
        if page in seen:
            continue
        seen.add(page)
        found = read_page(source, page)
        if found is None or found.kind not in NODES:
            continue
        if found.kind == "branch":
            waiting += [item.child for item in reversed(found.items) if item.child]
            continue
        for item in found.items:
            if item.damage is None and item.overflow_page is None:
                yield item.key, item.value
            elif item.overflow_page is not None and item.overflow_len is not None:
                value = read_overflow(source, item.overflow_page, item.overflow_len)
                if value is not None:
                    yield item.key, value


def read_overflow(source: Source, first: int, length: int, limit: int = 1 << 24) -> bytes | None:
    """A long value, or None where its pages do not add up to it or it is longer than `limit`."""
    found, page, seen = b"", first, set[int]()
    if length > limit:
        return None
    while len(found) < length and page and page not in seen:
        seen.add(page)
        image = source.image(page)
        if image is None:
            return None
        header = header_of(image.data)
        if kind_of(header) != "overflow" or not 0 < header["data_len"] <= len(image.data) - HEADER_SIZE:
            return None
        found += image.data[HEADER_SIZE : HEADER_SIZE + header["data_len"]]
        page = header["next"]
    return found if len(found) == length else None


class ImageTransaction:
    """As much of a transaction as the catalog needs to read itself from images."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self._trees: dict[int, list[tuple[bytes, bytes]]] = {}

    def _pairs(self, tree: int) -> list[tuple[bytes, bytes]]:
        if tree not in self._trees:
            self._trees[tree] = sorted(scan_tree(self.source, ROOT_CATALOG if tree == 1 else ROOT_DIRECTORY))
        return self._trees[tree]

    def get(self, tree: int, key: bytes) -> bytes | None:
        return next((value for other, value in self._pairs(tree) if other == key), None)

    def scan(
        self, tree: int, start: bytes | None = None, stop: bytes | None = None, reverse: bool = False
    ) -> Iterator[tuple[bytes, bytes]]:
        pairs = [p for p in self._pairs(tree) if (start is None or p[0] >= start) and (stop is None or p[0] < stop)]
        return iter(reversed(pairs) if reverse else pairs)

    def put(self, tree: int, key: bytes, value: bytes) -> None:
        raise CorruptionError("images are not written")

    def delete(self, tree: int, key: bytes) -> bool:
        raise CorruptionError("images are not written")

    def create_tree(self) -> int:
        raise CorruptionError("images are not written")

    def drop_tree(self, tree: int) -> None:
        raise CorruptionError("images are not written")


def owners_from_images(source: Source) -> Owners:
    """Names and decoders from the catalog's images, as far as it can be read."""
    txn, catalog = ImageTransaction(source), Catalog()
    schema, named, problem = Schema(), list[NamedTree](), ""
    try:
        schema = catalog.schema(txn)
        named = catalog.named_trees(txn)
    except (Error, ValueError, TypeError, IndexError, KeyError) as error:
        problem = f"the catalog cannot be read: {error}"
    return Owners(schema, named, problem)
