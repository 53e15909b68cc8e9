"""Colours of what is typed. The terminal is asked nothing: `auto` uses the sixteen colours that every terminal's own palette makes readable on its background; `dark` and
`light` choose shades for one kind of background; `plain` has weights only.
"""

from __future__ import annotations

from functools import cache

from prompt_toolkit.styles import Style

_COMMON = {
    "prompt": "bold",
    "prompt.transaction": "bold",
    "bottom-toolbar": "noreverse",
    "sql.name": "",
    "matching-bracket.cursor": "bold",
    "matching-bracket.other": "bold underline",
}
_PARTS = (
    "sql.keyword", "sql.keyword.soft", "sql.string", "sql.number", "sql.comment", "sql.parameter", "sql.error", "sql.command",
    "prompt.transaction", "prompt.continuation", "bottom-toolbar", "auto-suggestion",
)  # fmt: skip
_COLOURS = {
    "auto": "ansiblue ansiblue ansigreen ansicyan ansibrightblack ansimagenta ansired ansimagenta ansiyellow ansibrightblack ansibrightblack ansibrightblack",
    "dark": "#7aa2f7 #7aa2f7 #9ece6a #ff9e64 #7d86a8 #bb9af7 #f7768e #bb9af7 #e0af68 #7d86a8 #7d86a8 #5b638a",
    "light": "#1f4fbf #1f4fbf #1a7f37 #a04000 #5f6672 #7b2fbf #b3261e #7b2fbf #8a5a00 #5f6672 #5f6672 #8a8f99",
}
_BOLD = frozenset(("sql.keyword", "sql.command", "prompt.transaction"))


@cache
def style_of(theme: str) -> Style:
    """The style of a theme; see the module."""
    rules = dict(_COMMON)
    if theme in _COLOURS:
        for part, colour in zip(_PARTS, _COLOURS[theme].split(), strict=True):
            words = [
                rules.get(part, ""),
                "bold" if part in _BOLD else "",
                "italic" if part == "sql.comment" else "",
                colour,
            ]
            rules[part] = " ".join(dict.fromkeys(" ".join(words).split()))
    else:
        rules |= {"sql.keyword": "bold", "sql.command": "bold", "sql.comment": "italic", "sql.error": "underline"}
    return Style.from_dict(rules)
