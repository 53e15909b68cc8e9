"""Renderers for the models of engine.inspect, by the model's type.

A renderer is a function of a model that returns something rich can show; it lives in a file inspect_<kind>.py beside this one and is
registered there:

    @renders(PageModel)
    def page(model: PageModel) -> RenderableType: ...

`MODULES` names these files; they are imported when the first inspection is shown. A model without a renderer is shown as its fields, as `--json` has them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields, is_dataclass
from datetime import date
from enum import Enum
from importlib import import_module
from pkgutil import iter_modules
from typing import TYPE_CHECKING, Any

from anokuro_cli.text import neutralise, neutralise_lines

if TYPE_CHECKING:
    from anokuro_cli.render.output import Output

Renderer = Callable[[Any], Any]
_RENDERERS: dict[type, Renderer] = {}
PREFIX = "inspect_"


def renders(model: type) -> Callable[[Renderer], Renderer]:
    """Registers a renderer for a model's type."""

    def register(renderer: Renderer) -> Renderer:
        _RENDERERS[model] = renderer
        return renderer

    return register


def load_renderers() -> None:
    """Imports every inspect_*.py beside this file."""
    import anokuro_cli.render as package

    for module in iter_modules(package.__path__):
        if module.name.startswith(PREFIX):
            import_module(f"{package.__name__}.{module.name}")


def show_model(model: Any, output: Output, as_json: bool = False) -> None:
    """Shows a model: through its renderer, or as JSON."""
    if as_json:
        import json

        output.line(json.dumps(plain(model), indent=2))
        return
    load_renderers()
    renderer = _RENDERERS.get(type(model))
    if renderer is None:
        _show_fields(plain(model), output, 0)
        return
    from rich.console import Console

    width = output.width or 100
    console = Console(
        file=output.stream,
        width=width,
        force_terminal=output.colour,
        no_color=not output.colour,
        color_system="auto" if output.colour else None,
        markup=False,
        highlight=False,
        emoji=False,
    )
    console.print(renderer(model))


def plain(model: Any) -> Any:
    """A model as JSON has it: dataclasses are objects, bytes hexadecimal digits."""
    if is_dataclass(model) and not isinstance(model, type):
        return {field.name: plain(getattr(model, field.name)) for field in fields(model)}
    if isinstance(model, Enum):
        return model.name.lower()
    if isinstance(model, (bytes, bytearray)):
        return model.hex()
    if isinstance(model, dict):
        return {str(key): plain(value) for key, value in model.items()}
    if isinstance(model, (list, tuple, set, frozenset)):
        return [plain(value) for value in model]
    if isinstance(model, date):
        return model.isoformat()
    return model if model is None or isinstance(model, (bool, int, float, str)) else str(model)


def _show_fields(value: Any, output: Output, depth: int) -> None:
    space = "  " * depth
    if isinstance(value, dict):
        for key, inner in value.items():
            if isinstance(inner, (dict, list)) and inner:
                output.line(f"{space}{output.style(neutralise(key), 'bold')}:")
                _show_fields(inner, output, depth + 1)
            else:
                output.line(f"{space}{output.style(neutralise(key), 'bold')}: {_short(inner)}")
    elif isinstance(value, list):
        for inner in value:
            if isinstance(inner, dict):
                output.line(space + "  ".join(f"{neutralise(key)}={_short(part)}" for key, part in inner.items()))
            else:
                output.line(space + _short(inner))


def _short(value: Any) -> str:
    text = neutralise_lines(str(value)).replace("\n", " ")
    return text if len(text) <= 80 else text[:77] + "..."
