"""Tasks in containers of runc: what they see, what they may, and what is left of them."""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace
from tests.integration.agent.asking import sandbox_of
from tests.integration.agent.conftest import Serve
from tests.integration.agent.containers import cgroups_of, mounts_below
from tests.integration.agent.fake_master import FRAMEWORK, FakeMaster, task
from tests.integration.agent.processes import is_alive
from tests.support import eventually, images
from tests.support.registry import Registry, registry
from tests.unit.agent.world import container_of, task_info

from orchestrator.agent.adapters.environment import Surroundings
from orchestrator.agent.adapters.images.store import ImageStore, Source
from orchestrator.agent.adapters.native import mounting
from orchestrator.agent.adapters.native.containers import NativeContainers
from orchestrator.agent.adapters.native.given import Given, Policy
from orchestrator.agent.adapters.native.networks import HostNetworks
from orchestrator.mesos import link
from orchestrator.mesos.types import (
    CapabilitySet,
    CommandInfo,
    CommandURI,
    ContainerInfo,
    DiskInfo,
    DiskPersistence,
    DockerImage,
    ExecutorID,
    ExecutorInfo,
    Image,
    LinuxInfo,
    MesosInfo,
    NetworkInfo,
    ReservationInfo,
    ReservationType,
    Resource,
    RLimit,
    RLimitInfo,
    SandboxPathSource,
    Scalar,
    SeccompInfo,
    Secret,
    SecretValue,
    TaskInfo,
    TaskState,
    TTYInfo,
    ValueType,
    Volume,
    VolumeMode,
    VolumeSource,
)

RUNNING, FINISHED, FAILED, KILLED = (
    TaskState.RUNNING,
    TaskState.FINISHED,
    TaskState.FAILED,
    TaskState.KILLED,
)


@pytest.fixture(autouse=True)
def _needs_runc() -> None:
    if os.geteuid() != 0 or shutil.which("runc") is None:
        pytest.skip("native containers need root and runc (Debian: runc)")


@pytest.fixture(scope="module")
def hub() -> Iterator[Registry]:
    """A registry that has the image "app"."""
    with registry() as one:
        one.push("app", images.tiny())
        yield one


def contained(hub: Registry, name: str = "app", /, **fields: object) -> ContainerInfo:
    """A container of an image of the registry."""
    image = Image(type="DOCKER", docker=DockerImage(name=hub.name_of(name)))
    return ContainerInfo(type="MESOS", mesos=MesosInfo(image=image), **fields)  # type: ignore[arg-type]


def output(data_dir: Path, name: str, file: str = "stdout") -> str:
    path = sandbox_of(data_dir, name) / file
    return path.read_text() if path.exists() else ""


async def run(master: FakeMaster, data_dir: Path, script: str, container: ContainerInfo) -> str:
    """What a task prints until it finishes."""
    await master.run(task("t", script, container=container))
    await master.status("t", FINISHED)
    return output(data_dir, "t")


async def refused(master: FakeMaster, container: ContainerInfo, script: str = "true") -> str:
    """Why a task is not run."""
    await master.run(task("t", script, container=container))
    return (await master.status("t", FAILED)).message or ""


def files_with(text: bytes, directory: Path) -> list[Path]:
    files = [path for path in directory.rglob("*") if path.is_file()]
    return [path for path in files if text in path.read_bytes()]


def capability_set(name: str) -> str:
    """A script that prints one of the shell's sets, in hex."""
    return f"while read a b; do case $a in {name}:) echo $b;; esac; done </proc/self/status"


def volume(path: str, host_path: str, mode: VolumeMode = VolumeMode.RW) -> Volume:
    return Volume(container_path=path, host_path=host_path, mode=mode)


# --- what it is --------------------------------------------------------------------------------


async def test_a_command_runs_in_its_image(
    serve: Serve, master: FakeMaster, data_dir: Path, hub: Registry
) -> None:
    script = "echo $FROM_IMAGE in $(readlink /proc/self/cwd); ls /; echo pid $$"
    async with serve():
        said = await run(master, data_dir, script, contained(hub))
    assert said.startswith("yes in /mnt/mesos/sandbox\n")
    assert "work" not in said.split()
    assert said.endswith("pid 1\n")


async def test_an_image_says_what_to_run_when_the_task_does_not(
    serve: Serve, master: FakeMaster, data_dir: Path, hub: Registry
) -> None:
    hub.push("greeter", images.tiny(Entrypoint=["/bin/echo", "hello"], Cmd=["you"]))
    command = CommandInfo(shell=False, arguments=["world"])
    async with serve():
        await master.run(task("t", command=command, container=contained(hub, "greeter")))
        await master.status("t", FINISHED)
    assert output(data_dir, "t") == "hello world\n"


async def test_upper_layers_remove_and_replace_what_is_below(
    serve: Serve, master: FakeMaster, data_dir: Path, hub: Registry
) -> None:
    base = images.tiny().with_layer(
        images.layer_of({"a/one": b"1", "a/two": b"2", "b/three": b"3", "link": "a"})
    )
    top = base.with_layer(
        images.layer_of({"a/.wh.one": b"", "b/.wh..wh..opq": b"", "b/four": b"4"})
    )
    hub.push("layers", top)
    async with serve():
        said = await run(master, data_dir, "ls /link/ /b /a/", contained(hub, "layers"))
    assert said.split() == ["/a/:", "two", "/b:", "four", "/link/:", "two"]


async def test_two_containers_of_an_image_do_not_see_each_others_files(
    serve: Serve, master: FakeMaster, data_dir: Path, hub: Registry
) -> None:
    async with serve():
        await run(master, data_dir, "touch /mine", contained(hub))
        await master.run(task("u", "ls /", container=contained(hub)))
        await master.status("u", FINISHED)
    assert "mine" not in output(data_dir, "u").split()


async def test_twenty_tasks_share_one_download(
    serve: Serve, master: FakeMaster, data_dir: Path, hub: Registry
) -> None:
    hub.push("popular", images.tiny().with_layer(images.layer_of({"x": b"x"})))
    names = [f"t{number}" for number in range(20)]
    container = contained(hub, "popular")
    async with serve():
        await master.run(
            *(task(n, "echo hi", container=container, resources="cpus:0.1") for n in names)
        )
        for name in names:
            await master.status(name, FINISHED)
    assert {output(data_dir, name) for name in names} == {"hi\n"}
    assert hub.count("/popular/blobs") == 3  # two layers and the configuration
    assert hub.count("/popular/manifests") == 1


async def test_an_image_is_taken_from_a_directory_of_layouts(
    serve: Serve, master: FakeMaster, data_dir: Path, tmp_path: Path
) -> None:
    images.to_layout(images.tiny(), tmp_path / "team/app:2", "2")
    image = Image(type="DOCKER", docker=DockerImage(name="team/app:2"))
    container = ContainerInfo(type="MESOS", mesos=MesosInfo(image=image))
    async with serve(docker_registry=f"file://{tmp_path}"):
        assert await run(master, data_dir, "echo $FROM_IMAGE", container) == "yes\n"


# --- what it may -------------------------------------------------------------------------------


async def test_a_container_has_few_capabilities(
    serve: Serve, master: FakeMaster, data_dir: Path, hub: Registry
) -> None:
    script = f"hostname changed || echo refused; {capability_set('CapBnd')}"
    async with serve():
        said = await run(master, data_dir, script, contained(hub, hostname="me"))
    assert said.splitlines() == ["refused", "00000000a80425fb"]


async def test_a_task_can_ask_for_fewer_capabilities(
    serve: Serve, master: FakeMaster, data_dir: Path, hub: Registry
) -> None:
    linux = LinuxInfo(effective_capabilities=CapabilitySet(capabilities=["NET_RAW"]))
    script = capability_set("CapEff")
    async with serve():
        said = await run(master, data_dir, script, contained(hub, linux_info=linux))
    assert said == "0000000000002000\n"


async def test_more_capabilities_than_the_operator_allows_are_refused(
    serve: Serve, master: FakeMaster, hub: Registry
) -> None:
    linux = LinuxInfo(effective_capabilities=CapabilitySet(capabilities=["SYS_ADMIN"]))
    async with serve():
        message = await refused(master, contained(hub, linux_info=linux))
    assert "SYS_ADMIN" in message


async def test_seccomp_blocks_new_namespaces_unless_unconfined(
    serve: Serve, master: FakeMaster, data_dir: Path, hub: Registry
) -> None:
    script = "unshare --user true 2>&1 || echo blocked"
    async with serve():
        said = await run(master, data_dir, script, contained(hub))
        free = LinuxInfo(seccomp=SeccompInfo(unconfined=True))
        await master.run(task("u", script, container=contained(hub, linux_info=free)))
        await master.status("u", FINISHED)
    assert said.endswith("blocked\n")
    assert output(data_dir, "u") == ""


async def test_a_seccomp_profile_of_the_operator_is_used(
    serve: Serve, master: FakeMaster, data_dir: Path, hub: Registry, tmp_path: Path
) -> None:
    (tmp_path / "no-mkdir").write_text(
        '{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": ['
        '{"names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_ERRNO"}]}'
    )
    linux = LinuxInfo(seccomp=SeccompInfo(profile_name="no-mkdir"))
    script = "mkdir /x 2>&1 || echo blocked"
    async with serve(seccomp_config_dir=str(tmp_path)):
        said = await run(master, data_dir, script, contained(hub, linux_info=linux))
    assert said.endswith("blocked\n")


async def test_an_image_and_a_task_say_who_runs_it(
    serve: Serve, master: FakeMaster, data_dir: Path, hub: Registry
) -> None:
    hub.push("user", images.tiny(User="app"))
    async with serve():
        said = await run(
            master, data_dir, "id; touch mine; touch /no || true", contained(hub, "user")
        )
        await master.run(
            task("u", command=CommandInfo(value="id -u", user="4242"), container=contained(hub))
        )
        await master.status("u", FINISHED)
    assert said == "uid=4711(app) gid=4712(app) groups=4712(app),4713(extra)\n"
    assert output(data_dir, "u") == "4242\n"
    assert (sandbox_of(data_dir, "t") / "mine").stat().st_uid == 4711


async def test_a_file_of_the_machine_is_fetched_only_for_a_user_who_may_read_it(
    master: FakeMaster, serve: Serve, hub: Registry, tmp_path: Path
) -> None:
    (tmp_path / "secret").write_text("x")
    (tmp_path / "secret").chmod(0o600)
    uris = [CommandURI(value=f"file://{tmp_path}/secret")]
    async with serve():
        await eventually(lambda: master.registrations)
        command = CommandInfo(value="true", user="nobody", uris=uris)
        await master.run(task("t", command=command, container=contained(hub)))
        assert "Failed to fetch" in ((await master.status("t", FAILED)).message or "")


async def test_a_container_of_an_image_has_a_terminal_where_it_asks_for_one(
    master: FakeMaster, serve: Serve, data_dir: Path, hub: Registry
) -> None:
    script = 'test -t 0 && test -t 1 && echo "$TERM of $(id -u)"'
    command = CommandInfo(value=script, user="4242")
    async with serve():
        await master.run(task("t", command=command, container=contained(hub, tty_info=TTYInfo())))
        await master.status("t", FINISHED)
        await eventually(lambda: output(data_dir, "t") == "xterm of 4242\n")


async def test_the_root_can_be_read_only(
    serve: Serve, master: FakeMaster, data_dir: Path, hub: Registry
) -> None:
    async with serve(read_only_root=True):
        said = await run(master, data_dir, "touch /x || touch here; ls", contained(hub))
    assert said.split() == ["here", "stderr", "stdout"]


async def test_limits_of_processes_hold(
    serve: Serve, master: FakeMaster, data_dir: Path, hub: Registry
) -> None:
    limits = RLimitInfo(rlimits=[RLimit(type="RLMT_NOFILE", soft=77, hard=88)])
    async with serve():
        said = await run(
            master, data_dir, "ulimit -Sn; ulimit -Hn", contained(hub, rlimit_info=limits)
        )
    assert said == "77\n88\n"


async def test_processes_of_the_host_are_seen_only_when_asked_for(
    serve: Serve, master: FakeMaster, data_dir: Path, hub: Registry
) -> None:
    linux = LinuxInfo(share_pid_namespace=True)
    script = f"test -e /proc/{os.getpid()} && echo seen || echo hidden"
    async with serve():
        assert await run(master, data_dir, script, contained(hub)) == "hidden\n"
        await master.run(task("u", script, container=contained(hub, linux_info=linux)))
        await master.status("u", FINISHED)
    assert output(data_dir, "u") == "seen\n"


async def test_memory_beyond_the_limit_ends_the_container_and_is_said(
    serve: Serve, master: FakeMaster, data_dir: Path, hub: Registry
) -> None:
    async with serve():
        await master.run(
            task(
                "t",
                "head -c 200000000 /dev/zero | sh -c 'x=$(cat | cat -v)'",
                container=contained(hub),
            )
        )
        status = await master.status("t", FAILED)
    assert status.reason == "REASON_CONTAINER_LIMITATION_MEMORY"


async def test_a_container_sees_what_it_may_use(
    serve: Serve, master: FakeMaster, data_dir: Path, hub: Registry
) -> None:
    own, v2 = "/sys/fs/cgroup/memory/memory.limit_in_bytes", "/sys/fs/cgroup/memory.max"
    script = f"for f in {own} {v2}; do test -f $f && cat $f && ! echo 1 > $f; done 2>&- ; true"
    async with serve():
        await master.run(task("t", script, resources="cpus:0.1;mem:48", container=contained(hub)))
        await master.status("t", FINISHED)
    assert output(data_dir, "t") == f"{48 * 2**20}\n"


# --- what is mounted ---------------------------------------------------------------------------


async def test_volumes_are_mounted_as_they_are_asked_for(
    serve: Serve, master: FakeMaster, data_dir: Path, hub: Registry, tmp_path: Path
) -> None:
    (tmp_path / "host").mkdir()
    (tmp_path / "host/file").write_text("from the host\n")
    volumes = [
        volume("/data", str(tmp_path / "host"), VolumeMode.RO),
        volume("/scratch", "work"),
    ]
    script = "cat /data/file; touch /data/x || echo read-only; echo kept >/scratch/y"
    async with serve():
        said = await run(master, data_dir, script, contained(hub, volumes=volumes))
    assert said == "from the host\nread-only\n"
    assert (sandbox_of(data_dir, "t") / "work/y").read_text() == "kept\n"


async def test_containers_that_start_at_once_leave_the_hosts_devices_alone(
    serve: Serve, master: FakeMaster
) -> None:
    before = os.lstat("/dev/ptmx")
    container = ContainerInfo(type="MESOS", volumes=[volume("data", "work")])
    names = [f"t{number}" for number in range(8)]
    async with serve():
        await master.run(*(task(name, "test -c /dev/null", container=container) for name in names))
        for name in names:
            await master.status(name, FINISHED)
    assert os.path.samestat(os.lstat("/dev/ptmx"), before)


async def test_a_volume_without_an_image_is_mounted_over_the_hosts_files(
    serve: Serve, master: FakeMaster, data_dir: Path, tmp_path: Path
) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "place").mkdir()
    (tmp_path / "real/file").write_text("inside\n")
    container = ContainerInfo(
        type="MESOS", volumes=[volume(str(tmp_path / "place"), str(tmp_path / "real"))]
    )
    script = f"cat {tmp_path}/place/file; echo $MESOS_SANDBOX"
    async with serve():
        said = await run(master, data_dir, script, container)
    assert said.splitlines() == ["inside", str(sandbox_of(data_dir, "t").resolve())]
    assert not (tmp_path / "place/file").exists()


async def test_rights_over_the_machine_are_the_operators_to_give(
    master: FakeMaster, serve: Serve, hub: Registry, tmp_path: Path
) -> None:
    etc = contained(hub, volumes=[volume("/host", "/etc")])
    whole = ContainerInfo(
        type="MESOS", mesos=MesosInfo(image=Image(type="DOCKER", docker=DockerImage(name="/")))
    )
    async with serve(host_volumes="/"):
        await eventually(lambda: master.registrations)
        for name, container in (("a", etc), ("b", whole)):
            await master.run(task(name, "true", container=container))
            failed = await master.status(name, FAILED)
            assert "--allow-privileged" in (failed.message or "")
    async with serve(host_volumes=str(tmp_path / "only")):
        await eventually(lambda: len(master.registrations) == 2)
        (tmp_path / "other").mkdir()
        other = contained(hub, volumes=[volume("/data", str(tmp_path / "other"))])
        await master.run(task("c", "true", container=other))
        assert "these directories only" in ((await master.status("c", FAILED)).message or "")
    async with serve(allow_privileged=True):
        await eventually(lambda: len(master.registrations) == 3)
        await master.run(task("d", "test -f /host/passwd", container=etc))
        await master.status("d", FINISHED)


async def test_a_persistent_volume_keeps_its_content(
    serve: Serve, master: FakeMaster, data_dir: Path, hub: Registry
) -> None:
    disk = DiskInfo(
        persistence=DiskPersistence(id="v1"),
        volume=Volume(container_path="keep", mode=VolumeMode.RW),
    )
    resource = Resource(
        name="disk",
        type=ValueType.SCALAR,
        scalar=Scalar(value=10),
        disk=disk,
        reservations=[ReservationInfo(type=ReservationType.DYNAMIC, role="db")],
    )
    first = task("t", "echo 1 >keep/it", container=contained(hub))
    second = task("u", "cat keep/it", container=contained(hub))
    async with serve(resources="cpus:4;mem:1024;disk(db):100"):
        await master.run(replace(first, resources=[*first.resources, resource]))
        await master.status("t", FINISHED)
        await master.run(replace(second, resources=[*second.resources, resource]))
        await master.status("u", FINISHED)
    assert output(data_dir, "u") == "1\n"
    assert (data_dir / "volumes/roles/db/v1/it").read_text() == "1\n"


async def test_a_new_volume_finds_nothing_of_the_destroyed_one_of_its_name(
    serve: Serve, master: FakeMaster, data_dir: Path, hub: Registry
) -> None:
    resource = Resource(
        name="disk",
        type=ValueType.SCALAR,
        scalar=Scalar(value=10),
        disk=DiskInfo(
            persistence=DiskPersistence(id="v1"),
            volume=Volume(container_path="keep", mode=VolumeMode.RW),
        ),
        reservations=[ReservationInfo(type=ReservationType.DYNAMIC, role="db")],
    )
    first = task("t", "mkdir keep/d; echo 1 >keep/d/it", container=contained(hub))
    second = task("u", "ls -A keep; echo 2 >keep/new", container=contained(hub))
    third = task("v", "cat keep/new", container=contained(hub))
    volumes = data_dir / "volumes"
    async with serve(resources="cpus:4;mem:1024;disk(db):100"):
        await master.run(replace(first, resources=[*first.resources, resource]))
        await master.status("t", FINISHED)
        again = link.RunTasks(
            framework=FRAMEWORK,
            tasks=[replace(second, resources=[*second.resources, resource])],
        )
        await master.say(link.DestroyVolumes(number=1, volumes=[resource]), again)
        await master.status("u", FINISHED)
        assert output(data_dir, "u") == ""
        await eventually(lambda: [p.name for p in volumes.iterdir()] == ["roles"])
    async with serve(resources="cpus:4;mem:1024;disk(db):100"):
        await eventually(lambda: len(master.registrations) == 2)
        assert master.registrations[-1].destroyed == 1
        await master.say(link.DestroyVolumes(number=1, volumes=[resource]))  # once is enough
        await master.run(replace(third, resources=[*third.resources, resource]))
        await master.status("v", FINISHED)
    assert output(data_dir, "v") == "2\n"


def keep(megabytes: float) -> Resource:
    """A persistent volume that lies at ``keep``."""
    disk = DiskInfo(
        persistence=DiskPersistence(id="v1"),
        volume=Volume(container_path="keep", mode=VolumeMode.RW),
    )
    role = ReservationInfo(type=ReservationType.DYNAMIC, role="db")
    amount = Scalar(value=megabytes)
    return Resource(
        name="disk", type=ValueType.SCALAR, scalar=amount, disk=disk, reservations=[role]
    )


def group(executor_id: str, *tasks: TaskInfo) -> link.RunInExecutor:
    """Tasks whose executor has that volume."""
    own = task("e", resources="cpus:0.1;mem:32").resources
    executor = ExecutorInfo(
        executor_id=ExecutorID(value=executor_id), type="DEFAULT", resources=[*own, keep(10)]
    )
    return link.RunInExecutor(
        framework=FRAMEWORK,
        executor=executor,
        tasks=list(tasks),
        is_group=True,
        launches_executor=True,
    )


def member(name: str, script: str, *paths: str) -> TaskInfo:
    """A member that has paths of its executor's sandbox at ``a``, ``b`` and so on."""
    volumes = [
        Volume(
            container_path=place,
            source=VolumeSource(sandbox_path=SandboxPathSource(type="PARENT", path=path)),
        )
        for place, path in zip("abc", paths, strict=False)
    ]
    return task(name, script, container=ContainerInfo(type="MESOS", volumes=volumes))


async def test_members_of_a_group_share_a_volume_of_their_executor_or_a_part_of_it(
    serve: Serve, master: FakeMaster, data_dir: Path
) -> None:
    settings = {"resources": "cpus:4;mem:1024;disk(db):100"}
    one = member("one", "echo 1 >a/it; mkdir a/sub; ln -s /etc a/out; ln -s .. a/up", "keep")
    two = member(
        "two", "ls -A a c; echo 2 >a/it; echo 3 >b/it; echo 4 >c/it",
        "keep/sub", "keep/out", "keep/up",
    )  # fmt: skip
    async with serve(**settings):
        await master.say(group("first", one))
        await master.status("one", FINISHED)
        await master.say(group("second", two))
        await master.status("two", FINISHED)
    inside = data_dir / "volumes/roles/db/v1"
    words = {name: (inside / name).read_text() for name in ("it", "sub/it", "etc/it")}
    assert words == {"it": "4\n", "sub/it": "2\n", "etc/it": "3\n"}


async def test_a_member_that_writes_more_than_the_volume_of_its_executor_has_is_ended(
    serve: Serve, master: FakeMaster, data_dir: Path
) -> None:
    write = "head -c 20000000 /dev/zero >a/big; sleep 1000"
    settings = {"enforce_container_disk_quota": True, "container_disk_watch_interval_s": 0.2}
    async with serve(resources="cpus:4;mem:1024;disk(db):100", **settings):
        await master.say(group("first", member("one", write, "keep"), task("other")))
        failed = await master.status("one", FAILED)
        assert failed.reason == "REASON_CONTAINER_LIMITATION_DISK"
        assert "exceeds quota (10MB)" in (failed.message or "")
        await master.status("other", KILLED)


async def test_a_secret_is_a_file_that_never_is_on_disk(
    serve: Serve, master: FakeMaster, data_dir: Path, hub: Registry
) -> None:
    secret = Secret(type="VALUE", value=SecretValue(data=b"hush-hush"))
    source = VolumeSource(type="SECRET", secret=secret)
    container = contained(hub, volumes=[Volume(container_path="pass", source=source)])
    async with serve():
        await master.run(task("t", "cat pass; sleep 1000", container=container))
        await eventually(lambda: output(data_dir, "t") == "hush-hush")
        found = await asyncio.to_thread(files_with, b"hush-hush", data_dir)
        in_memory = data_dir / "native/run"
        on_disk = {path.name for path in found if in_memory not in path.parents}
        assert on_disk <= {"stdout", "agent.db", "agent.db-wal"}  # said, and checkpointed
        await master.kill("t", grace_s=0)
        await master.status("t", KILLED)


# --- how it ends -------------------------------------------------------------------------------


async def test_a_container_outlives_its_agent(
    serve: Serve, master: FakeMaster, data_dir: Path, hub: Registry
) -> None:
    async with serve():
        await master.run(task("t", "sleep 1000", container=contained(hub)))
        pid = (await master.status("t", RUNNING)).container_status.executor_pid  # type: ignore[union-attr]
    assert pid is not None
    assert is_alive(pid)
    async with serve():
        await eventually(lambda: len(master.registrations) == 2)
        assert is_alive(pid)
        await master.kill("t", grace_s=1)
        await master.status("t", KILLED)
        await eventually(lambda: mounts_below(data_dir / "native/containers") == [])


async def test_the_exit_status_is_known(serve: Serve, master: FakeMaster, hub: Registry) -> None:
    async with serve():
        message = await refused(master, contained(hub), "exit 7")
    assert message == "Command exited with status 7"


async def test_nothing_is_left_of_a_container_that_was_killed(
    serve: Serve, master: FakeMaster, data_dir: Path, hub: Registry
) -> None:
    async with serve():
        await master.run(task("t", "sleep 999 & sleep 1000", container=contained(hub)))
        status = await master.status("t", RUNNING)
        assert status.container_status is not None
        container_id = status.container_status.container_id.value  # type: ignore[union-attr]
        assert cgroups_of(container_id)
        await master.kill("t")
        await master.status("t", KILLED)
        await eventually(lambda: not mounts_below(data_dir / "native/containers"))
        await eventually(lambda: not cgroups_of(container_id))
        await eventually(lambda: not list((data_dir / "native").rglob(container_id)))
    assert mounts_below(data_dir) == []


async def test_a_kill_is_heard_by_every_process_of_a_container(
    serve: Serve, master: FakeMaster, data_dir: Path, hub: Registry
) -> None:
    script = "trap 'echo bye; exit 0' TERM; echo up; while :; do sleep 0.1; done"
    async with serve():
        await master.run(task("t", script, container=contained(hub)))
        await eventually(lambda: output(data_dir, "t") == "up\n")
        await master.kill("t", grace_s=30)
        await master.status("t", KILLED)
    assert output(data_dir, "t") == "up\nbye\n"


async def test_a_first_process_that_cannot_hear_is_not_waited_for(
    serve: Serve, master: FakeMaster, data_dir: Path, hub: Registry
) -> None:
    async with serve():
        await master.run(task("t", "echo up; exec sleep 1000", container=contained(hub)))
        await eventually(lambda: output(data_dir, "t") == "up\n")
        await master.kill("t", grace_s=600)  # far longer than is waited for its end
        await master.status("t", KILLED)


async def test_a_kill_ends_a_download(
    serve: Serve, master: FakeMaster, data_dir: Path, hub: Registry
) -> None:
    hub.push("slow", images.tiny().with_layer(images.layer_of({"slow": os.urandom(5_000_000)})))
    hub.faults.bytes_per_s = 50_000
    try:
        async with serve():
            await master.run(task("t", "true", container=contained(hub, "slow")))
            await eventually(lambda: list((data_dir / "images/downloads").glob("*")))
            await master.kill("t")
            await master.status("t", KILLED)
    finally:
        hub.faults.bytes_per_s = 0


async def test_what_a_killed_agent_left_half_made_is_cleared_away(
    serve: Serve, master: FakeMaster, data_dir: Path
) -> None:
    half_made = data_dir / "native/containers/ghost/root"
    half_made.mkdir(parents=True)
    mounting.tmpfs(half_made, 4096)
    (data_dir / "native/run/bundles/ghost").mkdir(parents=True)
    async with serve() as agent:
        await eventually(lambda: agent.agent_id)
        await eventually(lambda: not half_made.exists())
    assert mounts_below(data_dir) == []


# --- what goes wrong ---------------------------------------------------------------------------


class SlowNetworks(HostNetworks):
    """Lets go of the first container only when it is told to."""

    def __init__(self) -> None:
        self.left: list[str] = []
        self.go = asyncio.Event()

    async def detach(self, container_id: str) -> None:
        self.left.append(container_id)
        if len(self.left) == 1:
            await self.go.wait()


def containers_of(data_dir: Path, networks: HostNetworks) -> NativeContainers:
    return NativeContainers(
        data_dir,
        Surroundings(ip="127.0.0.1", port=1),
        ImageStore(data_dir / "images", Source()),
        Policy(),
        switch_user=False,
        given=Given(networks=networks),
    )


async def test_a_container_that_ended_without_an_agent_is_cleared_away_by_the_next(
    data_dir: Path,
) -> None:
    native, place = containers_of(data_dir, HostNetworks()), data_dir / "native/containers/c"
    place.mkdir(parents=True)
    await asyncio.gather(native.sweep({"c"}), native.clear("c"))
    assert not await asyncio.to_thread(place.exists)
    await native.close()


async def test_what_is_prepared_anew_is_not_swept_away_with_what_was_left(data_dir: Path) -> None:
    networks = SlowNetworks()
    native = containers_of(data_dir, networks)
    left = [f"c{number}" for number in range(3)]
    for name in left:
        (data_dir / "native/containers" / name).mkdir(parents=True)
    sweeping = asyncio.create_task(native.sweep(()))
    await eventually(lambda: networks.left)
    again = next(name for name in left if name not in networks.left)
    info = task_info(container=ContainerInfo(type="MESOS", hostname="h"))
    preparing = asyncio.create_task(native.prepare(container_of(info, id_=again)))
    await asyncio.wait({preparing}, timeout=0.2)  # as far as it gets
    networks.go.set()
    await preparing
    await sweeping
    assert await asyncio.to_thread((data_dir / f"native/run/bundles/{again}/config.json").exists)
    await native.clear(again)
    await native.close()


async def test_an_image_that_does_not_exist_fails_the_task_by_name(
    serve: Serve, master: FakeMaster, hub: Registry
) -> None:
    async with serve():
        message = await refused(master, contained(hub, "nowhere"))
    name = hub.name_of("nowhere")
    assert message == (
        f"Command could not be started: The image '{name}' cannot be had: "
        f"{hub.host} does not have it"
    )


async def test_a_layer_with_another_digest_is_refused(
    serve: Serve, master: FakeMaster, data_dir: Path, hub: Registry
) -> None:
    made = images.packed(images.tiny().with_layer(images.layer_of({"bad": b"bad"})))
    hub.push("bad", made)
    digest = list(made.blobs)[-1]
    hub.faults.corrupt.add(digest)
    async with serve():
        message = await refused(master, contained(hub, "bad"))
    assert f"what it gives as {digest} has another digest" in message
    assert not list((data_dir / "images/names").iterdir())


async def test_a_program_that_is_not_in_the_image_fails_the_task_by_name(
    serve: Serve, master: FakeMaster, hub: Registry
) -> None:
    async with serve():
        await master.run(
            task("t", command=CommandInfo(shell=False, value="no-such"), container=contained(hub))
        )
        message = (await master.status("t", FAILED)).message or ""
    assert "no-such" in message
    assert "not found" in message


async def test_a_host_path_that_does_not_exist_fails_the_task_by_name(
    serve: Serve, master: FakeMaster, hub: Registry
) -> None:
    async with serve():
        message = await refused(master, contained(hub, volumes=[volume("/data", "/no/such/place")]))
    assert "The host path '/no/such/place' of a volume does not exist" in message


async def test_a_network_that_does_not_exist_fails_the_task_by_name(
    serve: Serve, master: FakeMaster, hub: Registry
) -> None:
    async with serve():
        message = await refused(master, contained(hub, network_infos=[NetworkInfo(name="moon")]))
    assert "network" in message
    assert "moon" in message


async def test_the_containerizer_can_be_switched_off(
    serve: Serve, master: FakeMaster, hub: Registry
) -> None:
    async with serve(containerizers="docker"):
        assert "switched off" in await refused(master, contained(hub))
