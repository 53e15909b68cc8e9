"""FROM: tables, views, common tables, system tables, subqueries and joins to plans and scopes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.base.errors import LimitError
from engine.catalog.objects import KeyKind, Table, View
from engine.record.types import Type
from engine.sql.bind_expr import COALESCE, ExprBinder
from engine.sql.declaration import common_type
from engine.sql.expr import Call, Column, Expr, Logic
from engine.sql.plan import Join, Plan, Scan, SystemScan, SystemTable
from engine.sql.scope import Entry, Scope, problem, suggestion
from grammar import ast
from grammar.parser import parse

if TYPE_CHECKING:
    from engine.sql.binder import Binder

VIEW_DEPTH_MAX = 64
JOINS_MAX = 100
"""Tables of one FROM clause."""


class FromBinder:
    """Binds the FROM clause of one query into one scope."""

    def __init__(self, binder: Binder, scope: Scope):
        self.binder = binder
        self.scope = scope

    def bind(self, node: ast.FromItem) -> Plan:
        """The plan of a FROM clause; its columns are entered into the scope."""
        spine: list[ast.Join] = []
        first: ast.FromItem = node
        while isinstance(first, ast.Join):
            spine.append(first)
            first = first.left
        if len(spine) >= JOINS_MAX:
            raise problem(self.binder.text, node.span, f"FROM joins at most {JOINS_MAX} tables", kind=LimitError)
        plan, entries = self.item(first)
        for join in reversed(spine):
            plan, entries = self.join(join, plan, entries)
        self.scope.entries += entries
        return plan

    def item(self, node: ast.FromItem) -> tuple[Plan, list[Entry]]:
        """One item that is no join, or a parenthesised join."""
        if isinstance(node, ast.Join):
            inner = FromBinder(self.binder, Scope(parent=self.scope.parent))
            plan = inner.bind(node)
            self.scope.tables |= inner.scope.tables
            self.scope.outer.update(inner.scope.outer)
            return plan, inner.scope.entries
        if isinstance(node, ast.TableRef):
            return self.table(node)
        if isinstance(node, ast.TableFunction):
            return self.table_function(node)
        assert isinstance(node, ast.SubqueryRef)
        if node.lateral:
            raise self.binder.unsupported(node, "LATERAL")
        around = Scope(parent=self.scope.parent)
        plan = self.binder.query(node.query, around)
        self.scope.outer.update(around.outer)
        return self.named(plan, node.alias or "", node.columns, node)

    def named(self, plan: Plan, alias: str, names: tuple[str, ...], node: ast.Node) -> tuple[Plan, list[Entry]]:
        """Enters a plan's columns under an alias, with other names where given."""
        if alias:
            if alias.lower() in self.scope.tables:
                raise self.binder.fail(node, f"the name {alias} is given twice in FROM", "give one of them an alias")
            self.scope.tables.add(alias.lower())
        elif not self.scope.tables:
            self.scope.tables.add("")
        if len(names) > len(plan.columns):
            raise self.binder.fail(node, f"{len(names)} names for {len(plan.columns)} columns")
        titles = [*names, *(column.name for column in plan.columns[len(names) :])]
        return plan, [Entry(alias, name, column) for name, column in zip(titles, plan.columns, strict=True)]

    def table(self, node: ast.TableRef) -> tuple[Plan, list[Entry]]:
        """A table, view, common table or system table by name."""
        low = node.name.name.lower()
        alias = node.alias or node.name.name
        if node.name.schema is None and low in self.binder.tables:
            return self.named(self.binder.use_common_table(self.binder.tables[low], node), alias, node.columns, node)
        found = self.lookup(node.name)
        if isinstance(found, View):
            return self.named(self.view(found, node), alias, node.columns, node)
        if isinstance(found, SystemTable):
            if found.least:
                raise self.binder.fail(node, f"{node.name} needs {found.least} argument(s): {node.name}(...)")
            return self.named(self.system_scan(found, ()), alias, node.columns, node)
        return self.base_table(found, alias, node.columns, node)

    def base_table(
        self, table: Table, alias: str, names: tuple[str, ...] = (), node: ast.Node | None = None
    ) -> tuple[Plan, list[Entry]]:
        """A stored table, with its hidden row id."""
        if any(not index.plain for index in table.indexes):
            self.binder.exact = True
        columns = [self.binder.new_column(column.name, column.type, column.collation) for column in table.columns]
        positions = list(range(len(columns)))
        hidden = []
        if table.key is KeyKind.ROWID and "rowid" not in table.positions:
            columns.append(self.binder.new_column("rowid", Type.INTEGER))
            positions.append(len(table.columns))
            hidden.append(Entry(alias, "rowid", columns[-1], hidden=True, starred=False))
        elif table.key is KeyKind.ALIAS and "rowid" not in table.positions:
            hidden.append(Entry(alias, "rowid", columns[table.rowid_column], hidden=True, starred=False))
        scan = Scan(tuple(columns), table, tuple(positions), alias)
        shown = Scan(tuple(columns[: len(table.columns)]), table, tuple(positions[: len(table.columns)]), alias)
        _, entries = self.named(shown, alias, names, node or ast.Literal(None))
        return scan, entries + hidden

    def lookup(self, name: ast.ObjectName) -> Table | View | SystemTable:
        """The object a name means. Raises ProgrammingError with a suggestion."""
        low = name.name.lower()
        schema = (name.schema or "").lower()
        if schema == "sys":
            found = self.binder.system_tables.get(low)
            if found is not None:
                return found
            known = [f"sys.{other}" for other in self.binder.system_tables]
        elif schema in ("", "main"):
            objects = self.binder.schema
            if low in objects.tables:
                return objects.tables[low]
            if low in objects.views:
                return objects.views[low]
            if low in self.binder.frames:
                return self.binder.frames[low]
            known = [
                *(table.name for table in objects.tables.values()),
                *(view.name for view in objects.views.values()),
                *self.binder.tables,
                *(frame.name for frame in self.binder.frames.values()),
            ]
        else:
            raise self.binder.fail(name, f"no such schema: {name.schema}", "there are main and sys")
        close = suggestion(str(name), known)
        raise self.binder.fail(name, f"no such table: {name}", f"did you mean {close}?" if close else None)

    def view(self, view: View, node: ast.TableRef) -> Plan:
        """A view's query, bound as if it stood here, but against its own text and without the tables of WITH."""
        binder = self.binder
        if binder.view_depth >= VIEW_DEPTH_MAX:
            raise binder.fail(node, f"the view {view.name} is nested too deeply; perhaps it looks at itself")
        saved = binder.text, binder.tables
        binder.text, binder.tables = view.sql, {}
        binder.view_depth += 1
        try:
            query = parse(view.sql)
            assert isinstance(query, ast.Query)
            return binder.rename(binder.query(query), view.columns, query)
        finally:
            binder.view_depth -= 1
            binder.text, binder.tables = saved

    def system_scan(self, table: SystemTable, args: tuple[Expr, ...]) -> Plan:
        """A system table as a plan."""
        columns = tuple(self.binder.new_column(n, t) for n, t in zip(table.names, table.types, strict=True))
        return SystemScan(columns, table, args)

    def table_function(self, node: ast.TableFunction) -> tuple[Plan, list[Entry]]:
        """sys.page_items(42)."""
        low = node.name.name.lower()
        found = self.binder.system_tables.get(low) if (node.name.schema or "sys").lower() == "sys" else None
        if found is None:
            close = suggestion(str(node.name), [f"sys.{name}" for name in self.binder.system_tables])
            raise self.binder.fail(
                node.name, f"no such table function: {node.name}", f"did you mean {close}?" if close else None
            )
        if not found.least <= len(node.args) <= found.most:
            raise self.binder.fail(node, f"{node.name} takes {found.least} to {found.most} argument(s)")
        binder = ExprBinder(
            self.binder, Scope(parent=self.scope.parent, outer=self.scope.outer), place="as an argument"
        )
        plan = self.system_scan(found, tuple(binder.bind(arg) for arg in node.args))
        return self.named(plan, node.alias or node.name.name, node.columns, node)

    # -------------------------------------------------------------------------------------------------- joins

    def join(self, node: ast.Join, left: Plan, left_entries: list[Entry]) -> tuple[Plan, list[Entry]]:
        """left JOIN item."""
        right, right_entries = self.item(node.right)
        kind = "INNER" if node.kind == "CROSS" else node.kind
        both = [*left_entries, *right_entries]
        condition: Expr | None = None
        if node.natural or node.using:
            condition, both = self.using(node, kind, left_entries, right_entries)
        elif node.on is not None:
            scope = Scope(both, self.scope.parent, self.scope.outer, self.scope.tables)
            condition = ExprBinder(self.binder, scope, place="in ON").condition(node.on)
        columns: tuple[Column, ...] = (*left.columns, *right.columns)
        return Join(columns, kind, left, right, condition), both

    def using(
        self, node: ast.Join, kind: str, left: list[Entry], right: list[Entry]
    ) -> tuple[Expr | None, list[Entry]]:
        """The condition of USING or NATURAL, and the entries with the common columns once, in front."""
        names = [column.name.lower() for column in node.using]
        if node.natural:
            theirs = {e.name.lower() for e in right if not e.hidden}
            names = [e.name.lower() for e in left if not e.hidden and e.name.lower() in theirs]
        binder = ExprBinder(self.binder, self.scope)
        parts: list[Expr] = []
        merged: list[Entry] = []
        for i, name in enumerate(names):
            sides = []
            for entries in (left, right):
                found = [e for e in entries if e.name.lower() == name and not e.hidden]
                if len(found) != 1:
                    what = "no such column on one side" if not found else "ambiguous column"
                    raise self.binder.fail(node.using[i] if node.using else node, f"USING: {what}: {name}")
                sides.append(found[0])
            a, b = sides
            parts.append(binder.comparison("=", a.expr, b.expr, node))
            expr = b.expr if kind == "RIGHT" else a.expr
            if kind == "FULL":
                expr = Call(common_type((a.expr.type, b.expr.type)), COALESCE, (a.expr, b.expr))
            merged.append(Entry("", a.name, expr))
            for entry in sides:
                entry.hidden = True
        condition = None if not parts else parts[0] if len(parts) == 1 else Logic(Type.BOOLEAN, "AND", tuple(parts))
        return condition, [*merged, *left, *right]
