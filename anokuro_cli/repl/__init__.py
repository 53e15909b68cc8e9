"""The prompt, on prompt_toolkit; imported only when somebody sits at a terminal.

loop.py       read, run, repeat               highlight.py   colours from grammar.tokens
keys.py       key bindings                    completer.py   complete/ for prompt_toolkit, dot commands, paths
history.py    the history file                toolbar.py     prompt and toolbar
pager.py      long results
"""
