"""Writers of queries and statements (see unparse.py, which imports this module for them)."""

from __future__ import annotations

from collections.abc import Sequence

from grammar import ast
from grammar.tokens import quote
from grammar.unparse import COMPARISON, Inside, Part, Parts, alias, clause, clauses, listed, names, writes

_Body = ast.Select | ast.Values | ast.SetOperation | ast.Query


def _if(condition: bool, text: str) -> str:
    return text if condition else ""


@writes(ast.ObjectName)
def _object_name(node: ast.ObjectName) -> Parts:
    return (f"{quote(node.schema)}.{quote(node.name)}" if node.schema is not None else quote(node.name),)


def _columns(columns: Sequence[Part]) -> list[Part]:
    return [" (", *listed(columns), ")"] if columns else []


# -------------------------------------------------------------------------------------------------------- queries


@writes(ast.Query)
def _query(node: ast.Query) -> Parts:
    with_: list[Part] = [node.with_, " "] if node.with_ is not None else []
    return (
        *with_,
        *_body(node.body, isinstance(node.body, ast.Query)),
        *clauses("ORDER BY", node.order_by),
        *clause("LIMIT", node.limit),
        *clause("OFFSET", node.offset),
    )


def _body(body: _Body, parenthesised: bool) -> Parts:
    return ("(", body, ")") if parenthesised else (body,)


@writes(ast.SetOperation)
def _set_operation(node: ast.SetOperation) -> Parts:
    tight = node.op == "INTERSECT"
    left = isinstance(node.left, ast.Query) or (
        isinstance(node.left, ast.SetOperation) and tight and node.left.op != "INTERSECT"
    )
    right = isinstance(node.right, ast.Query) or (
        isinstance(node.right, ast.SetOperation) and (tight or node.right.op != "INTERSECT")
    )
    return *_body(node.left, left), f" {node.op}{_if(node.all, ' ALL')} ", *_body(node.right, right)


@writes(ast.With)
def _with(node: ast.With) -> Parts:
    return f"WITH {_if(node.recursive, 'RECURSIVE ')}", *listed(node.tables)


@writes(ast.CommonTable)
def _common_table(node: ast.CommonTable) -> Parts:
    materialized = {None: "", True: "MATERIALIZED ", False: "NOT MATERIALIZED "}[node.materialized]
    return f"{quote(node.name)}{names(node.columns)} AS {materialized}(", node.query, ")"


@writes(ast.Select)
def _select(node: ast.Select) -> Parts:
    return (
        f"SELECT {_if(node.distinct, 'DISTINCT ')}",
        *listed(node.items),
        *clause("FROM", node.from_),
        *clause("WHERE", node.where),
        *clauses("GROUP BY", node.group_by),
        *clause("HAVING", node.having),
        *clauses("WINDOW", node.windows),
    )


@writes(ast.SelectItem)
def _select_item(node: ast.SelectItem) -> Parts:
    return node.expr, alias(node.alias)


@writes(ast.NamedWindow)
def _named_window(node: ast.NamedWindow) -> Parts:
    return f"{quote(node.name)} AS ", node.window


@writes(ast.OrderItem, ast.IndexedColumn)
def _order_item(node: ast.OrderItem | ast.IndexedColumn) -> Parts:
    nulls = {None: "", True: " NULLS FIRST", False: " NULLS LAST"}[node.nulls_first]
    return node.expr, _if(node.descending, " DESC"), nulls


@writes(ast.Values)
def _values(node: ast.Values) -> Parts:
    parts: list[Part] = ["VALUES "]
    for index, row in enumerate(node.rows):
        parts += [", (" if index else "(", *listed(row), ")"]
    return parts


@writes(ast.TableRef)
def _table_ref(node: ast.TableRef) -> Parts:
    as_of = f" AS OF CHECKPOINT {quote(node.as_of)}" if node.as_of is not None else ""
    return node.name, as_of, alias(node.alias, node.columns)


@writes(ast.TableFunction)
def _table_function(node: ast.TableFunction) -> Parts:
    return node.name, "(", *listed(node.args), ")", alias(node.alias, node.columns)


@writes(ast.SubqueryRef)
def _subquery_ref(node: ast.SubqueryRef) -> Parts:
    return _if(node.lateral, "LATERAL ") + "(", node.query, ")", alias(node.alias, node.columns)


@writes(ast.Join)
def _join(node: ast.Join) -> Parts:
    kind = f"{_if(node.natural, 'NATURAL ')}{_if(node.kind != 'INNER', node.kind + ' ')}JOIN"
    right: Parts = ("(", node.right, ")") if isinstance(node.right, ast.Join) else (node.right,)
    using: list[Part] = [" USING", *_columns(node.using)] if node.using else []
    return node.left, f" {kind} ", *right, *clause("ON", node.on), *using


# -------------------------------------------------------------------------------------------------------- changes


@writes(ast.Assignment)
def _assignment(node: ast.Assignment) -> Parts:
    target: Parts = node.columns if len(node.columns) == 1 else ("(", *listed(node.columns), ")")
    return *target, " = ", node.value


@writes(ast.OnConflict)
def _on_conflict(node: ast.OnConflict) -> Parts:
    target = [*_columns(node.target), *clause("WHERE", node.target_where)]
    if node.action == "NOTHING":
        return " ON CONFLICT", *target, " DO NOTHING"
    return " ON CONFLICT", *target, " DO UPDATE", *clauses("SET", node.assignments), *clause("WHERE", node.where)


@writes(ast.Insert)
def _insert(node: ast.Insert) -> Parts:
    with_: list[Part] = [node.with_, " "] if node.with_ is not None else []
    resolution = f"OR {node.resolution} " if node.resolution is not None else ""
    source: Parts = (" DEFAULT VALUES",) if node.source is None else (" ", node.source)
    head = (*with_, f"INSERT {resolution}INTO ", node.table, alias(node.alias), *_columns(node.columns))
    return *head, *source, *node.on_conflict, *clauses("RETURNING", node.returning)


@writes(ast.Update)
def _update(node: ast.Update) -> Parts:
    with_: list[Part] = [node.with_, " "] if node.with_ is not None else []
    resolution = f"OR {node.resolution} " if node.resolution is not None else ""
    return (
        *with_,
        f"UPDATE {resolution}",
        node.table,
        alias(node.alias),
        *clauses("SET", node.assignments),
        *clause("FROM", node.from_),
        *clause("WHERE", node.where),
        *clauses("RETURNING", node.returning),
    )


@writes(ast.Delete)
def _delete(node: ast.Delete) -> Parts:
    with_: list[Part] = [node.with_, " "] if node.with_ is not None else []
    tail = (*clause("USING", node.using), *clause("WHERE", node.where), *clauses("RETURNING", node.returning))
    return *with_, "DELETE FROM ", node.table, alias(node.alias), *tail


@writes(ast.Copy)
def _copy(node: ast.Copy) -> Parts:
    subject: Parts = ("(", node.query, ")") if node.query is not None else (node.table or "", *_columns(node.columns))
    return "COPY ", *subject, f" {node.direction} ", node.path, *_columns(node.options)


@writes(ast.CopyOption)
def _copy_option(node: ast.CopyOption) -> Parts:
    name = node.name if node.name == "NULL" else quote(node.name)
    match node.value:
        case None:
            return (name,)
        case ast.Literal():
            return f"{name} ", node.value
        case str():
            return (f"{name} {quote(node.value)}",)
        case columns:
            return (name + names(columns),)


# ----------------------------------------------------------------------------------------------------- definitions


@writes(ast.CreateTable)
def _create_table(node: ast.CreateTable) -> Parts:
    head = f"CREATE {_if(node.temporary, 'TEMPORARY ')}TABLE {_if(node.if_not_exists, 'IF NOT EXISTS ')}"
    if node.query is not None:
        return head, node.name, " AS ", node.query
    options = f" {', '.join(node.options)}" if node.options else ""
    return head, node.name, *_columns((*node.columns, *node.constraints)), options


@writes(ast.ColumnDef)
def _column_def(node: ast.ColumnDef) -> Parts:
    type_: Parts = (" ", node.type) if node.type is not None else ()
    parts: list[Part] = [quote(node.name), *type_]
    for constraint in node.constraints:
        parts += " ", constraint
    return parts


def _named(node: ast.Constraint) -> str:
    name: str | None = getattr(node, "name", None)
    return f"CONSTRAINT {quote(name)} " if name is not None else ""


@writes(ast.NotNull)
def _not_null(node: ast.NotNull) -> Parts:
    return _named(node), "NULL" if node.negated else "NOT NULL"


@writes(ast.PrimaryKey)
def _primary_key(node: ast.PrimaryKey) -> Parts:
    order = _if(node.descending, " DESC") + _if(node.autoincrement, " AUTOINCREMENT")
    return _named(node), "PRIMARY KEY", *_columns(node.columns), order


@writes(ast.Unique)
def _unique(node: ast.Unique) -> Parts:
    return _named(node), "UNIQUE", *_columns(node.columns)


@writes(ast.CheckConstraint)
def _check_constraint(node: ast.CheckConstraint) -> Parts:
    return _named(node), "CHECK (", node.expr, ")"


@writes(ast.Default)
def _default(node: ast.Default) -> Parts:
    return _named(node), "DEFAULT (", node.value, ")"


@writes(ast.CollateConstraint)
def _collate_constraint(node: ast.CollateConstraint) -> Parts:
    return _named(node), f"COLLATE {quote(node.collation)}"


@writes(ast.Generated)
def _generated(node: ast.Generated) -> Parts:
    return _named(node), "GENERATED ALWAYS AS (", node.expr, ")", _if(node.stored, " STORED")


@writes(ast.ForeignKey)
def _foreign_key(node: ast.ForeignKey) -> Parts:
    parts: list[Part] = [_named(node)]
    if node.columns:
        parts += ["FOREIGN KEY", *_columns(node.columns), " "]
    parts += ["REFERENCES ", node.table, *_columns(node.target_columns)]
    parts.append(f" ON DELETE {node.on_delete}" if node.on_delete else "")
    parts.append(f" ON UPDATE {node.on_update}" if node.on_update else "")
    deferred = "DEFERRED" if node.initially_deferred else "IMMEDIATE"
    parts.append(_if(node.deferrable, f" DEFERRABLE INITIALLY {deferred}"))
    return parts


@writes(ast.CreateIndex)
def _create_index(node: ast.CreateIndex) -> Parts:
    head = f"CREATE {_if(node.unique, 'UNIQUE ')}INDEX {_if(node.if_not_exists, 'IF NOT EXISTS ')}"
    name: Parts = (node.name, " ") if node.name is not None else ()
    return head, *name, "ON ", node.table, *_columns(node.columns), *clause("WHERE", node.where)


@writes(ast.CreateView)
def _create_view(node: ast.CreateView) -> Parts:
    head = f"CREATE {_if(node.or_replace, 'OR REPLACE ')}{_if(node.temporary, 'TEMPORARY ')}VIEW "
    return head, _if(node.if_not_exists, "IF NOT EXISTS "), node.name, names(node.columns), " AS ", node.query


@writes(ast.DropTable, ast.DropIndex, ast.DropView)
def _drop(node: ast.DropTable | ast.DropIndex | ast.DropView) -> Parts:
    kind = type(node).__name__.removeprefix("Drop").upper()
    behaviour = f" {node.behaviour}" if node.behaviour is not None else ""
    return f"DROP {kind} {_if(node.if_exists, 'IF EXISTS ')}", *listed(node.names), behaviour


@writes(ast.AlterTable)
def _alter_table(node: ast.AlterTable) -> Parts:
    return f"ALTER TABLE {_if(node.if_exists, 'IF EXISTS ')}", node.table, " ", node.action


@writes(ast.RenameTable)
def _rename_table(node: ast.RenameTable) -> Parts:
    return (f"RENAME TO {quote(node.name)}",)


@writes(ast.RenameColumn)
def _rename_column(node: ast.RenameColumn) -> Parts:
    return "RENAME COLUMN ", node.column, f" TO {quote(node.name)}"


@writes(ast.AddColumn)
def _add_column(node: ast.AddColumn) -> Parts:
    return f"ADD COLUMN {_if(node.if_not_exists, 'IF NOT EXISTS ')}", node.column


@writes(ast.AddConstraint)
def _add_constraint(node: ast.AddConstraint) -> Parts:
    return "ADD ", node.constraint


@writes(ast.DropColumn)
def _drop_column(node: ast.DropColumn) -> Parts:
    return f"DROP COLUMN {_if(node.if_exists, 'IF EXISTS ')}", node.column


# ------------------------------------------------------------------------------------------ control and inspection


@writes(ast.Begin)
def _begin(node: ast.Begin) -> Parts:
    mode = {None: "", True: " READ ONLY", False: " READ WRITE"}[node.readonly]
    isolation = f" ISOLATION LEVEL {node.isolation}" if node.isolation is not None else ""
    return "BEGIN", mode, isolation


@writes(ast.Commit)
def _commit(node: ast.Commit) -> Parts:
    return ("COMMIT",)


@writes(ast.Rollback)
def _rollback(node: ast.Rollback) -> Parts:
    return ("ROLLBACK" + (f" TO {quote(node.savepoint)}" if node.savepoint is not None else ""),)


@writes(ast.Savepoint, ast.Release)
def _savepoint(node: ast.Savepoint | ast.Release) -> Parts:
    return (f"{type(node).__name__.upper()} {quote(node.name)}",)


@writes(ast.Analyze, ast.Reindex, ast.Vacuum, ast.Check)
def _maintenance(node: ast.Analyze | ast.Reindex | ast.Vacuum | ast.Check) -> Parts:
    name: Parts = (" ", node.name) if node.name is not None else ()
    return type(node).__name__.upper(), *name


@writes(ast.Checkpoint)
def _checkpoint(node: ast.Checkpoint) -> Parts:
    return ("CHECKPOINT" + (f" {quote(node.name)}" if node.name is not None else ""),)


@writes(ast.DropCheckpoint)
def _drop_checkpoint(node: ast.DropCheckpoint) -> Parts:
    return (f"DROP CHECKPOINT {_if(node.if_exists, 'IF EXISTS ')}{quote(node.name)}",)


@writes(ast.Explain)
def _explain(node: ast.Explain) -> Parts:
    return f"EXPLAIN {_if(node.analyze, 'ANALYZE ')}", node.statement


@writes(ast.Trace)
def _trace(node: ast.Trace) -> Parts:
    return "TRACE ", node.statement


@writes(ast.Inspect)
def _inspect(node: ast.Inspect) -> Parts:
    return (f"INSPECT {node.what}",)


@writes(ast.InspectPage)
def _inspect_page(node: ast.InspectPage) -> Parts:
    return "INSPECT PAGE ", node.page, *clause("AT LSN", node.at_lsn)


@writes(ast.InspectLayout)
def _inspect_layout(node: ast.InspectLayout) -> Parts:
    return ("INSPECT LAYOUT" + (f" {quote(node.kind)}" if node.kind is not None else ""),)


@writes(ast.InspectTree)
def _inspect_tree(node: ast.InspectTree) -> Parts:
    return "INSPECT TREE ", node.name, *clause("KEY", node.key)


@writes(ast.InspectWal)
def _inspect_wal(node: ast.InspectWal) -> Parts:
    filters = (*clause("FROM", node.from_lsn), *clause("PAGE", node.page), *clause("TXN", node.transaction))
    return "INSPECT WAL", *filters


@writes(ast.Diff)
def _diff(node: ast.Diff) -> Parts:
    bounds = (Inside(node.low, COMPARISON), " AND ", Inside(node.high, COMPARISON))
    return "DIFF PAGE ", Inside(node.page, COMPARISON), " BETWEEN ", *bounds


@writes(ast.HistoryPage)
def _history_page(node: ast.HistoryPage) -> Parts:
    return "HISTORY PAGE ", node.page


@writes(ast.HistoryRow)
def _history_row(node: ast.HistoryRow) -> Parts:
    return "HISTORY ROW ", node.table, " ", node.key
