"""`anokuro recover`: damaged files into a new database, and what became of each table."""

from __future__ import annotations

from typing import TYPE_CHECKING

from anokuro_cli.errors import FAILED, OK, ShellError
from anokuro_cli.text import neutralise, plural

if TYPE_CHECKING:
    from anokuro_cli.render.output import Output
    from engine.api.recover import RecoveredTree, RecoverReport

SHOWN = 20


def recover_and_report(path: str, output_path: str, output: Output, messages: Output, *, as_json: bool) -> int:
    """Recovers, and shows the report on `output`. Returns OK where nothing was lost, else FAILED."""
    import engine

    def progress(name: str, rows: int) -> None:
        if messages.terminal:
            messages.line(f"{neutralise(name)}: {rows:,} saved")

    try:
        report = engine.recover(path, output_path, progress=progress)
    except engine.Error as error:
        raise ShellError(str(error)) from error
    if as_json:
        import json

        output.line(json.dumps(report.to_json(), indent=2))
    else:
        _show(report, output)
    output.flush()
    messages.line("nothing was lost" if report.is_whole else messages.style("something was lost, see above", "red"))
    return OK if report.is_whole else FAILED


def _show(report: RecoverReport, output: Output) -> None:
    output.line(f"{neutralise(report.path)} -> {neutralise(report.output)}, as of LSN {report.log_end}")
    for problem in report.problems[:SHOWN]:
        output.line(f"  {output.style('!', 'red')} {neutralise(problem)}")
    if len(report.problems) > SHOWN:
        output.line(f"  and {len(report.problems) - SHOWN} more; --json has them all")
    for tree in report.trees:
        for line in _lines(tree):
            output.line(neutralise(line))


def _lines(tree: RecoveredTree) -> list[str]:
    what = tree.name if tree.kind == "unknown" else f"{tree.kind} {tree.name}"
    lines = [f"{what}: {plural(tree.saved, 'row' if tree.kind == 'table' else 'key')} saved"]
    if tree.kind == "unknown":
        lines[0] += f", as keys and values of the tree 'recovered {tree.tree}': the catalog does not say what it was"
    if tree.older:
        lines.append(f"  {tree.older:,} of them from older images: they may have been changed or deleted since")
    if tree.set_aside:
        lines.append(
            f"  {plural(tree.set_aside, 'row')} set aside in the tree 'recovered {tree.name}': not rows of it as it is now"
        )
    lines += [f"  nothing can be read {gap}" for gap in tree.gaps[:SHOWN]]
    lines += [f"  lost, its long value is damaged: {key}" for key in tree.lost[:SHOWN]]
    if tree.damaged_cells:
        lines.append(f"  {plural(tree.damaged_cells, 'damaged cell')}")
    return lines
