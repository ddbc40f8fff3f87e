"""What is wrong with a command, in a sentence.

Source: src/common/validation.cpp of Mesos 1.11, whose wording is kept.
"""

from __future__ import annotations

from orchestrator.mesos.types import CommandInfo


def command_problem(command: CommandInfo) -> str | None:
    """Why a command cannot be run."""
    variables = command.environment.variables if command.environment else []
    for variable in variables:
        if variable.type == "VALUE" and variable.value is None:
            return f"Environment variable '{variable.name}' of type 'VALUE' must have a value set"
        if "\0" in variable.name + (variable.value or "") or "=" in variable.name:
            return f"Environment variable {variable.name!r} cannot be set"
    if any("\0" in text for text in (command.value or "", *command.arguments)):
        return "The command contains a NUL character"
    return None
