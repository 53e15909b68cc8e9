"""EXPLAIN: a plan as a tree of frozen models, and as rows of text."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from engine.base.counters import NAMES
from engine.base.dataclass import dataclass
from engine.catalog.objects import Table
from engine.record.types import Type, describe, text_of
from engine.sql.columns.choose import has_columns
from engine.sql.expr import (
    Aggregate,
    Call,
    Case,
    Column,
    Const,
    Expr,
    Frame,
    InItems,
    Logic,
    Param,
    SubqueryExpr,
    WindowCall,
)
from engine.sql.optimise.estimates import Estimates
from engine.sql.plan import (
    Access,
    AnyOf,
    Columnar,
    CountRows,
    Filter,
    FullScan,
    Group,
    Hashed,
    Join,
    Kept,
    KeyAccess,
    Limit,
    Plan,
    Project,
    Recurse,
    Rows,
    Scan,
    SetOp,
    Sort,
    SystemScan,
    Window,
    exprs,
    inputs,
)
from engine.sql.profile import Measured, Profile


@dataclass(frozen=True)
class PlanNode:
    """A node as EXPLAIN shows it: what it does, on what, how many rows are expected, and what it reads from.

    gear: "row" or "column", "" of what is no node of a plan. actual: what EXPLAIN ANALYZE measured.
    """

    operation: str
    detail: str
    rows: float
    inputs: tuple[PlanNode, ...]
    actual: Measured | None = None
    gear: str = "row"


def explain(plan: Plan, estimates: Estimates, profile: Profile | None = None, gear: str = "row") -> PlanNode:
    """The model of a plan. Projections that only rename are left out."""
    if isinstance(plan, Columnar):
        return explain(plan.input, estimates, profile, "column")
    if gear == "column" and not has_columns(plan):
        gear = "row"
    if isinstance(plan, Project) and all(isinstance(expr, Column) for expr in plan.exprs):
        return explain(plan.input, estimates, profile, gear)
    operation, detail = _describe(plan)
    below = [explain(node, estimates, profile, gear) for node in inputs(plan)]
    below += [_subquery(query, estimates, profile) for expr in exprs(plan) for query in _subqueries(expr)]
    actual = None if profile is None else profile.of(plan)
    return PlanNode(operation, detail, round(estimates.rows(plan)), tuple(below), actual, gear)


def lines(node: PlanNode, depth: int = 0) -> Iterator[tuple[str, str, int, str]]:
    """The tree as rows: operation indented by depth, detail, expected rows, gear."""
    yield "  " * depth + node.operation, node.detail, int(node.rows), node.gear
    for child in node.inputs:
        yield from lines(child, depth + 1)


MEASURED_COLUMNS: tuple[tuple[str, Type], ...] = (
    ("operation", Type.TEXT), ("detail", Type.TEXT), ("rows", Type.INTEGER), ("actual_rows", Type.INTEGER),
    ("loops", Type.INTEGER), ("ms", Type.REAL), ("gear", Type.TEXT),
    *((name, Type.INTEGER) for name in NAMES), ("own_ms", Type.REAL), *(("own_" + name, Type.INTEGER) for name in NAMES),
)  # fmt: skip
"""What the counters (thread_counters) say of a node with what is below it, and of the node alone."""


def own_of(node: PlanNode) -> Measured:
    """What a node did itself: what was measured of it without what was measured of its inputs, which it includes."""
    actual = node.actual or Measured()
    inputs = [child.actual for child in node.inputs if child.actual is not None]
    seconds = max(actual.seconds - sum(one.seconds for one in inputs), 0.0)
    counters = tuple(total - sum(one.counters[i] for one in inputs) for i, total in enumerate(actual.counters))
    return Measured(actual.rows, actual.loops, seconds, actual.spilled, counters)


def measured_lines(node: PlanNode, depth: int = 0) -> Iterator[tuple[Any, ...]]:
    """As `lines`, then what MEASURED_COLUMNS says: rows it really gave, how often it ran, its time, what it did."""
    actual, own = node.actual or Measured(), own_of(node)
    detail = node.detail
    if actual.spilled:
        detail += f"{', ' if detail else ''}spilled {actual.spilled / (1 << 20):.1f} MB"
    yield (
        "  " * depth + node.operation, detail, int(node.rows), actual.rows, actual.loops, round(actual.seconds * 1000, 3),
        node.gear, *actual.counters, round(own.seconds * 1000, 3), *own.counters,
    )  # fmt: skip
    for child in node.inputs:
        yield from measured_lines(child, depth + 1)


def _subquery(query: SubqueryExpr, estimates: Estimates, profile: Profile | None) -> PlanNode:
    inner = explain(query.plan, estimates, profile)
    needs = ", ".join(column.name for column in query.outer)
    return PlanNode(
        f"{query.kind} subquery",
        f"for each {needs}" if needs else "once",
        inner.rows,
        (inner,),
        inner.actual,
        inner.gear,
    )


def _subqueries(expr: Expr) -> Iterator[SubqueryExpr]:
    from engine.sql.expr import walk

    return (part for part in walk(expr) if isinstance(part, SubqueryExpr))


def _describe(plan: Plan) -> tuple[str, str]:
    if isinstance(plan, Scan):
        return _describe_scan(plan)
    if isinstance(plan, SystemScan):
        return "system table", f"sys.{plan.table.name}"
    if isinstance(plan, Filter):
        return "filter", show(plan.condition)
    if isinstance(plan, Project):
        return "project", ", ".join(show(expr) for expr in plan.exprs)
    if isinstance(plan, Hashed):
        return "hash lookup", " and ".join(
            f"{show(a)} = {show(b)}" for a, b in zip(plan.keys, plan.values, strict=True)
        )
    if isinstance(plan, Join):
        keys = [f"{show(a)} = {show(b)}" for a, b in zip(plan.left_keys, plan.right_keys, strict=True)]
        rest = [] if plan.on is None else [show(plan.on)]
        return f"{plan.kind.lower()} {plan.method} join", " and ".join(keys + rest)
    if isinstance(plan, Group):
        keys = ", ".join(show(key) for key in plan.keys)  # type: ignore[assignment]
        calls = ", ".join(show(call) for call in plan.aggregates)
        return "group" if plan.keys else "aggregate", "; ".join(filter(None, (keys, calls)))  # type: ignore[arg-type]
    if isinstance(plan, Window):
        return "window", _describe_window(plan)
    if isinstance(plan, Sort):
        parts = [show(key.expr) + (" desc" if key.descending else "") for key in plan.keys]
        return "sort", ", ".join(parts)
    if isinstance(plan, Kept):
        return "keep", "computed once"
    if isinstance(plan, Limit):
        return "limit", "" if plan.limit is None else show(plan.limit)
    if isinstance(plan, SetOp):
        return plan.op.lower() + (" all" if plan.all else ""), ""
    if isinstance(plan, Rows):
        return "values", f"{len(plan.rows)} row{'s' if len(plan.rows) != 1 else ''}"
    if isinstance(plan, CountRows):
        return "count rows", plan.table.name
    if isinstance(plan, Recurse):
        return "recursion", plan.name
    return type(plan).__name__.lower(), ""


def _describe_window(plan: Window) -> str:
    first = plan.calls[0]
    parts = []
    if first.partition_by:
        parts.append("partition by " + ", ".join(show(key) for key in first.partition_by))
    if first.order_by:
        parts.append("order by " + ", ".join(show(e) + (" desc" if down else "") for e, down, _ in first.order_by))
    return "; ".join([*parts, ", ".join(show(call) for call in plan.calls)])


def _show_frame(frame: Frame) -> str:
    bounds = [
        kind if offset is None else f"{show(offset)} {kind}"
        for kind, offset in ((frame.start, frame.start_offset), (frame.end, frame.end_offset))
    ]
    exclude = f" EXCLUDE {frame.exclude}" if frame.exclude else ""
    return f"{frame.unit} BETWEEN {bounds[0]} AND {bounds[1]}{exclude}"


def _describe_scan(plan: Scan) -> tuple[str, str]:
    name = plan.table.name if plan.alias.lower() == plan.table.name.lower() else f"{plan.table.name} {plan.alias}"
    how, where = _access(plan.table, plan.access)
    parts = [name, where] + ([f"filter {show(plan.filter)}"] if plan.filter is not None else [])
    return how, "; ".join(part for part in parts if part)


def _access(table: Table, access: Access) -> tuple[str, str]:
    if isinstance(access, FullScan):
        return "scan", "backward" if access.reverse else ""
    names = [column.name for column in table.columns] + ["rowid"]
    if access.index is not None:
        columns = [table.name_of(c) for c in access.index.columns]
        using = f"index {access.index.name}"
    else:
        columns = [names[c.position] for c in table.primary_key] or ["rowid"]
        using = "key"
    if isinstance(access, AnyOf):
        return f"{using} lookup", f"{columns[0]} in ({', '.join(show(value) for value in access.values)})"
    assert isinstance(access, KeyAccess)
    parts = [f"{name} = {show(value)}" for name, value in zip(columns, access.equal, strict=False)]
    if len(access.equal) < len(columns):
        column = columns[len(access.equal)]
        for bound, sign in ((access.lower, ">"), (access.upper, "<")):
            if bound is not None:
                parts.append(f"{column} {sign}{'=' if bound.inclusive else ''} {show(bound.value)}")
    kind = "lookup" if access.unique else "range" if parts else "order"
    return f"{using} {kind}", " and ".join(parts) + (" backward" if access.reverse else "")


def show(expr: Expr) -> str:
    """An expression for people, near to SQL."""
    if isinstance(expr, Column):
        return expr.name
    if isinstance(expr, Const):
        return "'" + expr.value.replace("'", "''") + "'" if isinstance(expr.value, str) else _plain(expr)
    if isinstance(expr, Param):
        return f"?{expr.slot + 1}" if expr.slot >= 0 else "now"  # EXPLAIN keeps the literals of its text
    if isinstance(expr, Logic):
        return "(" + f" {expr.op} ".join(show(part) for part in expr.operands) + ")"
    if isinstance(expr, Case):
        whens = " ".join(f"WHEN {show(a)} THEN {show(b)}" for a, b in expr.whens)
        return f"CASE {whens}{'' if expr.default is None else ' ELSE ' + show(expr.default)} END"
    if isinstance(expr, InItems):
        items = ", ".join(show(item) for item in expr.items[:10]) + (", ..." if len(expr.items) > 10 else "")
        return f"{show(expr.operand)} {'NOT ' if expr.negated else ''}IN ({items})"
    if isinstance(expr, SubqueryExpr):
        operands = ", ".join(show(part) for part in expr.operands)
        return f"{operands}{' ' if operands else ''}{'NOT ' if expr.negated else ''}{expr.kind.upper()} (...)"
    if isinstance(expr, WindowCall):
        call = f"{expr.function.name}({', '.join(show(arg) for arg in expr.args) or ('*' if expr.function.aggregate else '')})"
        frame = "" if expr.frame == Frame() else " " + _show_frame(expr.frame)
        return call + (f" filter {show(expr.filter)}" if expr.filter is not None else "") + frame
    if isinstance(expr, Aggregate):
        inner = ("DISTINCT " if expr.distinct else "") + ", ".join(show(arg) for arg in expr.args)
        return f"{expr.function.name}({inner or '*'})"
    assert isinstance(expr, Call)
    return _show_call(expr)


def _plain(expr: Const) -> str:
    return describe(expr.value) if expr.value is None or isinstance(expr.value, bytes) else text_of(expr.value)


def _show_call(expr: Call) -> str:
    name = expr.function.name
    args = [show(arg) for arg in expr.args]
    if len(args) == 2 and not name[0].isalpha():
        return f"{args[0]} {name} {args[1]}"
    if name.startswith("as "):
        return args[0]
    if name.startswith("CAST AS "):
        return f"CAST({args[0]} AS {name[8:]})"
    if name in ("IS NULL", "IS NOT NULL"):
        return f"{args[0]} {name}"
    if len(args) == 2 and name.isupper():
        return f"{args[0]} {name} {args[1]}"
    if len(args) == 1 and not name[0].isalpha():
        return name + args[0]
    return f"{name}({', '.join(args)})"
