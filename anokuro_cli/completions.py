"""Completion scripts for bash, zsh and fish, made from the table of options: `anokuro config --completion bash`."""

from __future__ import annotations

from anokuro_cli.errors import USAGE, ShellError
from anokuro_cli.options import OPTIONS, SUBCOMMANDS
from anokuro_cli.text import did_you_mean

SHELLS = ("bash", "zsh", "fish")


def script_for(shell: str) -> str:
    """The script for a shell; raises ShellError for one that is not known."""
    makers = {"bash": _bash, "zsh": _zsh, "fish": _fish}
    if shell not in makers:
        near = did_you_mean(shell, SHELLS)
        raise ShellError(f"no completions for {shell}", f"did you mean {near}?" if near else "bash, zsh or fish", USAGE)
    return makers[shell]()


def _flags() -> list[str]:
    return [flag for option in OPTIONS for flag in (*option.flags, option.off) if flag]


def _bash() -> str:
    cases = []
    for option in OPTIONS:
        if option.metavar:
            pattern = "|".join(option.flags)
            if "path" in option.choices:
                cases.append(f'        {pattern}) COMPREPLY=( $(compgen -f -- "$word") ); return ;;')
            else:
                cases.append(
                    f'        {pattern}) COMPREPLY=( $(compgen -W "{" ".join(option.choices)}" -- "$word") ); return ;;'
                )
    newline = "\n"
    return f"""# bash completion of anokuro: source this file, or put it into ~/.local/share/bash-completion/completions/anokuro
_anokuro() {{
    local word="${{COMP_WORDS[COMP_CWORD]}}" before="${{COMP_WORDS[COMP_CWORD-1]}}"
    case "$before" in
{newline.join(cases)}
    esac
    if [[ "$word" == -* ]]; then
        COMPREPLY=( $(compgen -W "{" ".join(_flags())}" -- "$word") )
    elif (( COMP_CWORD == 1 )); then
        COMPREPLY=( $(compgen -W "{" ".join(SUBCOMMANDS)}" -- "$word") $(compgen -f -- "$word") )
    else
        COMPREPLY=( $(compgen -f -- "$word") )
    fi
}}
complete -o filenames -o bashdefault -F _anokuro anokuro
"""


def _zsh() -> str:
    lines = []
    for option in OPTIONS:
        names = [*option.flags, *([option.off] if option.off else [])]
        for name in names:
            value = ""
            if option.metavar and name != option.off:
                action = (
                    "_files" if "path" in option.choices else f"({' '.join(option.choices)})" if option.choices else ""
                )
                value = f":{option.metavar}:{action}"
            star = "*" if option.repeatable else ""
            lines.append(f"    '{star}{name}[{_zsh_text(option.help)}]{value}' \\")
    commands = " ".join(f"'{name}:{_zsh_text(text)}'" for name, text in SUBCOMMANDS.items())
    body = "\n".join(lines)
    return f"""#compdef anokuro
# zsh completion of anokuro: put this file as _anokuro into a folder of $fpath
_anokuro_first() {{
    local -a commands=({commands})
    _describe 'subcommand' commands
    _files
}}
_arguments -s \\
{body}
    '1:file or subcommand:_anokuro_first' \\
    '*:file:_files'
"""


def _zsh_text(text: str) -> str:
    return text.replace("'", "").replace("[", "(").replace("]", ")").replace(":", "")


def _fish() -> str:
    lines = ["# fish completion of anokuro: put this file into ~/.config/fish/completions/anokuro.fish"]
    for name, text in SUBCOMMANDS.items():
        lines.append(f"complete -c anokuro -n __fish_use_subcommand -a {name} -d {_fish_text(text)}")
    for option in OPTIONS:
        words = ["complete -c anokuro"]
        for flag in option.flags:
            words.append(f"-l {flag[2:]}" if flag.startswith("--") else f"-s {flag[1:]}")
        if option.metavar:
            words.append(
                "-r"
                + (
                    " -F"
                    if "path" in option.choices
                    else f" -f -a '{' '.join(option.choices)}'"
                    if option.choices
                    else ""
                )
            )
        lines.append(" ".join([*words, f"-d {_fish_text(option.help)}"]))
        if option.off:
            lines.append(f"complete -c anokuro -l {option.off[2:]} -d {_fish_text(option.help)}")
    return "\n".join(lines) + "\n"


def _fish_text(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"
