"""Secrets: where they come from, where they may not go."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from msgspec.structs import replace
from tests.unit.agent.world import World, container_of, task_info

from orchestrator.agent.adapters import environment
from orchestrator.agent.adapters.environment import Surroundings
from orchestrator.agent.adapters.secrets import (
    DirectoryResolver,
    KeptSecrets,
    SecretError,
    SecretFiles,
    SecretResolver,
    ValueResolver,
    resolver_from,
)
from orchestrator.agent.core import checkpoint
from orchestrator.agent.core.redaction import without_secrets
from orchestrator.agent.core.wire import task_on_wire
from orchestrator.mesos import codec
from orchestrator.mesos.types import (
    CommandInfo,
    ContainerInfo,
    Environment,
    EnvironmentVariable,
    Secret,
    SecretReference,
    SecretValue,
    TaskInfo,
    Volume,
    VolumeSource,
)

HIDDEN = b"s3cr3t-bytes"
VALUE = Secret(type="VALUE", value=SecretValue(data=HIDDEN))


def reference(name: str, key: str | None = None) -> Secret:
    return Secret(type="REFERENCE", reference=SecretReference(name=name, key=key))


def variable(secret: Secret | None) -> EnvironmentVariable:
    return EnvironmentVariable(name="TOKEN", type="SECRET", secret=secret)


def volume(secret: Secret, path: str = "token") -> Volume:
    return Volume(container_path=path, source=VolumeSource(type="SECRET", secret=secret))


def with_secret(secret: Secret | None = VALUE) -> TaskInfo:
    command = CommandInfo(value="true", environment=Environment(variables=[variable(secret)]))
    container = ContainerInfo(type="MESOS", volumes=[volume(secret or VALUE)])
    return task_info(command=command, container=container)


@pytest.fixture
def store(tmp_path: Path) -> Path:
    (tmp_path / "db").mkdir()
    (tmp_path / "token").write_bytes(HIDDEN)
    (tmp_path / "db/password").write_bytes(b"pw")
    (tmp_path / "outside").symlink_to("/etc/passwd")
    (tmp_path / "loop").symlink_to(tmp_path / "db")
    os.mkfifo(tmp_path / "fifo")
    return tmp_path


def test_a_directory_gives_what_references_name(store: Path) -> None:
    resolver = DirectoryResolver(store)
    assert resolver.resolve(reference("token")) == HIDDEN
    assert resolver.resolve(reference("db", "password")) == b"pw"
    assert resolver.resolve(reference("db/password")) == b"pw"
    assert resolver.resolve(VALUE) == HIDDEN


@pytest.mark.parametrize(
    ("name", "key"),
    [
        *(("..", None), ("../x", None), ("/etc/passwd", None), ("", None), ("a\0b", None)),
        *(("db", "../token"), ("db", ""), ("db", "/etc/passwd"), ("db", None), ("missing", None)),
        *(("outside", None), ("loop/password", None), ("fifo", None), ("token", "key")),
    ],
)
def test_a_name_that_leads_elsewhere_or_nowhere_is_refused(
    store: Path, name: str, key: str | None
) -> None:
    with pytest.raises(SecretError):
        DirectoryResolver(store).resolve(reference(name, key))


def test_without_a_store_references_are_refused_by_name() -> None:
    resolver = resolver_from("")
    assert isinstance(resolver, ValueResolver)
    with pytest.raises(SecretError, match=r"'db/x' is in a store.*--secrets-dir"):
        resolver.resolve(reference("db/x"))


def given_env(secret: Secret | None, resolver: SecretResolver) -> dict[str, str]:
    around = Surroundings(ip="1.2.3.4", port=1, secrets=resolver)
    return environment.of_process(container_of(with_secret(secret)), "/d", around)


def test_a_variable_holds_the_secret(store: Path) -> None:
    resolver = DirectoryResolver(store)
    assert given_env(VALUE, resolver)["TOKEN"] == HIDDEN.decode()
    assert given_env(reference("token"), resolver)["TOKEN"] == HIDDEN.decode()


@pytest.mark.parametrize(
    "secret",
    [
        None,
        Secret(),
        Secret(type="VALUE", value=SecretValue(data=b"\xff\xfe")),
        Secret(type="VALUE", value=SecretValue(data=b"a\0b")),
    ],
)
def test_a_variable_that_cannot_be_given_is_refused_by_name(secret: Secret | None) -> None:
    with pytest.raises(SecretError) as caught:
        given_env(secret, ValueResolver())
    assert secret is None or secret.value is None or "TOKEN" in str(caught.value)


def test_the_docker_engine_is_given_none_in_its_environment() -> None:
    around = Surroundings(ip="1.2.3.4", port=1)
    with pytest.raises(SecretError, match="mount it as a file"):
        environment.of_docker(container_of(with_secret()), "/d", around)


# --- files ----------------------------------------------------------------------------------------


def test_secret_files_live_in_memory_until_their_container_goes(tmp_path: Path) -> None:
    files = SecretFiles(tmp_path, ValueResolver())
    (made,) = files.prepare("c1", [volume(VALUE), Volume(container_path="x", host_path="/")], None)
    assert made.container_path == "token"
    assert made.source.read_bytes() == HIDDEN
    assert made.source.stat().st_mode & 0o777 == 0o400
    assert not made.source.is_relative_to(tmp_path)
    files.remove("c1")
    assert not made.source.parent.parent.exists()
    files.sweep(lambda _: False)


def test_what_a_killed_agent_left_is_swept_away(tmp_path: Path) -> None:
    before = SecretFiles(tmp_path, ValueResolver(), root=tmp_path)
    (kept,) = before.prepare("kept", [volume(VALUE)], None)
    (left,) = before.prepare("left", [volume(VALUE)], None)
    SecretFiles(tmp_path, ValueResolver(), root=tmp_path).sweep(lambda id_: id_ == "kept")
    assert kept.source.exists()
    assert not left.source.exists()


def test_a_secret_that_cannot_be_had_leaves_no_file(tmp_path: Path) -> None:
    files = SecretFiles(tmp_path, ValueResolver(), root=tmp_path)
    with pytest.raises(SecretError):
        files.prepare("c1", [volume(VALUE), volume(reference("x"))], None)
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


# --- what is kept and shown -----------------------------------------------------------------------


def base64_of(data: bytes) -> bytes:
    return codec.encode(SecretValue(data=data)).split(b'"')[3]


def test_a_value_is_in_no_checkpoint_and_in_nothing_that_is_shown() -> None:
    world = World().is_up()
    world.runs(with_secret())
    world.starts()
    assert world.task().info == with_secret()  # the agent itself knows it, to launch with
    kept = b"".join(world.disk.values()) + codec.encode(task_on_wire(world.task()))
    assert base64_of(HIDDEN) not in kept
    assert HIDDEN not in kept


def test_after_a_restart_a_task_is_told_that_its_secret_is_lost() -> None:
    world = World().is_up()
    world.runs(with_secret())
    (task,) = checkpoint.load(world.disk).tasks
    with pytest.raises(SecretError, match="kept in memory only"):
        environment.of_process(task.container, "/d", Surroundings(ip="1.2.3.4", port=1))


def test_a_message_without_secrets_is_itself() -> None:
    info = with_secret(reference("token"))
    clean = without_secrets(task_info())
    assert clean == task_info()
    assert without_secrets(info).command == info.command


def test_secrets_by_value_are_put_back_where_they_were(tmp_path: Path) -> None:
    world = World().is_up()
    other = Secret(type="VALUE", value=SecretValue(data=b"other"))
    info = with_secret()
    assert info.container is not None
    info = replace(info, container=replace(info.container, volumes=[volume(other)]))
    world.runs(info, task_info("plain"))
    kept = KeptSecrets(Path("/agent"), root=tmp_path)
    for task in world.agent.book.tasks():
        kept.keep(task)
    assert len([path for path in tmp_path.rglob("*") if path.is_file()]) == 1
    again = kept.restored(checkpoint.load(world.disk))
    assert [task.info for task in again.tasks] == [info, task_info("plain")]
    kept.sweep(world.agent.book.holds)
    assert kept.restored(checkpoint.load(world.disk)) == again
    kept.sweep(lambda _: False)
    assert list(tmp_path.iterdir()) == []
    assert kept.restored(checkpoint.load(world.disk)) == checkpoint.load(world.disk)
