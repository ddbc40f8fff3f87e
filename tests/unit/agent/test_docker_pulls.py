"""Pulling: what the Engine's words mean, and one pull for all who wait."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from orchestrator.agent.adapters.docker import pulls
from orchestrator.agent.adapters.docker.engine import Engine, EngineError
from orchestrator.agent.adapters.docker.pulls import Problem, PullError, Pulls, PullSettings
from orchestrator.agent.adapters.logins import Login

QUICK = PullSettings(timeout_s=5.0, attempts=3, backoff_s=0.001, max_backoff_s=0.001)
A = Login(registry="r", username="a", password="x")
B = Login(registry="r", username="b", password="x")


class FakeEngine(Engine):
    """Pulls by answering what the test says, in turn; then waits, or succeeds."""

    def __init__(self, *answers: str | None) -> None:
        self.answers = list(answers)
        self.asked: list[tuple[str, str | None]] = []
        self.go = asyncio.Event()
        self.most = self.now = 0

    async def pull(self, image: str, auth: str | None = None) -> None:
        self.asked.append((image, auth))
        self.now += 1
        self.most = max(self.most, self.now)
        try:
            if self.answers:
                if (problem := self.answers.pop(0)) is not None:
                    raise EngineError(500, problem)
            else:
                await self.go.wait()
        finally:
            self.now -= 1


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        ("manifest for a:b not found: manifest unknown: manifest unknown", Problem.NOT_FOUND),
        ("pull access denied for a, repository does not exist or may require 'docker login'",
         Problem.DENIED),
        ("Head \"https://r/v2/\": unauthorized: incorrect username or password", Problem.DENIED),
        ("no basic auth credentials", Problem.DENIED),
        ("write /var/lib/docker/tmp/x: no space left on device", Problem.NO_SPACE),
        ("Get \"http://r/v2/\": dial tcp: lookup r: no such host", Problem.UNREACHABLE),
        ("Get \"http://r/v2/\": net/http: TLS handshake timeout", Problem.UNREACHABLE),
        ("x509: certificate signed by unknown authority", Problem.UNREACHABLE),
        ("toomanyrequests: You have reached your pull rate limit", Problem.BUSY),
        ("received unexpected HTTP status: 500 Internal Server Error", Problem.BROKEN),
        ("unexpected EOF", Problem.BROKEN),
        ("no matching manifest for linux/arm64 in the manifest list entries",
         Problem.WRONG_PLATFORM),
        ("invalid reference format: repository name must be lowercase", Problem.BAD_NAME),
    ],
)  # fmt: skip
def test_what_the_engines_words_mean(words: str, problem: Problem) -> None:
    assert pulls.problem_of(EngineError(500, words)) is problem


def test_names_get_the_tag_that_is_meant() -> None:
    assert pulls.full_name("127.0.0.1:5000/a") == "127.0.0.1:5000/a:latest"
    assert pulls.full_name("a:1") == "a:1"
    assert pulls.full_name("a@sha256:0") == "a@sha256:0"
    assert pulls.listed_name("docker.io/library/a") == pulls.listed_name("a") == "a:latest"


async def test_a_registry_that_fails_is_asked_again() -> None:
    engine = FakeEngine("unexpected EOF", "connection refused", None)
    await Pulls(engine, QUICK).pull("a", [None])
    assert engine.asked == [("a:latest", None)] * 3


async def test_it_is_not_asked_without_end() -> None:
    engine = FakeEngine(*["connection refused"] * 9)
    with pytest.raises(PullError, match=r"the image 'a:latest' .* cannot be reached .*3 attempts"):
        await Pulls(engine, QUICK).pull("a", [None])
    assert len(engine.asked) == 3


async def test_what_will_not_change_is_not_asked_again() -> None:
    engine = FakeEngine("manifest unknown")
    with pytest.raises(PullError, match="there is no such image"):
        await Pulls(engine, QUICK).pull("a", [None])
    assert len(engine.asked) == 1


async def test_after_the_tasks_own_login_the_agents_is_tried() -> None:
    engine = FakeEngine("unauthorized", None)
    await Pulls(engine, QUICK).pull("a", [A, B])
    assert [auth for _, auth in engine.asked] == [A.header(), B.header()]


async def test_a_pull_that_takes_too_long_is_ended() -> None:
    engine = FakeEngine()
    with pytest.raises(PullError, match="takes too long") as failed:
        await Pulls(engine, PullSettings(timeout_s=0.01)).pull("a", [None])
    assert failed.value.problem is Problem.TIMEOUT
    assert engine.now == 0


async def until(condition: Callable[[], bool]) -> None:
    for _ in range(100):
        if condition():
            return
        await asyncio.sleep(0)
    raise AssertionError("it does not happen")


async def test_one_pull_serves_all_who_wait_for_the_same_image() -> None:
    engine = FakeEngine()
    shared = Pulls(engine, QUICK)
    waiting = [asyncio.create_task(shared.pull("a", [None])) for _ in range(5)]
    await until(lambda: engine.now == 1)
    assert shared.names == {"a:latest"}
    engine.go.set()
    await asyncio.gather(*waiting)
    assert len(engine.asked) == 1
    await until(lambda: not shared.names)


async def test_others_logins_are_not_shared() -> None:
    engine = FakeEngine(None, None)
    shared = Pulls(engine, QUICK)
    await asyncio.gather(shared.pull("a", [A]), shared.pull("a", [B]))
    assert len(engine.asked) == 2


async def test_few_images_are_pulled_at_a_time() -> None:
    engine = FakeEngine()
    shared = Pulls(engine, QUICK)
    waiting = [asyncio.create_task(shared.pull(f"i{n}", [None])) for n in range(10)]
    await until(lambda: engine.now == pulls.PARALLEL)
    engine.go.set()
    await asyncio.gather(*waiting)
    assert engine.most == pulls.PARALLEL


async def test_a_pull_ends_with_the_last_who_wants_it() -> None:
    engine = FakeEngine()
    shared = Pulls(engine, QUICK)
    first, second = (asyncio.create_task(shared.pull("a", [None])) for _ in range(2))
    await until(lambda: engine.now == 1)
    first.cancel()
    await asyncio.wait({first})
    assert engine.now == 1
    second.cancel()
    await asyncio.wait({second})
    await until(lambda: engine.now == 0)
