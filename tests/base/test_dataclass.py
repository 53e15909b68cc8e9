"""engine.base.dataclass does what the standard library's does: the same declarations, made by both, behave alike."""

from __future__ import annotations

import copy
import dataclasses
import pickle
import sys
from typing import Any, ClassVar

import pytest

from engine.base import dataclass as ours

DECLARATIONS = '''
@dataclass(frozen=True, slots=True)
class Point:
    """Frozen, with slots."""
    x: int
    y: float = 1.5
    tags: list = field(default_factory=list, compare=False)

@dataclass(frozen=True, slots=True)
class Deep(Point):
    """With what it inherits."""
    z: str = "z"

@dataclass(frozen=True)
class Loose:
    """Frozen, with a dict."""
    a: int
    b: int = field(default=2, repr=False)
    kind: ClassVar[str] = "loose"

@dataclass
class Changing:
    """Not frozen."""
    a: int
    sizes: dict = field(default_factory=dict)
    seen: int = field(default=0, init=False)
    def __post_init__(self):
        self.seen += self.a

@dataclass(slots=True)
class Slotted:
    """Slots alone."""
    a: int = 1
    def double(self):
        return self.a * 2

@dataclass(frozen=True, slots=True)
class Empty:
    """No field at all."""

@dataclass(frozen=True, eq=False)
class Same:
    """Equal to itself only."""
    a: int

@dataclass(frozen=True)
class Own:
    """Keeps what it declares itself."""
    a: int
    def __eq__(self, other):
        return True
    def __hash__(self):
        return 7
    def __repr__(self):
        return "own"
'''


def declare(module: Any) -> dict[str, Any]:
    names: dict[str, Any] = {
        "dataclass": module.dataclass, "field": module.field, "ClassVar": ClassVar, "__name__": __name__,
    }  # fmt: skip
    code = compile("from __future__ import annotations\n" + DECLARATIONS, "<declarations>", "exec")
    exec(code, names)
    return names


OURS, THEIRS = declare(ours), declare(dataclasses)
MADE = [
    "Point(1)", "Point(1, 2)", "Point(x=1, y=2.5, tags=[1])", "Point()", "Point(1, 2, [], 4)", "Point(1, w=2)", "Deep(1)", "Deep(1, 2.0, [], 'q')",
    "Loose(1)", "Loose(1, b=5)", "Changing(3)", "Changing(3, {'a': 1})", "Changing(3, seen=4)", "Slotted()", "Slotted(4)", "Empty()", "Empty(1)", "Same(1)", "Own(1)",
]  # fmt: skip


def attempt(names: dict[str, Any], code: str) -> tuple[str, Any]:
    try:
        return "", eval(code, dict(names))
    except TypeError:
        return "TypeError", None


def fields_of(instance: Any) -> list[tuple[str, object, bool]]:
    return [(each.name, each.type, each.compare) for each in dataclasses.fields(instance)]


@pytest.mark.parametrize("code", MADE)
def test_an_object_is_as_theirs(code: str) -> None:
    (error, mine), (expected_error, theirs) = attempt(OURS, code), attempt(THEIRS, code)
    assert error == expected_error
    if error:
        return
    assert repr(mine) == repr(theirs)
    assert type(mine).__match_args__ == type(theirs).__match_args__
    assert type(mine).__doc__ == type(theirs).__doc__
    assert hasattr(mine, "__dict__") == hasattr(theirs, "__dict__")
    assert dataclasses.is_dataclass(mine)
    assert fields_of(mine) == fields_of(theirs)
    assert dataclasses.asdict(mine) == dataclasses.asdict(theirs) == ours.asdict(mine)
    assert (mine == attempt(OURS, code)[1]) is (theirs == attempt(THEIRS, code)[1])
    assert (type(mine).__hash__ is None) is (type(theirs).__hash__ is None)


def test_equality_and_hash() -> None:
    point, deep = OURS["Point"], OURS["Deep"]
    assert point(1, 2.0, [1]) == point(1, 2.0, [2]) != point(1, 3.0)
    assert hash(point(1, 2.0, [1])) == hash(point(1, 2.0, [2]))
    assert point(1) != deep(1) and (point(1) == 1) is False
    assert len({OURS["Loose"](1), OURS["Loose"](1), OURS["Loose"](2)}) == 2
    with pytest.raises(TypeError, match="unhashable"):
        hash(OURS["Changing"](1))


@pytest.mark.parametrize("name", ["Point", "Deep", "Loose", "Same"])
def test_frozen_is_frozen(name: str) -> None:
    instance = OURS[name](1)
    for change in (
        lambda: setattr(instance, "a", 2),
        lambda: setattr(instance, "x", 2),
        lambda: delattr(instance, "a"),
    ):
        with pytest.raises(dataclasses.FrozenInstanceError):
            change()


def test_replace() -> None:
    for replace in (ours.replace, dataclasses.replace):
        assert replace(OURS["Point"](1), y=9.0) == OURS["Point"](1, 9.0)
        assert replace(OURS["Changing"](3), a=1).seen == 1
        with pytest.raises(ValueError, match="seen"):
            replace(OURS["Changing"](3), seen=1)
        with pytest.raises(TypeError):
            replace(OURS["Point"](1), nope=1)


def test_asdict_goes_deep() -> None:
    inner = OURS["Point"](1)
    outer = OURS["Loose"]([inner, (inner,)], {"k": inner})
    assert ours.asdict(outer) == dataclasses.asdict(outer)


def test_copies_and_pickles(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, made in OURS.items():
        if isinstance(made, type) and dataclasses.is_dataclass(made):
            monkeypatch.setattr(sys.modules[__name__], name, made, raising=False)
    for instance in (OURS["Point"](1, 2.0, [3]), OURS["Loose"](1, 4), OURS["Changing"](2), OURS["Slotted"](5)):
        assert copy.copy(instance) == instance == copy.deepcopy(instance)
        assert pickle.loads(pickle.dumps(instance)) == instance


def test_a_standard_dataclass_may_inherit() -> None:
    grown = dataclasses.dataclass(frozen=True)(type("Grown", (OURS["Loose"],), {"__annotations__": {"c": int}, "c": 3}))
    assert repr(grown(1)).endswith("(a=1, c=3)")


def test_a_class_without_annotations_of_its_own_has_its_base_s_fields() -> None:
    child = ours.dataclass(frozen=True)(type("Child", (OURS["Loose"],), {}))
    assert child(1, 2) == child(1)


def test_what_is_not_known_is_refused() -> None:
    with pytest.raises(ValueError, match="default_factory"):
        ours.dataclass(type("Bad", (), {"__annotations__": {"a": "list"}, "a": []}))
    with pytest.raises(TypeError, match="InitVar"):
        ours.dataclass(type("Bad", (), {"__annotations__": {"a": "InitVar[int]"}}))
    with pytest.raises(TypeError):
        ours.dataclass(order=True)  # type: ignore[call-overload]
