"""Hash joins: the keys of the right side as codes, the left side's looked up among them.

    right key  ->  code  ->  the places of the right rows with it (a list a code)
    left key   ->  code, or NULL: no partner  ->  pairs of places  ->  both sides taken there

Pairs come in the order of the left rows, and of the right rows among those of one left row. They are made in pieces: a
join may give many times the rows it reads.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import chain
from typing import TYPE_CHECKING, Any

from engine.base.dataclass import replace
from engine.record.types import Type
from engine.sql.columns import arrow
from engine.sql.columns.arrow import NoForm, kind_of
from engine.sql.columns.batch import Batch, together
from engine.sql.columns.codes import plain
from engine.sql.columns.spill import DEEPEST, Spill, comparable_keys
from engine.sql.columns.watch import dictionary_encode, take, watched
from engine.sql.expr import Expr
from engine.sql.kernels import call, comparable
from engine.sql.plan import Join

if TYPE_CHECKING:
    from engine.sql.columns.evaluate import Evaluator


PIECE = 1 << 18
"""Pairs that are made at a time, about."""
TURNED = 2
"""How many times larger the right side of an inner join is when the table is made of the left one."""


def numbers(count: int, start: int = 0) -> Any:
    """start, start + 1 ... as an array."""
    pa = arrow.pa
    ones = pa.repeat(pa.scalar(1, pa.int64()), count)
    return call("subtract", call("cumulative_sum", ones), pa.scalar(1 - start, pa.int64()))


class Table:
    """The right side of a join by its keys.

    places: by code the place of its row; lists: by code the places of its rows, where some code has several, and counts:
    how many these are.
    """

    def __init__(self, keys: list[Any], rows: int):
        pa = arrow.pa
        self.sets: list[Any] = []
        self.places: Any = None
        self.lists: Any = None
        self.counts: Any = None
        codes: Any = None
        self.kinds = [kind_of(key) for key in keys]
        if Type.NULL in self.kinds or not rows:
            self.places = pa.array([], pa.int64())
            return
        for key in keys:
            found = dictionary_encode(plain(key))
            digits = found.indices.cast(pa.int64())
            self.sets.append(found.dictionary)
            codes = digits if codes is None else self._combined(codes, digits, len(found.dictionary))
        self.combined = None
        if len(keys) > 1:
            found = dictionary_encode(codes)
            self.combined, codes = found.dictionary, found.indices.cast(pa.int64())
        self.count = len(self.sets[0]) if self.combined is None else len(self.combined)
        present = codes
        self.places = numbers(rows)
        if codes.null_count:
            mask = call("is_valid", codes)
            present, self.places = watched(rows, codes.filter, mask), watched(rows, self.places.filter, mask)
        if len(present) != self.count:
            order = watched(rows, arrow.pc.array_sort_indices, present)
            self.places = take(self.places, order)
            counts = self._counts(present)
            ends = call("cumulative_sum", counts)
            offsets = pa.concat_arrays([pa.array([0], pa.int64()), ends])
            self.lists = pa.LargeListArray.from_arrays(offsets, self.places)
            self.counts = counts

    def _counts(self, codes: Any) -> Any:
        """How many rows each code has, by code: all come, so the sorted codes are 0, 1, 2 ..."""
        counted = watched(len(codes), codes.value_counts)
        order = watched(len(counted), arrow.pc.array_sort_indices, counted.field(0))
        return take(counted.field(1), order)

    @staticmethod
    def _combined(codes: Any, digits: Any, base: int) -> Any:
        return call("add", call("multiply_checked", codes, arrow.pa.scalar(max(base, 1), arrow.pa.int64())), digits)

    def codes(self, keys: list[Any]) -> Any:
        """The code of each left row; NULL where there is no partner."""
        codes: Any = None
        if not self.sets:
            return arrow.pa.nulls(len(keys[0]), arrow.pa.int64())
        for key, known, kind in zip(keys, self.sets, self.kinds, strict=True):
            if kind_of(key) is Type.NULL:
                return arrow.pa.nulls(len(key), arrow.pa.int64())
            if kind_of(key) is not kind:
                raise NoForm("keys of different types")
            found = _index_in(plain(key), known)
            codes = found if codes is None else self._combined(codes, found, len(known))
        return codes if self.combined is None else _index_in(codes, self.combined)

    def pieces(self, codes: Any) -> Iterator[tuple[int, int]]:
        """Start and count of the stretches of rows with these codes that give some PIECE pairs each, or one row more."""
        if self.counts is None or not len(codes):
            yield 0, len(codes)
            return
        pairs = call("coalesce", take(self.counts, codes), arrow.pa.scalar(0, self.counts.type))
        before = call("subtract", running := call("cumulative_sum", pairs), pairs)
        if running[-1].as_py() <= PIECE:
            yield 0, len(codes)
            return
        piece = call("divide", before, arrow.pa.scalar(PIECE, before.type))
        start = 0
        for end in arrow.pc.run_end_encode(piece).run_ends.to_pylist():
            yield start, end - start
            start = end


def _index_in(array: Any, known: Any) -> Any:
    found = call("index_in", array, options=arrow.pc.SetLookupOptions(value_set=known))
    return found.cast(arrow.pa.int64())


def compile_join(plan: Join, ev: Evaluator) -> Callable[[], Iterator[Batch]]:
    """The function that gives a join's rows."""
    from engine.sql.columns.operators import compile_columns

    left, right = compile_columns(plan.left, ev), compile_columns(plan.right, ev)
    columns = (*plan.left.columns, *plan.right.columns)

    def small_left() -> Iterator[Batch]:
        """An inner join whose left side is the smaller one: that is the table."""
        spill = Spill(ev.rt, plan)
        theirs_first, more = spill.gather(second := right())
        if more:
            yield from parted(spill, left(), chain(theirs_first, second))
            return
        others = together(plan.right.columns, theirs_first)
        mine_first, more = spill.gather(batches := left())
        if more:
            yield from joined(chain(mine_first, batches), others)
            return
        first = together(plan.left.columns, mine_first)
        if others.rows <= TURNED * first.rows:
            yield from joined(iter((first,)), others)
            return
        keys, own = _alike(_keys(plan.left_keys, first, ev), _keys(plan.right_keys, others, ev))
        table = Table(keys, first.rows)
        codes = table.codes(own)
        for start, count in table.pieces(codes):
            ev.rt.check()
            piece = others.slice(start, count)
            theirs, mine = _pairs(replace(plan, on=None), ev, piece, first, codes.slice(start, count), table)
            pairs = _paired(columns, first.take(mine), piece.take(theirs))
            yield pairs if plan.on is None else pairs.filter(ev.condition(plan.on, pairs))

    def run() -> Iterator[Batch]:
        spill = Spill(ev.rt, plan)
        held, more = spill.gather(batches := right())
        if more:
            return parted(spill, left(), chain(held, batches))
        return joined(left(), together(plan.right.columns, held))

    def parted(spill: Spill, mine: Iterator[Batch], theirs: Iterator[Batch], depth: int = 0) -> Iterator[Batch]:
        """Both sides in parts by the hash of the keys, joined part by part."""
        kinds = [expr.type for expr in plan.left_keys], [expr.type for expr in plan.right_keys]
        second = spill.parts(
            plan.right.columns,
            theirs,
            lambda batch: comparable_keys(_keys(plan.right_keys, batch, ev), kinds[0]),
            depth,
        )
        first = spill.parts(
            plan.left.columns, mine, lambda batch: comparable_keys(_keys(plan.left_keys, batch, ev), kinds[1]), depth
        )
        for one, other in zip(first, second, strict=True):
            if not one.rows and plan.kind != "FULL":
                continue
            held, more = spill.gather(batches := other.read())
            if more and depth < DEEPEST:
                yield from parted(spill, one.read(), chain(held, batches), depth + 1)
            else:
                yield from joined(one.read(), together(plan.right.columns, chain(held, batches)))

    def joined(batches: Iterator[Batch], others: Batch) -> Iterator[Batch]:
        keys = _keys(plan.right_keys, others, ev)
        table: Table | None = None
        seen: list[Any] = []
        for batch in batches:
            keys, own = _alike(keys, _keys(plan.left_keys, batch, ev))
            if table is None:
                table = Table(keys, others.rows)
            codes = table.codes(own)
            for start, count in table.pieces(codes):
                ev.rt.check()
                piece = batch.slice(start, count)
                mine, theirs = _pairs(plan, ev, piece, others, codes.slice(start, count), table)
                if plan.kind == "FULL":
                    seen.append(arrow.pc.unique(theirs))
                yield _paired(columns, piece.take(mine), others.take(theirs))
        if plan.kind == "FULL":
            yield _without_partner(plan, others, seen)

    return small_left if plan.kind == "INNER" else run


def _without_partner(plan: Join, others: Batch, seen: list[Any]) -> Batch:
    """The right side's rows that no left row met, for a full join; seen: the places of those that one did."""
    places = numbers(others.rows)
    if seen:
        used = call("unique", arrow.joined(seen))
        lacking = call("invert", call("is_in", places, options=arrow.pc.SetLookupOptions(value_set=used)))
        places = places.filter(lacking)
    left = plan.left.columns
    nulls = [arrow.pa.nulls(len(places), arrow.TYPES.get(c.type, arrow.pa.null())) for c in left]
    return _paired((*left, *plan.right.columns), Batch(left, nulls, len(places)), others.take(places))


def _keys(exprs: tuple[Expr, ...], batch: Batch, ev: Evaluator) -> list[Any]:
    return [ev.array(expr, batch) for expr in exprs]


def _alike(keys: list[Any], own: list[Any]) -> tuple[list[Any], list[Any]]:
    """The keys of both sides in types in which they can be compared."""
    keys = [aligned(key, mine) for key, mine in zip(keys, own, strict=True)]
    return keys, [aligned(mine, key) for key, mine in zip(keys, own, strict=True)]


def aligned(key: Any, other: Any) -> Any:
    """A key in a type in which it can be compared with the other side's."""
    kinds = {kind_of(key), kind_of(other)}
    return key if len(kinds) == 1 or Type.NULL in kinds else comparable(key, other)[0]


def _paired(columns: Any, left: Batch, right: Batch) -> Batch:
    return Batch(columns, [*left.arrays, *right.arrays], left.rows)


def _pairs(plan: Join, ev: Evaluator, batch: Batch, others: Batch, codes: Any, table: Table) -> tuple[Any, Any]:
    """The places of the pairs in a batch of the left side and in the right side; NULL there: no partner."""
    outer = plan.kind in ("LEFT", "FULL")
    alone = outer and plan.on is None
    if table.lists is None:
        theirs = take(table.places, codes)
        mine = numbers(batch.rows)
        if not alone and theirs.null_count:
            mask = call("is_valid", theirs)
            mine, theirs = mine.filter(mask), theirs.filter(mask)
    else:
        found = take(table.lists, codes)
        theirs, mine = call("list_flatten", found), call("list_parent_indices", found)
        if alone and codes.null_count:
            mine, theirs = _with_lonely(mine, theirs, batch.rows)
    if plan.on is not None:
        columns = (*batch.columns, *others.columns)
        joined = _paired(columns, batch.take(mine), others.take(theirs))
        mask = ev.condition(plan.on, joined)
        if arrow.is_array(mask):
            mine, theirs = mine.filter(mask), theirs.filter(mask)
        elif not mask.as_py():
            mine, theirs = mine.slice(0, 0), theirs.slice(0, 0)
        if outer:
            mine, theirs = _with_lonely(mine, theirs, batch.rows)
    return mine, theirs


def _with_lonely(mine: Any, theirs: Any, rows: int) -> tuple[Any, Any]:
    """The pairs, and the left rows that are in none of them, in the order of the left rows."""
    pa = arrow.pa
    places = numbers(rows)
    lonely = places.filter(call("invert", call("is_in", places, options=arrow.pc.SetLookupOptions(value_set=mine))))
    if not len(lonely):
        return mine, theirs
    mine = pa.concat_arrays([mine, lonely])
    theirs = pa.concat_arrays([theirs, pa.nulls(len(lonely), theirs.type)])
    order = arrow.pc.array_sort_indices(mine)
    return mine.take(order), theirs.take(order)
