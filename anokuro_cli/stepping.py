"""Stepping through a trace with the arrow keys, and traces as files.

left, up / right, down    one event back, on          page up, page down    ten
home, end                 first, last                 n, p                  next, previous page change        q    leave
"""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from anokuro_cli.errors import ShellError

if TYPE_CHECKING:
    from engine.inspect.trace import TraceModel

KEYS = "left/right: step   n/p: next, previous change   home/end: first, last   q: leave"


def load_trace(path: str) -> TraceModel:
    """A trace that was saved as JSON. Raises ShellError where the file holds none."""
    from engine.inspect.trace import TraceModel

    try:
        return TraceModel.from_json(json.loads(Path(path).read_text(encoding="utf-8")))
    except (OSError, ValueError) as error:
        raise ShellError(f"{path}: {error}") from error


def save_trace(model: TraceModel, path: str) -> None:
    """Write a trace as JSON, to be loaded again. Raises OSError."""
    Path(path).write_text(json.dumps(model.to_json()), encoding="utf-8")


class Stepper:
    """Where one is in a trace; what the screen shows is a function of that and of its size."""

    def __init__(self, model: TraceModel) -> None:
        self.model = model
        self.at = 0

    def go(self, number: int) -> None:
        """To an event, or as far as there are some."""
        self.at = min(max(number, 0), max(len(self.model.events) - 1, 0))

    def change(self, direction: int) -> None:
        """To the next (1) or previous (-1) event where a page has changed; stays where there is none."""
        found = [event.number for event in self.model.events if event.event in ("changed", "free")]
        ahead = [number for number in found if (number - self.at) * direction > 0]
        if ahead:
            self.at = min(ahead) if direction > 0 else max(ahead)

    def screen(self, width: int, height: int, colour: bool = True) -> str:
        """The text to show, with escape codes for colours."""
        from rich.console import Console

        from anokuro_cli.render.inspect_trace import step
        from anokuro_cli.render.inspections import load_renderers

        load_renderers()
        stream = io.StringIO()
        console = Console(
            file=stream, width=width, force_terminal=colour, no_color=not colour, markup=False, highlight=False, emoji=False,
            color_system="256" if colour else None,
        )  # fmt: skip
        if self.model.events:
            console.print(step(self.model, self.at, max(height // 3, 5)))
        else:
            console.print("nothing happened to pages, latches or log")
        lines = stream.getvalue().split("\n")
        return "\n".join([*lines[: height - 1], KEYS[:width]])


def step_through(model: TraceModel) -> None:
    """Full screen, until q. Needs a terminal."""
    from prompt_toolkit import Application
    from prompt_toolkit.formatted_text import ANSI
    from prompt_toolkit.key_binding import KeyBindings
    from prompt_toolkit.layout import FormattedTextControl, Layout, Window

    stepper, bindings = Stepper(model), KeyBindings()
    ways: dict[str, Any] = {
        "left": lambda: stepper.go(stepper.at - 1), "up": lambda: stepper.go(stepper.at - 1),
        "right": lambda: stepper.go(stepper.at + 1), "down": lambda: stepper.go(stepper.at + 1),
        "pageup": lambda: stepper.go(stepper.at - 10), "pagedown": lambda: stepper.go(stepper.at + 10),
        "home": lambda: stepper.go(0), "end": lambda: stepper.go(len(model.events)),
        "n": lambda: stepper.change(1), "p": lambda: stepper.change(-1),
    }  # fmt: skip
    for key, way in ways.items():
        bindings.add(key)(lambda event, way=way: way())
    for key in ("q", "escape", "c-c"):
        bindings.add(key, eager=True)(lambda event: event.app.exit())
    application: Application[None]

    def text() -> ANSI:
        size = application.output.get_size()
        return ANSI(stepper.screen(size.columns, size.rows))

    application = Application(
        layout=Layout(Window(FormattedTextControl(text), wrap_lines=False)), key_bindings=bindings, full_screen=True
    )
    application.run()
