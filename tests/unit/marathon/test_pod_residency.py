"""Pods with persistent volumes: what they are when little is said, and what is refused."""

import json
from typing import Any

import msgspec
import pytest
from tests.unit.marathon.cluster import container
from tests.unit.marathon.reserving import MOUNTS, RESIDENT_POD

from orchestrator.marathon.core.apps.app_update import read
from orchestrator.marathon.core.pods import normalisation, validation
from orchestrator.marathon.core.pods.pod import Pod
from orchestrator.marathon.core.refusals import InvalidObject, Violation

Fields = dict[str, object]


def pod(fields: Fields | None = None, role: str = "web") -> Pod:
    parsed = read(Pod, json.dumps(RESIDENT_POD | (fields or {})).encode())
    validation.check(parsed, [role])
    return normalisation.canonical(parsed, role)


def with_volume(persistent: Fields) -> Pod:
    return pod({"volumes": [{"name": "data", "persistent": {"size": 1} | persistent}]})


def scheduled(scheduling: Fields) -> Pod:
    return pod({"scheduling": scheduling})


def shown(of: Pod) -> dict[str, Any]:
    return dict(msgspec.json.decode(msgspec.json.encode(of.shown())))


def refused(refusal: pytest.ExceptionInfo[InvalidObject]) -> list[tuple[str, str]]:
    return [(violation.path, violation.error) for violation in refusal.value.violations]


def test_what_is_left_out_follows_from_the_volume() -> None:
    found = shown(pod())
    assert found["volumes"] == [
        {"name": "data", "persistent": {"size": 512, "type": "root", "constraints": []}}
    ]
    assert found["scheduling"]["upgrade"] == {
        "minimumHealthCapacity": 0.5,
        "maximumOverCapacity": 0.0,
    }
    assert found["scheduling"]["unreachableStrategy"] == "disabled"


def test_what_was_shown_is_accepted_again_and_means_the_same() -> None:
    first = pod().stamped("v1", None)
    again = read(Pod, json.dumps(shown(first)).encode())
    validation.check(again, ["web"])
    assert normalisation.canonical(again, "web").stamped("v2", first) == first


def test_what_is_said_of_updates_stays() -> None:
    upgrade = {"minimumHealthCapacity": 0, "maximumOverCapacity": 0}
    assert scheduled({"upgrade": upgrade}).upgrade_strategy.minimum_health_capacity == 0


def test_a_profile_is_of_mounts() -> None:
    assert (
        shown(with_volume({"profileName": "fast"}))["volumes"][0]["persistent"]["type"] == "mount"
    )


def test_a_pod_without_persistent_volumes_keeps_the_defaults_of_others() -> None:
    found = pod({"volumes": [{"name": "data"}]})
    assert (found.upgrade_strategy.maximum_over_capacity, found.is_resident) == (1.0, False)
    assert found.scheduling.unreachable_strategy != "disabled"


@pytest.mark.parametrize(
    ("persistent", "path", "error"),
    [
        ({"size": 0}, "/size", "got 0, expected more than 0"),
        ({"maxSize": 2}, "", "Only mount volumes can have maxSize"),
        ({"type": "mount", "maxSize": 1}, "", "Max size must be larger than size"),
        ({"constraints": [["path", "LIKE", "x"]]}, "",
         "Constraints on root volumes are not supported"),
        ({"type": "path", "constraints": [["path", "IS", "x"]]}, "/constraints(0)",
         "Operator must be one of LIKE, UNLIKE"),
        ({"type": "path", "constraints": [["path", "LIKE", "("]]}, "/constraints(0)",
         "Invalid regular expression"),
        ({"profileName": ""}, "/profileName", "must not be empty"),
    ],
)  # fmt: skip
def test_a_volume_that_cannot_be_is_refused_where_it_stands(
    persistent: Fields, path: str, error: str
) -> None:
    with pytest.raises(InvalidObject) as refusal:
        with_volume(persistent)
    assert refused(refusal) == [(f"/volumes(0)/persistent{path}", error)]


@pytest.mark.parametrize(
    ("scheduling", "path", "error"),
    [
        (
            {"unreachableStrategy": {"inactiveAfterSeconds": 0, "expungeAfterSeconds": 0}},
            "/",
            "unreachableStrategy must be disabled for pods with persistent volumes",
        ),
        (
            {"upgrade": {"minimumHealthCapacity": 1, "maximumOverCapacity": 0.5}},
            "/upgrade/maximumOverCapacity",
            "got 0.5, expected 0.0",
        ),
        ({"upgrade": {}}, "/upgrade/maximumOverCapacity", "got 1.0, expected 0.0"),
        (
            {"placement": {"acceptedResourceRoles": ["web"]}},
            "/acceptedResourceRoles",
            'A resident pod must have `acceptedResourceRoles = ["*"]`.',
        ),
    ],
)
def test_instances_that_stay_with_their_volumes_cannot_be_scheduled_in_every_way(
    scheduling: Fields, path: str, error: str
) -> None:
    with pytest.raises(InvalidObject) as refusal:
        scheduled(scheduling)
    assert refused(refusal) == [(path, error)]


def test_resources_of_everybody_may_be_asked_for() -> None:
    assert scheduled({"placement": {"acceptedResourceRoles": ["*"]}}).is_resident


def test_nothing_can_be_reserved_for_everybody() -> None:
    with pytest.raises(InvalidObject) as refusal:
        pod(role="*")
    assert refused(refusal) == [("/role", "Resident pods cannot have the role *")]


def changed(fields: Fields) -> list[Violation]:
    endpoints = [{"name": "web"}]
    old = pod({"containers": [container("one", endpoints=endpoints, **MOUNTS)]})
    try:
        validation.check_change(old, pod(fields), force=False)
    except InvalidObject as refusal:
        return list(refusal.violations)
    return []


def one(endpoints: int = 1, **fields: object) -> Fields:
    names = [{"name": f"web{number}"} for number in range(endpoints)]
    return {"containers": [container("one", endpoints=names, **MOUNTS, **fields)]}


@pytest.mark.parametrize(
    ("fields", "error"),
    [
        (one() | {"volumes": [{"name": "data", "persistent": {"size": 2}}]},
         "persistent volumes cannot be updated"),
        (one() | {"volumes": [{"name": "data"}]}, "persistent volumes cannot be updated"),
        (one(resources={"cpus": 0.2, "mem": 32}), "cpus cannot be updated"),
        (one(resources={"cpus": 0.1, "mem": 33}), "mem cannot be updated"),
        (one(resources={"cpus": 0.1, "mem": 32, "disk": 1}), "disk cannot be updated"),
        (one(0), "host ports cannot be updated"),
        (one(2), "host ports cannot be updated"),
    ],
)  # fmt: skip
def test_what_is_reserved_cannot_change(fields: Fields, error: str) -> None:
    (found,) = changed(fields)
    assert found.path == "/"
    assert found.error.startswith(error)


def test_what_is_reserved_can_be_divided_anew() -> None:
    old = pod({"executorResources": {"cpus": 0.2}})
    containers = [
        container("one", resources={"cpus": 0.2, "mem": 16}, **MOUNTS),
        container("three", resources={"cpus": 0.1, "mem": 48}, **MOUNTS),
    ]
    new = pod({"executorResources": {"cpus": 0.1}, "containers": containers})
    validation.check_change(old, new, force=False)


def test_another_role_has_to_be_meant() -> None:
    old, new = pod(role="web"), pod(role="db")
    with pytest.raises(InvalidObject) as refusal:
        validation.check_change(old, new, force=False)
    assert [path for path, _ in refused(refusal)] == ["/role"]
    validation.check_change(old, new, force=True)


def test_volumes_cannot_be_added_later() -> None:
    with pytest.raises(InvalidObject) as refusal:
        validation.check_change(pod({"volumes": [{"name": "data"}]}), pod(), force=True)
    assert refused(refusal) == [("/", "persistent volumes cannot be updated")]
