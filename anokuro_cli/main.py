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
    from anokuro_cli.opening import Opener
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
    if arguments and arguments[0] in SUBCOMMANDS:
        from anokuro_cli.subcommands import run_subcommand

        return run_subcommand(arguments, opener)
    try:
        invocation = parse(arguments)
        if invocation.file in SUBCOMMANDS and not os.path.exists(invocation.file):
            raise UsageError(f"{invocation.file} is a subcommand", f"put it first: anokuro {invocation.file} ...")
    except UsageError as error:
        from anokuro_cli.render.output import output_for

        show_problem(Problem(str(error), USAGE, error.hint), output_for(sys.stderr))
        return USAGE
    if invocation.has("version"):
        return _version()
    if invocation.has("help"):
        from anokuro_cli.help import shell_app

        shell_app()(["--help"], standalone_mode=False)
        return OK
    return _shell(invocation, opener)


def _version() -> int:
    import engine

    print(f"anokuro {engine.__version__}")
    return OK


def _shell(invocation: Invocation, opener: Opener | None) -> int:
    from anokuro_cli.opening import MEMORY, CannotOpen, Handle, open_database
    from anokuro_cli.render.output import output_for

    colour = invocation.values.get("color", "auto")
    messages = output_for(sys.stderr, colour)
    path = invocation.file or MEMORY
    try:
        handle = Handle(path, readonly=invocation.has("readonly"), opener=opener or open_database)
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


def start_session(invocation: Invocation, handle: object, messages: object) -> Session:
    """The session that a command line asks for."""
    from anokuro_cli.opening import Handle
    from anokuro_cli.render.output import Output, output_for
    from anokuro_cli.settings import Settings
    from anokuro_cli.shell import Session

    assert isinstance(handle, Handle) and isinstance(messages, Output)
    output = output_for(sys.stdout, invocation.values.get("color", "auto"))
    target = invocation.values.get("output")
    if target is not None:
        output = Output(open(target, "w", encoding="utf-8", newline=""))  # noqa: SIM115 - open as long as the process is
    settings = Settings(
        mode=invocation.mode or ("table" if output.terminal else "tsv"),
        mode_chosen=invocation.mode is not None or output.terminal,
        headers=invocation.headers,
        tuples_only=invocation.has("tuples-only"),
        expanded="on" if invocation.has("expanded") else "auto",
        nullvalue=invocation.values.get("nullvalue"),
        timer=invocation.has("timer"),
        echo=invocation.has("echo"),
        bail=invocation.bail,
        quiet=invocation.has("quiet"),
        yes=invocation.has("yes"),
        error_format="json" if invocation.mode in ("json", "jsonl") else "text",
    )
    if invocation.has("expanded") and invocation.mode is None:
        settings.mode = "line"
    return Session(handle, output, messages, settings, dict(invocation.parameters))


def _run_actions(session: Session, invocation: Invocation) -> int:
    actions = invocation.actions
    if not actions:
        if sys.stdin.isatty() and sys.stdout.isatty():
            from anokuro_cli.repl.loop import interact

            return interact(session)
        actions = [("file", "-")]
    session.interrupts.start()
    try:
        return _atomically(session, actions) if invocation.has("atomic") else _in_order(session, actions)
    except Leave as leave:
        return leave.status
    finally:
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
