"""A Marathon, a Mesos master and an agent in one small server, for tests of the client.

Time passes with each look at the deployments: then one task starts, one old task ends, or one
removed app goes. So a test decides nothing by waiting.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from orchestrator.runtime.http import Application, Server, json_response, serve

Document = dict[str, Any]


class FakeMarathon:
    """What it knows is open to the test, before and while it serves."""

    def __init__(self) -> None:
        self.url = ""
        self.apps: dict[str, Document] = {}
        self.deployments: list[Document] = []
        self.queue: list[Document] = []
        self.files: dict[str, bytes] = {}
        self.requests: list[tuple[str, str]] = []
        self.is_stuck = False  # deployments go on without a step
        self.task_state = "TASK_RUNNING"  # of tasks that start from now on
        self.rejection: HTTPException | None = None
        self._clock = 0

    def add(self, app_id: str, instances: int = 1, **fields: object) -> Document:
        """An app with all its tasks running."""
        app = self._put({"id": app_id, "instances": instances, **fields})
        for _ in range(instances):
            self._start_task(app)
        return app

    def application(self) -> Application:
        """The server."""
        return Application(
            [
                Route("/v2/apps", self._apps, methods=["GET", "PUT"]),
                Route("/v2/apps/{id:path}/tasks", self._app_tasks),
                Route("/v2/apps/{id:path}/restart", self._restart, methods=["POST"]),
                Route("/v2/apps/{id:path}", self._app, methods=["GET", "PUT", "DELETE"]),
                Route("/v2/tasks", self._tasks),
                Route("/v2/tasks/delete", self._kill, methods=["POST"]),
                Route("/v2/deployments", self._deployments),
                Route("/v2/queue", self._queue),
                Route("/slaves", self._slaves),
                Route("/tasks", self._mesos_tasks),
                Route("/state", self._agent_state),
                Route("/files/read", self._read_file),
            ]
        )

    async def _apps(self, request: Request) -> Response:
        self._record(request)
        if request.method == "GET":
            return json_response({"apps": list(self.apps.values())})
        for app in await request.json():
            self._put(app | {"id": "/" + app["id"].strip("/")})
        return self._deploying()

    async def _app(self, request: Request) -> Response:
        self._record(request)
        app_id = "/" + request.path_params["id"]
        if request.method == "PUT":
            self._put({"id": app_id, **await request.json()})
            return self._deploying()
        app = self._known(app_id)
        if request.method == "DELETE":
            app["instances"] = -1
            return self._deploying()
        return json_response({"app": app})

    async def _restart(self, request: Request) -> Response:
        self._record(request)
        self._put(self._known("/" + request.path_params["id"]))
        return self._deploying()

    async def _app_tasks(self, request: Request) -> Response:
        return json_response({"tasks": self._known("/" + request.path_params["id"])["tasks"]})

    async def _tasks(self, request: Request) -> Response:
        return json_response({"tasks": self.all_tasks()})

    async def _kill(self, request: Request) -> Response:
        self._record(request)
        return json_response({"tasks": (await request.json())["ids"]})

    async def _deployments(self, request: Request) -> Response:
        if not self.is_stuck and self.deployments and not self._step():
            self.deployments.clear()
        return json_response(self.deployments)

    async def _queue(self, request: Request) -> Response:
        return json_response({"queue": self.queue})

    async def _slaves(self, request: Request) -> Response:
        address = self.url.removeprefix("http://")
        agent = {
            "id": "S0",
            "hostname": "node0",
            "pid": f"slave(1)@{address}",
            "active": True,
            "resources": {"cpus": 4, "mem": 1024, "disk": 1000, "ports": "[1-2]"},
            "used_resources": {"cpus": 0.5, "mem": 64, "disk": 0},
        }
        return json_response({"slaves": [agent]})

    async def _mesos_tasks(self, request: Request) -> Response:
        wanted = request.query_params["task_id"]
        known = [path.split("/")[1] for path in self.files]
        task = {"id": wanted, "slave_id": "S0", "framework_id": "F", "executor_id": ""}
        return json_response({"tasks": [task] if wanted in known else []})

    async def _agent_state(self, request: Request) -> Response:
        ids = {path.split("/")[1] for path in self.files}
        executors = [{"id": task_id, "directory": f"/{task_id}"} for task_id in ids]
        return json_response({"frameworks": [{"id": "F", "executors": executors}]})

    async def _read_file(self, request: Request) -> Response:
        query = request.query_params
        if query["path"] not in self.files:
            raise HTTPException(404, "no such file")
        content, offset = self.files[query["path"]], int(query["offset"])
        if offset == -1:
            return json_response({"offset": len(content), "data": ""})
        data = content[offset : offset + int(query["length"])].decode(errors="replace")
        return json_response({"offset": offset, "data": data})

    def all_tasks(self) -> list[Document]:
        """Of all apps."""
        return [task for app in self.apps.values() for task in app["tasks"]]

    def _record(self, request: Request) -> None:
        query = f"?{request.url.query}" if request.url.query else ""
        self.requests.append((request.method, request.url.path + query))
        if self.rejection is not None:
            raise self.rejection

    def _known(self, app_id: str) -> Document:
        if app_id not in self.apps:
            raise HTTPException(404, f"App '{app_id}' does not exist")
        return self.apps[app_id]

    def _put(self, app: Document) -> Document:
        version = self._now()
        known = self.apps.setdefault(app["id"], {"tasks": [], "instances": 1, "changed": version})
        if set(app) != {"id", "instances"}:
            known["changed"] = version
        known.update(app)
        known["version"] = version
        known["versionInfo"] = {"lastConfigChangeAt": known["changed"]}
        known["tasksRunning"] = len(known["tasks"])
        return known

    def _deploying(self) -> Response:
        version = self._now()
        for app in self.apps.values():
            app["version"] = version
        deployment = {"id": "d1", "version": version, "affectedApps": sorted(self.apps)}
        step = {"currentStep": 1, "totalSteps": 2, "currentActions": [_ACTION]}
        self.deployments = [deployment | step]
        return json_response({"deploymentId": "d1", "version": version})

    def _step(self) -> bool:
        """Do one thing; False when there was nothing left to do."""
        for app in list(self.apps.values()):
            current = [t for t in app["tasks"] if t["version"] >= app["changed"]]
            if app["instances"] < 0:
                del self.apps[app["id"]]
            elif len(current) < app["instances"]:
                self._start_task(app)
            elif len(app["tasks"]) > app["instances"]:
                app["tasks"].pop(0)
            else:
                continue
            return True
        return False

    def _start_task(self, app: Document) -> None:
        number = len(app["tasks"])
        task_id = f"{app['id'].strip('/')}.instance-{number:08d}-x._app.1"
        task = {"id": task_id, "appId": app["id"], "state": self.task_state, "host": "node0"}
        app["tasks"].append(task | {"version": self._now(), "ports": [31000 + number]})
        app["tasksRunning"] = len(app["tasks"])

    def _now(self) -> str:
        self._clock += 1
        return f"2026-01-01T00:00:00.{self._clock:03d}Z"


_ACTION = {"action": "ScaleApplication", "app": "/web"}


@contextmanager
def serving(fake: FakeMarathon) -> Iterator[FakeMarathon]:
    """Serve it in a thread, as the client's calls block."""
    started = threading.Event()
    finish: list[object] = []

    async def run() -> None:
        stop, loop = asyncio.Event(), asyncio.get_running_loop()
        async with serve(fake.application(), "127.0.0.1", 0) as server:
            fake.url = _url(server)
            finish.append(lambda: loop.call_soon_threadsafe(stop.set))
            started.set()
            await stop.wait()

    thread = threading.Thread(target=asyncio.run, args=(run(),))
    thread.start()
    started.wait(10)
    try:
        yield fake
    finally:
        finish[0]()  # type: ignore[operator]  # set once started
        thread.join()


def _url(server: Server) -> str:
    return server.url
