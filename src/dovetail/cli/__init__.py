"""The command line.

Only typer is imported here. What a command needs is loaded when it runs, so that help and argument
errors answer at once.
"""

from dovetail.cli.app import main

__all__ = ["main"]
