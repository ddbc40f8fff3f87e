"""A container joins, is checked in and leaves one network: its plug-ins in order, or in reverse.

Leaving must work however far joining came, also without its result, and any number of times: so the
specification asks of plug-ins, and every one of them is called even when one fails.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator

from orchestrator.agent.adapters.network.cni import requests, results
from orchestrator.agent.adapters.network.cni.config import VERSIONS, CniError, Network, Plugin
from orchestrator.agent.adapters.network.cni.plugins import Plugins
from orchestrator.agent.adapters.network.cni.requests import Joining

_FIRST_WITH_CHECK = "0.4.0"  # and with the result told on DEL


async def add(plugins: Plugins, network: Network, joining: Joining) -> AsyncGenerator[bytes, None]:
    """Have a container join: gives the result of each plug-in as it was written, the last counts.

    Those before matter should it go wrong later: without them firewalls do not know what to undo.
    Raises CniError.
    """
    result: bytes | None = None
    for plugin in network.plugins:
        answer = await _call(plugins, network, plugin, joining, "ADD", result)
        with _naming(network, plugin, "ADD"):
            results.parse(answer)
        result = answer
        yield result


async def check(plugins: Plugins, network: Network, joining: Joining, result: bytes) -> None:
    """Raises CniError when the container's network is not as it should be."""
    if network.disable_check or not _is_at_least(network.version, _FIRST_WITH_CHECK):
        return
    for plugin in network.plugins:
        await _call(plugins, network, plugin, joining, "CHECK", result)


async def delete(
    plugins: Plugins, network: Network, joining: Joining, result: bytes | None
) -> None:
    """Have a container leave. Raises CniError with the first complaint, after all were called."""
    told = result if _is_at_least(network.version, _FIRST_WITH_CHECK) else None
    first: CniError | None = None
    for plugin in reversed(network.plugins):
        try:
            await _call(plugins, network, plugin, joining, "DEL", told)
        except CniError as error:
            first = first or error
    if first is not None:
        raise first


async def _call(
    plugins: Plugins,
    network: Network,
    plugin: Plugin,
    joining: Joining,
    command: str,
    previous: bytes | None,
) -> bytes:
    with _naming(network, plugin, command):
        environment = requests.environment(joining, command, plugins.path)
        stdin = requests.stdin(network, plugin, joining, previous)
        return await plugins.run(plugin.type, environment, stdin)


class _naming:  # noqa: N801 (used like contextlib.suppress)
    """Says in every complaint which plug-in of which network failed at what."""

    def __init__(self, network: Network, plugin: Plugin, command: str) -> None:
        self._where = f"The plug-in '{plugin.type}' of network '{network.name}' failed ({command})"

    def __enter__(self) -> None:
        return None

    def __exit__(self, _: object, error: BaseException | None, __: object) -> None:
        if isinstance(error, CniError):
            raise CniError(f"{self._where}: {error}") from None


def _is_at_least(version: str, least: str) -> bool:
    return VERSIONS.index(version) >= VERSIONS.index(least)
