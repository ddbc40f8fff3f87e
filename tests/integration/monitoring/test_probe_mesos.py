"""The agents of a machine, as the probe asks them: stand-ins that say what agents say."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import web
from tests.integration.monitoring.probes import probing
from tests.support import free_port

from orchestrator.monitoring.probe.roles import Parts
from orchestrator.monitoring.report import Node


@asynccontextmanager
async def an_agent(*tasks: str) -> AsyncIterator[str]:
    """Serves /containers; one container a task, called after it."""

    async def containers(request: web.Request) -> web.Response:
        found = [
            {"container_id": f"of-{task}", "framework_id": "f1", "source": task} for task in tasks
        ]
        return web.json_response(found)

    app = web.Application()
    app.router.add_get("/containers", containers)
    runner = web.AppRunner(app)
    await runner.setup()
    port = free_port()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        await runner.cleanup()


async def test_all_agents_of_a_machine_are_asked_and_one_that_is_away_costs_only_its_own() -> None:
    away = f"http://127.0.0.1:{free_port()}"
    async with (
        an_agent("t1") as first,
        an_agent("t2") as second,
        probing("http://127.0.0.1:1", agent=(first, away, second)) as probe,
    ):
        (source,) = [one for one in probe.survey.sources if one.name == "agent"]
        assert source.ticker is not None
        assert source.tagger is not None
        assert source.reporter is not None
        await source.ticker.tick(1.0)
        docker = [Node(f"id{number}", f"mesos-of-t{number}") for number in (1, 2, 3)]
        parts = Parts(nodes={"container": docker})
        source.tagger.tag(parts, 1.0)
        tasks = [node.parents.get("mesos_task") for node in parts.nodes["container"]]
        assert tasks == [["f1;t1"], ["f1;t2"], None]
        [problem] = source.reporter.report(1.0).problems
        assert away.removeprefix("http://") in problem
