"""How commands end: one sentence on stderr and an exit code that programs can rely on."""

from __future__ import annotations

import sys
from enum import IntEnum

import click


class Exit(IntEnum):
    """Exit codes of every command."""

    OK = 0
    FAILED = 1
    USAGE = 2  # click's own
    NOT_REACHABLE = 3
    UNKNOWN = 4  # no such app, task, ...
    INVALID = 5  # a document or a file that is not what it should be


class CommandError(click.ClickException):
    """Ends the command with a sentence."""

    exit_code = Exit.FAILED


class SettingError(CommandError):
    """A setting is wrong."""

    exit_code = Exit.USAGE


class NotReachableError(CommandError):
    """A server does not answer."""

    exit_code = Exit.NOT_REACHABLE


class UnknownError(CommandError):
    """There is no such app, task or file."""

    exit_code = Exit.UNKNOWN


class InvalidError(CommandError):
    """A document or a file is not what it should be."""

    exit_code = Exit.INVALID


def run(command: click.Command) -> None:
    """Run a command as a program; a reader that goes away (`| head`) is no error."""
    try:
        command()
    except BrokenPipeError:
        # Python would complain once more when it flushes at exit.
        sys.stdout = None
        sys.exit(Exit.FAILED)
