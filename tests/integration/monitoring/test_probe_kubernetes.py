"""The probe and an API server: what is asked for, and what becomes of answers that are wrong."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from tests.integration.monitoring.kubernetes_api import (
    KubernetesApi,
    always,
    busy,
    documented,
    kubernetes_api,
    never,
)
from tests.support import free_port
from tests.support.certificates import Tls
from tests.unit.monitoring.probe.kubernetes import a_pod, a_service, metadata, page, status_of

from orchestrator.monitoring.probe.config import ProbeConfig
from orchestrator.monitoring.probe.hiding import Hiding
from orchestrator.monitoring.probe.kubernetes.api import MAX_OBJECTS, Api
from orchestrator.monitoring.probe.kubernetes.server import Server
from orchestrator.monitoring.probe.kubernetes.source import CLUSTER_S, SERVICES_S, Kubernetes
from orchestrator.monitoring.probe.processes.table import ProcessTable
from orchestrator.monitoring.probe.roles import Setup
from orchestrator.runtime.config import ConfigError

PODS, SERVICES = "/api/v1/pods", "/api/v1/services"
DEPLOYMENTS, JOBS = "/apis/apps/v1/deployments", "/apis/batch/v1/jobs"
OF_THE_SHOP = "/api/v1/namespaces/shop/services"


@pytest.fixture(scope="module")
def tls(tmp_path_factory: pytest.TempPathFactory) -> Tls:
    return Tls(tmp_path_factory.mktemp("certificates"))


@pytest.fixture
async def api(tls: Tls) -> AsyncIterator[KubernetesApi]:
    async with kubernetes_api(tls) as api:
        api.lists[PODS] = [a_pod("web", status_of("c1")), a_pod("far")]
        api.lists[PODS][1]["spec"]["nodeName"] = "web2"
        api.lists[SERVICES] = [a_service("front", {"app": "web"})]
        api.lists[DEPLOYMENTS] = [{"metadata": metadata("web"), "spec": {"replicas": 1}}]
        yield api


@pytest.fixture
def token(tmp_path: Path) -> Path:
    file = tmp_path / "token"
    file.write_text("first-token\n")
    return file


@contextmanager
def asking(
    api: KubernetesApi, ca: str, token: Path, timeout_s: float = 20.0, **settings: Any
) -> Iterator[Kubernetes]:
    """The source of the machine web1."""
    given = {
        "kubernetes": api.url,
        "kubernetes_ca_file": ca,
        "kubernetes_token_file": str(token),
        **settings,
    }
    config = ProbeConfig(**given)
    setup = Setup(config, "web1", Hiding(), ProcessTable())
    source = Kubernetes(setup, Api(Server(config, {}), timeout_s))
    try:
        yield source
    finally:
        source.close()


def _put(file: Path, content: bytes | None) -> None:
    file.unlink(missing_ok=True)
    if content is not None:
        file.write_bytes(content)


def _copy(file: str, to: Path) -> None:
    to.write_bytes(Path(file).read_bytes())


def _told(source: Kubernetes, topology: Any = "pod") -> list[str]:
    return [node.label for node in source.report(0.0).nodes.get(topology, [])]


def _problems(source: Kubernetes) -> list[str]:
    return source.report(0.0).problems


async def test_pods_of_this_machine_and_services_of_their_namespaces_are_asked_for(
    api: KubernetesApi, tls: Tls, token: Path
) -> None:
    with asking(api, tls.ca, token) as source:
        await source.tick(1000.0)
        assert (_told(source), _problems(source)) == (["web"], [])
        [pod] = source.report(0.0).nodes["pod"]
    assert pod.parents["service"] == ["uid-front"]
    assert _told(source, "service") == []
    assert api.paths() == [PODS, OF_THE_SHOP]
    assert api.asked[0].headers["Authorization"] == "Bearer first-token"
    assert dict(api.asked[0].query) == {
        "fieldSelector": "spec.nodeName=web1", "resourceVersion": "0", "limit": "500",
    }  # fmt: skip


async def test_one_probe_asks_for_what_is_above_pods_in_the_whole_cluster(
    api: KubernetesApi, tls: Tls, token: Path
) -> None:
    with asking(api, tls.ca, token, kubernetes_cluster=True) as source:
        await source.tick(1000.0)
        assert _told(source, "deployment") == ["web"]
        assert _told(source, "service") == ["front"]
        assert (_told(source), _problems(source)) == (["web"], [])
    assert set(api.paths()) == {
        PODS, SERVICES, "/api/v1/namespaces", DEPLOYMENTS, "/apis/apps/v1/replicasets",
        "/apis/apps/v1/daemonsets", "/apis/apps/v1/statefulsets", JOBS, "/apis/batch/v1/cronjobs",
        "/api/v1/persistentvolumeclaims", "/api/v1/persistentvolumes",
    }  # fmt: skip


async def test_a_probe_for_the_cluster_alone_leaves_pods_to_those_of_their_machines(
    api: KubernetesApi, tls: Tls, token: Path
) -> None:
    settings = {"kubernetes_cluster": True, "kubernetes_pods": False}
    with asking(api, tls.ca, token, **settings) as source:
        await source.tick(1000.0)
        assert (_told(source), _told(source, "deployment")) == ([], ["web"])
        assert _problems(source) == []
    assert PODS not in api.paths()


@pytest.mark.parametrize(("is_of_cluster", "period_s"), [(False, SERVICES_S), (True, CLUSTER_S)])
async def test_pods_are_asked_for_each_time_and_the_rest_more_seldom(
    api: KubernetesApi, tls: Tls, token: Path, is_of_cluster: bool, period_s: float
) -> None:
    with asking(api, tls.ca, token, kubernetes_cluster=is_of_cluster) as source:
        await source.tick(1000.0)
        first = len(api.asked)
        await source.tick(1000.0 + period_s - 1)
        assert len(api.asked) == first + 1
        await source.tick(1000.0 + period_s)
        assert len(api.asked) == 2 * first + 1


async def test_a_list_is_asked_for_in_pages(api: KubernetesApi, tls: Tls, token: Path) -> None:
    api.lists[SERVICES] = [a_service(f"web-{n}", None) for n in range(1200)]
    with asking(api, tls.ca, token, kubernetes_cluster=True) as source:
        await source.tick(1000.0)
        assert _told(source, "service") == [f"web-{n}" for n in range(1200)]
    pages = [dict(one.query) for one in api.asked if one.path == SERVICES]
    assert [one.get("continue") for one in pages] == [None, "500", "1000"]


async def test_a_list_of_the_servers_memory_comes_whole(
    api: KubernetesApi, tls: Tls, token: Path
) -> None:
    api.lists[PODS] = [a_pod(f"web-{n}") for n in range(1200)]
    with asking(api, tls.ca, token) as source:
        await source.tick(1000.0)
        assert _told(source) == [f"web-{n}" for n in range(1200)]
    assert [one.path for one in api.asked].count(PODS) == 1


async def test_a_server_without_memory_yet_answers_in_pages(
    api: KubernetesApi, tls: Tls, token: Path
) -> None:
    bodies = iter((page(a_pod("one"), next="more"), page(a_pod("two"))))

    async def answer(request: web.Request) -> web.Response:
        return web.Response(body=next(bodies), content_type="application/json")

    api.answers[PODS] = answer
    with asking(api, tls.ca, token) as source:
        await source.tick(1000.0)
        assert _told(source) == ["one", "two"]
    first, second = (dict(one.query) for one in api.asked if one.path == PODS)
    assert first["resourceVersion"] == "0"
    assert second == {"limit": "500", "fieldSelector": "spec.nodeName=web1", "continue": "more"}


async def test_a_list_that_has_changed_meanwhile_is_begun_anew(
    api: KubernetesApi, tls: Tls, token: Path
) -> None:
    api.lists[SERVICES] = [a_service(f"web-{n}", None) for n in range(600)]
    api.expired = 1
    with asking(api, tls.ca, token, kubernetes_cluster=True) as source:
        await source.tick(1000.0)
        assert (len(_told(source, "service")), _problems(source)) == (600, [])
        api.expired = 2
        await source.tick(1000.0 + CLUSTER_S)
        assert len(_told(source, "service")) == 600
    assert _problems(source) == [
        "services of Kubernetes are not seen: they change faster than the API server lists them"
    ]


async def test_a_list_without_end_is_cut(api: KubernetesApi, tls: Tls, token: Path) -> None:
    body = b'{"items": [], "metadata": {"continue": "again"}}'
    api.answers[PODS] = always(200, body)
    with asking(api, tls.ca, token) as source:
        await source.tick(1000.0)
        assert _problems(source) == ["of the pods of Kubernetes only the first 0 are told"]
    assert len([one for one in api.asked if one.path == PODS]) == 200


async def test_of_a_very_long_list_as_much_is_told_as_a_report_may_have(
    api: KubernetesApi, tls: Tls, token: Path
) -> None:
    api.answers[PODS] = always(200, page(*[a_pod(f"web-{n}") for n in range(500)], next="more"))
    with asking(api, tls.ca, token) as source:
        await source.tick(1000.0)
        assert len(_told(source)) == MAX_OBJECTS
        assert _problems(source) == [
            f"of the pods of Kubernetes only the first {MAX_OBJECTS} are told"
        ]


async def test_the_token_is_read_before_each_round(
    api: KubernetesApi, tls: Tls, token: Path
) -> None:
    with asking(api, tls.ca, token) as source:
        await source.tick(1000.0)
        api.token = "second-token"
        _put(token, b"second-token")
        await source.tick(1015.0)
        assert (_told(source), _problems(source)) == (["web"], [])
        api.token = "third-token"
        await source.tick(1030.0)
        [problem] = _problems(source)
    assert problem == f"Kubernetes is not seen: {api.url} does not take the token in {token}"
    assert _told(source) == ["web"]


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (None, "cannot be read: No such file or directory"),
        (b" \n", "is empty"),
        (b"two words", "holds no token"),
        (b"a\r\nX-Other: header", "holds no token"),
        (b"\xff\xfe\x00", "holds no token"),
    ],
)
async def test_without_a_token_nothing_is_asked(
    api: KubernetesApi, tls: Tls, token: Path, content: bytes | None, why: str
) -> None:
    _put(token, content)
    with asking(api, tls.ca, token) as source:
        await source.tick(1000.0)
        assert _problems(source) == [f"Kubernetes is not seen: the token file {token} {why}"]
        assert api.asked == []
        _put(token, b"first-token")
        await source.tick(1015.0)
        assert (_told(source), _problems(source)) == (["web"], [])


async def test_a_token_is_never_told_nor_sent_without_tls(
    api: KubernetesApi, tls: Tls, token: Path
) -> None:
    api.answers[PODS] = always(500, b'{"message": "who is first-token?"}')
    with asking(api, tls.ca, token) as source:
        await source.tick(1000.0)
        assert _problems(source) == [
            "pods of Kubernetes are not seen: the API server refuses: who is ***?"
        ]
    async with kubernetes_api(None) as plain:
        with asking(plain, tls.ca, token) as source:
            await source.tick(1000.0)
            assert _problems(source) == [
                f"Kubernetes is not seen: {plain.url} wants a token, which is sent to https only"
            ]
    assert "Authorization" not in plain.asked[0].headers


async def test_what_a_role_may_not_list_hides_nothing_else(
    api: KubernetesApi, tls: Tls, token: Path
) -> None:
    api.answers[DEPLOYMENTS] = always(403, b'{"message": "deployments.apps is forbidden"}')
    with asking(api, tls.ca, token, kubernetes_cluster=True) as source:
        await source.tick(1000.0)
        assert _problems(source) == [
            "deployments.apps of Kubernetes are not seen: "
            "the account's role lacks the verb list on deployments.apps"
        ]
        assert (_told(source), _told(source, "service")) == (["web"], ["front"])
        assert JOBS in api.paths()
        del api.answers[DEPLOYMENTS]
        await source.tick(1000.0 + CLUSTER_S)
        assert (_told(source, "deployment"), _problems(source)) == (["web"], [])


@pytest.mark.parametrize(
    ("status", "body", "why"),
    [
        (200, b"<html>Sign in</html>", "answers with something else: JSON is malformed"),
        (200, b'{"items": [{"meta', "answers with something else: Input data was truncated"),
        (200, b"", "answers with something else: Input data was truncated"),
        (200, b'{"items": [' + b"[" * 100_000, "answers with something else"),
        (404, b"404 page not found", "has no deployments.apps of version v1"),
        (500, b'{"message": "etcd is away"}', "refuses: etcd is away"),
        (503, b"", "refuses: status 503"),
        (410, b'{"message": "gone"}', "refuses: gone"),
    ],
)
async def test_an_answer_that_is_wrong_is_a_problem_of_its_kind_alone(
    api: KubernetesApi, tls: Tls, token: Path, status: int, body: bytes, why: str
) -> None:
    api.answers[DEPLOYMENTS] = always(status, body)
    with asking(api, tls.ca, token, kubernetes_cluster=True) as source:
        await source.tick(1000.0)
        [problem] = _problems(source)
        assert problem.startswith("deployments.apps of Kubernetes are not seen: the API server ")
        assert why in problem
        assert (_told(source), _told(source, "service")) == (["web"], ["front"])


async def test_what_a_server_says_in_plain_text_is_told(
    api: KubernetesApi, tls: Tls, token: Path
) -> None:
    said = b"Client sent an HTTP request to an HTTPS server.\n"
    api.answers[DEPLOYMENTS] = always(400, said, "text/plain")
    with asking(api, tls.ca, token, kubernetes_cluster=True) as source:
        await source.tick(1000.0)
        assert _problems(source) == [
            "deployments.apps of Kubernetes are not seen: the API server refuses: "
            "status 400: Client sent an HTTP request to an HTTPS server."
        ]


async def test_a_busy_server_is_left_in_peace_until_the_next_round(
    api: KubernetesApi, tls: Tls, token: Path
) -> None:
    with asking(api, tls.ca, token, kubernetes_cluster=True) as source:
        await source.tick(1000.0)
        api.answers[PODS] = busy
        api.asked.clear()
        await source.tick(1030.0)
        assert api.paths() == [PODS]
        assert _problems(source) == [f"Kubernetes is not seen: {api.url} has too many requests"]
        assert (_told(source), _told(source, "deployment")) == (["web"], ["web"])
        api.answers.clear()
        await source.tick(1045.0)
        assert (_problems(source), DEPLOYMENTS in api.paths()) == ([], True)


async def test_a_server_that_is_away_is_told_as_the_system_says_it(
    api: KubernetesApi, tls: Tls, token: Path
) -> None:
    away = f"https://127.0.0.1:{free_port()}"
    with asking(api, tls.ca, token, kubernetes=away) as source:
        await source.tick(1000.0)
        host = away.removeprefix("https://")
        assert _problems(source) == [
            f"Kubernetes is not seen: {host} cannot be reached: Connection refused"
        ]


async def test_an_answer_that_is_too_large_is_not_read(
    api: KubernetesApi, tls: Tls, token: Path
) -> None:
    api.answers[PODS] = always(200, b" " * (33 * 1024 * 1024))
    with asking(api, tls.ca, token) as source:
        await source.tick(1000.0)
        [problem] = _problems(source)
    assert problem.startswith("Kubernetes is not seen: the answer has more than ")


async def test_a_kind_that_hangs_holds_up_others_once(
    api: KubernetesApi, tls: Tls, token: Path
) -> None:
    api.answers[SERVICES] = never
    with asking(api, tls.ca, token, 2.0, kubernetes_cluster=True) as source:
        for now in (1000.0, 1015.0):
            await source.tick(now)
        [problem] = _problems(source)
        assert problem.startswith("services of Kubernetes are not seen: 127.0.0.1:")
        assert problem.endswith("did not answer within 2 s")
        assert (_told(source), _told(source, "deployment")) == (["web"], ["web"])


async def test_what_was_seen_is_told_on_for_some_minutes(
    api: KubernetesApi, tls: Tls, token: Path
) -> None:
    with asking(api, tls.ca, token, 2.0, kubernetes_cluster=True) as source:
        await source.tick(1000.0)
        api.answers[PODS] = never
        await source.tick(1015.0)
        assert "did not answer" in _problems(source)[0]
        assert (_told(source), _told(source, "deployment")) == (["web"], ["web"])
        await source.tick(1301.0)
        assert (_told(source), _told(source, "deployment")) == ([], [])
        api.answers.clear()
        await source.tick(1316.0)
        assert (_told(source), _told(source, "deployment")) == (["web"], ["web"])
        assert _problems(source) == []


async def test_a_server_with_another_certificate_is_told_nothing(
    api: KubernetesApi, tls: Tls, token: Path, tmp_path: Path
) -> None:
    other = tmp_path / "ca.crt"
    with asking(api, str(other), token) as source:
        await source.tick(1000.0)
        assert f"the certificates in {other} cannot be used" in _problems(source)[0]
        _put(other, b"nonsense")
        await source.tick(1015.0)
        assert f"the certificates in {other} cannot be used" in _problems(source)[0]
        _copy(Tls(tmp_path).ca, other)
        await source.tick(1030.0)
        assert "cannot be reached: " in _problems(source)[0]
        assert api.asked == []
        _copy(tls.ca, other)
        await source.tick(1045.0)
        assert (_told(source), _problems(source)) == (["web"], [])


async def test_a_machine_without_pods_may_have_another_name(
    api: KubernetesApi, tls: Tls, token: Path
) -> None:
    with asking(api, tls.ca, token, kubernetes_node="web9") as source:
        await source.tick(1000.0)
        [problem] = _problems(source)
    assert problem.startswith("Kubernetes has no pods on the node 'web9': ")


async def test_the_role_in_the_documents_is_what_is_asked_for(
    api: KubernetesApi, tls: Tls, token: Path
) -> None:
    with (
        asking(api, tls.ca, token) as one,
        asking(api, tls.ca, token, kubernetes_cluster=True) as all,
    ):
        for source in (one, all):
            await source.tick(1000.0)
    [role] = (one for one in documented() if one["kind"] == "ClusterRole")
    asked = {(request.method, *_resource(request.path)) for request in api.asked}
    allowed = {
        ("GET", group, resource)
        for rule in role["rules"]
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        if rule["verbs"] == ["list"]
    }
    assert asked == allowed


def _resource(path: str) -> tuple[str, str]:
    parts = path.split("/")
    return parts[2] if parts[1] == "apis" else "", parts[-1]


def test_the_server_of_the_own_cluster_is_known_from_the_environment() -> None:
    config = ProbeConfig(kubernetes="in-cluster")
    where = {"KUBERNETES_SERVICE_HOST": "10.96.0.1", "KUBERNETES_SERVICE_PORT": "6443"}
    assert Server(config, where).url == "https://10.96.0.1:6443"
    assert Server(config, {"KUBERNETES_SERVICE_HOST": "fd00::1"}).url == "https://[fd00::1]:443"
    with pytest.raises(ConfigError, match="KUBERNETES_SERVICE_HOST is not set"):
        Server(config, {})


@pytest.mark.parametrize(
    "settings",
    [{"kubernetes": "api:6443"}, {"kubernetes": "in_cluster"}, {"kubernetes_node": "a,b"}],
)
def test_settings_that_could_never_work_are_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="--kubernetes"):
        ProbeConfig(**settings)
