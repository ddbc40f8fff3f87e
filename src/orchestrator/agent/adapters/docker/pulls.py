"""Pulls images: one pull for all that wait for the same one, a few at a time, again if it helps.

What went wrong is in the Engine's words only, so ``problem_of`` reads them: a registry that does
not answer, is busy or breaks off may do better the next time; an image that does not exist, a login
that is refused or a full disk will not. A pull that nobody waits for any more is given up.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Coroutine, Iterable
from enum import StrEnum

from orchestrator.agent.adapters.docker.engine import Engine, EngineError
from orchestrator.agent.adapters.logins import Login
from orchestrator.mesos.types import Message

PARALLEL = 3  # of what an Engine downloads at a time, by Docker's own default
logger = logging.getLogger(__name__)


class Problem(StrEnum):
    """Why an image could not be pulled."""

    NOT_FOUND = "there is no such image"
    DENIED = "the registry does not give it to us"
    BAD_NAME = "this is not the name of an image"
    WRONG_PLATFORM = "there is no image for this kind of machine"
    NO_SPACE = "the disk is full"
    BUSY = "the registry wants fewer requests"
    UNREACHABLE = "the registry cannot be reached"
    BROKEN = "the registry fails"
    TIMEOUT = "it takes too long"
    NO_ENGINE = "the Docker Engine went away"


_TRANSIENT = frozenset({Problem.BUSY, Problem.UNREACHABLE, Problem.BROKEN})
# The first that is found decides: Docker says "denied" also of images that are not there.
_WORDS: tuple[tuple[Problem, tuple[str, ...]], ...] = (
    (Problem.NO_SPACE, ("no space left on device", "disk quota exceeded")),
    (Problem.WRONG_PLATFORM, ("no matching manifest", "does not match the specified platform")),
    (Problem.BUSY, ("toomanyrequests", "too many requests", "429")),
    (
        Problem.DENIED,
        ("unauthorized", "authentication required", "denied", "no basic auth credentials",
         "incorrect username or password", "403 forbidden"),
    ),
    (
        Problem.NOT_FOUND,
        ("manifest unknown", "not found", "name unknown", "does not exist", "no such image"),
    ),
    (Problem.BAD_NAME, ("invalid reference", "must be lowercase", "invalid repository name")),
    (
        Problem.UNREACHABLE,
        ("dial tcp", "connection refused", "no such host", "i/o timeout", "timeout exceeded",
         "tls handshake", "connection reset", "no route to host", "network is unreachable",
         "server gave http response", "x509", "nothing was heard"),
    ),
)  # fmt: skip


def problem_of(error: EngineError) -> Problem:
    """What the Engine's words mean."""
    if error.is_absence:
        return Problem.NO_ENGINE
    text = str(error).lower()
    for problem, words in _WORDS:
        if any(word in text for word in words):
            return problem
    return Problem.BROKEN


class PullError(Exception):
    """An image could not be pulled; the text names it and says why."""

    def __init__(self, image: str, problem: Problem, detail: str) -> None:
        super().__init__(f"the image '{image}' cannot be pulled: {problem} ({detail})")
        self.problem = problem


class PullSettings(Message):
    """Bounds of one pull. Waits grow from ``backoff_s`` by doubling, up to ``max_backoff_s``."""

    timeout_s: float = 600.0
    attempts: int = 4
    backoff_s: float = 1.0
    max_backoff_s: float = 30.0


class Pulls:
    """All pulls of one Engine."""

    def __init__(self, engine: Engine, settings: PullSettings) -> None:
        self._engine = engine
        self._settings = settings
        self._turns = asyncio.Semaphore(PARALLEL)
        self._running: dict[tuple[str, str | None], _Shared] = {}

    @property
    def names(self) -> frozenset[str]:
        """The images that are being pulled."""
        return frozenset(image for image, _ in self._running)

    async def pull(self, image: str, logins: Iterable[Login | None]) -> None:
        """Pull it, trying the logins in turn where one is refused (None: without one).

        Raises PullError.
        """
        denied: PullError | None = None
        for login in logins:
            try:
                await self._join(full_name(image), login.header() if login else None)
                return
            except PullError as error:
                if error.problem is not Problem.DENIED:
                    raise
                denied = denied or error  # the first login is the task's own: its word counts
        if denied is not None:
            raise denied

    async def _join(self, image: str, auth: str | None) -> None:
        shared = self._running.get((image, auth))
        if shared is None:
            shared = self._running[image, auth] = _Shared(self._pull(image, auth))
            shared.task.add_done_callback(lambda _: self._running.pop((image, auth), None))
        await shared.wait()

    async def _pull(self, image: str, auth: str | None) -> None:
        timeout_s = self._settings.timeout_s
        try:
            async with asyncio.timeout(timeout_s):
                await self._pull_patiently(image, auth)
        except TimeoutError:
            raise PullError(image, Problem.TIMEOUT, f"more than {timeout_s:g} seconds") from None

    async def _pull_patiently(self, image: str, auth: str | None) -> None:
        backoff_s = self._settings.backoff_s
        for attempt in range(1, self._settings.attempts + 1):
            logger.info("pulling the image %s, attempt %d", image, attempt)
            try:
                async with self._turns:
                    await self._engine.pull(image, auth)
                return
            except EngineError as error:
                problem = problem_of(error)
                if problem not in _TRANSIENT or attempt == self._settings.attempts:
                    raise PullError(image, problem, _detail(error, attempt)) from None
                logger.warning("the image %s: %s; trying again", image, error)
            await asyncio.sleep(backoff_s * random.uniform(0.5, 1.0))  # many agents pull the same
            backoff_s = min(backoff_s * 2, self._settings.max_backoff_s)


class _Shared:
    """A pull that several wait for; it is cancelled when the last of them is."""

    def __init__(self, work: Coroutine[None, None, None]) -> None:
        self.task = asyncio.create_task(work, name="pulling an image")
        self._waiting = 0

    async def wait(self) -> None:
        self._waiting += 1
        try:
            await asyncio.shield(self.task)
        finally:
            self._waiting -= 1
            if not self._waiting and not self.task.done():
                self.task.cancel()


def full_name(image: str) -> str:
    """With ``:latest`` where it has neither tag nor digest: the Engine would pull all tags."""
    has_tag = ":" in image.rpartition("/")[2] or "@" in image
    return image if has_tag else f"{image}:latest"


def listed_name(image: str) -> str:
    """As the Engine lists it: images of Docker Hub without the Hub's name."""
    name = full_name(image)
    for prefix in ("docker.io/", "index.docker.io/", "library/"):
        name = name.removeprefix(prefix)
    return name


def _detail(error: EngineError, attempt: int) -> str:
    return f"{error}, {attempt} attempts" if attempt > 1 else str(error)
