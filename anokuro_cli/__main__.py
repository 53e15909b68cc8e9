"""`python -m anokuro_cli`."""

from anokuro_cli.main import program

program()
