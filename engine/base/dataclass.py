"""`dataclass` as the standard library has it, declared in a tenth of the time.

The standard decorator compiles up to six functions for every class while the class is declared: 0.5 to 1 ms each, of which
a program that runs one statement would pay for a hundred, most of them never used. Here

    __init__                compiled when the first object is made
    __eq__, __hash__        made of operator.attrgetter, nothing is compiled
    __repr__, __setattr__   shared by all classes
    __dataclass_fields__    made when somebody asks for it: dataclasses.fields, asdict, replace and is_dataclass work as always

Known: frozen, slots, eq; field(default, default_factory, init, repr, compare); ClassVar; __post_init__; inheritance. Type
checkers see the standard library's own functions. What is not known (order, kw_only, InitVar) is a TypeError.
"""

from __future__ import annotations

from collections.abc import Callable
from operator import attrgetter

TYPE_CHECKING = False  # type checkers take it for True; saves importing typing
if TYPE_CHECKING:
    from dataclasses import asdict, dataclass, field, fields, replace
    from typing import Any
else:

    def dataclass(cls=None, /, *, frozen=False, slots=False, eq=True):
        """The decorator; also without brackets."""
        if cls is None:
            return lambda declared: _declare(declared, frozen, slots, eq)
        return _declare(cls, frozen, slots, eq)

    def field(*, default=..., default_factory=None, init=True, repr=True, compare=True):
        """More about a field than its default."""
        return Field(default, default_factory, init, repr, compare)

    def fields(cls_or_instance):
        """The fields in order, each with name, type, default, init, repr and compare."""
        return tuple(cls_or_instance.__anokuro_fields__.values())

    def replace(instance, /, **changes):
        """A copy of a data object with some fields changed."""
        for name, each in type(instance).__anokuro_fields__.items():
            if each.init:
                if name not in changes:
                    changes[name] = getattr(instance, name)
            elif name in changes:
                raise ValueError(f"field {name} is declared with init=False, it cannot be given to replace()")
        return type(instance)(**changes)

    def asdict(instance):
        """The fields as a dict; data objects inside, also in lists, tuples and dicts, become dicts too."""
        return {name: _plain(getattr(instance, name)) for name in type(instance).__anokuro_fields__}


__all__ = ["asdict", "dataclass", "field", "fields", "replace"]

_NO_DEFAULT = ...


class Field:
    """What is known of a field; `default` is Ellipsis where there is none."""

    __slots__ = ("compare", "default", "factory", "init", "name", "repr", "type")

    def __init__(
        self,
        default: Any = _NO_DEFAULT,
        factory: Callable[[], Any] | None = None,
        init: bool = True,
        repr: bool = True,
        compare: bool = True,
    ):
        self.default, self.factory, self.init, self.repr, self.compare = default, factory, init, repr, compare
        self.name, self.type = "", ""


def _plain(value: Any) -> Any:
    if hasattr(type(value), "__anokuro_fields__"):
        return asdict(value)
    if isinstance(value, (list, tuple)):
        return type(value)(map(_plain, value))
    if isinstance(value, dict):
        return {_plain(key): _plain(inner) for key, inner in value.items()}
    return value


class _Standard:
    """What the standard library wants to know of a data class, made when it asks."""

    __slots__ = ("_cls", "_frozen", "_name")

    def __init__(self, cls: type, frozen: bool, name: str):
        self._cls, self._frozen, self._name = cls, frozen, name

    def __get__(self, instance: Any, owner: type) -> Any:
        from dataclasses import MISSING, make_dataclass
        from dataclasses import field as standard_field

        cls: Any = self._cls
        declared = [
            (
                name,
                each.type,
                standard_field(
                    default=MISSING if each.default is _NO_DEFAULT else each.default,
                    default_factory=each.factory or MISSING,
                    init=each.init,
                    repr=each.repr,
                    compare=each.compare,
                ),
            )
            for name, each in cls.__anokuro_fields__.items()
        ]
        twin: Any = make_dataclass(cls.__name__, declared, frozen=self._frozen)
        cls.__dataclass_fields__, cls.__dataclass_params__ = twin.__dataclass_fields__, twin.__dataclass_params__
        return getattr(cls, self._name)


def _declare(cls: Any, frozen: bool, slots: bool, eq: bool) -> Any:
    fields: dict[str, Field] = {}
    for base in cls.__mro__[-1:0:-1]:
        fields |= base.__dict__.get("__anokuro_fields__", {})
    own = _own_fields(cls)
    fields |= own
    inherited = {name for base in cls.__mro__[1:] for name in base.__dict__.get("__slots__", ())}
    for name, each in own.items():
        if not slots and each.default is not _NO_DEFAULT:
            setattr(cls, name, each.default)
        elif name in cls.__dict__:
            delattr(cls, name)
    if slots:
        cls = _with_slots(cls, tuple(name for name in own if name not in inherited))
    cls.__anokuro_fields__ = fields
    has = cls.__dict__
    if "__match_args__" not in has:
        setattr(cls, "__match_args__", tuple(name for name, each in fields.items() if each.init))  # noqa: B010
    if "__init__" not in has:
        cls.__init__ = _first_init(cls, frozen)
    if "__repr__" not in has:
        cls.__repr__ = _repr
    if eq and "__eq__" not in has:
        _compare_by(cls, tuple(name for name, each in fields.items() if each.compare), frozen, "__hash__" in has)
    if frozen:
        cls.__setattr__, cls.__delattr__ = _refuse_set, _refuse_delete
        if slots and "__getstate__" not in has:
            cls.__getstate__, cls.__setstate__ = _get_state, _set_state
    cls.__dataclass_fields__ = _Standard(cls, frozen, "__dataclass_fields__")
    cls.__dataclass_params__ = _Standard(cls, frozen, "__dataclass_params__")
    return cls


def _own_fields(cls: Any) -> dict[str, Field]:
    own: dict[str, Field] = {}
    for name, kind in cls.__annotations__.items():
        text = kind if isinstance(kind, str) else str(kind)
        if "ClassVar" in text:
            continue
        if "InitVar" in text or "KW_ONLY" in text:
            raise TypeError(f"{cls.__name__}.{name}: {text} is not known here, use the standard library's dataclass")
        each = cls.__dict__.get(name, _NO_DEFAULT)
        if not isinstance(each, Field):
            each = Field(each)
        if type(each.default).__hash__ is None:
            raise ValueError(f"mutable default for field {name} of {cls.__name__}: use default_factory")
        each.name, each.type = name, kind
        own[name] = each
    return own


def _with_slots(cls: Any, names: tuple[str, ...]) -> Any:
    namespace = {key: value for key, value in cls.__dict__.items() if key not in ("__dict__", "__weakref__")}
    namespace["__slots__"] = names
    made = type(cls)(cls.__name__, cls.__bases__, namespace)
    made.__qualname__ = cls.__qualname__
    return made


def _compare_by(cls: Any, names: tuple[str, ...], frozen: bool, has_hash: bool) -> None:
    key: Callable[[Any], Any]
    if len(names) > 1:
        key = attrgetter(*names)
    elif names:
        only = attrgetter(names[0])

        def key(instance: Any) -> Any:
            return (only(instance),)
    else:

        def key(instance: Any) -> Any:
            return ()

    def __eq__(self: Any, other: object) -> Any:
        return key(self) == key(other) if other.__class__ is self.__class__ else NotImplemented

    cls.__eq__ = __eq__
    if has_hash and cls.__dict__["__hash__"] is not None:
        return
    if frozen:
        cls.__hash__ = lambda self: hash(key(self))
    else:
        cls.__hash__ = None


def _first_init(cls: Any, frozen: bool) -> Callable[..., None]:
    def __init__(self: Any, *args: Any, **kwargs: Any) -> None:
        cls.__init__ = made = _compile_init(cls, frozen)
        made(self, *args, **kwargs)

    return __init__


def _compile_init(cls: Any, frozen: bool) -> Callable[..., None]:
    parameters, lines = ["self"], []
    names: dict[str, Any] = {"_set": object.__setattr__}
    for name, each in cls.__anokuro_fields__.items():
        value = name
        if each.factory is not None:
            names[f"_make_{name}"] = each.factory
            value = f"_make_{name}() if {name} is _not_given else {name}" if each.init else f"_make_{name}()"
            names["_not_given"] = _NOT_GIVEN
        elif not each.init:
            if each.default is _NO_DEFAULT:
                continue
            names[f"_default_{name}"] = each.default
            value = f"_default_{name}"
        if each.init:
            if each.factory is not None:
                parameters.append(f"{name}=_not_given")
            elif each.default is _NO_DEFAULT:
                parameters.append(name)
            else:
                names[f"_default_{name}"] = each.default
                parameters.append(f"{name}=_default_{name}")
        lines.append(_assignment(cls, name, value, frozen, names))
    if hasattr(cls, "__post_init__"):
        lines.append("    self.__post_init__()")
    exec(f"def __init__({', '.join(parameters)}):\n" + ("\n".join(lines) or "    pass"), names)  # names of declarations
    made: Callable[..., None] = names["__init__"]
    made.__qualname__ = f"{cls.__qualname__}.__init__"
    return made


def _assignment(cls: Any, name: str, value: str, frozen: bool, names: dict[str, Any]) -> str:
    if not frozen:
        return f"    self.{name} = {value}"
    slot: Any = getattr(cls, name, None)
    if (
        type(slot).__name__ == "member_descriptor"
    ):  # writes past the freezing __setattr__, and quicker than any other way
        names[f"_set_{name}"] = slot.__set__
        return f"    _set_{name}(self, {value})"
    return f"    _set(self, {name!r}, {value})"


_NOT_GIVEN = object()


def _repr(self: Any) -> str:
    shown = [f"{name}={getattr(self, name)!r}" for name, each in type(self).__anokuro_fields__.items() if each.repr]
    return f"{type(self).__qualname__}({', '.join(shown)})"


def _refuse_set(self: Any, name: str, value: Any) -> None:
    from dataclasses import FrozenInstanceError

    raise FrozenInstanceError(f"cannot assign to field {name!r}")


def _refuse_delete(self: Any, name: str) -> None:
    from dataclasses import FrozenInstanceError

    raise FrozenInstanceError(f"cannot delete field {name!r}")


def _get_state(self: Any) -> list[Any]:
    return [getattr(self, name) for name in type(self).__anokuro_fields__]


def _set_state(self: Any, state: list[Any]) -> None:
    for name, value in zip(type(self).__anokuro_fields__, state, strict=True):
        object.__setattr__(self, name, value)
