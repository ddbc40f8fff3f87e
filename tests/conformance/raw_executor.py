"""A Mesos v1 executor that knows nothing but the protocol: ``python raw_executor.py``.

It runs on the standard library alone, as its sandbox has nothing else. Each task it is given runs
until it is killed; one whose name ends in ``.once`` finishes at once, and one in ``.crash`` takes
the executor down. Bytes from the framework are sent back. It comes back when the agent restarts.
"""

from __future__ import annotations

import base64
import http.client
import json
import os
import sys
import time
import uuid
from collections.abc import Iterator
from typing import Any

Json = dict[str, Any]
NAMES = {
    "framework_id": {"value": os.environ["MESOS_FRAMEWORK_ID"]},
    "executor_id": {"value": os.environ["MESOS_EXECUTOR_ID"]},
}
HEADERS = {"Content-Type": "application/json", "Accept": "application/json"}
unacknowledged: dict[str, Json] = {}  # updates, by uuid
tasks: dict[str, Json] = {}  # until an update of theirs is acknowledged
running: dict[str, Json] = {}


def connect() -> http.client.HTTPConnection:
    return http.client.HTTPConnection(os.environ["MESOS_AGENT_ENDPOINT"])


def post(kind: str, fields: Json) -> None:
    call = {**NAMES, "type": kind, kind.lower(): fields}
    connection = connect()
    connection.request("POST", "/api/v1/executor", json.dumps(call), HEADERS)
    answer = connection.getresponse()
    print(kind, answer.status, answer.read(), flush=True)
    connection.close()


def tell(task_id: str, state: str) -> None:
    name = base64.b64encode(uuid.uuid4().bytes).decode()
    status = {
        "task_id": {"value": task_id},
        "state": state,
        "source": "SOURCE_EXECUTOR",
        "executor_id": NAMES["executor_id"],
        "uuid": name,
    }
    unacknowledged[name] = {"status": status}
    try:
        post("UPDATE", unacknowledged[name])
    except OSError as error:
        print("kept until the agent is back:", error, flush=True)


def launch(task: Json) -> None:
    task_id = task["task_id"]["value"]
    tasks[task_id] = running[task_id] = task
    if task_id.endswith(".crash"):
        os._exit(7)
    tell(task_id, "TASK_RUNNING")
    if task_id.endswith(".once"):
        del running[task_id]
        tell(task_id, "TASK_FINISHED")


def handle(event: Json) -> None:
    match event["type"]:
        case "LAUNCH":
            launch(event["launch"]["task"])
        case "LAUNCH_GROUP":
            for task in event["launch_group"]["task_group"]["tasks"]:
                launch(task)
        case "KILL":
            if running.pop(event["kill"]["task_id"]["value"], None):
                tell(event["kill"]["task_id"]["value"], "TASK_KILLED")
        case "ACKNOWLEDGED":
            unacknowledged.pop(event["acknowledged"]["uuid"], None)
            tasks.pop(event["acknowledged"]["task_id"]["value"], None)
        case "MESSAGE":
            post("MESSAGE", {"data": event["message"]["data"]})
        case "SHUTDOWN":
            for task_id in list(running):
                tell(task_id, "TASK_KILLED")
            sys.exit(0)


def events() -> Iterator[Json]:
    subscribe = {
        "unacknowledged_tasks": list(tasks.values()),
        "unacknowledged_updates": list(unacknowledged.values()),
    }
    connection = connect()
    call = {**NAMES, "type": "SUBSCRIBE", "subscribe": subscribe}
    connection.request("POST", "/api/v1/executor", json.dumps(call), HEADERS)
    answer = connection.getresponse()
    print("SUBSCRIBE", answer.status, answer.headers.items(), flush=True)
    while answer.status == 200 and (length := answer.readline()):
        yield json.loads(answer.read(int(length)))


def main() -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            for event in events():
                print(event["type"], flush=True)
                handle(event)
                deadline = time.monotonic() + 60
        except (OSError, http.client.HTTPException, ValueError) as error:
            print("the agent is away:", error, flush=True)
        time.sleep(0.1)


if __name__ == "__main__":
    main()
