"""Text that is safe to show, and how wide it is.

Whatever is stored in a database may have been written by an attacker. Before a string reaches a terminal it goes through
`neutralise`, which turns everything a terminal could obey, or a reader be deceived by, into a visible escape:

    C0 controls, DEL, C1 controls      "\\x1b[31m"  -> "\\\\x1b[31m"
    line and paragraph separators       U+2028       -> "\\\\u2028"
    bidirectional controls              U+202E       -> "\\\\u202e"
    invisible format characters, tags   U+200B       -> "\\\\u200b"
    lone surrogates                     U+D800       -> "\\\\ud800"

Joiners (U+200C, U+200D) and variation selectors stay: scripts and emoji need them. Markup of rich is not a matter of escaping: strings are
handed to rich as `Text` objects or with markup switched off, so "[red]" is shown as it is.
"""

from __future__ import annotations

import re

_DANGEROUS = re.compile(
    "[\x00-\x1f\x7f-\x9f\xad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ud800-\udfff\ufeff\ufff9-\ufffb"
    "\U000e0000-\U000e007f]"
)
_NAMED = {"\n": "\\n", "\r": "\\r", "\t": "\\t", "\0": "\\0"}


def neutralise(text: str) -> str:
    """`text` with every character that could act on a terminal or deceive the eye replaced by a visible escape."""
    if text.isprintable():  # says no to every dangerous character, and to some harmless ones
        return text
    return _DANGEROUS.sub(_escape, text)


def neutralise_in_place(text: str, mark: str = "\ufffd") -> str:
    """As `neutralise`, but one `mark` for each character: for text whose positions must not change. Tabs stay."""
    if text.isprintable():
        return text
    return _DANGEROUS.sub(lambda match: "\t" if match.group() == "\t" else mark, text)


def neutralise_lines(text: str) -> str:
    """As `neutralise`, but line feeds stay: for statements and messages of several lines."""
    return "\n".join(neutralise(line) for line in text.split("\n"))


def _escape(match: re.Match[str]) -> str:
    character = match.group()
    named = _NAMED.get(character)
    if named is not None:
        return named
    code = ord(character)
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def display_width(text: str) -> int:
    """How many columns of a terminal neutralised `text` takes."""
    if text.isascii():
        return len(text)
    from wcwidth import wcswidth

    width = wcswidth(text)
    return width if width >= 0 else len(text)


def clip(text: str, width: int, mark: str = "…") -> str:
    """`text`, or its beginning and `mark` where it is wider than `width` columns."""
    if display_width(text) <= width:
        return text
    room = max(width - len(mark), 0)
    if text.isascii():
        return text[:room] + mark[:width]
    kept = ""
    for character in text:
        if display_width(kept + character) > room:
            break
        kept += character
    return kept + mark[:width]


def pad(text: str, width: int, right: bool = False) -> str:
    """`text` filled with spaces to `width` columns, behind it or, for numbers, in front of it."""
    if text.isascii():
        return text.rjust(width) if right else text.ljust(width)
    space = " " * (width - display_width(text))
    return space + text if right else text + space


def pad_all(texts: list[str], width: int, right: bool = False) -> list[str]:
    """`pad` for each of the texts of a column."""
    if not "".join(texts).isascii():
        return [pad(text, width, right) for text in texts]
    return [text.rjust(width) for text in texts] if right else [text.ljust(width) for text in texts]


def plural(count: int, noun: str) -> str:
    """ "1 row", "2 rows", "336,776 rows"."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def did_you_mean(word: str, candidates: list[str] | tuple[str, ...]) -> str | None:
    """The candidate most like `word`, or None where none is near."""
    from difflib import get_close_matches

    by_lower = {candidate.lower(): candidate for candidate in candidates}
    near = get_close_matches(word.lower(), list(by_lower), n=1, cutoff=0.6)
    return by_lower[near[0]] if near else None
