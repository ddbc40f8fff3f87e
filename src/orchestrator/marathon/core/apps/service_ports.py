"""Service ports: one number per port of an app, unique in the cluster, for load balancers to use.

A port of 0 gets the next free number of a range. Where an app is changed, the numbers it has are
kept, so that sending the same definition again is no change.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

from msgspec.structs import replace

from orchestrator.marathon.core.apps.app import App
from orchestrator.marathon.core.refusals import InvalidObject, Violation


def assign(app: App, existing: App | None, taken: Mapping[int, int], low: int, high: int) -> App:
    """The app with a number for every port that is 0, from low to high, both included.

    ``taken`` counts how often other apps use a number. Raises InvalidObject when none is left.
    """
    if 0 not in app.service_ports:
        return app
    fixed = {port for port in app.service_ports if port}
    free = _free(existing, fixed, taken, low, high)
    ports = [port or _next(free, low, high) for port in app.service_ports]
    if app.uses_host_network:
        definitions = [
            replace(d, port=port) for d, port in zip(app.port_definitions or [], ports, strict=True)
        ]
        return replace(app, port_definitions=definitions)
    mappings = [
        replace(m, service_port=port) for m, port in zip(app.port_mappings, ports, strict=True)
    ]
    return replace(app, container=app.container and replace(app.container, port_mappings=mappings))


def _free(
    existing: App | None, fixed: Collection[int], taken: Mapping[int, int], low: int, high: int
) -> Iterator[int]:
    own = [port for port in (existing.service_ports if existing else []) if low <= port <= high]
    yield from (port for port in own if port not in fixed and taken.get(port, 0) <= 0)
    for port in range(low, high + 1):
        if taken.get(port, 0) <= 0 and port not in fixed and port not in own:
            yield port


def _next(free: Iterator[int], low: int, high: int) -> int:
    port = next(free, None)
    if port is None:
        error = f"All ports in the range [{low}-{high}) are already in use"
        raise InvalidObject([Violation("/", error)])
    return port
