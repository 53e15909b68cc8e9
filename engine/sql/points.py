"""Which statements are points (engine.sql.point), and what these are made of.

A point finds at most one row by all columns of its table's key, or of a UNIQUE index (queries only), or inserts one row
of VALUES; it needs no subquery, no ON CONFLICT, and a table without FOREIGN KEYs from or to it where it changes rows.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from engine.base.dataclass import dataclass, field
from engine.catalog.objects import KeyKind, Table
from engine.record import rows
from engine.record.keys import KeyCodec
from engine.record.types import PYTHON_TYPES, Type
from engine.sql.binder import LITERAL_SLOT
from engine.sql.bulk import Bulk
from engine.sql.compile_expr import Closure, Runtime, compile_condition, compile_expr
from engine.sql.execute import layout_of, projection
from engine.sql.expr import Call, Column, Const, Expr, Param, SubqueryExpr, columns_of, walk
from engine.sql.index_entries import IndexEntries
from engine.sql.plan import KeyAccess, Plan, Project, Scan
from engine.sql.point import (
    COMPUTED,
    CONSTANTS,
    LITERALS,
    SLOTS_MAX,
    Point,
    PointDelete,
    PointInsert,
    PointRead,
    PointUpdate,
    Values,
)
from engine.sql.writer import Writer
from engine.txn.store import Store

if TYPE_CHECKING:
    from engine.sql.change import Single
    from engine.sql.compiled import Compiled
    from engine.sql.shared import Shared


@dataclass
class Shape:
    """What a Point is made of; see its attributes."""

    store: Any
    shared: Shared
    cookie: bytes
    compiled: Compiled
    literal_count: int
    tree: int
    root: int
    key: Values | None = None
    key_types: tuple[type, ...] = ()
    codec: KeyCodec | None = None
    index_tree: int = 0
    index_root: int = 0
    decoder: rows.RowDecoder | None = None
    condition: Closure | None = None
    make: Closure | None = None
    writer: Writer | None = None
    entries: list[IndexEntries] = field(default_factory=list)
    entry_roots: list[int] = field(default_factory=list)
    row: Values | None = None
    places: tuple[int, ...] = ()
    key_places: tuple[int, ...] = ()
    rt: Runtime | None = None

    @property
    def param_count(self) -> int:
        """How many parameters the statement takes."""
        return self.compiled.params.count or len(self.compiled.params.names)

    @property
    def names(self) -> tuple[str, ...]:
        """The parameters' names, where they have some."""
        return tuple(self.compiled.params.names)

    @property
    def columns(self) -> tuple[str, ...]:
        """Of the result."""
        return self.compiled.columns

    @property
    def kinds(self) -> tuple[Type, ...]:
        """Types of the result's columns."""
        return self.compiled.kinds

    @property
    def what(self) -> str:
        """The kind of statement."""
        return self.compiled.what


def make_point(compiled: Compiled, shared: Shared, literal_count: int) -> Point | None:
    """The point of a statement, or None where it is no such statement, or its trees are not there yet."""
    params = compiled.params
    if (
        not isinstance(shared.store, Store)
        or compiled.version == 0
        or (params.count and params.names)
        or compiled.rt.profile is not None
    ):
        return None
    if compiled.change is None:
        return _read(compiled, shared, literal_count)
    single = compiled.change.single
    if single is None or compiled.change.writer.links is not None:
        return None
    if compiled.what == "INSERT":
        return _insert(compiled, shared, literal_count, single)
    return _change(compiled, shared, literal_count, single)


def _shape(compiled: Compiled, shared: Shared, literal_count: int, table: Table) -> Shape | None:
    root = shared.store.root_of(table.tree)
    cookie = rows.encode_row((compiled.version,))
    return Shape(shared.store, shared, cookie, compiled, literal_count, table.tree, root) if root else None


def _read(compiled: Compiled, shared: Shared, literal_count: int) -> Point | None:
    plan: Plan = compiled.plan
    project = plan if isinstance(plan, Project) else None
    scan = plan.input if isinstance(plan, Project) else plan
    if not isinstance(scan, Scan) or not isinstance(scan.access, KeyAccess):
        return None
    exprs: tuple[Expr, ...] = scan.columns if project is None else project.exprs
    shape = _shape(compiled, shared, literal_count, scan.table)
    if shape is None or not _simple(*exprs) or not _find(shape, scan, compiled.rt):
        return None
    places = [expr.id for expr in exprs if isinstance(expr, Column)]
    positions = dict(zip([column.id for column in scan.columns], scan.positions, strict=True))
    if shape.condition is None and len(places) == len(exprs) == len(set(places)):
        shape.decoder = scan.table.decoder([positions[place] for place in places])
        return PointRead(shape)
    shape.decoder = scan.table.decoder(scan.positions)
    shape.make = projection(exprs, layout_of(scan.columns), compiled.rt)
    shape.rt = compiled.rt
    return PointRead(shape)


def _simple(*exprs: Expr) -> bool:
    """Whether expressions look at nothing but the row and the parameters."""
    return not any(isinstance(part, SubqueryExpr) for expr in exprs for part in walk(expr))


def _find(shape: Shape, scan: Scan, rt: Runtime) -> bool:
    """Note how the row is found; False where that is not by one whole key."""
    access, table = scan.access, scan.table
    if not isinstance(access, KeyAccess) or not access.unique:
        return False
    if access.index is not None:
        shape.index_tree = access.index.tree
        shape.index_root = shape.store.root_of(access.index.tree)
        columns, shape.codec = access.index.columns, access.index.codec
        if not shape.index_root:
            return False
    elif table.key is KeyKind.COLUMNS:
        columns, shape.codec = table.primary_key, table.key_codec
    else:
        columns = table.primary_key
    slots = [_slot(_uncoerced(expr)) for expr in access.equal]
    if None in slots or len(slots) != max(1, len(columns)):
        return False
    constants = [expr.value for expr in access.equal if isinstance(expr, Const)]
    shape.key = Values(_numbered(slots), constants, ())
    shape.key_types = tuple(PYTHON_TYPES.get(table.type_of(column), type(None)) for column in columns) or (int,)
    if scan.filter is not None:
        if not _simple(scan.filter):
            return False
        shape.condition = compile_condition(scan.filter, layout_of(scan.columns), rt)
        shape.rt = rt
    return True


def _uncoerced(expr: Expr) -> Expr:
    """A wanted value without its conversion to the column's type: values of that very type are not changed by it."""
    if isinstance(expr, Call) and expr.function.name.startswith("as ") and isinstance(expr.args[0], (Param, Const)):
        return expr.args[0]
    return expr


def _slot(expr: Expr) -> int | None:
    """The number of a value for Values; CONSTANTS for any constant; None where it must be computed."""
    if isinstance(expr, Const):
        return CONSTANTS
    if isinstance(expr, Param) and expr.slot >= LITERAL_SLOT:
        return expr.slot - LITERAL_SLOT + LITERALS
    return expr.slot if isinstance(expr, Param) and expr.slot >= 0 else None


def _numbered(slots: list[int | None]) -> list[int]:
    """Slots in which each constant, and each computed value (None), has its number."""
    constants = computed = 0
    found = []
    for slot in slots:
        if slot is None:
            found.append(COMPUTED + computed)
            computed += 1
        elif slot == CONSTANTS:
            found.append(CONSTANTS + constants)
            constants += 1
        else:
            found.append(slot)
    return found


def _values(exprs: list[Expr], layout: dict[int, int], shape: Shape, rt: Runtime) -> Values:
    if any(_slot(expr) is None for expr in exprs):
        shape.rt = rt
    return _made_of(exprs, layout, rt)


def _made_of(exprs: list[Expr], layout: dict[int, int], rt: Runtime) -> Values:
    slots = [_slot(expr) for expr in exprs]
    closures = [compile_expr(expr, layout, rt) for expr, slot in zip(exprs, slots, strict=True) if slot is None]
    return Values(_numbered(slots), [expr.value for expr in exprs if isinstance(expr, Const)], closures)


@dataclass
class Many:
    """How executemany inserts a row. values: the row, made of parameters; None: they are the row.

    rt: needed where something is computed.
    """

    bulk: Bulk
    values: Values | None
    rt: Runtime | None


def make_many(compiled: Compiled) -> Many | None:
    """What executemany does for an INSERT of one row; None where each row is run like a statement."""
    change = compiled.change
    if change is None or change.single is None or change.what != "INSERT" or change.single.returning is not None:
        return None
    exprs = [change.single.values[position] for position in range(len(change.table.columns))]
    slots = [_slot(expr) for expr in exprs]
    if slots == list(range(compiled.params.count)):
        return Many(Bulk(change.writer), None, None)
    if len(exprs) > SLOTS_MAX or not _simple(*exprs):
        return None
    rt = compiled.rt if None in slots else None
    return Many(Bulk(change.writer), _made_of(exprs, {}, compiled.rt), rt)


def _indexes(shape: Shape, writer: Writer, changed: set[int] | None) -> bool:
    """Note the indexes that a change of these columns (None: of all) concerns; False where one has no tree yet."""
    for entries in writer.indexes:
        if changed is None or changed & entries.columns:
            root = shape.store.root_of(entries.index.tree)
            if not root:
                return False
            shape.entries.append(entries)
            shape.entry_roots.append(root)
            if not entries.index.plain:
                shape.rt = writer.rt
    if writer.checks:
        shape.rt = writer.rt
    return True


def _change(compiled: Compiled, shared: Shared, literal_count: int, single: Single) -> Point | None:
    """UPDATE and DELETE."""
    assert compiled.change is not None
    writer, scan = compiled.change.writer, compiled.plan
    if not isinstance(scan, Scan) or not isinstance(scan.access, KeyAccess) or scan.access.index is not None:
        return None
    places = set(single.values)
    exprs = list(single.values.values())
    shape = _shape(compiled, shared, literal_count, scan.table)
    if shape is None or len(exprs) > SLOTS_MAX or writer.moves(places) or not _simple(*exprs):
        return None
    whole = list(range(len(scan.table.columns)))
    if list(scan.positions[: len(whole)]) != whole:
        return None
    if not _find(shape, scan, compiled.rt) or not _indexes(shape, writer, places or None):
        return None
    hidden = {column.id for column in scan.columns[len(whole) :]}
    if any(hidden & columns_of(expr) for expr in (*exprs, scan.filter) if expr is not None):
        return None
    shape.writer, shape.decoder = writer, writer.whole
    shape.row = _values(exprs, layout_of(scan.columns), shape, compiled.rt)
    shape.places = tuple(single.values)
    _return(shape, single, compiled.rt)
    return PointDelete(shape) if compiled.what == "DELETE" else PointUpdate(shape)


def _return(shape: Shape, single: Single, rt: Runtime) -> None:
    if single.returning is not None:
        shape.make, shape.rt = single.returning, rt


def _insert(compiled: Compiled, shared: Shared, literal_count: int, single: Single) -> Point | None:
    assert compiled.change is not None
    writer = compiled.change.writer
    table = writer.table
    shape = _shape(compiled, shared, literal_count, table)
    exprs = [single.values[position] for position in range(len(table.columns))]
    if shape is None or len(exprs) > SLOTS_MAX or not _simple(*exprs) or not _indexes(shape, writer, None):
        return None
    shape.writer = writer
    shape.row = _values(exprs, {}, shape, compiled.rt)
    if table.key is KeyKind.COLUMNS:
        shape.codec, shape.key_places = table.key_codec, table.key_columns
    _return(shape, single, compiled.rt)
    return PointInsert(shape)
