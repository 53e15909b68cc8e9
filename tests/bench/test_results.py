"""What is done with results: JSON, demands, tables, picture, README."""

from __future__ import annotations

import io
import re
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest
from rich.console import Console

from anokuro_bench.demands import DEMANDS, NEEDED, verdicts
from anokuro_bench.picture import COLOURS, draw
from anokuro_bench.readme import BEGIN, END, write_block
from anokuro_bench.report import losses, show, show_demands
from anokuro_bench.results import Report, load
from anokuro_bench.settings import BenchmarkError
from anokuro_bench.stores import ENGINES
from anokuro_bench.workloads import NAMES
from tests.bench.made import measurement, report

MIXED = {
    "readrandom": {"anokuro": [290.0, 300.0, 310.0], "lmdb": [100.0, 100.0, 100.0], "sqlite": [10.0, 10.0, 10.0]},
    "fillrandom": {"anokuro": [100.0, 100.0, 100.0], "lmdb": [50.0, 50.0, 50.0], "leveldb": [200.0, 200.0, 250.0]},
}


def shown(what: Report, demands: bool = False) -> str:
    stream = io.StringIO()
    console = Console(file=stream, width=160, highlight=False)
    if demands:
        show_demands(what, console)
    else:
        show(what, console)
    return stream.getvalue()


def test_json_round_trip(tmp_path: Path) -> None:
    made = report(MIXED)
    made.save(tmp_path / "r.json")
    assert load(tmp_path / "r.json") == made


@pytest.mark.parametrize(
    "text", ["", "{}", "[]", '{"format": 1}', '{"format": 2}', '{"format": 1, "measurements": [3]}']
)
def test_another_file_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "r.json"
    path.write_text(text)
    with pytest.raises(BenchmarkError, match=r"r\.json"):
        load(path)


def test_demands_name_what_exists() -> None:
    assert set(NEEDED) <= set(NAMES)
    assert {peer for demand in DEMANDS for peer in demand.peers} <= set(ENGINES)
    for demand in DEMANDS:
        kind = NAMES[demand.workload]
        assert all(not kind.engines or peer in kind.engines for peer in demand.peers)


def verdict(made: Report, text: str) -> tuple[float | None, bool | None, str]:
    (found,) = [one for one in verdicts(made) if one.demand.text == text]
    return found.measured, found.met, found.against


def test_a_demand_is_met_by_the_median_of_the_rounds() -> None:
    assert verdict(report(MIXED), "get") == (3.0, True, "LMDB")
    drifting = {"readrandom": {"anokuro": [240.0, 480.0, 960.0], "lmdb": [100.0, 200.0, 400.0]}}
    assert verdict(report(drifting), "get") == (2.4, False, "LMDB")


def test_a_demand_counts_the_best_peer() -> None:
    assert verdict(report(MIXED), "single puts, not waiting for the disk") == (0.5, False, "LevelDB")


def test_a_demand_whose_peer_is_missing_is_not_met() -> None:
    few = {"fillrandom": {"anokuro": [100.0], "lmdb": [10.0]}, "readmany2": {"anokuro": [10.0]}}
    made = report(few)
    assert verdict(made, "single puts, not waiting for the disk")[:2] == (None, None)
    assert verdict(made, "get")[:2] == (None, None)
    assert verdict(made, "get_many in two threads")[:2] == (None, None)
    assert not show_demands(made, Console(file=io.StringIO()))


def test_a_demand_against_oneself() -> None:
    both = {"readmany": {"anokuro": [100.0, 100.0]}, "readmany2": {"anokuro": [150.0, 190.0]}}
    assert verdict(report(both), "get_many in two threads") == (1.7, True, "Anokuro's own readmany")


def test_everything_met() -> None:
    made = report({name: {"anokuro": [1e9], "lmdb": [1.0], "leveldb": [1.0], "sqlite": [1.0]} for name in NEEDED})
    for one in made.measurements:
        if one.engine == "anokuro":
            factor = {"fillsyncthreads": 9.0, "readmany2": 2.0, "readmany2writing": 1.8}.get(one.workload, 1.0)
            one.rates = [1e9 * factor]
    assert all(one.met for one in verdicts(made))
    assert show_demands(made, Console(file=io.StringIO()))


def test_durability_classes_are_never_compared() -> None:
    made = report(MIXED)
    made.measurements[-1].durability = "durable"
    with pytest.raises(AssertionError, match="never compared"):
        verdicts(made)


def test_losses_are_told() -> None:
    assert losses(report(MIXED)) == ["fillrandom (2.0 times slower than LevelDB)"]
    text = shown(report(MIXED), demands=True)
    assert "NOT MET" in text and "Where Anokuro loses: fillrandom" in text


def test_tables_keep_classes_apart() -> None:
    text = shown(report(MIXED))
    assert "keys and values; reading" in text and "keys and values; unsynced" in text
    assert text.index("readrandom") < text.index("unsynced") < text.index("fillrandom")
    assert "3.00 x LMDB" in text and "0.50 x LevelDB" in text


def test_the_picture_shows_every_bar_in_proportion() -> None:
    root = ElementTree.fromstring(draw(report(MIXED)))
    space = "{http://www.w3.org/2000/svg}"
    bars: dict[str, list[float]] = {}
    for rect in root.iter(f"{space}rect"):
        title = rect.find(f"{space}title")
        if title is not None and "gets" in (title.text or ""):
            bars.setdefault(rect.attrib["class"], []).append(float(rect.attrib["width"]))
    assert bars["anokuro"][0] == pytest.approx(3 * bars["lmdb"][0], rel=0.01)
    assert bars["anokuro"][0] == pytest.approx(30 * bars["sqlite"][0], rel=0.05)
    texts = [text.text for text in root.iter(f"{space}text")]
    assert {"readrandom", "fillrandom"} <= set(texts)
    assert "2 x <Some & CPU>" in " ".join(filter(None, texts))  # escaped, and so read back


def test_the_picture_is_for_light_and_dark() -> None:
    text = draw(report(MIXED))
    assert "prefers-color-scheme: dark" in text
    assert set(COLOURS) == set(ENGINES)

    def brightness(colour: str) -> float:
        parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
        linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    for light, dark in COLOURS.values():  # WCAG: 3 to 1 for graphics
        assert 1.05 / (brightness(light) + 0.05) >= 3, light
        assert (brightness(dark) + 0.05) / (brightness("#0d1117") + 0.05) >= 3, dark
    assert re.search(r"text\{[^}]*fill:#24292f", text)


def test_a_label_is_never_outside_the_picture() -> None:
    made = report({"readmany2writing": {"anokuro": [123_456_789.0], "lmdb": [123_456_788.0]}})
    root = ElementTree.fromstring(draw(made))
    width = float(root.attrib["width"])
    for text in root.iter("{http://www.w3.org/2000/svg}text"):
        if text.attrib.get("text-anchor") != "end" and "class" not in text.attrib:
            assert float(text.attrib["x"]) + 6.5 * len(text.text or "") < width, text.text


def test_the_block_in_a_readme(tmp_path: Path) -> None:
    path = tmp_path / "README.md"
    path.write_text(f"before\n{BEGIN}\nold\n{END}\nafter\n")
    write_block(report(MIXED), path)
    once = path.read_text()
    assert once.startswith(f"before\n{BEGIN}\n") and once.endswith(f"{END}\nafter\n") and "old" not in once
    assert "| readrandom: get of random keys | 300 | 100 | 10 |" in once
    assert "fillrandom (2.0 times slower than LevelDB)" in once and "2026-01-02" in once
    write_block(report(MIXED), path)
    assert path.read_text() == once


@pytest.mark.parametrize("text", ["", BEGIN, END, f"{END}{BEGIN}"])
def test_a_readme_without_a_place_is_left_alone(tmp_path: Path, text: str) -> None:
    path = tmp_path / "README.md"
    path.write_text(text)
    with pytest.raises(BenchmarkError, match="no place"):
        write_block(report(MIXED), path)
    assert path.read_text() == text


def test_a_measurement_tells_its_spread() -> None:
    assert measurement("readrandom", "lmdb", [90.0, 100.0, 120.0]).spread == pytest.approx(0.3)


def test_the_projects_own_readme_has_the_place(tmp_path: Path) -> None:
    own = Path(__file__).resolve().parents[2] / "engine" / "README.md"
    copy = tmp_path / "README.md"
    copy.write_text(own.read_text(encoding="utf-8"), encoding="utf-8")
    write_block(report(MIXED), copy)
    assert "readrandom: get of random keys" in copy.read_text(encoding="utf-8")
