"""Statements to plans: FROM, WHERE, grouping, select list, order, limits, set operations, WITH.

    text -> tree -> Binder.query -> plan whose columns are the result's

The order of work on a SELECT is that of its meaning, not of its text:

    FROM      -> plan and scope                      bind_from
    WHERE     -> Filter
    items, HAVING, ORDER BY bound, aggregates collected
    GROUP BY  -> Group, and what was bound rewritten over its output
    HAVING    -> Filter
    OVER      -> Window, one node for each partitioning and order
    items     -> Project; DISTINCT; Sort; LIMIT
"""

from __future__ import annotations

from collections.abc import Callable

from engine.base.dataclass import dataclass, field
from engine.base.errors import LimitError, NotSupportedError, ProgrammingError
from engine.catalog.catalog import Schema
from engine.record.types import Type
from engine.sql import functions as fn
from engine.sql.bind_expr import ExprBinder, nulls_last
from engine.sql.bind_from import FromBinder
from engine.sql.bind_window import Windows
from engine.sql.collation import NOCASE, bare, collation_of, folded, keyed
from engine.sql.declaration import Function, common_type
from engine.sql.expr import Aggregate, Column, Const, Expr, rewrite, walk
from engine.sql.plan import (
    Distinct,
    Filter,
    Group,
    Limit,
    OneRow,
    Plan,
    Project,
    Recurse,
    Rows,
    SetOp,
    Sort,
    SortKey,
    SystemTable,
    Working,
)
from engine.sql.scope import Entry, Scope, problem, suggestion
from grammar import ast

CHAIN_MAX = 400
"""The longest chain of operators (a + b + c ...) that is executed; AND and OR may have any number of operands."""


LITERAL_SLOT = 1_000_000
"""Slots from here on are literals of the text that the statement cache took out; below are the user's parameters."""

_LITERAL_TYPES = {"i": Type.INTEGER, "r": Type.REAL, "t": Type.TEXT, "b": Type.BLOB}


@dataclass
class Params:
    """The parameters of a statement: how many there are by position, and the slots of those with names."""

    count: int = 0
    names: dict[str, int] = field(default_factory=dict)

    def bind(self, node: ast.Parameter) -> tuple[int, Type]:
        """The slot and type of a parameter. `#3i` is the third literal taken out of the text, an INTEGER."""
        if node.index is not None:
            self.count = max(self.count, node.index)
            return node.index - 1, Type.ANY
        name = str(node.name)
        if name.startswith("#"):
            return LITERAL_SLOT + int(name[1:-1]) - 1, _LITERAL_TYPES[name[-1]]
        return self.names.setdefault(name, len(self.names)), Type.ANY


@dataclass
class CommonTable:
    """A table of WITH: bound anew at each use, or the working table of a recursion."""

    node: ast.CommonTable
    scope_tables: dict[str, CommonTable]
    working: Working | None = None


class Binder:
    """Binds one statement against one schema.

    exact: set where the plan can depend on the values of literals (indexes with expressions or conditions of their own).
    """

    def __init__(
        self,
        text: str,
        schema: Schema,
        system_tables: dict[str, SystemTable],
        optimise: Callable[[Plan], Plan] = lambda plan: plan,
        params: Params | None = None,
    ):
        self.text = text
        self.schema = schema
        self.system_tables = system_tables
        self.optimise = optimise
        self.params = params or Params()
        self.chain_max = CHAIN_MAX
        self.frames: dict[str, SystemTable] = {}  # what the program has added (engine.sql.extensions)
        self.functions: dict[str, Function] = {}
        self.tables: dict[str, CommonTable] = {}
        self.view_depth = 0
        self.exact = False
        self.in_depth = 0
        self._next = 0

    def new_column(self, name: str, kind: Type, collation: str = "") -> Column:
        """A column with a number of its own."""
        self._next += 1
        return Column(kind, self._next, name, collation)

    def fail(self, node: ast.Node, message: str, hint: str | None = None) -> ProgrammingError:
        """An error at a node."""
        return problem(self.text, node.span, message, hint)  # type: ignore[return-value]

    def unsupported(self, node: ast.Node, what: str) -> NotSupportedError:
        """A NotSupportedError at a node."""
        return problem(self.text, node.span, f"{what} is not supported yet", kind=NotSupportedError)  # type: ignore[return-value]

    # ------------------------------------------------------------------------------------------------ queries

    def subquery(self, node: ast.Query, around: Scope) -> tuple[Plan, Scope]:
        """A query inside an expression: its optimised plan, and its scope, which knows what it needs from around."""
        scope = Scope(parent=around)
        plan = self.query(node, scope)
        return self.optimise(plan), scope

    def query(self, node: ast.Query, outer: Scope | None = None) -> Plan:
        """A query expression. outer: a scope without columns that stands between it and the queries around it."""
        if node.with_ is None:
            return self._query(node, outer)
        saved = self.tables
        try:
            self.enter_with(node.with_)
            return self._query(node, outer)
        finally:
            self.tables = saved

    def enter_with(self, node: ast.With | None) -> None:
        """Make the tables of a WITH known from here on."""
        if node is not None:
            self.tables = dict(self.tables)
            for table in node.tables:
                self._common_table(table, node.recursive)

    def _common_table(self, node: ast.CommonTable, recursive: bool) -> None:
        if not isinstance(node.query, ast.Query):
            raise self.unsupported(node, "a data change inside WITH")
        visible = dict(self.tables)
        table = CommonTable(node, visible)
        if recursive:
            visible[node.name.lower()] = table
        self.tables[node.name.lower()] = table

    def use_common_table(self, table: CommonTable, node: ast.TableRef) -> Plan:
        """The plan of a table of WITH at one place of use."""
        if table.working is not None:
            columns = tuple(self.new_column(c.name, c.type, c.collation) for c in table.working.columns)
            return Working(columns, table.working.key)
        query = table.node.query
        assert isinstance(query, ast.Query)
        saved, self.tables = self.tables, dict(table.scope_tables)
        try:
            if self.tables.get(table.node.name.lower()) is table and _mentions(query, table.node.name):
                return self._recursion(table, query)
            plan = self.query(query)
            return self.rename(plan, table.node.columns, table.node)
        finally:
            self.tables = saved

    def _recursion(self, table: CommonTable, query: ast.Query) -> Plan:
        """WITH RECURSIVE t AS (first UNION [ALL] step)."""
        body = query.body
        if not isinstance(body, ast.SetOperation) or body.op != "UNION":
            raise self.fail(
                query, f"the recursive table {table.node.name} needs: first query UNION [ALL] recursive query"
            )
        if _mentions(body.left, table.node.name):
            raise self.fail(body.left, "the first query of a recursive table cannot look at the table itself")
        first = self.rename(self._body(body.left, None), table.node.columns, table.node)
        key = self.new_column("recursion", Type.NULL).id
        working = Working(first.columns, key)
        self.tables[table.node.name.lower()] = CommonTable(table.node, self.tables, working)
        step = self._body(body.right, None)
        if len(step.columns) != len(first.columns):
            raise self.fail(body.right, f"both queries of a recursive table need {len(first.columns)} column(s)")
        columns = tuple(self.new_column(c.name, c.type, c.collation) for c in first.columns)
        plan: Plan = Recurse(columns, table.node.name, self.optimise(first), self.optimise(step), body.all, key)
        return self._finish(plan, query, columns)

    def rename(self, plan: Plan, names: tuple[str, ...], node: ast.Node) -> Plan:
        """The same rows with other column names."""
        if not names:
            return plan
        if len(names) != len(plan.columns):
            raise self.fail(node, f"{len(names)} names for {len(plan.columns)} columns")
        columns = tuple(
            self.new_column(name, column.type, column.collation)
            for name, column in zip(names, plan.columns, strict=True)
        )
        return Project(columns, plan, plan.columns)

    def _query(self, node: ast.Query, outer: Scope | None) -> Plan:
        if isinstance(node.body, ast.Select):
            return self._limit(self.select(node.body, outer, node.order_by), node)
        plan = self._body(node.body, outer)
        return self._finish(plan, node, plan.columns)

    def _finish(self, plan: Plan, node: ast.Query, columns: tuple[Column, ...]) -> Plan:
        """ORDER BY and LIMIT of what is not a plain SELECT: only the result's own columns can be named."""
        if node.order_by:
            scope = Scope([Entry("", column.name, column) for column in columns])
            keys = []
            for item in node.order_by:
                expr = self._ordinal(item.expr, columns)
                if expr is None:
                    expr = ExprBinder(self, scope, place="in ORDER BY").bind(item.expr)
                keys.append(SortKey(keyed(expr), item.descending, nulls_last(item)))
            plan = Sort(plan.columns, plan, tuple(keys))
        return self._limit(plan, node)

    def _limit(self, plan: Plan, node: ast.Query) -> Plan:
        if node.limit is None and node.offset is None:
            return plan
        binder = ExprBinder(self, Scope(), place="in LIMIT")
        bound = [None if part is None else binder.bind(part) for part in (node.limit, node.offset)]
        return Limit(plan.columns, plan, bound[0], bound[1])

    def _body(self, node: ast.Node, outer: Scope | None) -> Plan:
        if isinstance(node, ast.Select):
            return self.select(node, outer, ())
        if isinstance(node, ast.Values):
            return self.values(node, outer)
        if isinstance(node, ast.Query):
            return self.query(node, outer)
        assert isinstance(node, ast.SetOperation)
        spine = [node]
        while isinstance(spine[-1].left, ast.SetOperation):
            spine.append(spine[-1].left)
        plan = self._body(spine[-1].left, outer)
        for link in reversed(spine):
            right = self._body(link.right, outer)
            if len(plan.columns) != len(right.columns):
                raise self.fail(
                    link.right, f"both sides of {link.op} need the same number of columns: {len(plan.columns)} and {len(right.columns)}"
                )  # fmt: skip
            columns = tuple(
                self.new_column(a.name, common_type((a.type, b.type)), a.collation)
                for a, b in zip(plan.columns, right.columns, strict=True)
            )
            plan = SetOp(columns, link.op, link.all, plan, right)
        return plan

    def values(self, node: ast.Values, outer: Scope | None = None) -> Plan:
        """VALUES as a query."""
        width = len(node.rows[0])
        binder = ExprBinder(self, Scope(parent=outer), place="in VALUES")
        rows = []
        for row in node.rows:
            if len(row) != width:
                raise self.fail(row[0], f"all rows of VALUES need {width} value(s)")
            rows.append(tuple(binder.bind(value) for value in row))
        columns = tuple(
            self.new_column(f"column{i + 1}", common_type(tuple(row[i].type for row in rows))) for i in range(width)
        )
        return Rows(columns, tuple(rows))

    # ------------------------------------------------------------------------------------------------- SELECT

    def select(self, node: ast.Select, outer: Scope | None, order_by: tuple[ast.OrderItem, ...]) -> Plan:
        """A SELECT with the ORDER BY that belongs to it."""
        plan: Plan = OneRow(())
        scope = Scope(parent=outer)
        if node.from_ is not None:
            plan = FromBinder(self, scope).bind(node.from_)
        if node.where is not None:
            condition = ExprBinder(self, scope, place="in WHERE").where(node.where)
            plan = Filter(plan.columns, plan, condition)
        aggregates: dict[Aggregate, Column] = {}
        windows = Windows(self, node.windows)
        binder = ExprBinder(self, scope, aggregates, windows=windows)
        items = self._items(node, scope, binder)
        names = [name for name, _ in items]
        exprs = [expr for _, expr in items]
        order = [self._order_key(item, names, exprs, binder) for item in order_by]
        having = None
        if node.having is not None:
            having = ExprBinder(self, scope, aggregates, "in HAVING").condition(node.having)
        if node.group_by or aggregates or node.having is not None:
            keys = tuple(self._group_key(key, names, exprs, scope, windows) for key in node.group_by)
            plan, over = self._group(plan, keys, aggregates)
            exprs = [over(expr, item) for expr, item in zip(exprs, _item_nodes(node, len(exprs)), strict=True)]
            order = [over(expr, item.expr) for expr, item in zip(order, order_by, strict=True)]
            if having is not None:
                assert node.having is not None
                plan = Filter(plan.columns, plan, over(having, node.having))
            plan = windows.plan(plan, lambda expr: over(expr, node))
        else:
            plan = windows.plan(plan, lambda expr: expr)
        if scope.outer and outer is not None:
            outer.outer.update(scope.outer)
        return self._project(plan, names, exprs, order, order_by, node)

    def _items(self, node: ast.Select, scope: Scope, binder: ExprBinder) -> list[tuple[str, Expr]]:
        """The select list with * written out."""
        items: list[tuple[str, Expr]] = []
        for item in node.items:
            if isinstance(item.expr, ast.Star):
                items += self._star(item.expr, scope)
            else:
                items.append((self.item_name(item), binder.bind(item.expr)))
        if len(items) > 32767:
            raise problem(self.text, node.span, "a query has at most 32,767 columns", kind=LimitError)
        return items

    def _star(self, node: ast.Star, scope: Scope) -> list[tuple[str, Expr]]:
        if node.table is None:
            if not scope.tables:
                raise self.fail(node, "* needs a FROM clause")
            return [(e.name, e.expr) for e in scope.entries if e.starred and not e.hidden]
        wanted = node.table.lower()
        if wanted not in scope.tables:
            close = suggestion(wanted, scope.tables)
            raise self.fail(node, f"no such table here: {node.table}", f"did you mean {close}?" if close else None)
        return [(e.name, e.expr) for e in scope.entries if e.table.lower() == wanted and e.starred]

    def item_name(self, item: ast.SelectItem) -> str:
        """The name of a result column: its alias, its column's name, or its text."""
        if item.alias is not None:
            return item.alias
        if isinstance(item.expr, ast.ColumnRef):
            return item.expr.name
        start, end = item.expr.span
        return " ".join(self.text[start:end].split())

    def _ordinal(self, node: ast.Expr, exprs: list[Expr] | tuple[Column, ...]) -> Expr | None:
        """The result column an integer in ORDER BY or GROUP BY means."""
        if isinstance(node, ast.Literal) and type(node.value) is int:
            if not 1 <= node.value <= len(exprs):
                raise self.fail(node, f"there is no result column {node.value}; the query has {len(exprs)}")
            return exprs[node.value - 1]
        return None

    def _order_key(self, item: ast.OrderItem, names: list[str], exprs: list[Expr], binder: ExprBinder) -> Expr:
        """An ORDER BY expression: an ordinal, the name of a result column, or an expression of the query's columns."""
        found = self._ordinal(item.expr, exprs)
        if found is not None:
            return found
        node = item.expr
        if isinstance(node, ast.ColumnRef) and node.table is None:
            low = node.name.lower()
            same = [expr for name, expr in zip(names, exprs, strict=True) if name.lower() == low]
            if same:
                return same[0]
        inner = ExprBinder(
            self, _with_aliases(binder.scope, names, exprs), binder.aggregates, "in ORDER BY", binder.windows
        )
        return inner.bind(node)

    def _group_key(self, node: ast.Expr, names: list[str], exprs: list[Expr], scope: Scope, windows: Windows) -> Expr:
        """A GROUP BY expression: an ordinal, a column of the query, or else the name of a result column."""
        key = self._ordinal(node, exprs)
        if key is None and isinstance(node, ast.ColumnRef) and node.table is None and not scope.find(node.name, None):
            low = node.name.lower()
            key = next((expr for name, expr in zip(names, exprs, strict=True) if name.lower() == low), None)
        if key is None:
            key = ExprBinder(self, scope, place="in GROUP BY").bind(node)
        computed = set(windows.calls.values())
        if any(part in computed for part in walk(key)):
            raise self.fail(node, "a window function cannot stand in GROUP BY", "compute it in a subquery")
        return key

    def _group(
        self, plan: Plan, keys: tuple[Expr, ...], aggregates: dict[Aggregate, Column]
    ) -> tuple[Plan, Callable[[Expr, ast.Node], Expr]]:
        """The Group node, and a function that rewrites what was bound below it to what stands above it."""
        outputs: dict[Expr, Column] = {}
        shown: dict[Expr, Column] = {}
        for given in keys:
            key = keyed(given)
            if key not in outputs:
                outputs[key] = self.new_column(given.name if isinstance(given, Column) else "key", key.type)
            if (
                collation_of(given) == NOCASE and bare(given) not in shown
            ):  # of texts that are equal so, the least is shown
                least = Aggregate(key.type, fn.AGGREGATE_MIN, (bare(given),), False, None, ())
                name = given.name if isinstance(given, Column) else "key"
                shown[bare(given)] = aggregates.setdefault(least, self.new_column(name, key.type, NOCASE))
        columns = (*outputs.values(), *aggregates.values())
        group = Group(columns, plan, tuple(outputs), tuple(aggregates))
        below = {column.id: column for column in plan.columns}

        def over(expr: Expr, node: ast.Node) -> Expr:
            changed = rewrite(expr, lambda part: outputs.get(part) or shown.get(part))
            for part in walk(changed):
                if isinstance(part, Column) and part.id in below:
                    hint = "put it into GROUP BY or into an aggregate function"
                    raise self.fail(node, f"the column {part.name} is neither grouped nor aggregated", hint)
            return changed

        return group, over

    def _project(
        self,
        plan: Plan,
        names: list[str],
        exprs: list[Expr],
        order: list[Expr],
        order_by: tuple[ast.OrderItem, ...],
        node: ast.Select,
    ) -> Plan:
        """The select list, DISTINCT and the order; expressions only the order needs are computed and dropped again."""
        columns = tuple(
            self.new_column(name, expr.type, collation_of(expr)) for name, expr in zip(names, exprs, strict=True)
        )
        exprs = [bare(expr) for expr in exprs]
        outputs: dict[Expr, Column] = {}
        for expr, column in zip(exprs, columns, strict=True):
            outputs.setdefault(expr, column)
        extra: dict[Expr, Column] = {}
        keys = []
        for given, item in zip(order, order_by, strict=True):
            expr = bare(given)
            if isinstance(expr, Const):
                continue
            nocase = collation_of(given) == NOCASE
            if expr not in outputs and node.distinct:
                raise self.fail(item, "with SELECT DISTINCT, ORDER BY can use only what is selected")
            if nocase and not node.distinct:
                expr = folded(expr)
            if expr not in outputs:
                outputs[expr] = extra[expr] = self.new_column("order", expr.type)
            key: Expr = outputs[expr]
            keys.append(SortKey(folded(key) if nocase and node.distinct else key, item.descending, nulls_last(item)))
        result: Plan = Project((*columns, *extra.values()), plan, (*exprs, *extra))
        if node.distinct:
            result = self._distinct(result)
        if keys:
            result = Sort(result.columns, result, tuple(keys))
        if extra:
            again = tuple(self.new_column(column.name, column.type, column.collation) for column in columns)
            result = Project(again, result, columns)
        return result

    def _distinct(self, plan: Plan) -> Plan:
        """Each row once; of texts that are equal under NOCASE the least is shown."""
        if not any(column.collation == NOCASE for column in plan.columns):
            return Distinct(plan.columns, plan)
        fresh = tuple(self.new_column(column.name, column.type) for column in plan.columns)
        keys = tuple(keyed(column) for column in plan.columns)
        least = {
            Aggregate(column.type, fn.AGGREGATE_MIN, (column,), False, None, ()): self.new_column("", column.type)
            for column in plan.columns
            if column.collation == NOCASE
        }
        group = Group((*fresh, *least.values()), plan, keys, tuple(least))
        made = dict(zip((call.args[0] for call in least), least.values(), strict=True))
        shown = tuple(made.get(column, other) for column, other in zip(plan.columns, fresh, strict=True))
        return Project(plan.columns, group, shown)


def _with_aliases(scope: Scope, names: list[str], exprs: list[Expr]) -> Scope:
    """The scope with the select list's names behind the columns of FROM, for expressions in ORDER BY."""
    known = {entry.name.lower() for entry in scope.entries if not entry.hidden}
    aliases = [Entry("", name, expr) for name, expr in zip(names, exprs, strict=True) if name.lower() not in known]
    return Scope([*scope.entries, *aliases], scope.parent, scope.outer, scope.tables)


def _item_nodes(node: ast.Select, count: int) -> list[ast.Node]:
    """A node of the text for each result column, for messages."""
    if len(node.items) == count:
        return [item.expr for item in node.items]
    return [node.items[0]] * count


def _mentions(node: ast.Node, name: str) -> bool:
    """Whether a table of this name is looked at anywhere below."""
    low = name.lower()
    return any(isinstance(part, ast.TableRef) and part.name.name.lower() == low for part in node.walk())
