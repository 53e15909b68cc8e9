"""The declaration of an operator or function, and the rules for the types of its results."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from engine.base.dataclass import dataclass
from engine.record.types import Type

Result = Type | Callable[[tuple[Type, ...]], Type]


@dataclass(frozen=True, slots=True)
class Function:
    """One declaration. `kinds` has a kind an argument, the last repeated up to `most`: "number", "text", "any", ..."""

    name: str
    least: int
    most: int
    kinds: tuple[str, ...]
    result: Result
    implementation: Callable[..., Any]
    null_aware: bool = False
    aggregate: bool = False
    columns: Callable[..., Any] | None = None
    constant: bool = True

    def __hash__(self) -> int:
        return hash((self.name, self.least))

    def result_type(self, types: tuple[Type, ...]) -> Type:
        """The static type of a call."""
        return self.result(types) if callable(self.result) else self.result


def first_type(types: tuple[Type, ...]) -> Type:
    return types[0] if types else Type.ANY


def common_type(types: tuple[Type, ...]) -> Type:
    """The type that holds values of all these types; ANY if there is none."""
    known = {kind for kind in types if kind is not Type.NULL}
    if not known:
        return Type.NULL
    if len(known) == 1:
        return known.pop()
    if known <= {Type.INTEGER, Type.REAL}:
        return Type.REAL
    return Type.TIMESTAMP if known == {Type.DATE, Type.TIMESTAMP} else Type.ANY


def arithmetic_type(types: tuple[Type, ...]) -> Type:
    """The type of +, -, *, / and %."""
    if Type.ANY in types:
        return Type.ANY
    if Type.REAL in types:
        return Type.REAL
    if Type.TIMESTAMP in types or Type.DATE in types:
        return Type.ANY if len(types) < 2 or Type.NULL in types else _moment_type(*types)
    return Type.INTEGER


def _moment_type(left: Type, right: Type) -> Type:
    both = left in (Type.DATE, Type.TIMESTAMP) and right in (Type.DATE, Type.TIMESTAMP)
    if both:
        return Type.INTEGER if left is right is Type.DATE else Type.REAL
    return left if left in (Type.DATE, Type.TIMESTAMP) else right


def numeric_type(types: tuple[Type, ...]) -> Type:
    return Type.INTEGER if types[0] is Type.BOOLEAN else types[0]


def declare(
    name: str, least: int, most: int, kinds: str, result: Result, body: Callable[..., Any], **more: Any
) -> Function:
    return Function(name, least, most, tuple(kinds.split()), result, body, **more)
