"""Renderers for the models of engine.inspect, by the model's type.

A renderer is a function of a model that returns something rich can show; it lives in a file inspect_<kind>.py beside this one and is
registered there:

    @renders(PageModel)
    def page(model: PageModel) -> RenderableType: ...

These files are imported when the first inspection is shown. A model without a renderer is shown as its fields, as `--json` has them.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from pkgutil import iter_modules
from typing import TYPE_CHECKING, Any

from anokuro_cli.text import neutralise, neutralise_lines

if TYPE_CHECKING:
    from anokuro_cli.render.output import Output

Renderer = Callable[[Any], Any]
_RENDERERS: dict[type, Renderer] = {}
PREFIX = "inspect_"
SVG_WIDTH = 120


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


def renderer_of(model: Any) -> Renderer | None:
    """What makes a picture of a model, once the renderers are loaded."""
    return _RENDERERS.get(type(model))


def show_model(model: Any, output: Output, as_json: bool = False) -> None:
    """Shows a model: through its renderer, or as JSON."""
    if as_json:
        import json

        output.line(json.dumps(model.to_json(), indent=2))
        return
    load_renderers()
    renderer = renderer_of(model)
    if renderer is None:
        _show_fields(model.to_json(), output, 0)
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


def save_svg(model: Any, path: str, title: str, width: int = SVG_WIDTH) -> None:
    """Writes the picture of a model as SVG, in colours. Raises OSError."""
    import io

    from rich.console import Console

    load_renderers()
    console = Console(
        record=True, file=io.StringIO(), width=width, force_terminal=True, color_system="truecolor", markup=False,
        highlight=False, emoji=False,
    )  # fmt: skip
    renderer = renderer_of(model)
    console.print(renderer(model) if renderer is not None else neutralise(str(model)))
    with open(path, "w", encoding="utf-8") as file:
        file.write(console.export_svg(title=neutralise(title)))


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
