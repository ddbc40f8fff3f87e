"""Metrics are read from a core when Prometheus asks."""

from collections.abc import Iterator

from prometheus_client.core import Metric
from starlette.types import Message

from orchestrator.runtime import metrics


class Core:
    tasks = 0


async def _scrape(read: metrics.Read) -> str:
    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    async def receive() -> Message:
        return {"type": "http.disconnect"}

    scope = {"type": "http", "headers": [(b"accept", b"text/plain")]}
    await metrics.endpoint(metrics.new_registry(read))(scope, receive, send)
    assert sent[0]["status"] == 200
    return bytes(sent[1]["body"]).decode()


async def test_a_scrape_shows_the_numbers_of_the_moment() -> None:
    core = Core()

    def read() -> Iterator[Metric]:
        yield metrics.gauge("master_tasks", "Tasks now.", core.tasks)
        yield metrics.counter("master_launches", "Tasks ever.", 7)

    core.tasks = 3
    text = await _scrape(read)
    assert "master_tasks 3.0" in text
    assert "master_launches_total 7.0" in text
    assert "process_open_fds" in text


async def test_labelled_families_have_one_line_a_combination() -> None:
    def read() -> Iterator[Metric]:
        states = [(("TASK_RUNNING",), 2.0), (("TASK_LOST",), 1.0)]
        yield metrics.labelled_gauge("tasks", "By state.", ("state",), states)
        yield metrics.labelled_counter("ended", "By state.", ("state",), states)

    text = await _scrape(read)
    assert 'tasks{state="TASK_RUNNING"} 2.0' in text
    assert 'ended_total{state="TASK_LOST"} 1.0' in text
