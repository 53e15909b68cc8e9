"""The mutants' edits fit the sources: the long run, which compiles all of them, does not find out alone."""

from __future__ import annotations

import pytest

from build_support.extensions import ROOT
from tests.interleave.mutants import MUTANTS


@pytest.mark.parametrize("name", MUTANTS)
def test_the_edit_fits(name: str) -> None:
    mutant = MUTANTS[name]
    text = ROOT.joinpath(*mutant.module.split(".")).with_suffix(".py").read_text()
    assert text.count(mutant.old) == 1
    assert mutant.new != mutant.old
