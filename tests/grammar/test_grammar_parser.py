"""What each construct becomes: precedence, names, literals, statements; and the limits."""

from __future__ import annotations

import datetime
import sys

import pytest

from grammar import ParseError, ast, parse, parse_expression, parse_script
from grammar.ast import Binary, ColumnRef, InQuery, IsDistinct, IsNull, IsTruth, Literal, Logical, Parameter, Unary
from grammar.parser import MAX_DEPTH, MAX_TREE_DEPTH
from grammar.unparse import unparse
from tests.grammar.corpus import STATEMENTS

A, B, C, D = (ColumnRef(name) for name in "abcd")


def shown(node: ast.Expr) -> str:
    """The expression with every operator's operands parenthesised."""
    match node:
        case Binary(op, left, right):
            return f"({shown(left)} {op} {shown(right)})"
        case Logical(op, operands):
            return "(" + f" {op} ".join(map(shown, operands)) + ")"
        case Unary(op, operand):
            return f"({op} {shown(operand)})"
        case ast.Cast(operand, type_name):
            return f"({shown(operand)}::{unparse(type_name)})"
        case ast.Collate(operand, collation):
            return f"({shown(operand)} COLLATE {collation})"
        case ast.Between(operand, low, high, negated):
            return f"({shown(operand)} {'NOT ' * negated}BETWEEN {shown(low)} {shown(high)})"
        case ast.Like(op, operand, pattern, escape, negated):
            tail = f" ESCAPE {shown(escape)}" if escape is not None else ""
            return f"({shown(operand)} {'NOT ' * negated}{op} {shown(pattern)}{tail})"
        case ast.IsNull(operand, negated):
            return f"({shown(operand)} IS{' NOT' * negated} NULL)"
        case ast.IsDistinct(left, right, negated):
            return f"({shown(left)} IS{' NOT' * negated} DISTINCT {shown(right)})"
        case ast.InList(operand, items, negated):
            return f"({shown(operand)} {'NOT ' * negated}IN [{', '.join(map(shown, items))}])"
    return unparse(node)


PRECEDENCE = {
    "a OR b AND c": "(a OR (b AND c))",
    "a AND b OR c AND d": "((a AND b) OR (c AND d))",
    "(a OR b) AND c": "((a OR b) AND c)",
    "a AND (b AND c) AND d": "(a AND b AND c AND d)",
    "a OR (b OR c)": "(a OR b OR c)",
    "NOT a AND b": "((NOT a) AND b)",
    "NOT a = b": "(NOT (a = b))",
    "NOT NOT a": "(NOT (NOT a))",
    "NOT a IS NULL": "(NOT (a IS NULL))",
    "a = b = c": "((a = b) = c)",
    "a = b < c": "(a = (b < c))",
    "a < b = c": "((a < b) = c)",
    "a < b + c": "(a < (b + c))",
    "a = b IS NULL": "((a = b) IS NULL)",
    "a IS NULL = b": "((a IS NULL) = b)",
    "a IN (b) = c": "((a IN [b]) = c)",
    "a = b IN (c)": "((a = b) IN [c])",
    "a NOT IN (b, c) AND d": "((a NOT IN [b, c]) AND d)",
    "a BETWEEN b AND c AND d": "((a BETWEEN b c) AND d)",
    "a NOT BETWEEN b + 1 AND c - 1 OR d": "((a NOT BETWEEN (b + 1) (c - 1)) OR d)",
    "a BETWEEN b AND c = d": "((a BETWEEN b c) = d)",
    "a LIKE b || c": "(a LIKE (b || c))",
    "a LIKE b ESCAPE c AND d": "((a LIKE b ESCAPE c) AND d)",
    "a || b LIKE c": "((a || b) LIKE c)",
    "a IS NOT b AND c": "((a IS DISTINCT b) AND c)",
    "a & b = c": "((a & b) = c)",
    "a & b | c": "((a & b) | c)",
    "a | b << c": "((a | b) << c)",
    "a << b + c": "(a << (b + c))",
    "a + b * c": "(a + (b * c))",
    "a * b + c": "((a * b) + c)",
    "a - b - c": "((a - b) - c)",
    "a - (b - c)": "(a - (b - c))",
    "a / b / c": "((a / b) / c)",
    "a * b % c": "((a * b) % c)",
    "a * b || c": "(a * (b || c))",
    "- a + b": "((- a) + b)",
    "- a * b": "((- a) * b)",
    "- a || b": "((- a) || b)",
    "~ a & b": "((~ a) & b)",
    "- - a": "(- (- a))",
    "-a::int": "(- (a::INT))",
    "-1::int": "(- (1::INT))",
    "a::int::text": "((a::INT)::TEXT)",
    "a + b::int": "(a + (b::INT))",
    "-a COLLATE x": "((- a) COLLATE x)",
    "a || b COLLATE x": "(a || (b COLLATE x))",
    "a COLLATE x = b": "((a COLLATE x) = b)",
    "a == b": "(a = b)",
    "a != b": "(a <> b)",
}


@pytest.mark.parametrize(("text", "grouped"), PRECEDENCE.items())
def test_precedence(text: str, grouped: str) -> None:
    assert shown(parse_expression(text)) == grouped


EXPRESSIONS: dict[str, ast.Expr] = {
    "1": Literal(1),
    "-1": Literal(-1),
    "- 1": Literal(-1),
    "- -1": Unary("-", Literal(-1)),
    "+1": Unary("+", Literal(1)),
    "0x10": Literal(16),
    "1_000": Literal(1000),
    "9223372036854775807": Literal(2**63 - 1),
    "-9223372036854775808": Literal(-(2**63)),
    "1.5": Literal(1.5),
    ".5e1": Literal(5.0),
    "2.": Literal(2.0),
    "1e3": Literal(1000.0),
    "'it''s'": Literal("it's"),
    "''": Literal(""),
    "$$it's$$": Literal("it's"),
    "$q$a$$b$q$": Literal("a$$b"),
    "x'00fF'": Literal(b"\x00\xff"),
    "NULL": Literal(None),
    "True": Literal(True),
    "DATE '2024-02-29'": Literal(datetime.date(2024, 2, 29)),
    "TIMESTAMP '2024-02-29 01:02:03.5'": Literal(datetime.datetime(2024, 2, 29, 1, 2, 3, 500_000)),
    "TIMESTAMP '2024-02-29T01:00:00+01:00'": Literal(datetime.datetime(2024, 2, 29)),
    "current_date": ast.CurrentTime("DATE"),
    "?": Parameter(1),
    "$3": Parameter(3),
    ":x": Parameter(None, "x"),
    "@x": Parameter(None, "x"),
    "a": A,
    "t.a": ColumnRef("a", "t"),
    "s.t.a": ColumnRef("a", "t", "s"),
    '"A ""b"""': ColumnRef('A "b"'),
    "[a b]": ColumnRef("a b"),
    "`a``b`": ColumnRef("a`b"),
    "date": ColumnRef("date"),
    "t.select": ColumnRef("select", "t"),
    "a IS NULL": IsNull(A),
    "a NOTNULL": IsNull(A, True),
    "a IS NOT TRUE": IsTruth(A, True, True),
    "a IS UNKNOWN": IsTruth(A, None),
    "a IS b": IsDistinct(A, B, True),
    "a IS NOT DISTINCT FROM b": IsDistinct(A, B, True),
    "a IS DISTINCT FROM b": IsDistinct(A, B),
    "a IN ()": ast.InList(A, ()),
    "(a, b)": ast.RowValue((A, B)),
    "((a))": A,
    "CASE a WHEN b THEN c END": ast.Case(A, (ast.When(B, C),)),
    "CASE WHEN a THEN b ELSE c END": ast.Case(None, (ast.When(A, B),), C),
    "CAST(a AS varchar(3))": ast.Cast(A, ast.TypeName("VARCHAR", (3,))),
    "f()": ast.FunctionCall("f"),
    "count(*)": ast.FunctionCall("count", star=True),
    "count(DISTINCT a)": ast.FunctionCall("count", (A,), distinct=True),
    "sum(a) FILTER (WHERE b)": ast.FunctionCall("sum", (A,), filter=B),
    "extract(year FROM a)": ast.FunctionCall("extract", (Literal("year"), A)),
    "row_number() OVER w": ast.FunctionCall("row_number", over=ast.Window("w", bare=True)),
}


@pytest.mark.parametrize(("text", "tree"), EXPRESSIONS.items())
def test_expression(text: str, tree: ast.Expr) -> None:
    assert parse_expression(text) == tree


def select(*exprs: ast.Expr, from_: ast.FromItem | None = None) -> ast.Select:
    return ast.Select(tuple(map(ast.SelectItem, exprs)), from_)


def table(name: str) -> ast.TableRef:
    return ast.TableRef(ast.ObjectName(name))


T = ast.ObjectName("t")
ONE, TWO, THREE = (select(Literal(n)) for n in (1, 2, 3))
TREES: dict[str, ast.Statement] = {
    "SELECT 1": ast.Query(ONE),
    "((SELECT 1))": ast.Query(ONE),
    "(SELECT 1 LIMIT 1) LIMIT 2": ast.Query(ast.Query(ONE, limit=Literal(1)), limit=Literal(2)),
    "SELECT 1 LIMIT 2, 3": ast.Query(ONE, limit=Literal(3), offset=Literal(2)),
    "SELECT 1 LIMIT ALL": ast.Query(ONE),
    "SELECT 1 UNION SELECT 2 UNION ALL SELECT 3": ast.Query(
        ast.SetOperation("UNION", ast.SetOperation("UNION", ONE, TWO), THREE, True)
    ),
    "SELECT 1 UNION SELECT 2 INTERSECT SELECT 3": ast.Query(
        ast.SetOperation("UNION", ONE, ast.SetOperation("INTERSECT", TWO, THREE))
    ),
    "(SELECT 1 UNION SELECT 2) INTERSECT SELECT 3": ast.Query(
        ast.SetOperation("INTERSECT", ast.SetOperation("UNION", ONE, TWO), THREE)
    ),
    "SELECT t.*, a AS x FROM t ORDER BY a DESC NULLS LAST": ast.Query(
        ast.Select((ast.SelectItem(ast.Star("t")), ast.SelectItem(A, "x")), table("t")),
        (ast.OrderItem(A, True, False),),
    ),
    "SELECT a FROM a, b JOIN c USING (d)": ast.Query(
        select(
            A, from_=ast.Join("CROSS", table("a"), ast.Join("INNER", table("b"), table("c"), using=(ColumnRef("d"),)))
        )
    ),
    "SELECT a FROM f(1) x": ast.Query(select(A, from_=ast.TableFunction(ast.ObjectName("f"), (Literal(1),), "x"))),
    "SELECT a IN t FROM (SELECT 1) AS s (a)": ast.Query(
        select(
            InQuery(A, ast.Query(select(ast.Star(), from_=table("t")))),
            from_=ast.SubqueryRef(ast.Query(ONE), "s", ("a",)),
        )
    ),
    "INSERT INTO t (a) VALUES (1), (DEFAULT)": ast.Insert(
        T, (A,), ast.Query(ast.Values(((Literal(1),), (ast.DefaultValue(),))))
    ),
    "REPLACE INTO t DEFAULT VALUES": ast.Insert(T, resolution="REPLACE"),
    "INSERT INTO t SELECT a FROM t JOIN b ON CONFLICT DO NOTHING": ast.Insert(
        T,
        source=ast.Query(select(A, from_=ast.Join("INNER", table("t"), table("b")))),
        on_conflict=(ast.OnConflict("NOTHING"),),
    ),
    "UPDATE t SET a = 1, (b, c) = (1, 2) WHERE d": ast.Update(
        T,
        (ast.Assignment((A,), Literal(1)), ast.Assignment((B, C), ast.RowValue((Literal(1), Literal(2))))),
        where=D,
    ),
    "DELETE FROM t AS x WHERE a": ast.Delete(T, A, "x"),
    "CREATE TABLE t (a INTEGER PRIMARY KEY, b TEXT NOT NULL DEFAULT 'x', UNIQUE (a, b DESC))": ast.CreateTable(
        T,
        (
            ast.ColumnDef("a", ast.TypeName("INTEGER"), (ast.PrimaryKey(),)),
            ast.ColumnDef("b", ast.TypeName("TEXT"), (ast.NotNull(), ast.Default(Literal("x")))),
        ),
        (ast.Unique((ast.IndexedColumn(A), ast.IndexedColumn(B, True))),),
    ),
    "CREATE TABLE t (a CONSTRAINT c REFERENCES u (x) ON DELETE CASCADE)": ast.CreateTable(
        T,
        (
            ast.ColumnDef(
                "a",
                None,
                (ast.ForeignKey(ast.ObjectName("u"), (), (ColumnRef("x"),), on_delete="CASCADE", name="c"),),
            ),
        ),
    ),
    "CREATE UNIQUE INDEX i ON t (a, b DESC) WHERE c": ast.CreateIndex(
        T, (ast.IndexedColumn(A), ast.IndexedColumn(B, True)), ast.ObjectName("i"), True, where=C
    ),
    "DROP TABLE IF EXISTS s.t": ast.DropTable((ast.ObjectName("t", "s"),), True),
    "BEGIN": ast.Begin(),
    "BEGIN READ ONLY": ast.Begin(True),
    "BEGIN ISOLATION LEVEL REPEATABLE READ": ast.Begin(None, "SNAPSHOT"),
    "END": ast.Commit(),
    "ROLLBACK TO s": ast.Rollback("s"),
    "EXPLAIN ANALYZE SELECT 1": ast.Explain(ast.Query(ONE), True),
    "INSPECT PAGE 42 AT LSN 7": ast.InspectPage(Literal(42), Literal(7)),
    "INSPECT TREE t KEY 'k'": ast.InspectTree(T, Literal("k")),
    "INSPECT WAL PAGE 1 FROM 2": ast.InspectWal(Literal(2), Literal(1)),
    "INSPECT LATCHES": ast.Inspect("LATCHES"),
    "DIFF PAGE 1 BETWEEN 2 AND 3": ast.Diff(Literal(1), Literal(2), Literal(3)),
    "HISTORY ROW t -1": ast.HistoryRow(T, Literal(-1)),
    "CHECK": ast.Check(),
}


@pytest.mark.parametrize(("text", "tree"), TREES.items())
def test_statement(text: str, tree: ast.Statement) -> None:
    assert parse(text) == tree


def test_parameters_are_numbered_in_the_order_of_the_text() -> None:
    tree = parse("SELECT ?, ?5, ? FROM t WHERE a = ? LIMIT ?")
    assert [node.index for node in tree.walk() if isinstance(node, Parameter)] == [1, 5, 6, 7, 8]


def test_a_join_without_condition_is_refused_only_where_it_needs_one() -> None:
    assert parse("SELECT * FROM a JOIN b")
    with pytest.raises(ParseError, match="needs a condition"):
        parse("SELECT * FROM a LEFT JOIN b")


@pytest.mark.parametrize("text", STATEMENTS)
def test_every_span_lies_inside_its_parents(text: str) -> None:
    tree = parse(text)
    assert 0 <= tree.span[0] < tree.span[1] <= len(text)
    for node in tree.walk():
        start, end = node.span
        assert 0 <= start <= end <= len(text), node
        for child in node.children():
            assert start <= child.span[0] and child.span[1] <= end, (node, child)


def test_spans_are_those_of_the_words() -> None:
    text = "SELECT  a + t.b AS x , ( c )  FROM  tab"
    query = parse(text)
    assert isinstance(query, ast.Query) and isinstance(query.body, ast.Select)
    spans = [text[slice(*item.expr.span)] for item in query.body.items]
    assert spans == ["a + t.b", "c"]
    assert query.body.from_ is not None and text[slice(*query.body.from_.span)] == "tab"


def test_script_spans_are_offsets_into_the_script() -> None:
    text = "SELECT 1;\n\n ; SELECT 22 -- x;\n; SELECT ';' "
    statements = parse_script(text)
    assert [text[slice(*statement.span)] for statement in statements] == ["SELECT 1", "SELECT 22", "SELECT ';'"]
    with pytest.raises(ParseError) as caught:
        parse_script("SELECT 1;\nSELECT 2;\n  SELEC 3")
    assert (caught.value.line, caught.value.column) == (3, 3)


# ------------------------------------------------------------------------------------------------------- limits


@pytest.mark.parametrize("prefix", ["(", "- ", "NOT ", "CASE ", "f(", "(SELECT (", "a IN (", "EXISTS (", "-("])
def test_deep_nesting_is_refused(prefix: str) -> None:
    with pytest.raises(ParseError, match="nested too deeply"):
        parse("SELECT " + prefix * 1_000_000)


@pytest.mark.parametrize("suffix", ["::int", " COLLATE x", " ISNULL", " IS NULL", " = (1) IS NULL", " BETWEEN 1 AND 2"])
def test_deep_chains_that_nest_are_refused(suffix: str) -> None:
    assert parse_expression("a" + suffix * 100)
    with pytest.raises(ParseError, match="nested too deeply"):
        parse_expression("a" + suffix * 2000)


def test_nesting_up_to_the_limit() -> None:
    depth = MAX_DEPTH
    assert parse("SELECT " + "(" * depth + "1" + ")" * depth) == parse("SELECT 1")
    tree = parse_expression("1+(" * (depth - 1) + "1" + ")" * (depth - 1))
    assert unparse(tree).count("(") == depth - 2  # the last + needs no parentheses around a lone 1
    with pytest.raises(ParseError):
        parse("SELECT " + "(" * (depth + 1) + "1" + ")" * (depth + 1))
    assert sys.getrecursionlimit() / 2 > MAX_TREE_DEPTH


def test_long_chains_need_no_recursion() -> None:
    terms = 10_000
    tree = parse_expression("+".join("1" for _ in range(terms)))
    assert isinstance(tree, Binary)
    first, nodes = ast.left_spine(tree)
    assert first == Literal(1) and len(nodes) == terms - 1 and nodes[-1] is tree
    again = parse_expression(unparse(tree))
    assert tree == again and hash(tree) == hash(again) and "..." in repr(tree)
    assert sum(1 for _ in tree.walk()) == 2 * terms - 1


@pytest.mark.parametrize("word", ["AND", "OR"])
def test_long_conjunctions_are_flat(word: str) -> None:
    tree = parse_expression(f" {word} ".join(["a = 1"] * 10_000))
    assert isinstance(tree, Logical) and len(tree.operands) == 10_000


def test_long_lists() -> None:
    tree = parse_expression(f"a IN ({','.join(map(str, range(10_000)))})")
    assert isinstance(tree, ast.InList) and tree.items[-1] == Literal(9_999) and len(tree.items) == 10_000
    assert len(parse(f"SELECT * FROM {' JOIN '.join(f't{n}' for n in range(64))}").span) == 2


# -------------------------------------------------------------------------------------------------------- nodes


def test_nodes_are_frozen_and_slotted() -> None:
    node = Literal(1)
    with pytest.raises(AttributeError):
        node.value = 2  # type: ignore[misc]
    with pytest.raises(AttributeError):
        del node.value
    assert not hasattr(node, "__dict__")


def test_equality_tells_types_apart_and_ignores_spans() -> None:
    assert Literal(1, span=(0, 1)) == Literal(1, span=(5, 6))
    assert Literal(1) != Literal(1.0) != Literal(True)
    assert Literal(1) != A and A != "a"
    assert len({Literal(1, span=(0, 1)), Literal(1), A, ColumnRef("a")}) == 2
    assert ast.replace(A, name="z", span=(1, 2)).span == (1, 2)
    assert repr(Binary("+", A, Literal(1))) == "Binary(op='+', left=ColumnRef(name='a'), right=Literal(value=1))"
