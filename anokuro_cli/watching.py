"""`.top`: the dashboard, refreshed until Ctrl-C; recorded as lines of JSON, and played back."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from anokuro_cli.errors import Interrupted, ShellError

if TYPE_CHECKING:
    from anokuro_cli.render.output import Output
    from engine.inspect.top import TopModel

INTERVAL = 1.0


def looks(
    top: Any,
    interval: float,
    count: int | None,
    workload: Callable[[], dict[str, float]] | None = None,
    check: Callable[[], None] = lambda: None,
) -> Iterator[TopModel]:
    """Look every `interval` seconds, `count` times (None: for ever); the first look, which has no rates, is not given.

    check: asked every tenth of a second meanwhile; what it raises ends the looking.
    """
    top.look()
    if workload is not None:
        workload()
    done = 0
    while count is None or done < count:
        end = time.monotonic() + interval
        while (left := end - time.monotonic()) > 0:
            time.sleep(min(left, 0.1))
            check()
        yield top.look(workload() if workload is not None else None)
        done += 1


def recorded(path: str) -> list[TopModel]:
    """What was recorded. Raises ShellError."""
    from engine.inspect.top import TopModel

    try:
        lines = Path(path).read_text(encoding="utf-8").splitlines()
        return [TopModel.from_json(json.loads(line)) for line in lines if line.strip()]
    except (OSError, ValueError) as error:
        raise ShellError(f"{path}: {error}") from error


def show_looks(models: Iterator[TopModel], output: Output, *, as_json: bool, record: TextIO | None = None) -> None:
    """Show look after look: in place on a terminal, one below the other elsewhere. Ctrl-C ends it."""
    from anokuro_cli.render.inspect_top import render
    from anokuro_cli.render.inspections import show_model

    def kept() -> Iterator[TopModel]:
        for model in models:
            if record is not None:
                record.write(json.dumps(model.to_json()) + "\n")
                record.flush()
            yield model

    if not output.terminal or as_json:
        for model in kept():
            if as_json:
                output.line(json.dumps(model.to_json()))
            else:
                show_model(model, output)
            output.flush()
        return
    from rich.console import Console
    from rich.live import Live

    try:
        with Live(console=Console(file=output.stream), screen=True, auto_refresh=False) as live:
            for model in kept():
                live.update(render(model), refresh=True)
    except (KeyboardInterrupt, Interrupted):
        return
