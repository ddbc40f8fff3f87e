"""Marathon's own words for apps that cannot be: volumes, secrets, GPUs, roles, executors."""

import json
from typing import Any

import msgspec
import pytest

from orchestrator.marathon.core.apps import features, normalisation, validation
from orchestrator.marathon.core.apps.app import App
from orchestrator.marathon.core.apps.app_update import AppUpdate, read
from orchestrator.marathon.core.groups.group_roles import allowed
from orchestrator.marathon.core.refusals import InvalidObject

ALL = frozenset({features.SECRETS, features.GPU_RESOURCES})
SECRETS = {"s": {"source": "/path"}}
OFF = "Feature {0} is not enabled. Enable with --enable_features {0})"


def app(enabled: frozenset[str] = ALL, **fields: Any) -> App:
    wanted = {"id": "/a", "cmd": "x"} | fields
    update = read(AppUpdate, json.dumps(wanted).encode())
    complete = normalisation.complete(wanted["id"], update, None, "web")
    validation.check(complete, allowed(wanted["id"], "web", None, {}, enforces=False), enabled)
    return complete


def violations(enabled: frozenset[str] = ALL, **fields: Any) -> set[tuple[str, str]]:
    with pytest.raises(InvalidObject) as refusal:
        app(enabled, **fields)
    return {(violation.path, violation.error) for violation in refusal.value.violations}


def volume(mode: str = "RW", path: str = "data", **persistent: Any) -> dict[str, Any]:
    wanted = {"size": 10} | persistent
    volumes = [{"containerPath": path, "mode": mode, "persistent": wanted}]
    return {"container": {"type": "MESOS", "volumes": volumes}}


def volumes_of(*volumes: dict[str, Any], kind: str = "MESOS") -> dict[str, Any]:
    return {"container": {"type": kind, "volumes": list(volumes)}}


@pytest.mark.parametrize(
    ("fields", "path", "error"),
    [
        (volume(size=0), "/container/volumes(0)/persistent/size", "got 0, expected more than 0"),
        (volume(mode="RO"), "/container/volumes(0)/mode", "must be equal to RW"),
        (volume(path="a/b"), "/container/volumes(0)/containerPath", 'value must not contain "/"'),
        (
            volume(constraints=[["path", "LIKE", "/x"]]),
            "/container/volumes(0)/persistent",
            "Constraints on root volumes are not supported",
        ),
        (
            volume(type="path", maxSize=20),
            "/container/volumes(0)/persistent",
            "Only mount volumes can have maxSize",
        ),
        (
            volume(type="mount", maxSize=10),
            "/container/volumes(0)/persistent",
            "Max size must be larger than size",
        ),
        (
            volume(type="mount", constraints=[["path", "UNIQUE", "x"]]),
            "/container/volumes(0)/persistent/constraints(0)",
            "Operator must be one of LIKE, UNLIKE",
        ),
        (
            volume(type="mount", constraints=[["path", "NEAR", "x"]]),
            "/container/volumes(0)/persistent/constraints(0)",
            "unknown constraint operator NEAR",
        ),
        (
            volume(type="mount", constraints=[["path", "LIKE", "("]]),
            "/container/volumes(0)/persistent/constraints(0)",
            "Invalid regular expression",
        ),
        (
            volume(type="mount", constraints=[["rack", "LIKE", "x"]]),
            "/container/volumes(0)/persistent/constraints(0)",
            "Unsupported constraint rack,LIKE,x",
        ),
        (volume() | {"role": "*"}, "/role", "Resident apps cannot have the role *"),
        (
            volume() | {"acceptedResourceRoles": ["web"]},
            "/acceptedResourceRoles",
            'A resident app must have `acceptedResourceRoles = ["*"]`.',
        ),
        (
            volume() | {"upgradeStrategy": {"maximumOverCapacity": 0.5}},
            "/upgradeStrategy/maximumOverCapacity",
            "got 0.5, expected 0.0",
        ),
        (
            volume() | {"unreachableStrategy": {"expungeAfterSeconds": 1}},
            "/",
            "unreachableStrategy must be disabled for resident tasks",
        ),
        ({"acceptedResourceRoles": []}, "/acceptedResourceRoles", "must not be empty"),
        (
            {"acceptedResourceRoles": ["db"]},
            "/acceptedResourceRoles",
            "acceptedResourceRoles can only contain * and web",
        ),
        (
            {"acceptedResourceRoles": ["a b"]},
            "/acceptedResourceRoles(0)",
            r"A role name must not include a space (\x20) character.",
        ),
        ({"role": "db"}, "/role", "got db, expected one of: [web]"),
        ({"id": "/dev/a", "role": "db"}, "/role", "got db, expected one of: [web, dev]"),
        ({"env": {"P": {"secret": "s"}}}, "/env/P/secret", "references an undefined secret"),
        ({"secrets": {"s": {"source": ""}}}, "/secrets/s/source", "must not be empty"),
        (
            volumes_of({"containerPath": "x", "secret": "s"}),
            "/container/volumes(0)",
            "volume.secret must refer to an existing secret",
        ),
        (
            {"container": {"type": "MESOS",
                           "docker": {"image": "i", "pullConfig": {"secret": "s"}}}},
            "/container/docker/pullConfig",
            "pullConfig.secret must refer to an existing secret",
        ),
        (
            {"secrets": SECRETS,
             "container": {"docker": {"image": "i", "pullConfig": {"secret": "s"}}}},
            "/container/docker/pullConfig",
            "pullConfig is not supported with Docker containerizer",
        ),
        (
            {"container": {"docker": {"image": "i", "credential": {"principal": "p"}}}},
            "/container/docker/credential",
            "must be empty",
        ),
        (
            {"gpus": 1, "container": {"docker": {"image": "i"}}},
            "/",
            "GPU resources only work with the Mesos containerizer",
        ),
        (
            {"executor": "a//b"},
            "/executor",
            "must fully match regular expression '^(//cmd)|(/?[^/]+(/[^/]+)*)|$'",
        ),
        (
            {"container": {"type": "MESOS", "linuxInfo": {"seccomp": {}}}},
            "/container/linuxInfo/seccomp",
            "Seccomp unconfined must be true when Profile is NOT defined",
        ),
        (
            {"container": {"type": "MESOS",
                           "linuxInfo": {"seccomp": {"profileName": "p", "unconfined": True}}}},
            "/container/linuxInfo/seccomp",
            "Seccomp unconfined can NOT be true when Profile is defined",
        ),
        (
            {"container": {"type": "MESOS",
                           "linuxInfo": {"ipcInfo": {"mode": "SHARE_PARENT", "shmSize": 1}}}},
            "/container/linuxInfo/ipcInfo",
            "ipcInfo shmSize can NOT be set when mode is SHARE_PARENT",
        ),
        (
            volumes_of({"containerPath": "x", "mode": "RW", "external": {"provider": "nfs"}}),
            "/container/volumes(0)/external/provider",
            "is unknown provider",
        ),
        (
            volumes_of({"containerPath": "x", "mode": "RW", "external": {"provider": "dvdi"}}),
            "/container/volumes(0)",
            OFF.format("external_volumes"),
        ),
        (
            {"resourceLimits": {"cpus": 0.5}},
            "/resourceLimits/cpus",
            "resource limit must be greater than or equal to requested resource (1.0)",
        ),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused_in_marathons_words(
    fields: dict[str, Any], path: str, error: str
) -> None:
    assert (path, error) in violations(**fields)


@pytest.mark.parametrize(
    ("fields", "path", "error"),
    [
        ({"gpus": 1}, "/", OFF.format("gpu_resources")),
        ({"secrets": SECRETS}, "/secrets", OFF.format("secrets")),
        (
            {"secrets": SECRETS} | volumes_of({"containerPath": "x", "secret": "s"}),
            "/container",
            OFF.format("secrets"),
        ),
        (
            {"secrets": SECRETS, "env": {"P": {"secret": "s"}}},
            "/env",
            "use of secret-references in the environment requires the secrets feature to be "
            "enabled",
        ),
    ],
)
def test_a_feature_that_is_off_is_named(fields: dict[str, Any], path: str, error: str) -> None:
    assert (path, error) in violations(frozenset(), **fields)


def test_external_volumes_are_refused_even_when_they_are_on() -> None:
    fields = volumes_of({"containerPath": "x", "mode": "RW", "external": {"provider": "dvdi"}})
    errors = violations(frozenset({features.EXTERNAL_VOLUMES}), **fields)
    assert errors == {
        (
            "/container/volumes(0)/external",
            "external volumes are not supported by the agents of this cluster",
        )
    }


def test_a_resident_app_has_marathons_defaults() -> None:
    shown = msgspec.json.decode(msgspec.json.encode(app(**volume())))
    assert shown["upgradeStrategy"] == {"minimumHealthCapacity": 0.5, "maximumOverCapacity": 0.0}
    assert shown["unreachableStrategy"] == "disabled"
    assert shown["residency"] == {
        "relaunchEscalationTimeoutSeconds": 3600,
        "taskLostBehavior": "WAIT_FOREVER",
    }
    assert shown["container"]["volumes"] == [
        {
            "containerPath": "data",
            "mode": "RW",
            "persistent": {"size": 10, "type": "root", "constraints": []},
        }
    ]


def test_a_profile_means_a_mount() -> None:
    container = app(**volume(profileName="fast")).container
    assert container is not None
    assert container.volumes[0].persistent is not None
    assert container.volumes[0].persistent.type == "mount"


def test_residency_means_nothing_without_persistent_volumes() -> None:
    assert app(residency={"taskLostBehavior": "WAIT_FOREVER"}).residency is None


def test_an_app_in_a_group_may_have_the_groups_role() -> None:
    assert app(id="/dev/a").role == "web"
    assert app(id="/dev/a", role="dev").role == "dev"


def test_an_app_keeps_the_role_that_it_has() -> None:
    existing = App(id="/dev/a", role="old")
    roles = allowed("/dev/a", "web", existing, {}, enforces=False)
    assert roles == ["web", "dev", "old"]


@pytest.mark.parametrize("limits", [{"mem": "unlimited"}, {"cpus": "unlimited", "mem": 256}])
def test_limits_may_be_unlimited(limits: dict[str, Any]) -> None:
    assert app(resourceLimits=limits).resource_limits is not None


def test_an_app_with_secrets_reads_back_as_it_was_written() -> None:
    whole = app(secrets=SECRETS, env={"A": "b", "P": {"secret": "s"}}, gpus=2, **volume())
    assert msgspec.json.decode(msgspec.json.encode(whole), type=App) == whole
