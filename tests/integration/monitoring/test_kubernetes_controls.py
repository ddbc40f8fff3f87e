"""Pods deleted and logged and deployments scaled, by what the app asks of the probe."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp import WSMsgType, web
from tests.integration.monitoring.apps import an_app
from tests.integration.monitoring.kubernetes_api import (
    KubernetesApi,
    always,
    failure,
    kubernetes_api,
)
from tests.integration.monitoring.probes import HOST, probing
from tests.support import eventually
from tests.support.certificates import Tls
from tests.unit.monitoring.probe.kubernetes import a_pod, metadata, status_of

from orchestrator.monitoring.probe.config import ProbeConfig
from orchestrator.monitoring.probe.hiding import Hiding
from orchestrator.monitoring.probe.http.exchange import HttpError
from orchestrator.monitoring.probe.kubernetes.source import source
from orchestrator.monitoring.probe.processes.table import ProcessTable
from orchestrator.monitoring.probe.roles import Answer, Asked, ControlFailedError, Setup, Source
from orchestrator.monitoring.report import Topology

POD = "/api/v1/namespaces/shop/pods/web"
LOG = f"{POD}/log"
SCALE = "/apis/apps/v1/namespaces/shop/deployments/front/scale"


class Changed:
    """What was asked of an object, beside its uid and replicas."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, Any]] = []
        self.uid = "uid-front"
        self.replicas = 1
        self.conflicts = 0
        """So many changes come too late."""

    async def scale(self, request: web.Request) -> web.Response:
        if request.method == "PATCH" and self.conflicts:
            self.conflicts -= 1
            self.replicas += 1
            return failure(409, "the object has been modified")
        if request.method == "PATCH":
            self.asked.append((request.content_type, await request.json()))
            self.replicas = (await request.json())["spec"]["replicas"]
        scale = {"metadata": {"uid": self.uid, "resourceVersion": "7"}}
        return web.json_response({**scale, "spec": {"replicas": self.replicas}})

    async def delete(self, request: web.Request) -> web.Response:
        self.asked.append((request.method, await request.json()))
        return web.json_response({"kind": "Pod"})


async def _log(request: web.Request) -> web.StreamResponse:
    """Says what was asked for, and goes on if that was wanted."""
    response = web.StreamResponse()
    await response.prepare(request)
    await response.write(json.dumps(dict(sorted(request.query.items()))).encode() + b"\n")
    if request.query["follow"] == "true":
        await asyncio.Event().wait()
    return response


@pytest.fixture(scope="module")
def tls(tmp_path_factory: pytest.TempPathFactory) -> Tls:
    return Tls(tmp_path_factory.mktemp("certificates"))


@pytest.fixture
async def api(tls: Tls, tmp_path: Path) -> AsyncIterator[KubernetesApi]:
    (tmp_path / "token").write_text("first-token")
    async with kubernetes_api(tls) as api:
        api.lists["/api/v1/pods"] = [a_pod("web", status_of("c1"), status_of("c2", "log"))]
        deployment = {"metadata": metadata("front"), "spec": {"replicas": 1}}
        api.lists["/apis/apps/v1/deployments"] = [deployment]
        api.lists["/apis/apps/v1/statefulsets"] = [deployment]
        api.answers[LOG] = _log
        yield api


def _settings(api: KubernetesApi, tls: Tls, tmp_path: Path, **more: Any) -> dict[str, Any]:
    return {
        "kubernetes": api.url,
        "kubernetes_ca_file": tls.ca,
        "kubernetes_token_file": str(tmp_path / "token"),
        "kubernetes_node": "web1",
        "kubernetes_cluster": True,
        "kubernetes_controls": True,
        **more,
    }


@contextmanager
def _made(settings: dict[str, Any]) -> Iterator[Source]:
    setup = Setup(ProbeConfig(**settings), "web1", Hiding(), ProcessTable())
    made = source(setup)
    try:
        yield made
    finally:
        assert made.close is not None
        made.close()


@pytest.fixture
async def kubernetes(api: KubernetesApi, tls: Tls, tmp_path: Path) -> AsyncIterator[Source]:
    with _made(_settings(api, tls, tmp_path)) as made:
        assert made.ticker is not None
        await made.ticker.tick(1000.0)
        api.asked.clear()
        yield made


async def _ask(kubernetes: Source, what: str, topology: Topology, **arguments: str) -> Answer:
    name = "web" if topology == "pod" else "front"
    asked = Asked(f"uid-{name}", what, arguments)
    return await kubernetes.controllers[topology](asked)


async def test_the_app_scales_deletes_and_follows_a_log(
    api: KubernetesApi, tls: Tls, tmp_path: Path
) -> None:
    changed = Changed()
    api.answers |= {SCALE: changed.scale, POD: changed.delete}
    settings = _settings(api, tls, tmp_path)
    async with an_app(tmp_path / "app") as (client, app), probing(client.url, **settings) as probe:
        await eventually(lambda: app.monitor.picture.find("deployment", "uid-front"))
        channel = probe.channel
        assert channel is not None
        await eventually(lambda: channel.is_open)
        at = f"/api/v1/control/{HOST}"
        status, said = await client.call("POST", f"{at}/uid-front/scale_up")
        assert (status, said["result"]) == (200, "2")
        parameters = {"agent": HOST, "node": "uid-web", "control": "logs", "tail": "5"}
        async with client.socket("/api/v1/control/stream", **parameters) as socket:
            message = await socket.receive()
            assert message.type == WSMsgType.BINARY, message
        asked = json.loads(message.data)
        status, _ = await client.call("POST", f"{at}/uid-web/remove")
        assert status == 200
    assert asked == {"container": "main", "follow": "true", "tailLines": "5", "timestamps": "false"}
    assert changed.asked[1] == (
        "DELETE",
        {
            "apiVersion": "v1",
            "kind": "DeleteOptions",
            "preconditions": {"uid": "uid-web"},
        },
    )


async def test_a_deployment_is_scaled_by_one_from_what_it_is_now(
    api: KubernetesApi, kubernetes: Source
) -> None:
    changed = Changed()
    api.answers[SCALE] = changed.scale
    changed.replicas = 4
    assert (await _ask(kubernetes, "scale_down", "deployment")).result == "3"
    assert changed.asked == [
        (
            "application/merge-patch+json",
            {"metadata": {"resourceVersion": "7"}, "spec": {"replicas": 3}},
        )
    ]
    assert "/apis/apps/v1/deployments" in api.paths()  # and looked at anew


async def test_a_stateful_set_is_scaled_likewise(api: KubernetesApi, kubernetes: Source) -> None:
    changed = Changed()
    api.answers["/apis/apps/v1/namespaces/shop/statefulsets/front/scale"] = changed.scale
    assert (await _ask(kubernetes, "scale_up", "stateful_set")).result == "2"


async def test_a_deployment_that_changes_meanwhile_is_read_again(
    api: KubernetesApi, kubernetes: Source
) -> None:
    changed = Changed()
    changed.conflicts = 4
    api.answers[SCALE] = changed.scale
    assert (await _ask(kubernetes, "scale_up", "deployment")).result == "6"
    changed.conflicts = 5
    with pytest.raises(ControlFailedError, match="it has been changed meanwhile"):
        await _ask(kubernetes, "scale_up", "deployment")


async def test_there_is_nothing_below_no_replicas(api: KubernetesApi, kubernetes: Source) -> None:
    changed = Changed()
    changed.replicas = 0
    api.answers[SCALE] = changed.scale
    with pytest.raises(ControlFailedError, match="it has 0 replicas already"):
        await _ask(kubernetes, "scale_down", "deployment")
    assert changed.asked == []


async def test_a_deployment_that_only_has_the_name_is_left_alone(
    api: KubernetesApi, kubernetes: Source
) -> None:
    changed = Changed()
    changed.uid = "another"
    api.answers[SCALE] = changed.scale
    with pytest.raises(ControlFailedError, match="there is no such object any more"):
        await _ask(kubernetes, "scale_up", "deployment")
    assert changed.asked == []


@pytest.mark.parametrize(
    ("status", "why"),
    [
        (401, "does not take the token in "),
        (403, "the account's role lacks the verb delete on pods"),
        (404, "there is no such object any more"),
        (409, "it has been changed meanwhile"),
        (429, "has too many requests"),
        (500, "the API server refuses: no, \\*\\*\\*"),
    ],
)
async def test_what_the_server_refuses_is_told(
    api: KubernetesApi, kubernetes: Source, status: int, why: str
) -> None:
    async def refuse(request: web.Request) -> web.Response:
        return failure(status, "no, first-token")

    api.answers[POD] = refuse
    with pytest.raises(ControlFailedError, match=why):
        await _ask(kubernetes, "remove", "pod")


@pytest.mark.parametrize("body", [b"<html>", b"{}", b'{"metadata": 5}', b"[" * 100_000])
async def test_an_answer_that_is_no_scale_is_told(
    api: KubernetesApi, kubernetes: Source, body: bytes
) -> None:
    api.answers[SCALE] = always(200, body)
    with pytest.raises(ControlFailedError, match="the API server answers with something else"):
        await _ask(kubernetes, "scale_up", "deployment")


async def test_a_server_that_is_away_is_told(kubernetes: Source, tmp_path: Path) -> None:
    _remove(tmp_path / "token")
    with pytest.raises(ControlFailedError, match=r"the token file .* cannot be read"):
        await _ask(kubernetes, "remove", "pod")


def _remove(file: Path) -> None:
    file.unlink()


@pytest.mark.parametrize(
    ("topology", "what", "why"),
    [
        ("pod", "exec", "pods have no control 'exec'"),
        ("deployment", "remove", "a deployment has no control 'remove'"),
        ("stateful_set", "logs", "a stateful set has no control 'logs'"),
    ],
)
async def test_other_controls_are_refused(
    kubernetes: Source, topology: Topology, what: str, why: str
) -> None:
    with pytest.raises(ControlFailedError, match=why):
        await _ask(kubernetes, what, topology)


async def test_what_is_gone_cannot_be_asked(kubernetes: Source) -> None:
    cases: list[tuple[Topology, str]] = [
        ("pod", "remove"), ("deployment", "scale_up"), ("stateful_set", "scale_up"),
    ]  # fmt: skip
    for topology, what in cases:
        with pytest.raises(ControlFailedError, match="there is no such"):
            await kubernetes.controllers[topology](Asked("gone", what, {}))


class Screen:
    """A terminal whose user leaves, or stays."""

    def __init__(self, *, stays: bool = True) -> None:
        self.on_resize: Callable[[int, int], Awaitable[None]] | None = None
        self.shown = b""
        self._stays = stays
        self._is_shown = asyncio.Event()

    async def write(self, data: bytes, channel: str = "stdout") -> None:
        self.shown += data
        self._is_shown.set()

    async def read(self) -> bytes:
        await (asyncio.Event() if self._stays else self._is_shown).wait()
        return b""


async def test_a_log_ends_with_the_pod_or_when_nobody_looks(kubernetes: Source) -> None:
    for follow, screen in (("false", Screen()), ("true", Screen(stays=False))):
        answer = await _ask(kubernetes, "logs", "pod", container="log", follow=follow, tail="²")
        assert answer.stream is not None
        await answer.stream(screen)
        assert json.loads(screen.shown) == {
            "container": "log", "follow": follow, "tailLines": "100", "timestamps": "false",
        }  # fmt: skip


async def test_a_log_that_is_cut_off_is_told(api: KubernetesApi, kubernetes: Source) -> None:
    async def cut(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        await response.write(b"one\n")
        assert request.transport is not None
        request.transport.close()
        return response

    api.answers[LOG] = cut
    answer = await _ask(kubernetes, "logs", "pod")
    assert answer.stream is not None
    with pytest.raises(HttpError, match="the answer is cut off"):
        await answer.stream(Screen())


async def test_a_log_that_cannot_be_read_is_told(api: KubernetesApi, kubernetes: Source) -> None:
    with pytest.raises(ControlFailedError, match="the pod has no container 'other'"):
        await _ask(kubernetes, "logs", "pod", container="other")
    api.answers[LOG] = always(403, b"{}")
    answer = await _ask(kubernetes, "logs", "pod")
    assert answer.stream is not None
    with pytest.raises(ControlFailedError, match="lacks the verb get on pods/log"):
        await answer.stream(Screen())


@pytest.mark.parametrize("setting", ["controls", "kubernetes_controls"])
async def test_controls_may_be_off(
    api: KubernetesApi, tls: Tls, tmp_path: Path, setting: str
) -> None:
    with _made(_settings(api, tls, tmp_path, **{setting: False})) as made:
        assert made.ticker is not None
        assert made.reporter is not None
        await made.ticker.tick(1000.0)
        nodes = made.reporter.report(1000.0).nodes
    assert (made.controllers, made.controls) == ({}, ())
    assert not any(node.controls for some in nodes.values() for node in some)
