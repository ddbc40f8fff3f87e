"""Controls of pods and what has replicas: a pod deleted, its logs, one replica more or less.

An object is known by its uid, but the API server takes its name. So each change says which uid is
meant: another object that has the name by now is left alone.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Final, Protocol
from urllib.parse import quote, urlencode

import msgspec

from orchestrator.monitoring.probe.control.flowing import first, until_gone
from orchestrator.monitoring.probe.http.client import Answer as HttpAnswer
from orchestrator.monitoring.probe.http.exchange import Exchange, HttpError
from orchestrator.monitoring.probe.kubernetes.api import Resource
from orchestrator.monitoring.probe.kubernetes.objects import Pod
from orchestrator.monitoring.probe.kubernetes.server import Server
from orchestrator.monitoring.probe.roles import Answer, Asked, ControlFailedError, Terminal
from orchestrator.monitoring.report import Node, Topology, control
from orchestrator.monitoring.report.model import Count

SCALED: Final[Mapping[Topology, Resource]] = {
    "deployment": Resource("deployments", "apps"),
    "stateful_set": Resource("statefulsets", "apps"),
}
"""What is scaled by whoever asks: a replica set is by its deployment, others have no replicas."""
CONTROLS: Final = (control.LOGS, control.REMOVE, control.SCALE_UP, control.SCALE_DOWN)
_TIMEOUT_S = 25.0  # within that of a request
_MAX_TAIL = 100_000
_MAX_REPLICAS = 10_000
_TRIES = 5
_GONE = "there is no such object any more"
_PATCH = "application/merge-patch+json"


class Known(Protocol):
    """Says what there is."""

    def pod(self, uid: str) -> Pod | None:
        """A pod of this machine."""
        ...

    def scaled(self, topology: Topology, uid: str) -> Node | None:
        """One of ``SCALED`` in the cluster."""
        ...

    async def look_anew(self, topology: Topology) -> None:
        """Something of a kind was changed."""
        ...


class _Metadata(msgspec.Struct, rename="camel"):
    uid: str = ""
    resource_version: str = ""


class _Replicas(msgspec.Struct):
    replicas: Count = 0


class _Scale(msgspec.Struct):
    metadata: _Metadata
    spec: _Replicas = msgspec.field(default_factory=_Replicas)


def controls_of(pod: Pod) -> list[str]:
    """What may be asked of a pod: one that waits for its machine or images has written nothing."""
    has_run = pod.status.phase not in ("", "Pending")
    return [control.LOGS, control.REMOVE] if has_run else [control.REMOVE]


class _ConflictError(ControlFailedError):
    """The object is not the one that was meant, or no longer as it was read."""


class KubernetesControls:
    """Carries them out, each over a connection of its own."""

    def __init__(self, server: Server, known: Known) -> None:
        self._server = server
        self._known = known

    async def of_pod(self, asked: Asked) -> Answer:
        """One control of a pod. Raises ControlFailedError."""
        pod = self._known.pod(asked.node_id)
        if pod is None:
            raise ControlFailedError("there is no such pod on this machine any more")
        match asked.control:
            case control.LOGS:
                path = f"{_pod_path(pod)}/log?{urlencode(_log_query(pod, asked))}"
                return Answer(stream=lambda terminal: self._logs(path, terminal))
            case control.REMOVE:
                metadata = pod.metadata
                body = {
                    "apiVersion": "v1",
                    "kind": "DeleteOptions",
                    "preconditions": {"uid": metadata.uid},
                }
                path = _pod_path(pod)
                await self._do("DELETE", path, body, "application/json", "delete on pods")
                await self._known.look_anew("pod")
                return Answer()
        raise ControlFailedError(f"pods have no control {asked.control[:40]!r}")

    async def of_scaled(self, topology: Topology, asked: Asked) -> Answer:
        """One control of what has replicas. Raises ControlFailedError."""
        kind = topology.replace("_", " ")
        steps = {control.SCALE_UP: 1, control.SCALE_DOWN: -1}
        if asked.control not in steps:
            raise ControlFailedError(f"a {kind} has no control {asked.control[:40]!r}")
        node = self._known.scaled(topology, asked.node_id)
        if node is None:
            raise ControlFailedError(_GONE)
        replicas = await self._scale(SCALED[topology], node, steps[asked.control])
        await self._known.look_anew(topology)
        return Answer(str(replicas))

    async def _scale(self, resource: Resource, node: Node, step: int) -> int:
        """What it has been changed to; who changes it at the same time is not overwritten."""
        for _ in range(_TRIES - 1):
            try:
                return await self._scale_once(resource, node, step)
            except _ConflictError:  # its controller notes each change, and each pod that is ready
                continue
        return await self._scale_once(resource, node, step)

    async def _scale_once(self, resource: Resource, node: Node, step: int) -> int:
        namespace = node.latest.get("namespace", "")
        path = f"{resource.path(namespace)}/{quote(node.label, safe='')}/scale"
        found = await self._do("GET", path, None, "", f"get on {resource}/scale")
        try:
            scale = msgspec.json.decode(found.body, type=_Scale)
        except (msgspec.DecodeError, UnicodeError, RecursionError):
            raise ControlFailedError("the API server answers with something else") from None
        if scale.metadata.uid != node.id:
            raise ControlFailedError(_GONE)
        replicas = scale.spec.replicas + step
        if not 0 <= replicas <= _MAX_REPLICAS:
            raise ControlFailedError(f"it has {scale.spec.replicas} replicas already")
        version = {"resourceVersion": scale.metadata.resource_version}
        change = {"metadata": version, "spec": {"replicas": replicas}}
        await self._do("PATCH", path, change, _PATCH, f"patch on {resource}/scale")
        return replicas

    async def _do(self, method: str, path: str, body: object, kind: str, right: str) -> HttpAnswer:
        """Ask once; ``right`` is what a role needs for it. Raises ControlFailedError."""
        data = msgspec.json.encode(body) if body is not None else b""
        try:
            headers = self._server.headers()
            client = self._server.client()
            try:
                more = {"Content-Type": kind} if kind else {}
                answer = await client.request(method, path, data, {**headers, **more}, _TIMEOUT_S)
            finally:
                client.close()
        except (HttpError, ValueError) as error:
            raise ControlFailedError(str(error)) from None
        if answer.status >= 300:
            raise self._refusal(answer, right)
        return answer

    def _refusal(self, answer: HttpAnswer, right: str) -> ControlFailedError:
        match answer.status:
            case 401:
                return ControlFailedError(str(self._server.stranger()))
            case 403:
                return ControlFailedError(f"the account's role lacks the verb {right}")
            case 404:
                return ControlFailedError(_GONE)
            case 409:
                return _ConflictError("it has been changed meanwhile: look, and try again")
            case 429:
                return ControlFailedError(str(self._server.busy()))
        return ControlFailedError(f"the API server refuses: {self._server.said(answer)}")

    async def _logs(self, path: str, terminal: Terminal) -> int | None:
        headers = {**self._server.headers(), "Accept": "*/*"}
        async with self._server.client().stream("GET", path, headers=headers) as exchange:
            if exchange.status != 200:
                body = await exchange.body(64 * 1024)
                answer = HttpAnswer(exchange.status, exchange.headers, body)
                raise self._refusal(answer, "get on pods/log")
            pumping = asyncio.create_task(_pump(exchange, terminal))
            await first(pumping, asyncio.create_task(until_gone(terminal)))
        return None


def _log_query(pod: Pod, asked: Asked) -> dict[str, str]:
    tail = asked.arguments.get("tail", "100")
    names = [status.name for status in pod.containers]
    container = asked.arguments.get("container") or next(iter(names), "")
    if container and container not in names:
        raise ControlFailedError(f"the pod has no container {container[:63]!r}")
    return {
        "tailLines": str(int(tail)) if tail.isdecimal() and int(tail) <= _MAX_TAIL else "100",
        "follow": str(asked.arguments.get("follow", "true") == "true").lower(),
        "timestamps": str(asked.arguments.get("timestamps", "") == "true").lower(),
        **({"container": container} if container else {}),
    }


async def _pump(exchange: Exchange, terminal: Terminal) -> None:
    async for data in exchange.chunks():
        await terminal.write(data)


def _pod_path(pod: Pod) -> str:
    namespace, name = (quote(part, safe="") for part in (pod.metadata.namespace, pod.metadata.name))
    return f"/api/v1/namespaces/{namespace}/pods/{name}"
