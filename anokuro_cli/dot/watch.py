"""A workload behind the prompt, and the dashboard that shows what it does."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from anokuro_cli.dot.registry import command
from anokuro_cli.errors import ShellError

if TYPE_CHECKING:
    from anokuro_cli.shell import Session
    from anokuro_cli.workload import Workload

_RUNNING: WeakKeyDictionary[Any, Workload] = WeakKeyDictionary()


@command(".workload [start [THREADS] [MIX] | stop]", "Run a workload in the background, to be looked at.", most=3)
def workload(session: Session, words: list[str]) -> bool | None:
    from anokuro_cli.workload import DEFAULT_MIX, Plan, Workload, parse_mix

    running = _RUNNING.get(session.db)
    if not words:
        if running is None:
            session.note(f"no workload; .workload start 2 {DEFAULT_MIX}")
        else:
            session.note(", ".join(f"{name} {rate:,.0f}" for name, rate in running.rates().items()) + " a second")
        return True
    if words[0] == "stop" and len(words) == 1:
        if running is None:
            raise ShellError("no workload is running")
        del _RUNNING[session.db]
        running.stop()
        for line in running.report():
            session.note(line)
        return True
    if words[0] != "start":
        raise ShellError("usage: .workload [start [THREADS] [MIX] | stop]")
    if running is not None:
        raise ShellError("a workload is running", ".workload stop")
    plan = Plan()
    for word in words[1:]:
        if word.isdecimal():
            plan.threads = int(word)
        else:
            plan.mix = parse_mix(word)
    made = Workload(session.db, plan)
    made.start()
    _RUNNING[session.db] = made
    session.note(f"{plan.threads} threads at work on the tree 'workload'; .top shows them, .workload stop ends them")
    return True


@command(".top [SECONDS] [COUNT] [record FILE] | play FILE", "Show what happens, each second, until Ctrl-C.", most=4)
def top(session: Session, words: list[str]) -> bool | None:
    from anokuro_cli.watching import INTERVAL, looks, recorded, show_looks

    as_json = session.settings.mode in ("json", "jsonl")
    words = list(words)
    if words[:1] == ["play"] and len(words) == 2:
        show_looks(iter(recorded(words[1])), session.output, as_json=as_json)
        return True
    interval, count, path = INTERVAL, None if session.interactive else 1, ""
    if len(words) >= 2 and words[-2] == "record":
        path = words[-1]
        words = words[:-2]
    try:
        interval = float(words[0]) if words else interval
        count = int(words[1]) if len(words) > 1 else count
    except (ValueError, IndexError):
        raise ShellError("usage: .top [SECONDS] [COUNT] [record FILE], or .top play FILE") from None
    if not 0.01 <= interval <= 3600:
        raise ShellError("the interval is 0.01 to 3600 seconds")
    running = _RUNNING.get(session.db)
    with ExitStack() as stack:
        record = stack.enter_context(open(path, "a", encoding="utf-8")) if path else None
        rates = running.rates if running is not None else None
        found = looks(session.db.inspect.top(), interval, count, rates, session.interrupts.check)
        show_looks(found, session.output, as_json=as_json, record=record)
    return True
