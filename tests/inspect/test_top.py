"""The dashboard and the workload that it shows: counters add up, recordings are played, threads end."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from anokuro_cli.errors import ShellError
from anokuro_cli.render.output import Output
from anokuro_cli.watching import looks, recorded, show_looks
from anokuro_cli.workload import KINDS, Plan, Workload, parse_mix
from engine.inspect.top import TopModel
from tests.shell.test_script import anokuro


def test_rates_are_differences(open_db: Callable[..., Any]) -> None:
    db = open_db()
    top = db.inspect.top()
    first = top.look()
    assert first.seconds == 0 and first.rates == {}
    before = db.stats()
    tree = db.tree("t")
    for i in range(500):
        tree.put(b"%04d" % i, b"v")
    second = top.look({"operations": 1.0})
    after = db.stats()
    for name in ("log_appends", "log_bytes", "latches_exclusive"):
        # rates are rounded to a tenth
        assert (
            abs(second.rates[name] * second.seconds - (after[name] - before[name]))
            < 1 + second.seconds + 0.02 * after[name]
        )
    assert second.workload == {"operations": 1.0} and second.gauges["published_lsn"] == after["published_lsn"]
    assert TopModel.from_json(json.loads(json.dumps(second.to_json()))) == second
    assert second.hottest and {hot.page for hot in second.hottest} <= {b.page for b in db.inspect.pool().buffers}
    with pytest.raises(ValueError, match="recording"):
        TopModel.from_json({"model": "pool"})


def test_the_hottest_are_the_hottest(open_db: Callable[..., Any]) -> None:
    db = open_db(page_size=4096)
    db.tree("t").put_many((b"%05d" % i, b"v" * 50) for i in range(5000))
    for _ in range(30):
        db.tree("t").get_many([b"%05d" % i for i in range(0, 5000, 7)])
    by_pool = sorted(
        ((b.waits + b.restarts, b.visits) for b in db.inspect.pool().buffers if b.waits or b.restarts or b.visits),
        reverse=True,
    )
    found = [(hot.waits + hot.restarts, hot.visits) for hot in db.inspect.latches().hottest]
    assert found == by_pool[: len(found)] and len(found) == min(10, len(by_pool))


@pytest.mark.parametrize("width", [80, 200])
def test_a_workload_is_shown_and_recorded(open_db: Callable[..., Any], tmp_path: Path, width: int) -> None:
    db = open_db()
    mix = ",".join(f"{kind}=10" for kind in KINDS)
    work = Workload(db, Plan(threads=2, mix=parse_mix(mix), keys=500))
    work.start()
    stream = io.StringIO()
    path = tmp_path / "top.jsonl"
    with open(path, "w", encoding="utf-8") as record:
        found = looks(db.inspect.top(), 0.05, 3, work.rates)
        show_looks(found, Output(stream, False, width, 50, False, True), as_json=False, record=record)
    while work.total() < 200:
        assert work.running
    work.stop()
    assert not work.running
    shown = stream.getvalue()
    assert shown.count("hottest page") + shown.count("nobody holds") >= 1 and "workload" in shown
    assert all(len(line) <= width for line in shown.split("\n"))
    played = recorded(str(path))
    assert len(played) == 3 and all(model.seconds > 0 for model in played)
    assert sum(work.counts().values()) == work.total() and all(work.counts().values())
    assert any("operations" in line for line in work.report())
    (tmp_path / "bad").write_text("{}\n")
    with pytest.raises(ShellError):
        recorded(str(tmp_path / "bad"))


@pytest.mark.parametrize("mix", ["", "read", "read=x", "jump=1", "read=0"])
def test_wrong_mixes_are_explained(mix: str) -> None:
    with pytest.raises(ShellError):
        parse_mix(mix)


def test_from_the_command_line(tmp_path: Path) -> None:
    done = anokuro("workload", "--seconds", "0.2", "--keys", "200", "--mix", "read=1,update=1")
    assert done.returncode == 0, done.stderr
    assert "operations" in done.stdout and "p99" in done.stdout
    shell = anokuro(
        "-c", ".workload start 2 read=1,update=1", "-c", ".top 0.1 2", "-c", ".workload", "-c", ".workload stop"
    )
    assert shell.returncode == 0, shell.stderr
    assert shell.stdout.count("hottest page") == 2 and "operations" in shell.stderr
    cost = anokuro("workload", "--seconds", "0.1", "--keys", "200", "--cost")
    assert cost.returncode == 0 and "to that of the quiet windows" in cost.stdout and "latches" in cost.stdout
