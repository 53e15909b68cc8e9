"""What every AST node is: a frozen, slotted record with named fields and the span of text it came from.

The classes look and type-check like `@dataclass(frozen=True, slots=True)`, but are made by a small metaclass instead:
the `dataclasses` module compiles four functions for each class when it is declared, which for the nodes of this
language costs 90 ms of every start of the shell. Here a class's `__init__` is compiled when its first node is made.

Comparison, hashing and walking never recurse, so a chain of 10,000 operators is as good as one of three.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

TYPE_CHECKING = False  # type checkers take it for True; saves importing typing
if TYPE_CHECKING:
    from typing import Any, ClassVar, TypeVar, dataclass_transform

    NodeT = TypeVar("NodeT", bound="Node")
else:

    def dataclass_transform(**_options: object) -> Callable[[type], type]:
        """Tells type checkers only; spares the running program an import."""
        return lambda cls: cls


Span = tuple[int, int]
"""(start, end): offsets in characters into the text that was parsed; end is exclusive."""

NO_SPAN: Span = (0, 0)
_REPR_DEPTH = 40


def keyword_field(*, default: Any, kw_only: bool = True) -> Any:
    """Declares a field that is given by keyword only; the metaclass knows `span` as the one such field."""
    assert kw_only
    return default


class FrozenNodeError(AttributeError):
    """A node was assigned to; nodes are immutable, make another with `replace`."""


@dataclass_transform(frozen_default=True, eq_default=False, field_specifiers=(keyword_field,))
class NodeMeta(type):
    """Turns annotations into slots, defaults and match arguments."""

    def __new__(mcs, name: str, bases: tuple[type, ...], namespace: dict[str, Any]) -> NodeMeta:
        own = [field for field in namespace.get("__annotations__", {}) if not field.startswith("_") and field != "span"]
        inherited: tuple[str, ...] = getattr(bases[0], "_fields", ()) if bases else ()
        defaults = dict(getattr(bases[0], "_defaults", {})) if bases else {}
        for field in own:
            if field in namespace:
                defaults[field] = namespace.pop(field)
            else:
                assert not any(earlier in defaults for earlier in own[: own.index(field)]), (name, field)
        namespace.pop("span", None)
        namespace["__slots__"] = tuple(own) if bases else ("span",)
        namespace["_fields"] = namespace["__match_args__"] = inherited + tuple(own)
        namespace["_defaults"] = defaults
        return super().__new__(mcs, name, bases, namespace)


class Node(metaclass=NodeMeta):
    """Base of all nodes. Two nodes are equal when their classes and fields are; `span` does not count."""

    if TYPE_CHECKING:
        _fields: ClassVar[tuple[str, ...]]
        _defaults: ClassVar[dict[str, Any]]

    span: Span = keyword_field(default=NO_SPAN, kw_only=True)

    if not TYPE_CHECKING:

        def __init__(self, *args, **kwargs):
            initialise = _compile_init(type(self))
            type(self).__init__ = initialise
            initialise(self, *args, **kwargs)

    def __setattr__(self, name: str, value: object) -> None:
        raise FrozenNodeError(f"{type(self).__name__} is immutable; cannot set {name!r}")

    def __delattr__(self, name: str) -> None:
        raise FrozenNodeError(f"{type(self).__name__} is immutable; cannot delete {name!r}")

    def __eq__(self, other: object) -> bool:
        return equal(self, other) if isinstance(other, Node) else NotImplemented

    def __hash__(self) -> int:
        return hash(tuple(type(node).__name__ if isinstance(node, Node) else node for node in _flatten(self)))

    def __repr__(self) -> str:
        return _show(self, 0)

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuild, (type(self), tuple(getattr(self, field) for field in self._fields), self.span)

    def children(self) -> Iterator[Node]:
        """The nodes directly below this one, in the order of the text."""
        for field in self._fields:
            value = getattr(self, field)
            if isinstance(value, Node):
                yield value
            elif isinstance(value, tuple):
                yield from _nodes_in(value)

    def walk(self) -> Iterator[Node]:
        """This node and all below it, parents first, left to right."""
        stack: list[Node] = [self]
        while stack:
            node = stack.pop()
            yield node
            stack.extend(reversed(list(node.children())))


def replace(node: NodeT, **changes: Any) -> NodeT:
    """A copy of `node` with some fields (or the span) changed."""
    values = {field: getattr(node, field) for field in node._fields}
    values["span"] = node.span
    return type(node)(**{**values, **changes})


def equal(left: object, right: object) -> bool:
    """Whether two nodes (or tuples of nodes, or plain values) are equal; 1, 1.0 and True are three values."""
    stack = [(left, right)]
    while stack:
        a, b = stack.pop()
        if a is b:
            continue
        if type(a) is not type(b):
            return False
        if isinstance(a, Node):
            stack.extend((getattr(a, field), getattr(b, field)) for field in a._fields)
        elif isinstance(a, tuple):
            assert isinstance(b, tuple)
            if len(a) != len(b):
                return False
            stack.extend(zip(a, b, strict=True))
        elif a != b:
            return False
    return True


def _flatten(root: Node) -> Iterator[object]:
    """Everything below `root` that counts for equality, as a flat stream."""
    stack: list[object] = [root]
    while stack:
        value = stack.pop()
        if isinstance(value, tuple):
            yield len(value)
            stack.extend(value)
            continue
        yield value
        if isinstance(value, Node):
            stack.extend(getattr(value, field) for field in value._fields)


def _nodes_in(values: tuple[Any, ...]) -> Iterator[Node]:
    for value in values:
        if isinstance(value, Node):
            yield value
        elif isinstance(value, tuple):
            yield from _nodes_in(value)


def _show(value: object, depth: int) -> str:
    if depth > _REPR_DEPTH:
        return "..."
    if isinstance(value, tuple):
        inner = ", ".join(_show(item, depth + 1) for item in value)
        return f"({inner},)" if len(value) == 1 else f"({inner})"
    if not isinstance(value, Node):
        return repr(value)
    parts = []
    for field in value._fields:
        item = getattr(value, field)
        if field not in value._defaults or not equal(item, value._defaults[field]):
            parts.append(f"{field}={_show(item, depth + 1)}")
    return f"{type(value).__name__}({', '.join(parts)})"


def _rebuild(cls: type[Any], values: tuple[Any, ...], span: Span) -> Node:
    node: Node = cls(*values, span=span)
    return node


def _compile_init(cls: type[Node]) -> Callable[..., None]:
    """An `__init__` that writes through the slots' descriptors, past the freezing `__setattr__`."""
    parameters, lines = [], []
    names: dict[str, Any] = {}
    for field in (*cls._fields, "span"):
        names[f"_set_{field}"] = getattr(cls, field).__set__
        lines.append(f"    _set_{field}(self, {field})")
        if field == "span":
            parameters.append("*, span=_no_span")
        elif field in cls._defaults:
            names[f"_default_{field}"] = cls._defaults[field]
            parameters.append(f"{field}=_default_{field}")
        else:
            parameters.append(field)
    names["_no_span"] = NO_SPAN
    source = f"def __init__(self, {', '.join(parameters)}):\n" + "\n".join(lines)
    exec(source, names)  # made of the names in class declarations, never of input
    initialise: Callable[..., None] = names["__init__"]
    return initialise
