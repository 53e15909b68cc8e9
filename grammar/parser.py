"""Text to syntax tree.

    parse("SELECT 1")                 -> Statement        exactly one statement, a final semicolon is allowed
    parse_script("SELECT 1; SELECT 2") -> [Statement, ...]  spans are offsets into the whole script
    parse_expression("a + 1")          -> Expr

All raise ParseError and nothing else, whatever the text.

Limits: MAX_DEPTH nested parentheses, CASEs or prefix operators; a tree of MAX_TREE_DEPTH nodes from root to leaf, where a
left-associative chain of binary operators, and AND or OR of any number of operands, count as one. So code that walks a tree
recursively, but chains in a loop (ast.left_spine), needs no more than MAX_TREE_DEPTH levels.
"""

from __future__ import annotations

from grammar import ast
from grammar.automaton import Unexpected
from grammar.automaton import parse as run
from grammar.errors import ParseError, TooDeepError
from grammar.node import Node
from grammar.tokens import SIGN, WORD, Token, scan_significant, split
from grammar.transform import Builder

MAX_DEPTH = 200
MAX_TREE_DEPTH = 300
_STATEMENT, _EXPRESSION = "start_statement", "start_expression"


def parse(text: str) -> ast.Statement:
    """The one statement of `text`. Raises ParseError, also for an empty text or several statements."""
    tokens = _read(text)
    if tokens and tokens[-1].text == ";":
        tokens.pop()
    if not tokens:
        raise ParseError.at(text, (0, len(text)), "there is no statement here")
    statement = _parse(text, tokens, _STATEMENT)
    assert isinstance(statement, ast.Statement)
    return statement


def parse_script(text: str) -> list[ast.Statement]:
    """All statements of `text`; empty ones between semicolons are passed over. Raises ParseError for the first wrong one."""
    statements = []
    for piece in split(text):
        # Parsed in place, so that spans, lines and columns are those of the script.
        tokens = _read(text, piece.offset, piece.offset + len(piece.text))
        statement = _parse(text, tokens, _STATEMENT)
        assert isinstance(statement, ast.Statement)
        statements.append(statement)
    return statements


def parse_expression(text: str) -> ast.Expr:
    """The expression that is all of `text`. Raises ParseError."""
    tokens = _read(text)
    expr = _parse(text, tokens, _EXPRESSION)
    assert isinstance(expr, ast.Expr)
    return expr


def _read(text: str, start: int = 0, end: int | None = None) -> list[Token]:
    """The significant tokens, refused as soon as they nest too deeply."""
    tokens: list[Token] = []
    depth = prefixes = 0
    for token in scan_significant(text, start, len(text) if end is None else end):
        tokens.append(token)
        if token.kind == SIGN:
            if token.text == "(":
                depth += 1
            elif token.text == ")":
                depth -= 1
            prefixes = prefixes + 1 if token.text in "-+~" else 0
        elif token.kind == WORD and len(token.text) <= 4:
            word = token.text.upper()
            depth += (word == "CASE") - (word == "END")
            prefixes = prefixes + 1 if word == "NOT" else 0
        else:
            prefixes = 0
        if depth + prefixes > MAX_DEPTH:
            raise _too_deep(text, token.start, token.end)
        depth = max(depth, 0)
    return tokens


def _parse(text: str, tokens: list[Token], start: str) -> Node:
    builder = Builder(text)
    try:
        root = run(tokens, start, builder)
    except Unexpected as unexpected:
        from grammar.diagnose import diagnose  # only a mistake needs it

        raise diagnose(text, tokens, start, unexpected.index) from None
    for literal in builder.unfolded.values():
        builder.fail(literal.span, "an INTEGER has 64 bits; this number does not fit", hint="its limit is 2**63 - 1")
    assert isinstance(root, Node)
    if len(tokens) > MAX_DEPTH:  # a tree is no deeper than its text is long
        _check_depth(text, root)
    return root


def _check_depth(text: str, root: Node) -> None:
    """Refuses a tree deeper than MAX_TREE_DEPTH, without recursion."""
    level: list[Node] = [root]
    for _depth in range(MAX_TREE_DEPTH):
        below: list[Node] = []
        for node in level:
            if isinstance(node, ast.Binary):
                first, spine = ast.left_spine(node)
                below.append(first)
                below.extend(link.right for link in spine)
            else:
                below.extend(node.children())
        level = below
        if not level:
            return
    raise _too_deep(text, *level[0].span)


def _too_deep(text: str, start: int, end: int) -> ParseError:
    return TooDeepError.at(
        text,
        (start, end),
        "the statement is nested too deeply",
        hint=f"at most {MAX_DEPTH} levels of parentheses and {MAX_TREE_DEPTH} levels of any kind are read",
    )
