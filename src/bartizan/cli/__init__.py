"""The command line: one file per noun, each imported only when it is asked for.

Takes in arguments and the environment; data goes to stdout, everything said to a person to stderr, and every read command has
``--json``. Gives out exit codes: 0 done, 1 refused or not found out, 2 wrong usage or settings.
"""

from bartizan.cli.main import main

__all__ = ["main"]
