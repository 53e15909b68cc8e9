"""TRACE: what one statement does to pages, latches and log, event by event; what it compares on its way, and every page it
changes, before and after.

    TRACE statement --> session runs it, traced (engine.base.trace) --> events --> TraceModel: events, changes --> rows, JSON, steps

The comparisons of a descent are worked out anew on the copy of the page that was searched, by the function that shows them for
INSPECT TREE. A page's states around each of its log records are pairs of TraceChange. A model that was saved as JSON can be loaded and looked at without
the database.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Self

from engine.base import trace
from engine.base.dataclass import dataclass
from engine.base.errors import Error, NotSupportedError, ProgrammingError
from engine.inspect.decode import NODES, Origin, decode_page, header_of, kind_of
from engine.inspect.diff import ItemChange, item_changes
from engine.inspect.model import Model
from engine.inspect.owners import Owners
from engine.inspect.tree import Comparison, search
from engine.wal.records import RECORD_TYPES

EVENTS = (
    "latch", "unlatch", "pin", "unpin", "wait", "seek", "search", "load", "evict", "version", "allocate", "free", "split",
    "grow root", "merge", "log", "before", "changed", "publish", "sync", "synced",
    "probe", "write",
)  # fmt: skip
LATCH, UNLATCH, PIN, UNPIN, WAIT, SEEK, SEARCH, LOAD, EVICT, VERSION, ALLOCATE, FREE, SPLIT = range(13)
GROW, MERGE, LOG, BEFORE, AFTER, PUBLISH, SYNC, SYNCED, PROBE, WRITE = range(13, 23)
SEARCHES_MAX = 100
"""Searches whose comparisons are worked out, and changes whose items are compared; there may be more."""


@dataclass(frozen=True, slots=True)
class TraceEvent(Model):
    """One event. at_ns: since the statement began. event: one of EVENTS. page, frame, lsn: None where it has none.

    detail: what happened, in words. comparisons: of a search. change: number of the TraceChange that begins or ends here.
    """

    number: int
    at_ns: int
    event: str
    page: int | None
    frame: int | None
    lsn: int | None
    detail: str
    comparisons: tuple[Comparison, ...] = ()
    change: int | None = None


@dataclass(frozen=True, slots=True)
class TraceChange(Model):
    """One page before and after one log record. None: the page did not exist. items: slots that differ.

    first, last: numbers of the events around it. record_type: of the record.
    """

    number: int
    page: int
    owner: str
    first: int
    last: int
    lsn: int
    record_type: str
    before: bytes | None
    after: bytes | None
    items: tuple[ItemChange, ...]


@dataclass(frozen=True, slots=True)
class TraceModel(Model):
    """The trace of a statement. rows: it gave, or changed; error: why it failed, or None. lost: events for which there was no room.

    latches, pins: how many were taken, by the statement's thread; held: taken and not given back, which nothing should be.
    """

    statement: str
    rows: int
    error: str | None
    duration_ns: int
    events: tuple[TraceEvent, ...]
    changes: tuple[TraceChange, ...]
    latches: int
    pins: int
    held: int
    log_records: int
    log_bytes: int
    lost: int
    model: str = "trace"
    version: int = 1

    @classmethod
    def from_json(cls, stored: dict[str, Any]) -> Self:
        """The model that `to_json` gave this. Raises ValueError where it is none of this version."""
        if stored.get("model") != "trace" or stored.get("version") != 1:
            raise ValueError("this is no trace, or one of another version")
        try:
            events = tuple(
                TraceEvent(**{**one, "comparisons": tuple(_comparison(c) for c in one["comparisons"])})
                for one in stored["events"]
            )
            changes = tuple(_change(one) for one in stored["changes"])
            return cls(**{**stored, "events": events, "changes": changes})
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError(f"the trace cannot be read: {error}") from error


def _comparison(stored: dict[str, Any]) -> Comparison:
    return Comparison(**{**stored, "key": bytes.fromhex(stored["key"])})


def _bytes(stored: str | None) -> bytes | None:
    return None if stored is None else bytes.fromhex(stored)


def _change(stored: dict[str, Any]) -> TraceChange:
    items = tuple(
        ItemChange(
            **{
                **one,
                "key": bytes.fromhex(one["key"]),
                "value_before": _bytes(one["value_before"]),
                "value_after": _bytes(one["value_after"]),
                "lsns": tuple(one["lsns"]),
            }
        )
        for one in stored["items"]
    )
    return TraceChange(
        **{**stored, "before": _bytes(stored["before"]), "after": _bytes(stored["after"]), "items": items}
    )


def trace_call(statement: str, call: Callable[[], int], owners: Callable[[], Owners]) -> TraceModel:
    """Trace what `call` does in this thread; it gives a number of rows. owners: asked afterwards, for names and SQL values.

    An error of the engine's is part of the trace, but for statements that are wrong or not supported, which are refused. Raises
    OperationalError where another trace is under way.
    """
    rows, error = 0, None
    trace.begin()
    try:
        rows = call()
    except (ProgrammingError, NotSupportedError):
        raise
    except Error as failure:
        error = f"{type(failure).__name__}: {failure}"
    finally:
        raw, lost = trace.end()
    return _Reader(owners()).model(statement, rows, error, raw, lost)


class _Reader:
    """Makes a model of the raw events."""

    def __init__(self, owners: Owners) -> None:
        self.owners = owners
        self.events: list[TraceEvent] = []
        self.changes: list[TraceChange] = []
        self.key: bytes | None = None
        self.searches = 0
        self.open: dict[int, tuple[int, bytes | None]] = {}
        self.logged: tuple[str, int] = ("", 0)
        self.bytes = 0

    def model(self, statement: str, rows: int, error: str | None, raw: list[trace.Event], lost: int) -> TraceModel:
        counts = [0] * len(EVENTS)
        for at, kind, page, frame, lsn, a, b, data in raw:
            counts[kind] += 1
            if kind == BEFORE:
                before = data if header_of(data)["kind"] else None
                self.open[page] = (len(self.events), before)
                self._add(at, kind, page, frame, lsn, self._about(data), change=len(self.changes))
                continue
            if kind in (AFTER, FREE):
                self._change(at, kind, page, frame, lsn, data)
                continue
            detail, comparisons = self._describe(kind, page, a, b, data)
            self._add(at, kind, page, frame, lsn, detail, comparisons)
        return TraceModel(
            statement=statement,
            rows=rows,
            error=error,
            duration_ns=raw[-1][0] if raw else 0,
            events=tuple(self.events),
            changes=tuple(self.changes),
            latches=counts[LATCH],
            pins=counts[PIN],
            held=counts[LATCH] - counts[UNLATCH] + counts[PIN] - counts[UNPIN],
            log_records=counts[LOG],
            log_bytes=self.bytes,
            lost=lost,
        )

    def _add(
        self, at: int, kind: int, page: int, frame: int, lsn: int, detail: str,
        comparisons: tuple[Comparison, ...] = (), change: int | None = None,
    ) -> None:  # fmt: skip
        self.events.append(
            TraceEvent(
                len(self.events), at, EVENTS[kind], page or None, frame if frame >= 0 else None, lsn or None, detail,
                comparisons, change,
            )
        )  # fmt: skip

    def _change(self, at: int, kind: int, page: int, frame: int, lsn: int, data: bytes) -> None:
        first, before = self.open.pop(page, (len(self.events), data if kind == FREE else None))
        after = data if kind == AFTER else None
        number = len(self.changes)
        record_type, _ = self.logged
        owner = self.owners.of(header_of(data)["tree_id"])
        items: tuple[ItemChange, ...] = ()
        if number < SEARCHES_MAX:
            origin = Origin("frame", 0, None, None, (), str(owner), owner.decode)
            old, new = (decode_page(image, origin) if image is not None else None for image in (before, after))
            items = tuple(item_changes(old, new))
        self.changes.append(
            TraceChange(number, page, str(owner), first, len(self.events), lsn, record_type, before, after, items)
        )
        self._add(at, kind, page, frame, lsn, self._about(data) + f", by {record_type}", change=number)

    def _about(self, image: bytes) -> str:
        """A page in a few words."""
        header = header_of(image)
        if not header["kind"]:
            return "a new page"
        return f"{kind_of(header)} of {self.owners.of(header['tree_id'])}, {header['count']} items"

    def _describe(self, kind: int, page: int, a: int, b: int, data: bytes) -> tuple[str, tuple[Comparison, ...]]:
        match kind:
            case 0 | 1:  # latch, unlatch
                return {"S": "shared", "X": "exclusive"}.get(chr(a), "") + ("" if page else ", an empty frame"), ()
            case 5:  # seek
                self.key = data
                how = {1: "what is just below ", 2: "the last leaf"}.get(a, "")
                return f"{how}{_shown(data) if a != 2 else ''}" + (", optimistically" if b else ""), ()
            case 6:
                return self._search(data, a, b)
            case 21 | 22:
                return self._in_memtable(kind, a, b, data), ()
            case 15:
                self.logged = (RECORD_TYPES[a].name, page)
                self.bytes += b
                return f"{RECORD_TYPES[a].name}, {b} bytes", ()
        texts = {
            WAIT: f"{a / 1000:.1f} us for the latch",
            LOAD: f"from slot {a}",
            VERSION: f"for the snapshot at LSN {a}",
            SPLIT: f"{b} items, from slot {a} on, go to a new page",
            GROW: f"to level {a}",
            MERGE: f"with page {a} and its {b} items",
            PUBLISH: f"{a} {'record is' if a == 1 else 'records are'} visible from here on",
        }
        return texts.get(kind, ""), ()

    def _in_memtable(self, kind: int, tree: int, found: int, key: bytes) -> str:
        """A search in the memtable, or a write noted there."""
        where = f"{_shown(key)} of {self.owners.of(tree)}"
        if kind == PROBE:
            return f"{where}: " + ("there is an entry" if found else "no entry")
        return f"{where}: " + ("a delete" if found < 0 else f"a value of {found} byte{'s' if found != 1 else ''}")

    def _search(self, image: bytes, taken: int, optimistic: int) -> tuple[str, tuple[Comparison, ...]]:
        header = header_of(image)
        kind = kind_of(header)
        text = f"{kind} of {self.owners.of(header['tree_id'])}, level {header['level']}, {header['count']} items"
        self.searches += 1
        if kind not in NODES or self.key is None or self.searches > SEARCHES_MAX:
            return text, ()
        owner = self.owners.of(header["tree_id"])
        step = search(decode_page(image, Origin("frame", 0, None, None, (), "", owner.decode)), self.key)
        if step.kind == "branch":
            text += f": slot {step.index if taken < 0 else taken} leads to page {step.child}"
        else:
            text += f": slot {step.index}" + (" is it" if step.found else " is where it would be")
        compared = len(step.comparisons)
        return f"{text}, {compared} {'comparison' if compared == 1 else 'comparisons'}", step.comparisons


def _shown(key: bytes) -> str:
    if not key:
        return "the first key"
    return f"key {key!r}" if all(32 <= byte < 127 for byte in key) else f"key {key.hex()}"
