"""Keys: Enter runs what is complete and breaks the line otherwise; Alt-Enter always breaks; F4 switches between emacs and vi."""

from __future__ import annotations

from prompt_toolkit.application import get_app
from prompt_toolkit.enums import DEFAULT_BUFFER, EditingMode
from prompt_toolkit.filters import Condition, has_focus
from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent

from anokuro_cli.script import is_command
from grammar.tokens import is_complete


def runs(text: str) -> bool:
    """Whether Enter runs `text`: it is blank, a dot command, or its last statement is complete."""
    return not text.strip() or is_command(text) or is_complete(text)


def key_bindings() -> KeyBindings:
    """The bindings that differ from prompt_toolkit's."""
    keys = KeyBindings()
    at_prompt = has_focus(DEFAULT_BUFFER)
    choosing = Condition(lambda: _chosen())

    @keys.add("enter", filter=at_prompt & choosing)
    def _(event: KeyPressEvent) -> None:
        event.current_buffer.complete_state = None  # takes the chosen candidate

    @keys.add("enter", filter=at_prompt & ~choosing)
    def _(event: KeyPressEvent) -> None:
        buffer = event.current_buffer
        at_end = not buffer.document.text_after_cursor.strip()
        if runs(buffer.text) and at_end:
            buffer.cursor_position = len(buffer.text)
            buffer.validate_and_handle()
        else:
            buffer.newline(copy_margin=True)

    @keys.add("escape", "enter", filter=at_prompt)
    def _(event: KeyPressEvent) -> None:
        event.current_buffer.newline(copy_margin=True)

    @keys.add("f4")
    def _(event: KeyPressEvent) -> None:
        vi = event.app.editing_mode == EditingMode.VI
        event.app.editing_mode = EditingMode.EMACS if vi else EditingMode.VI

    return keys


def _chosen() -> bool:
    state = get_app().current_buffer.complete_state
    return state is not None and state.current_completion is not None
