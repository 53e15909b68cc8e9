"""The abstract syntax tree: what a statement says, without how it was spelled.

    Statement --+-- Query            Select | Values | SetOperation, with WITH, ORDER BY, LIMIT around them
                +-- Insert, Update, Delete, Copy
                +-- Create*, Drop*, AlterTable, Analyze, Reindex, Vacuum
                +-- Begin, Commit, Rollback, Savepoint, Release, Checkpoint, DropCheckpoint
                +-- Explain, Trace, Inspect*, Diff, History*, Check
    Expr -------+-- Literal, Parameter, ColumnRef, Unary, Binary, Logical, ...
    FromItem ---+-- TableRef, TableFunction, SubqueryRef, Join

Rules that hold everywhere:

- every node has `span`, offsets into the text; it does not take part in comparison;
- lists are tuples; an absent clause is None or an empty tuple; names are plain strings with quotes removed and case
  kept; a reference to an *existing* column is a ColumnRef (so that it has a span), a *new* name is a str;
- parentheses leave no node; keywords leave upper-case strings;
- AND and OR are n-ary (`Logical`). Other left-associative operators nest to the left, without a bound on the length of
  the chain: walk `Binary.left` in a loop (see `left_spine`). All other nesting is bounded by parser.MAX_DEPTH.
- The tree says what was written, not whether it makes sense: that is the binder's work.
"""

from __future__ import annotations

import datetime

from grammar.node import Node, Span, replace

__all__ = ["Node", "Span", "replace"]  # and every class below


class Expr(Node):
    """An expression."""


class Statement(Node):
    """A complete statement."""


class FromItem(Node):
    """Something that stands in FROM."""


# ---------------------------------------------------------------------------------------------------------- names


class ObjectName(Node):
    """The name of a table, view, index or tree, perhaps qualified: `sys.buffers`."""

    name: str
    schema: str | None = None

    def __str__(self) -> str:
        return f"{self.schema}.{self.name}" if self.schema else self.name


class TypeName(Node):
    """A type as written: words in upper case joined by one space ("DOUBLE PRECISION"), and its numbers: VARCHAR(30)."""

    name: str
    arguments: tuple[int, ...] = ()


# ---------------------------------------------------------------------------------------------------- expressions


class Literal(Expr):
    """A constant. DATE '...' and TIMESTAMP '...' arrive as date and datetime. A minus before a number is folded in.

    An int lies in -2**63 .. 2**63-1, a float is finite.
    """

    value: bool | int | float | str | bytes | datetime.date | datetime.datetime | None


class CurrentTime(Expr):
    """CURRENT_DATE, CURRENT_TIME or CURRENT_TIMESTAMP; kind is "DATE", "TIME" or "TIMESTAMP"."""

    kind: str


class Parameter(Expr):
    """`?`, `?7`, `$7` (index, from 1; a bare `?` has the number it counts to) or `:name`, `@name`, `$name` (name)."""

    index: int | None = None
    name: str | None = None


class ColumnRef(Expr):
    """A column, perhaps qualified by its table (or alias) and schema."""

    name: str
    table: str | None = None
    schema: str | None = None


class Star(Expr):
    """`*` or `t.*` in a select list or RETURNING."""

    table: str | None = None
    schema: str | None = None


class DefaultValue(Expr):
    """DEFAULT as a value, in VALUES of an INSERT and in SET."""


class Unary(Expr):
    """op is "-", "+", "~" or "NOT"."""

    op: str
    operand: Expr


class Binary(Expr):
    """op is one of = <> < <= > >= + - * / % || & | << >> -> ->> (`==` and `!=` arrive as `=` and `<>`)."""

    op: str
    left: Expr
    right: Expr


class Logical(Expr):
    """AND or OR of two or more operands; `a AND b AND c` is one node, `a AND (b AND c)` too."""

    op: str
    operands: tuple[Expr, ...]


class IsNull(Expr):
    """x IS NULL, x ISNULL; negated: x IS NOT NULL, x NOTNULL, x NOT NULL."""

    operand: Expr
    negated: bool = False


class IsTruth(Expr):
    """x IS [NOT] TRUE | FALSE | UNKNOWN; truth is True, False or None. Never NULL itself."""

    operand: Expr
    truth: bool | None
    negated: bool = False


class IsDistinct(Expr):
    """Comparison in which NULL equals NULL. negated=False: IS DISTINCT FROM, IS NOT; True: IS NOT DISTINCT FROM, IS."""

    left: Expr
    right: Expr
    negated: bool = False


class InList(Expr):
    """x [NOT] IN (a, b, ...); the list may be empty."""

    operand: Expr
    items: tuple[Expr, ...]
    negated: bool = False


class InQuery(Expr):
    """x [NOT] IN (SELECT ...); `x IN t` arrives as `x IN (SELECT * FROM t)`."""

    operand: Expr
    query: Query
    negated: bool = False


class Between(Expr):
    """x [NOT] BETWEEN low AND high."""

    operand: Expr
    low: Expr
    high: Expr
    negated: bool = False


class Like(Expr):
    """x [NOT] LIKE | ILIKE | GLOB | REGEXP pattern [ESCAPE escape]; op is the keyword."""

    op: str
    operand: Expr
    pattern: Expr
    escape: Expr | None = None
    negated: bool = False


class When(Node):
    """WHEN condition THEN result."""

    condition: Expr
    result: Expr


class Case(Expr):
    """CASE [operand] WHEN ... [ELSE default] END; without ELSE default is None."""

    operand: Expr | None
    whens: tuple[When, ...]
    default: Expr | None = None


class Cast(Expr):
    """CAST(x AS type) or x::type."""

    operand: Expr
    type: TypeName


class Collate(Expr):
    """x COLLATE name."""

    operand: Expr
    collation: str


class RowValue(Expr):
    """(a, b, ...) of two or more."""

    items: tuple[Expr, ...]


class Exists(Expr):
    """EXISTS (query). NOT EXISTS is a Unary around it."""

    query: Query


class ScalarQuery(Expr):
    """(query) where a value stands."""

    query: Query


class FrameBound(Node):
    """kind is "UNBOUNDED PRECEDING", "PRECEDING", "CURRENT ROW", "FOLLOWING" or "UNBOUNDED FOLLOWING"."""

    kind: str
    offset: Expr | None = None


class Frame(Node):
    """unit is ROWS, RANGE or GROUPS; exclude is None, "CURRENT ROW", "GROUP", "TIES" or "NO OTHERS"."""

    unit: str
    start: FrameBound
    end: FrameBound | None = None
    exclude: str | None = None


class Window(Node):
    """OVER (...) or a definition in the WINDOW clause. `OVER w` is a Window with only `base`, and `bare` set."""

    base: str | None = None
    partition_by: tuple[Expr, ...] = ()
    order_by: tuple[OrderItem, ...] = ()
    frame: Frame | None = None
    bare: bool = False


class FunctionCall(Expr):
    """name(args). count(*) has `star` set. `name` keeps the spelling; compare it case-insensitively."""

    name: str
    args: tuple[Expr, ...] = ()
    distinct: bool = False
    star: bool = False
    order_by: tuple[OrderItem, ...] = ()
    filter: Expr | None = None
    over: Window | None = None
    schema: str | None = None


# -------------------------------------------------------------------------------------------------------- queries


class SelectItem(Node):
    """expr [AS alias]."""

    expr: Expr
    alias: str | None = None


class OrderItem(Node):
    """expr [ASC|DESC] [NULLS FIRST|LAST]; nulls_first is None where not said."""

    expr: Expr
    descending: bool = False
    nulls_first: bool | None = None


class NamedWindow(Node):
    """name AS (window) in the WINDOW clause."""

    name: str
    window: Window


class Select(Node):
    """SELECT without what may surround it. `from_` is None where there is no FROM."""

    items: tuple[SelectItem, ...]
    from_: FromItem | None = None
    where: Expr | None = None
    group_by: tuple[Expr, ...] = ()
    having: Expr | None = None
    windows: tuple[NamedWindow, ...] = ()
    distinct: bool = False


class Values(Node):
    """VALUES (...), (...); also the rows of an INSERT."""

    rows: tuple[tuple[Expr, ...], ...]


class SetOperation(Node):
    """left op right; op is UNION, INTERSECT or EXCEPT. Equal ones nest to the left; INTERSECT binds tighter.

    A side that was parenthesised with its own ORDER BY, LIMIT or WITH is a Query.
    """

    op: str
    left: Select | Values | SetOperation | Query
    right: Select | Values | SetOperation | Query
    all: bool = False


class CommonTable(Node):
    """name [(columns)] AS [[NOT] MATERIALIZED] (statement)."""

    name: str
    query: Statement
    columns: tuple[str, ...] = ()
    materialized: bool | None = None


class With(Node):
    """WITH [RECURSIVE] ..."""

    tables: tuple[CommonTable, ...]
    recursive: bool = False


class Query(Statement):
    """A query expression; also a statement of its own."""

    body: Select | Values | SetOperation | Query
    order_by: tuple[OrderItem, ...] = ()
    limit: Expr | None = None
    offset: Expr | None = None
    with_: With | None = None


class TableRef(FromItem):
    """A table or view by name. as_of: the retained checkpoint at which it is read (AS OF CHECKPOINT name)."""

    name: ObjectName
    alias: str | None = None
    columns: tuple[str, ...] = ()
    as_of: str | None = None


class TableFunction(FromItem):
    """A function that gives rows: sys.page_items(42)."""

    name: ObjectName
    args: tuple[Expr, ...] = ()
    alias: str | None = None
    columns: tuple[str, ...] = ()


class SubqueryRef(FromItem):
    """(query) [AS] alias [(columns)]."""

    query: Query
    alias: str | None = None
    columns: tuple[str, ...] = ()
    lateral: bool = False


class Join(FromItem):
    """kind is INNER, LEFT, RIGHT, FULL or CROSS (a comma is CROSS); `using` and `on` exclude each other."""

    kind: str
    left: FromItem
    right: FromItem
    on: Expr | None = None
    using: tuple[ColumnRef, ...] = ()
    natural: bool = False


# --------------------------------------------------------------------------------------------------- data changes


class Assignment(Node):
    """column = value, or (a, b) = row value."""

    columns: tuple[ColumnRef, ...]
    value: Expr


class OnConflict(Node):
    """ON CONFLICT [(target) [WHERE ...]] DO NOTHING | DO UPDATE SET ... [WHERE ...]; action is NOTHING or UPDATE."""

    action: str
    target: tuple[IndexedColumn, ...] = ()
    target_where: Expr | None = None
    assignments: tuple[Assignment, ...] = ()
    where: Expr | None = None


class Insert(Statement):
    """source is None for DEFAULT VALUES. `resolution` is None or what follows INSERT OR; REPLACE INTO sets it too."""

    table: ObjectName
    columns: tuple[ColumnRef, ...] = ()
    source: Query | None = None
    alias: str | None = None
    resolution: str | None = None
    on_conflict: tuple[OnConflict, ...] = ()
    returning: tuple[SelectItem, ...] = ()
    with_: With | None = None


class Update(Statement):
    """UPDATE [OR resolution] table [alias] SET ... [FROM ...] [WHERE ...] [RETURNING ...]."""

    table: ObjectName
    assignments: tuple[Assignment, ...]
    from_: FromItem | None = None
    where: Expr | None = None
    alias: str | None = None
    resolution: str | None = None
    returning: tuple[SelectItem, ...] = ()
    with_: With | None = None


class Delete(Statement):
    """DELETE FROM table [alias] [USING ...] [WHERE ...] [RETURNING ...]."""

    table: ObjectName
    where: Expr | None = None
    alias: str | None = None
    using: FromItem | None = None
    returning: tuple[SelectItem, ...] = ()
    with_: With | None = None


class CopyOption(Node):
    """One option of COPY: name in upper case, and its value: a literal, a name as text, a list of names, or None."""

    name: str
    value: Literal | str | tuple[str, ...] | None = None


class Copy(Statement):
    """COPY table [(columns)] | (query) FROM | TO 'path' [(options)]; direction is FROM or TO."""

    direction: str
    path: Expr
    table: ObjectName | None = None
    columns: tuple[ColumnRef, ...] = ()
    query: Query | None = None
    options: tuple[CopyOption, ...] = ()


# ----------------------------------------------------------------------------------------------------- definitions


class IndexedColumn(Node):
    """A column or expression of an index, a key or a conflict target; COLLATE is part of the expression."""

    expr: Expr
    descending: bool = False
    nulls_first: bool | None = None


class Constraint(Node):
    """A constraint of a column (columns=() then: the column it stands at) or of a table; name where CONSTRAINT gave one."""


class NotNull(Constraint):
    """NOT NULL (or plain NULL, with negated)."""

    name: str | None = None
    negated: bool = False


class PrimaryKey(Constraint):
    """PRIMARY KEY. At a column, `descending` and `autoincrement` may be set; in a table, columns says it."""

    columns: tuple[IndexedColumn, ...] = ()
    descending: bool = False
    autoincrement: bool = False
    name: str | None = None


class Unique(Constraint):
    """UNIQUE."""

    columns: tuple[IndexedColumn, ...] = ()
    name: str | None = None


class CheckConstraint(Constraint):
    """CHECK (expr)."""

    expr: Expr
    name: str | None = None


class Default(Constraint):
    """DEFAULT value."""

    value: Expr
    name: str | None = None


class CollateConstraint(Constraint):
    """COLLATE name at a column."""

    collation: str
    name: str | None = None


class Generated(Constraint):
    """GENERATED ALWAYS AS (expr) [STORED|VIRTUAL]."""

    expr: Expr
    stored: bool = False
    name: str | None = None


class ForeignKey(Constraint):
    """REFERENCES / FOREIGN KEY. Actions are None, "NO ACTION", "RESTRICT", "CASCADE", "SET NULL" or "SET DEFAULT"."""

    table: ObjectName
    columns: tuple[ColumnRef, ...] = ()
    target_columns: tuple[ColumnRef, ...] = ()
    on_delete: str | None = None
    on_update: str | None = None
    deferrable: bool = False
    initially_deferred: bool = False
    name: str | None = None


class ColumnDef(Node):
    """name [type] [constraints]."""

    name: str
    type: TypeName | None = None
    constraints: tuple[Constraint, ...] = ()


class CreateTable(Statement):
    """CREATE TABLE with its columns, or AS query. options: "STRICT", "WITHOUT ROWID"."""

    name: ObjectName
    columns: tuple[ColumnDef, ...] = ()
    constraints: tuple[Constraint, ...] = ()
    query: Query | None = None
    if_not_exists: bool = False
    temporary: bool = False
    options: tuple[str, ...] = ()


class CreateIndex(Statement):
    """CREATE [UNIQUE] INDEX; name is None where left out."""

    table: ObjectName
    columns: tuple[IndexedColumn, ...]
    name: ObjectName | None = None
    unique: bool = False
    if_not_exists: bool = False
    where: Expr | None = None


class CreateView(Statement):
    """CREATE VIEW."""

    name: ObjectName
    query: Query
    columns: tuple[str, ...] = ()
    if_not_exists: bool = False
    or_replace: bool = False
    temporary: bool = False


class DropTable(Statement):
    """DROP TABLE; several names are allowed. behaviour is None, CASCADE or RESTRICT."""

    names: tuple[ObjectName, ...]
    if_exists: bool = False
    behaviour: str | None = None


class DropIndex(Statement):
    """DROP INDEX."""

    names: tuple[ObjectName, ...]
    if_exists: bool = False
    behaviour: str | None = None


class DropView(Statement):
    """DROP VIEW."""

    names: tuple[ObjectName, ...]
    if_exists: bool = False
    behaviour: str | None = None


class AlterAction(Node):
    """What ALTER TABLE does."""


class RenameTable(AlterAction):
    """RENAME TO name."""

    name: str


class RenameColumn(AlterAction):
    """RENAME [COLUMN] column TO name."""

    column: ColumnRef
    name: str


class AddColumn(AlterAction):
    """ADD [COLUMN] definition."""

    column: ColumnDef
    if_not_exists: bool = False


class DropColumn(AlterAction):
    """DROP [COLUMN] column."""

    column: ColumnRef
    if_exists: bool = False


class AddConstraint(AlterAction):
    """ADD [CONSTRAINT name] ..."""

    constraint: Constraint


class AlterTable(Statement):
    """ALTER TABLE [IF EXISTS] table action."""

    table: ObjectName
    action: AlterAction
    if_exists: bool = False


# --------------------------------------------------------------------------------- transactions and housekeeping


class Begin(Statement):
    """BEGIN. readonly: None where not said; isolation: None, "SNAPSHOT" or "SERIALIZABLE"."""

    readonly: bool | None = None
    isolation: str | None = None


class Commit(Statement):
    """COMMIT or END."""


class Rollback(Statement):
    """ROLLBACK [TO savepoint]."""

    savepoint: str | None = None


class Savepoint(Statement):
    """SAVEPOINT name."""

    name: str


class Release(Statement):
    """RELEASE [SAVEPOINT] name."""

    name: str


class Analyze(Statement):
    """ANALYZE [table]."""

    name: ObjectName | None = None


class Reindex(Statement):
    """REINDEX [table or index]."""

    name: ObjectName | None = None


class Vacuum(Statement):
    """VACUUM [table]."""

    name: ObjectName | None = None


class Checkpoint(Statement):
    """CHECKPOINT [name]; a named checkpoint is retained."""

    name: str | None = None


class DropCheckpoint(Statement):
    """DROP CHECKPOINT [IF EXISTS] name."""

    name: str
    if_exists: bool = False


# ----------------------------------------------------------------------------------------------------- inspection


class Explain(Statement):
    """EXPLAIN [ANALYZE] statement (EXPLAIN QUERY PLAN is the same as EXPLAIN)."""

    statement: Statement
    analyze: bool = False


class Trace(Statement):
    """TRACE statement."""

    statement: Statement


class Inspect(Statement):
    """INSPECT of what needs no more words: what is FILE, POOL, LATCHES, MEMTABLE, TXNS or SNAPSHOTS."""

    what: str


class InspectPage(Statement):
    """INSPECT PAGE page [AT LSN lsn]."""

    page: Expr
    at_lsn: Expr | None = None


class InspectLayout(Statement):
    """INSPECT LAYOUT [kind]."""

    kind: str | None = None


class InspectTree(Statement):
    """INSPECT TREE name [KEY expr]."""

    name: ObjectName
    key: Expr | None = None


class InspectWal(Statement):
    """INSPECT WAL [FROM lsn] [PAGE page] [TXN transaction]."""

    from_lsn: Expr | None = None
    page: Expr | None = None
    transaction: Expr | None = None


class Diff(Statement):
    """DIFF PAGE page BETWEEN low AND high (LSNs)."""

    page: Expr
    low: Expr
    high: Expr


class HistoryPage(Statement):
    """HISTORY PAGE page."""

    page: Expr


class HistoryRow(Statement):
    """HISTORY ROW table key."""

    table: ObjectName
    key: Expr


class Check(Statement):
    """CHECK: verify the whole database, or one tree."""

    name: ObjectName | None = None


def left_spine(root: Binary) -> tuple[Expr, list[Binary]]:
    """The first operand of a chain like a+b-c*d+e, and its Binary nodes from the innermost to `root`.

    Folding over the list handles chains of any length without recursion:

        first, nodes = left_spine(root)
        value = bind(first)
        for node in nodes:
            value = combine(node.op, value, bind(node.right))
    """
    nodes = [root]
    while isinstance(nodes[-1].left, Binary):
        nodes.append(nodes[-1].left)
    nodes.reverse()
    return nodes[0].left, nodes


__all__ += [name for name, value in list(globals().items()) if isinstance(value, type) and issubclass(value, Node)]
__all__ += ["left_spine"]
