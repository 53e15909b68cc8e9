"""`anokuro`: where a command line becomes a session.

anokuro check FILE ...        first word is a subcommand -> typer (subcommands.py)
anokuro [OPTIONS] FILE [SQL]  parsed by options.parse, so that a one-shot query imports neither typer nor rich nor prompt_toolkit
"""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, NoReturn

from anokuro_cli.errors import (
    CANNOT_OPEN,
    INTERRUPTED,
    OK,
    USAGE,
    Leave,
    Problem,
    ShellError,
    explain,
    show_problem,
)
from anokuro_cli.options import SUBCOMMANDS, Invocation, UsageError, parse

if TYPE_CHECKING:
    from anokuro_cli.opening import Handle, Opener
    from anokuro_cli.render.output import Output
    from anokuro_cli.settings import Settings
    from anokuro_cli.shell import Session


def program() -> NoReturn:
    """The console script. Leaves at once when everything is closed and written: to take every module apart takes 25 ms."""
    status = main()
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError):
            stream.flush()
    os._exit(status)


def main(arguments: list[str] | None = None, opener: Opener | None = None) -> int:
    """Runs the command line and returns the exit status. opener: what opens databases, the engine unless a test says otherwise."""
    arguments = sys.argv[1:] if arguments is None else arguments
    from anokuro_cli.render.output import prepare_standard_streams

    prepare_standard_streams()
    try:
        status = run(arguments, opener)
        sys.stdout.flush()
        return status
    except BrokenPipeError:  # the reader has gone: nobody to tell
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return OK
    except KeyboardInterrupt:
        return INTERRUPTED


def run(arguments: list[str], opener: Opener | None = None) -> int:
    """Runs a command line and returns its exit status."""
    script = arguments[:1] == ["run"]
    if arguments and arguments[0] in SUBCOMMANDS and not script:
        from anokuro_cli.subcommands import run_subcommand

        return run_subcommand(arguments, opener)
    try:
        invocation = parse(arguments[1:] if script else arguments, script)
        if invocation.file in SUBCOMMANDS and not os.path.exists(invocation.file):
            raise UsageError(f"{invocation.file} is a subcommand", f"put it first: anokuro {invocation.file} ...")
    except UsageError as error:
        from anokuro_cli.render.output import output_for

        show_problem(Problem(str(error), USAGE, error.hint), output_for(sys.stderr))
        return USAGE
    if invocation.has("version"):
        return _version()
    if invocation.has("help"):
        from anokuro_cli.help import show_help
        from anokuro_cli.render.output import output_for

        show_help(output_for(sys.stdout, invocation.values.get("color", "auto")), script)
        return OK
    return _shell(invocation, opener)


def _version() -> int:
    import engine

    print(f"anokuro {engine.__version__}")
    return OK


def _shell(invocation: Invocation, opener: Opener | None) -> int:
    from anokuro_cli.opening import MEMORY, CannotOpen, Handle, keeping_log
    from anokuro_cli.render.output import output_for

    colour = invocation.values.get("color", "auto")
    messages = output_for(sys.stderr, colour)
    path, kept = invocation.file or MEMORY, invocation.values.get("wal-retention", "0")
    try:
        handle = Handle(path, readonly=invocation.has("readonly"), opener=opener or keeping_log(kept))
    except CannotOpen as error:
        show_problem(error.problem, messages, invocation.mode in ("json", "jsonl"))
        return CANNOT_OPEN
    try:
        with handle:
            return _run_actions(start_session(invocation, handle, messages), invocation)
    except (BrokenPipeError, KeyboardInterrupt):
        raise
    except Exception as error:  # an output file that cannot be written, a last checkpoint that fails
        problem = explain(error)
        show_problem(problem, messages)
        return problem.status


def start_session(invocation: Invocation, handle: Handle, messages: Output) -> Session:
    """The session that a command line asks for."""
    from anokuro_cli.render.output import Output, output_for
    from anokuro_cli.settings import Settings
    from anokuro_cli.shell import Session

    output = output_for(sys.stdout, invocation.values.get("color", "auto"))
    target = invocation.values.get("output")
    if target is not None:
        output = Output(open(target, "w", encoding="utf-8", newline=""))  # noqa: SIM115 - open as long as the process is
    settings = Settings(mode="table" if output.terminal else "tsv", mode_chosen=output.terminal)
    warnings: list[str] = []
    if is_interactive(invocation):
        from anokuro_cli.config import read_config

        warnings = read_config(settings)
    apply_options(invocation, settings)
    if invocation.has("ascii"):
        output.unicode = messages.unicode = False
    session = Session(handle, output, messages, settings, dict(invocation.parameters))
    for warning in warnings:
        session.note(warning)
    return session


def is_interactive(invocation: Invocation) -> bool:
    """Whether a prompt follows."""
    return not invocation.actions and sys.stdin.isatty() and sys.stdout.isatty()


def apply_options(invocation: Invocation, settings: Settings) -> None:
    """What was said on the command line counts more than config.toml."""
    for name in ("tuples-only", "timer", "echo", "quiet", "yes", "safe", "safe-updates"):
        if invocation.has(name):
            setattr(settings, name.replace("-", "_"), True)
    settings.safe_updates |= settings.safe
    settings.bail = invocation.bail
    if invocation.headers is not None:
        settings.headers = invocation.headers
    if "nullvalue" in invocation.values:
        settings.nullvalue = invocation.values["nullvalue"]
    if "maxrows" in invocation.values:
        settings.maxrows = int(invocation.values["maxrows"])
    if "timeout" in invocation.values:
        settings.timeout = float(invocation.values["timeout"])
    if invocation.mode is not None:
        settings.mode, settings.mode_chosen = invocation.mode, True
    if invocation.has("expanded"):
        settings.expanded = "on"
        if invocation.mode is None:
            settings.mode = "line"
    if invocation.mode in ("json", "jsonl"):
        settings.error_format = "json"


def _run_init(session: Session, invocation: Invocation, interactive: bool) -> bool:
    """The init script: --init FILE for everybody, init.sql beside config.toml for the prompt. False if it failed."""
    given = invocation.values.get("init")
    if given is None:
        from anokuro_cli.config import beside_config

        given = beside_config("init.sql") if interactive and invocation.init else None
        if given is None or not os.path.exists(given):
            return True
    return _one_action(session, "file", given)


def _run_actions(session: Session, invocation: Invocation) -> int:
    interactive = is_interactive(invocation)
    session.interrupts.start()
    try:
        if not _run_init(session, invocation, interactive) and not interactive and session.settings.bail:
            return session.status
        if interactive:
            from anokuro_cli.repl.loop import interact

            return interact(session)
        actions = invocation.actions or [("file", "-")]
        return _atomically(session, actions) if invocation.has("atomic") else _in_order(session, actions)
    except Leave as leave:
        return leave.status
    finally:
        session.interrupts.stop()
        session.redirect.back()
        session.output.flush()


def _in_order(session: Session, actions: list[tuple[str, str]]) -> int:
    worst = OK
    for kind, text in actions:
        if not _one_action(session, kind, text):
            worst = session.status
            if session.settings.bail or worst == INTERRUPTED:
                break
    return worst


def _one_action(session: Session, kind: str, text: str) -> bool:
    try:
        if kind == "command":
            return session.run_script(text.splitlines(keepends=True), "<command>")
        if text == "-":
            return session.run_script(sys.stdin, "<stdin>")
        return session.run_file(text)
    except (OSError, ShellError, UnicodeDecodeError) as error:
        if isinstance(error, BrokenPipeError):
            raise
        session.report(explain(error))
        return False


def _atomically(session: Session, actions: list[tuple[str, str]]) -> int:
    session.handle.make()
    session.db.execute("BEGIN")
    status = _in_order(session, actions)
    if not session.handle.in_transaction():
        return status  # the script has ended the transaction itself
    ended = session.run_script(["COMMIT;" if status == OK else "ROLLBACK;"], "<atomic>")
    return status if ended else session.status


if __name__ == "__main__":
    program()
