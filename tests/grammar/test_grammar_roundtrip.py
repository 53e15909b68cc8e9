"""Text -> tree -> text -> tree: the two trees are equal, for the corpus, for sqllogictest records and for random expressions."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grammar import ast, parse, parse_expression
from grammar.unparse import WRITERS, unparse
from tests.grammar.corpus import STATEMENTS

RECORDS = Path(__file__).resolve().parents[3] / "shared" / "slt"


@pytest.mark.parametrize("text", STATEMENTS)
def test_corpus(text: str) -> None:
    tree = parse(text)
    assert parse(unparse(tree)) == tree


def test_the_corpus_holds_every_node() -> None:
    abstract = {ast.Node, ast.Expr, ast.Statement, ast.FromItem, ast.Constraint, ast.AlterAction}
    declared = {value for value in vars(ast).values() if isinstance(value, type) and issubclass(value, ast.Node)}
    seen = {type(node) for text in STATEMENTS for node in parse(text).walk()}
    assert declared - abstract == seen
    assert declared - abstract == set(WRITERS)


def records(path: Path) -> Iterator[str]:
    """The SQL of all statements and queries of a sqllogictest file."""
    for record in path.read_text().split("\n\n"):
        lines = [line for line in record.splitlines() if not line.startswith(("#", "onlyif", "skipif", "hash-"))]
        if lines and lines[0].split()[:1] in (["statement"], ["query"]):
            sql = lines[1 : lines.index("----")] if "----" in lines else lines[1:]
            yield "\n".join(sql)


@pytest.mark.skipif(not RECORDS.is_dir(), reason="the sqllogictest records are not here")
@pytest.mark.parametrize("path", sorted(RECORDS.glob("*.test")), ids=lambda path: path.stem)
def test_sqllogictest_records(path: Path) -> None:
    count = 0
    for sql in records(path):
        tree = parse(sql)
        assert parse(unparse(tree)) == tree, sql
        count += 1
    assert count > 5


names = st.sampled_from(["a", "b", "Select", "key", "x y", 'q"q', "ü", "date", "end", "case"])
literals = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**63), 2**63 - 1),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=5),
    st.binary(max_size=3),
    st.dates(),
    st.datetimes(),
).map(ast.Literal)
leaves = st.one_of(
    literals,
    st.builds(ast.ColumnRef, names, st.none() | names),
    st.builds(ast.Parameter, st.integers(1, 9)),
    st.sampled_from([ast.CurrentTime("DATE"), ast.Parameter(None, "p"), ast.Parameter(None, "#1i")]),
)
BINARY = ["=", "<>", "<", "<=", ">", ">=", "+", "-", "*", "/", "%", "||", "&", "|", "<<", ">>", "->", "->>"]


def negatable(operand: ast.Expr) -> bool:
    """A minus before a positive number is part of the number, so such a Unary is never parsed."""
    return not (
        isinstance(operand, ast.Literal) and type(operand.value) in (int, float) and str(operand.value)[0] != "-"
    )


def compound(inner: st.SearchStrategy[ast.Expr]) -> st.SearchStrategy[ast.Expr]:
    queries = st.builds(lambda expr: ast.Query(ast.Select((ast.SelectItem(expr),))), inner)
    several = st.lists(inner, min_size=1, max_size=3).map(tuple)
    others = inner.filter(
        lambda e: not isinstance(e, ast.Literal) or (e.value is not None and not isinstance(e.value, bool))
    )
    return st.one_of(
        st.builds(ast.Binary, st.sampled_from(BINARY), inner, inner),
        st.builds(ast.Unary, st.just("-"), inner.filter(negatable)),
        st.builds(ast.Unary, st.sampled_from(["NOT", "~", "+"]), inner),
        st.builds(logical, st.sampled_from(["AND", "OR"]), st.lists(inner, min_size=2, max_size=4)),
        st.builds(ast.IsNull, inner, st.booleans()),
        st.builds(ast.IsTruth, inner, st.sampled_from([True, False, None]), st.booleans()),
        st.builds(ast.IsDistinct, inner, others, st.booleans()),
        st.builds(
            ast.InList, inner, several.filter(lambda items: not isinstance(items[0], ast.ScalarQuery)), st.booleans()
        ),
        st.builds(ast.InQuery, inner, queries, st.booleans()),
        st.builds(ast.Between, inner, inner, inner, st.booleans()),
        st.builds(ast.Like, st.sampled_from(["LIKE", "ILIKE", "GLOB"]), inner, inner, st.none() | inner, st.booleans()),
        st.builds(ast.Case, st.none() | inner, st.tuples(st.builds(ast.When, inner, inner)), st.none() | inner),
        st.builds(ast.Cast, inner, st.just(ast.TypeName("VARCHAR", (3,)))),
        st.builds(ast.Collate, inner, names),
        st.builds(ast.RowValue, st.tuples(inner, inner)),
        st.builds(ast.Exists, queries),
        st.builds(ast.ScalarQuery, queries),
        st.builds(ast.FunctionCall, names, several, st.booleans(), filter=st.none() | inner),
    )


def logical(op: str, operands: list[ast.Expr]) -> ast.Expr:
    flat: list[ast.Expr] = []
    for operand in operands:
        flat.extend(operand.operands if isinstance(operand, ast.Logical) and operand.op == op else [operand])
    return ast.Logical(op, tuple(flat))


@given(st.recursive(leaves, compound, max_leaves=12))
def test_random_expressions(tree: ast.Expr) -> None:
    text = unparse(tree)
    assert parse_expression(text) == tree, text
