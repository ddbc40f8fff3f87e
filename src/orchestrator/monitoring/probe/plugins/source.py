"""Finds plug-ins in a directory of sockets and asks each of them; a hung one costs only its answer.

Each is asked by itself, for half a second at most, every few seconds: what it last said is in the
next report. One that does not answer, or not as it should, is named with the reason.
"""

from __future__ import annotations

import asyncio
import socket
import stat
from collections.abc import Iterator
from pathlib import Path

import msgspec

from orchestrator.monitoring.probe.control.controllers import PLUGIN_MARK
from orchestrator.monitoring.probe.http.client import Answer, Client, Origin
from orchestrator.monitoring.probe.http.exchange import HttpError
from orchestrator.monitoring.probe.plugins.parsing import (
    PluginError,
    PluginReport,
    added,
    read,
)
from orchestrator.monitoring.probe.roles import Answer as Done
from orchestrator.monitoring.probe.roles import (
    Asked,
    ControlFailedError,
    Parts,
    Setup,
    Source,
)
from orchestrator.monitoring.report import Plugin, Topology

MAX_PLUGINS = 32
MAX_BYTES = 4 * 1024 * 1024
REPORT_S = 0.5
_CONTROL_S = 10.0


class ControlAnswer(msgspec.Struct):
    """What a plug-in says to a control; a report beside it comes with the next one."""

    error: str | None = None
    value: str = ""


def source(setup: Setup) -> Source:
    """The source."""
    config = setup.config
    plugins = Plugins(Path(config.plugins_dir), setup.host_id, has_controls=config.controls)
    return Source(
        "plugins",
        reporter=plugins,
        tagger=plugins,
        ticker=plugins,
        plugin_controller=plugins.control if config.controls else None,
        close=plugins.close,
    )


class _Known:
    """One socket, and what came of it last."""

    def __init__(self, path: Path) -> None:
        self.client = Client(Origin("", 0, unix=str(path)))
        self.report: PluginReport | None = None
        self.problem = ""


class Plugins:
    """Reporter of who there is, tagger with what they add, controller of what they offer."""

    period_s = 5.0

    def __init__(self, directory: Path, host_id: str, *, has_controls: bool) -> None:
        self._directory = directory
        self._host_id = host_id
        self._has_controls = has_controls
        self._known: dict[str, _Known] = {}

    def report(self, now: float) -> Parts:
        """The plug-ins, and how they do."""
        del now
        return Parts(plugins=[_shown(id, known) for id, known in self._known.items()])

    def tag(self, parts: Parts, now: float) -> None:
        """Add what they said to the nodes that there are."""
        del now
        for known in self._known.values():
            if known.report is not None:
                for topology, extras in known.report.extras.items():
                    nodes = parts.nodes.get(topology, [])
                    for at, node in enumerate(nodes):
                        if (extra := extras.get(node.id)) is not None:
                            nodes[at] = added(node, extra)

    async def tick(self, now: float) -> None:
        """See who there is, and ask all of them."""
        del now
        found = dict(_sockets(self._directory))
        for id in self._known.keys() - found.keys():
            self._known.pop(id).client.close()
        for id in found.keys() - self._known.keys():
            self._known[id] = _Known(found[id])
        await asyncio.gather(*(self._ask(id, known) for id, known in self._known.items()))

    async def control(self, asked: Asked, topology: Topology) -> Done:
        """Have a plug-in do what it offers. Raises ControlFailedError."""
        id, _, name = asked.control.partition(PLUGIN_MARK)
        known = self._known.get(id)
        extras = known.report.extras.get(topology, {}) if known and known.report else {}
        extra = extras.get(asked.node_id)
        if known is None or extra is None or asked.control not in extra.controls:
            raise ControlFailedError(f"no plug-in {id!r} offers {name!r} here any more")
        body = {"AppID": "", "NodeID": extra.their_id, "Control": name}
        try:
            answer = await known.client.request(
                "POST", "/control", msgspec.json.encode(body), _JSON, _CONTROL_S, MAX_BYTES
            )
            return Done(_outcome(id, answer))
        except HttpError as error:
            raise ControlFailedError(f"the plug-in {id}: {error}") from None

    def close(self) -> None:
        """Close all connections."""
        for known in self._known.values():
            known.client.close()

    async def _ask(self, id: str, known: _Known) -> None:
        try:
            answer = await known.client.request(
                "GET", "/report", timeout_s=REPORT_S, max_bytes=MAX_BYTES
            )
            if answer.status != 200:
                raise PluginError(f"it answers with status {answer.status}")
            known.report = read(
                answer.body,
                id,
                self._host_id,
                socket.gethostname(),
                has_controls=self._has_controls,
            )
            known.problem = ""
        except (HttpError, PluginError) as error:
            known.report, known.problem = None, str(error)


_JSON = {"Content-Type": "application/json"}


def _sockets(directory: Path) -> Iterator[tuple[str, Path]]:
    """Plug-ins by id: the names of their sockets, without what comes after the last dot."""
    try:
        paths = sorted(path for path in directory.iterdir() if stat.S_ISSOCK(path.stat().st_mode))
    except OSError:  # there is none, or one of them has just gone
        return
    for path in paths[:MAX_PLUGINS]:
        if path.stem.isprintable() and PLUGIN_MARK not in path.stem:
            yield path.stem, path


def _shown(id: str, known: _Known) -> Plugin:
    if known.report is not None:
        return known.report.plugin
    return Plugin(id[:512], problem=(known.problem or "it was not asked yet")[:4096])


def _outcome(id: str, answer: Answer) -> str:
    try:
        said = msgspec.json.decode(answer.body or b"{}", type=ControlAnswer)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        raise ControlFailedError(f"the plug-in {id} does not answer in JSON") from None
    if answer.status >= 400 or said.error:
        raise ControlFailedError(f"the plug-in {id}: {said.error or f'status {answer.status}'}")
    return said.value
