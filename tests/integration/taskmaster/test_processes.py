"""Many processes on one state file, killed ones among them: no change is lost."""

import fcntl
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from tests.support import eventually

from orchestrator.taskmaster.adapters.locking import locked
from orchestrator.taskmaster.adapters.state import State
from orchestrator.taskmaster.core.model import Status

WRITERS = 50
COMMAND = [sys.executable, "-m", "orchestrator.cli.taskmaster.main"]


def start(project: Path, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [*COMMAND, "-C", str(project), *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def finished(processes: Sequence[subprocess.Popen[str]]) -> list[str]:
    """What they printed, once all have ended well."""
    outputs = [process.communicate(timeout=120) for process in processes]
    assert [process.returncode for process in processes] == [0] * len(processes), outputs
    return [stdout for stdout, _ in outputs]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project with a task for every writer."""
    tasks = "".join(f"- Task {number}: T{number}\n" for number in range(1, WRITERS + 1))
    (tmp_path / "PRD.md").write_text(tasks)
    finished([start(tmp_path, "parse-prd", f"--input={tmp_path}/PRD.md")])
    return tmp_path


def statuses(project: Path) -> list[Status]:
    return [record.task.status for record in State(project).records()]


def test_fifty_writers_at_once_lose_nothing(project: Path) -> None:
    writers = [start(project, "complete", str(number)) for number in range(1, WRITERS + 1)]
    finished(writers)
    assert statuses(project) == [Status.DONE] * WRITERS
    events = State(project).log.read()
    assert [event.number for event in events] == list(range(1, WRITERS + 2))


def test_each_of_many_gets_another_task(project: Path) -> None:
    outputs = finished([start(project, "next", "--auto", "--json") for _ in range(20)])
    claimed = [json.loads(output)["task"]["id"] for output in outputs]
    assert sorted(map(int, claimed)) == list(range(1, 21))
    assert statuses(project).count(Status.IN_PROGRESS) == 20


def test_writers_that_are_killed_leave_a_whole_file(project: Path) -> None:
    for number in range(1, 16):
        process = start(project, "complete", str(number))
        time.sleep(0.02 * number)  # anywhere: in the imports, under the lock, in the write
        process.send_signal(signal.SIGKILL)
        process.communicate()
        lock = project / ".taskmaster/tasks/tasks.json.lock"
        if lock.exists():
            os.utime(lock, (0, 0))  # as if ten seconds had passed
        assert set(statuses(project)) <= {Status.PENDING, Status.DONE}
    finished([start(project, "complete", "50")])
    assert statuses(project)[-1] is Status.DONE


def is_held(directory: Path) -> bool:
    handle = os.open(directory, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(handle)
    return False


async def test_what_task_master_ai_holds_is_waited_for(project: Path) -> None:
    path = project / ".taskmaster/tasks/tasks.json"
    theirs = path.with_name("tasks.json.lock")
    theirs.mkdir()
    later = time.time() + 3600
    os.utime(theirs, (later, later))  # so that no stall makes it look abandoned
    process = start(project, "complete", "1")
    await eventually(lambda: is_held(path.parent))
    assert statuses(project)[0] is Status.PENDING
    theirs.rmdir()
    finished([process])
    assert statuses(project)[0] is Status.DONE
    assert not theirs.exists()


def test_a_lock_that_was_left_behind_is_taken_over(project: Path) -> None:
    path = project / ".taskmaster/tasks/tasks.json"
    theirs = path.with_name("tasks.json.lock")
    theirs.mkdir()
    os.utime(theirs, (0, 0))
    with locked(path):
        assert theirs.exists()
    assert not theirs.exists()


def test_a_file_that_task_master_ai_has_written_is_gone_on_with(project: Path) -> None:
    path = project / ".taskmaster/tasks/tasks.json"
    before = path.read_text()
    theirs = json.loads(before)
    theirs["master"]["tasks"][2] |= {
        "status": "done",
        "complexity": 4,
        "subtasks": [{"id": 1, "title": "x", "status": "pending"}],
    }
    path.write_text(json.dumps(theirs, indent=2, ensure_ascii=False))  # as JSON.stringify has it
    finished([start(project, "complete", "3.1"), start(project, "complete", "4")])
    tasks: list[dict[str, Any]] = json.loads(path.read_text())["master"]["tasks"]
    found = [task["status"] for task in tasks[:5]]
    assert found == ["pending", "pending", "done", "done", "pending"]
    assert (tasks[2]["complexity"], tasks[2]["subtasks"][0]["status"]) == (4, "done")
    changed = set(path.read_text().split("\n")) - set(before.split("\n"))
    assert len(changed) < 10


@pytest.fixture
def hook(tmp_path: Path) -> Iterator[tuple[str, Path]]:
    """A server that takes nothing the first time; its address, and what it received."""
    received = tmp_path / "received"
    command = [sys.executable, "-c", HOOK, str(received)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        yield f"http://127.0.0.1:{int(server.stdout.readline())}", received
        server.kill()


def test_a_webhook_gets_the_status_signed_and_again_after_a_failure(
    project: Path, hook: tuple[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    url, received = hook
    monkeypatch.setenv("TASKMASTER_WEBHOOK_SECRET", "s3cret")
    finished([start(project, "status", f"--webhook={url}/hook?key=x")])
    first, second = [json.loads(line) for line in received.read_text().splitlines()]
    assert first == second
    assert (first["event"], first["is_signed"]) == ("status", True)
    assert json.loads(first["body"])["total"] == WRITERS


def test_a_webhook_that_refuses_is_said_without_what_is_secret(
    project: Path, hook: tuple[str, Path]
) -> None:
    url, _ = hook
    process = start(project, "status", f"--webhook={url}/refuse?key=s3cret")
    _, stderr = process.communicate(timeout=120)
    assert (process.returncode, stderr) == (
        1,
        f"Error: the webhook at {url}/refuse answered 403\n",
    )


HOOK = """
import hashlib, hmac, json, sys
from http.server import BaseHTTPRequestHandler, HTTPServer

class Hook(BaseHTTPRequestHandler):
    count = 0
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.path.startswith("/refuse"):
            self.send_response(403); self.end_headers(); return
        digest = hmac.new(b"s3cret", body, hashlib.sha256).hexdigest()
        seen = {
            "event": self.headers["X-TaskMaster-Event"],
            "delivery": self.headers["X-TaskMaster-Delivery"],
            "is_signed": self.headers["X-TaskMaster-Signature-256"] == "sha256=" + digest,
            "body": body.decode(),
        }
        with open(sys.argv[1], "a") as file:
            file.write(json.dumps(seen) + "\\n")
        Hook.count += 1
        self.send_response(503 if Hook.count == 1 else 204)
        self.end_headers()
    def log_message(self, *args):
        pass

server = HTTPServer(("127.0.0.1", 0), Hook)
print(server.server_port, flush=True)
server.serve_forever()
"""
