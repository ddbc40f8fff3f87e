"""What the role of an app, and the roles whose resources it accepts, cannot be.

Which roles it may have is in ``group_roles``. Source: ResourceRole.scala and AppDefinition.scala of
Marathon 1.11.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from orchestrator.marathon.core.apps.app import App
from orchestrator.marathon.core.refusals import Violation

UNRESERVED = "*"
_BAD_CHARACTERS = {
    "\t": r"horizontal tab (\x09)",
    "\n": r"line feed (\x0a)",
    "\v": r"vertical tab (\x0b)",
    "\f": r"form feed (\x0c)",
    "\r": r"carriage return (\x0d)",
    " ": r"space (\x20)",
    "/": r"slash (\x2f)",
    "\x7f": r"backspace (\x7f)",
}


def problems(app: App, roles: Sequence[str]) -> Iterator[Violation]:
    """What is wrong with the app's role and with the roles whose resources it accepts."""
    if app.role not in roles:
        yield Violation("/role", f"got {app.role}, expected one of: [{', '.join(roles)}]")
    if app.is_resident and app.role == UNRESERVED:
        yield Violation("/role", f"Resident apps cannot have the role {UNRESERVED}")
    yield from _accepted(app)


def _accepted(app: App) -> Iterator[Violation]:
    where = "/acceptedResourceRoles"
    accepted = app.accepted_resource_roles
    for index, role in enumerate(accepted):
        if error := name_problem(role):
            yield Violation(f"{where}({index})", error)
    known = sorted({UNRESERVED, app.role})
    if not set(accepted) <= set(known):
        yield Violation(where, f"acceptedResourceRoles can only contain {' and '.join(known)}")
    if app.is_resident and accepted and set(accepted) != {UNRESERVED}:
        yield Violation(where, 'A resident app must have `acceptedResourceRoles = ["*"]`.')


def name_problem(role: str) -> str | None:
    """What keeps a text from being the name of a role."""
    if role in ("", ".", ".."):
        return f'A role name must not be "{role}".'
    if role.startswith("-"):
        return "A role name must not start with a '-'."
    for character, name in _BAD_CHARACTERS.items():
        if character in role:
            return f"A role name must not include a {name} character."
    return None
