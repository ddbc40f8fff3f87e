"""Images come from a registry, with a login or without, and go when nobody uses them."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.integration.agent.conftest import Serve
from tests.integration.agent.docker_containers import docker_task
from tests.integration.agent.fake_master import FakeMaster
from tests.support import eventually, images
from tests.support.docker_engine import DockerEngine
from tests.support.registry import Registry, registry

from orchestrator.agent.adapters.docker.collection import Collection, GarbageSettings
from orchestrator.agent.adapters.docker.engine import Engine
from orchestrator.agent.adapters.docker.pulls import PullError, Pulls, PullSettings
from orchestrator.agent.core.images import Limits
from orchestrator.agent.server import RunningAgent
from orchestrator.mesos.types import CommandInfo, CommandURI
from orchestrator.mesos.types import TaskState as State

USERS = {"joe": "s3cret"}


@pytest.fixture
def public() -> Iterator[Registry]:
    with registry() as one:
        one.push("app", images.tiny())
        yield one


@pytest.fixture
def private() -> Iterator[Registry]:
    with registry(USERS) as one:
        one.push("app", images.tiny())
        yield one


@pytest.fixture(autouse=True)
def _no_images_left(engine: DockerEngine) -> Iterator[None]:
    yield
    for image in json.loads(engine.request("GET", "/images/json")[1]):
        for name in image["RepoTags"] or []:
            if name.startswith("127.0.0.1"):
                engine.request("DELETE", f"/images/{name}?force=1")


def login(one: Registry, password: str = "s3cret") -> str:
    return json.dumps({"auths": {one.host: {"username": "joe", "password": password}}})


async def test_an_image_is_pulled_once_for_all_who_want_it(
    master: FakeMaster, docker_agent: RunningAgent, public: Registry
) -> None:
    mine = images.tiny(Env=["FROM_IMAGE=mine"])
    public.push("app", mine)
    public.faults.delay_s = 0.1
    names = ["a", "b", "c", "d"]
    image = public.name_of("app")
    await master.run(*(docker_task(name, "echo $FROM_IMAGE", image=image) for name in names))
    for name in names:
        await master.status(name, State.FINISHED)
    assert public.count(images.digest_of(mine.config)) == 1


async def test_an_image_that_is_there_is_pulled_again_only_if_that_is_asked_for(
    master: FakeMaster, docker_agent: RunningAgent, public: Registry
) -> None:
    image = public.name_of("app")
    await master.run(docker_task("a", "true", image=image))
    await master.status("a", State.FINISHED)
    before = len(public.requests)
    await master.run(docker_task("b", "true", image=image))
    await master.status("b", State.FINISHED)
    assert len(public.requests) == before
    await master.run(docker_task("c", "true", image=image, force_pull_image=True))
    await master.status("c", State.FINISHED)
    assert len(public.requests) > before


async def test_a_flaky_registry_delays_a_task_and_no_more(
    master: FakeMaster, docker_agent: RunningAgent, public: Registry
) -> None:
    public.faults.errors["/manifests/"] = 1
    await master.run(docker_task("a", "true", image=public.name_of("app")))
    await master.status("a", State.FINISHED)


async def test_an_image_that_does_not_exist_is_named_at_once(
    master: FakeMaster, docker_agent: RunningAgent, public: Registry
) -> None:
    await master.run(docker_task("a", image=public.name_of("nothing")))
    failed = await master.status("a", State.FAILED)
    assert failed.reason == "REASON_CONTAINER_LAUNCH_FAILED"
    assert "there is no such image" in (failed.message or "")


async def test_without_a_login_a_private_image_is_denied(
    master: FakeMaster, docker_agent: RunningAgent, private: Registry
) -> None:
    await master.run(docker_task("a", image=private.name_of("app")))
    failed = await master.status("a", State.FAILED)
    assert "the registry does not give it to us" in (failed.message or "")


async def test_the_agents_login_opens_it(
    master: FakeMaster, serve: Serve, clean_engine: DockerEngine, private: Registry
) -> None:
    async with serve(docker_socket=str(clean_engine.socket), docker_config=login(private)):
        await master.run(docker_task("a", "true", image=private.name_of("app")))
        await master.status("a", State.FINISHED)


async def test_a_wrong_login_is_said_to_be_refused_and_not_what_it_is(
    master: FakeMaster, serve: Serve, clean_engine: DockerEngine, private: Registry
) -> None:
    config = login(private, "wr0ng")
    async with serve(docker_socket=str(clean_engine.socket), docker_config=config):
        await master.run(docker_task("a", image=private.name_of("app")))
        failed = await master.status("a", State.FAILED)
        assert "the registry does not give it to us" in (failed.message or "")
        assert "wr0ng" not in (failed.message or "")


@pytest.mark.parametrize("name", ["config.json", ".dockercfg"])
async def test_a_task_brings_its_own_login_with_its_files(
    master: FakeMaster, docker_agent: RunningAgent, private: Registry, tmp_path: Path, name: str
) -> None:
    file = tmp_path / name
    file.write_text(login(private))
    command = CommandInfo(value="true", uris=[CommandURI(value=str(file))])
    await master.run(docker_task("a", command=command, image=private.name_of("app")))
    await master.status("a", State.FINISHED)


async def test_a_task_can_be_killed_while_its_image_is_pulled(
    master: FakeMaster, docker_agent: RunningAgent, public: Registry, clean_engine: DockerEngine
) -> None:
    public.faults.delay_s = 30.0
    await master.run(docker_task("a", image=public.name_of("app")))
    await eventually(lambda: public.requests)
    await master.kill("a")
    killed = await master.status("a", State.KILLED)
    assert killed.reason == "REASON_TASK_KILLED_DURING_LAUNCH"
    assert await asyncio.to_thread(clean_engine.containers) == []
    public.faults.delay_s = 0.0


async def test_a_pull_has_a_deadline(engine: DockerEngine, public: Registry) -> None:
    public.faults.delay_s = 30.0
    async with engine_client(engine) as client:
        with pytest.raises(PullError, match="takes too long"):
            await Pulls(client, PullSettings(timeout_s=0.3)).pull(public.name_of("app"), [None])
    public.faults.delay_s = 0.0


class engine_client:  # noqa: N801
    """A client of the Engine, closed in the end."""

    def __init__(self, engine: DockerEngine) -> None:
        self._client = Engine(engine.socket)

    async def __aenter__(self) -> Engine:
        await self._client.negotiate()
        return self._client

    async def __aexit__(self, *_: object) -> None:
        await self._client.close()


async def test_images_go_when_nobody_uses_them_and_only_the_agents_own(
    engine: DockerEngine, clean_engine: DockerEngine, public: Registry, tmp_path: Path
) -> None:
    for name in ("used", "launching", "spare"):
        public.push(name, images.tiny(Env=[f"NAME={name}"]))
    named = {name: public.name_of(name) for name in ("used", "launching", "spare")}
    limits = Limits(min_age_s=0.0, headroom=1.0)  # the disk is never empty enough
    async with engine_client(engine) as client:
        settings = GarbageSettings(limits=limits)
        collection = Collection(
            client, tmp_path / "docker/images.json", settings, lambda: {named["launching"]}
        )
        for image in named.values():
            await Pulls(client, PullSettings()).pull(image, [None])
            await collection.pulled(image)
        await client.create("user", {"Image": named["used"], "Cmd": ["sleep", "1000"]})
        again = Collection(
            client, tmp_path / "docker/images.json", settings, lambda: {named["launching"]}
        )
        removed = await again.collect(time.time() + 1)
        there = {name for image in await client.images() for name in image.names}
    assert named["spare"] in removed
    assert named["spare"] not in there
    assert {named["used"], named["launching"], "orchestrator-test:1"} <= there
