"""Rules of networks and ports, over a whole, canonical app.

Source: NetworkValidation.scala and AppValidation.scala of Marathon 1.11.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence

from orchestrator.marathon.core.apps.app import App
from orchestrator.marathon.core.apps.app_parts import RANDOM_PORT, NetworkMode
from orchestrator.marathon.core.refusals import Violation

Violations = Iterator[Violation]
_NAME = re.compile(r"[a-z0-9]([-a-z0-9_]*[a-z0-9])?")
_MAX_NAME_LENGTH = 63
_SINGLE_NAME = (
    "networkNames must be a single item list when hostPort is specified "
    "and more than 1 container network is defined"
)


def _kinds(app: App) -> Violations:
    modes = Counter(network.mode for network in app.networks)
    if len(modes) > 1 or any(n > 1 for m, n in modes.items() if m is not NetworkMode.CONTAINER):
        yield Violation(
            "/networks",
            "May specify a single host network, single bridge network, "
            "or else 1-to-n container networks",
        )
    if app.container and app.container.type == "DOCKER" and modes[NetworkMode.CONTAINER] > 1:
        error = "may only specify a single container network when using the Docker container engine"
        yield Violation("/", error)


def _names(app: App) -> Violations:
    of_mode = {mode: [n for n in app.networks if n.mode is mode] for mode in NetworkMode}
    if any(network.name or network.labels for network in of_mode[NetworkMode.HOST]):
        yield Violation("/networks", "Host networks may not have names or labels")
    if any(network.name for network in of_mode[NetworkMode.BRIDGE]):
        yield Violation("/networks", "Bridge networks may not have names")
    names = [network.name for network in of_mode[NetworkMode.CONTAINER]]
    if not all(names):
        error = "Network name must be specified when container network is selected."
        yield Violation("/networks", error)
    if len(set(names)) != len(names):
        yield Violation("/networks", "Duplicate networks are not allowed")


def _spelling(app: App) -> Violations:
    for index, network in enumerate(app.networks):
        name = network.name
        if name and (len(name) > _MAX_NAME_LENGTH or not _NAME.fullmatch(name)):
            error = f"must fully match regular expression '{_NAME.pattern}', of {_MAX_NAME_LENGTH}"
            yield Violation(f"/networks({index})/name", f"{error} characters at most")


def _definitions(app: App) -> Violations:
    definitions = app.port_definitions or []
    yield from _unique_names("/portDefinitions", [d.name for d in definitions])
    fixed = [d.port for d in definitions if d.port != RANDOM_PORT]
    if len(set(fixed)) != len(fixed):
        yield Violation("/portDefinitions", "Ports must be unique.")


def _mappings(app: App) -> Violations:
    where = "/container/portMappings"
    yield from _unique_names(where, [mapping.name for mapping in app.port_mappings])
    names = [network.name for network in app.networks if network.name]
    containers = sum(network.mode is NetworkMode.CONTAINER for network in app.networks)
    for index, mapping in enumerate(app.port_mappings):
        has_one_name = len(mapping.network_names) == 1
        if containers > 1 and mapping.host_port is not None and not has_one_name:
            yield Violation(f"{where}({index})", _SINGLE_NAME)
        for position, name in enumerate(mapping.network_names):
            if name not in names:
                error = f"is not one of ({','.join(names)})"
                yield Violation(f"{where}({index})/networkNames({position})", error)


def _unique_names(path: str, names: Sequence[str | None]) -> Violations:
    given = [name for name in names if name is not None]
    if len(set(given)) != len(given):
        yield Violation(path, "Port names must be unique.")


NETWORK_RULES: Sequence[Callable[[App], Violations]] = (
    _kinds, _names, _spelling, _definitions, _mappings,
)  # fmt: skip
