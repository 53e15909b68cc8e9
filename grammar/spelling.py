"""Did you mean: the words that are spelled nearly like another."""

from __future__ import annotations

from collections.abc import Iterable


def distance(a: str, b: str, most: int) -> int | None:
    """Edit distance with transpositions of neighbours (optimal string alignment); None where it is above `most`."""
    if abs(len(a) - len(b)) > most:
        return None
    before: list[int] = []
    row = list(range(len(b) + 1))
    for i, x in enumerate(a, 1):
        before, last, row = row, before, [i]
        for j, y in enumerate(b, 1):
            cost = min(before[j] + 1, row[-1] + 1, before[j - 1] + (x != y))
            if i > 1 and j > 1 and x == b[j - 2] and a[i - 2] == y:
                cost = min(cost, last[j - 2] + 1)
            row.append(cost)
        if min(row) > most:
            return None
    return row[-1] if row[-1] <= most else None


def tolerance(word: str) -> int:
    """How many slips are forgiven in a word: one in short ones, two from five letters on."""
    return 1 if len(word) <= 4 else 2


def nearest(word: str, candidates: Iterable[str]) -> list[str]:
    """The candidates spelled nearly like `word`, whatever their case, nearest first; `word` itself is not among them."""
    folded = word.casefold()
    most = tolerance(word) if len(word) > 1 else 0
    found = []
    for candidate in candidates:
        near = distance(folded, candidate.casefold(), most)
        if near is not None and candidate != word:
            found.append((near, candidate))
    return [candidate for _near, candidate in sorted(found)]
