"""Hundreds of clients that want different things of the same apps at once."""

import asyncio
import sqlite3
from collections import Counter
from pathlib import Path

import aiohttp
import msgspec
from tests.integration.marathon.conftest import Api, Start

from orchestrator.marathon.core.apps.app import App

WRITES = 500
APPS = 5


async def write(api: Api, number: int) -> tuple[int, int]:
    """One of five kinds of change of one of five apps; returns the number and the status."""
    app_id = f"/a{number % APPS}"
    force = "?force=true" if number % 2 else ""
    match number // APPS % 5:
        case 0:
            body = {"id": app_id, "cmd": "x", "labels": {"by": str(number)}}
            status, _ = await api.call("POST", "/v2/apps", body)
        case 1:
            body = {"cmd": "x", "labels": {"by": str(number)}}
            status, _ = await api.call("PUT", f"/v2/apps{app_id}{force}", body)
        case 2:
            scaled = {"instances": number % 3}
            status, _ = await api.call("PATCH", f"/v2/apps{app_id}{force}", scaled)
        case 3:
            status, _ = await api.call("POST", f"/v2/apps{app_id}/restart{force}")
        case _:
            status, _ = await api.call("DELETE", f"/v2/apps{app_id}{force}")
    return number, status


async def test_five_hundred_conflicting_writes_leave_a_consistent_state(
    start: Start, tmp_path: Path
) -> None:
    async with start() as marathon:
        connector = aiohttp.TCPConnector(limit=100)
        async with aiohttp.ClientSession(marathon.url, connector=connector) as session:
            api = Api(session)
            results = await asyncio.gather(*(write(api, number) for number in range(WRITES)))
            statuses = Counter(status for _, status in results)
            assert set(statuses) <= {200, 201, 404, 409}
            assert statuses[200] + statuses[201] > 0
            assert (await api.call("PUT", "/v2/apps?force=true", survivors()))[0] == 200
            await api.settled()
            shown = (await api.get("/v2/apps?embed=apps.tasks"))["apps"]
    for app in shown:
        assert len(app["tasks"]) == app["instances"] == app["tasksRunning"], app
        assert {task["version"] for task in app["tasks"]} <= set(versions_of(tmp_path, app["id"]))
    assert {app["id"]: app["version"] for app in shown} == stored_versions(tmp_path)


def survivors() -> list[dict[str, object]]:
    return [{"id": f"/a{n}", "cmd": "last", "instances": 2} for n in range(APPS)]


def objects(directory: Path, prefix: str) -> dict[str, bytes]:
    with sqlite3.connect(directory / "marathon.db") as database:
        rows = database.execute("SELECT key, value FROM object").fetchall()
    return {key: value for key, value in rows if key.startswith(prefix)}


def stored_versions(directory: Path) -> dict[str, str]:
    stored = objects(directory, "apps/").values()
    apps = [msgspec.json.decode(value, type=App) for value in stored]
    return {app.id: app.version for app in apps}


def versions_of(directory: Path, app_id: str) -> list[str]:
    prefix = f"versions{app_id}@"
    return [key.removeprefix(prefix) for key in objects(directory, prefix)]
