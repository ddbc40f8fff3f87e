"""Alerts: kept for whoever asks, written to the log, and sent to a webhook.

What the engine says once a path is said as often as it says it; the webhook gets one message a
second at most, with all alerts of that time, so that a storm is one message.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter, deque

import aiohttp
import msgspec

from orchestrator.migration.adapters.following import Following
from orchestrator.migration.adapters.spec import Thresholds
from orchestrator.migration.core.effects import Alert, Severity
from orchestrator.migration.core.progress import Status
from orchestrator.migration.core.sides import Side

logger = logging.getLogger(__name__)
_KEPT = 1_000
_IN_A_MESSAGE = 100
_PAUSE_S = 1.0
_TIMEOUT_S = 10.0
_TRIES = 3
_LEVELS = {
    Severity.INFO: logging.INFO,
    Severity.WARNING: logging.WARNING,
    Severity.ERROR: logging.ERROR,
}


class AlertView(msgspec.Struct, frozen=True):
    """An alert as it is shown; ``at`` in Unix seconds."""

    at: float
    problem: str
    severity: str
    text: str
    path: str = ""


class Alerts:
    """The alerts of one sync."""

    def __init__(self, name: str, thresholds: Thresholds) -> None:
        self.counts: Counter[str] = Counter()
        self.undelivered = 0
        self._name = name
        self._thresholds = thresholds
        self._kept: deque[AlertView] = deque(maxlen=_KEPT)
        self._waiting: deque[AlertView] = deque(maxlen=_KEPT)
        self._news = asyncio.Event()
        self._over: set[str] = set()
        self._is_stream: dict[Side, bool] = {}

    def latest(self) -> list[AlertView]:
        """The last thousand, oldest first."""
        return list(self._kept)

    def add(self, alert: Alert, now: float) -> None:
        """The engine has something to say."""
        severity = alert.severity.value
        self._say(AlertView(now, alert.problem.value, severity, alert.text, alert.path))
        logger.log(_LEVELS[alert.severity], "sync %s: %s", self._name, alert.text)

    def compare(self, status: Status, now: float) -> None:
        """Say which thresholds are passed by now."""
        limits = self._thresholds
        figures = (
            ("lag", status.lag_s, limits.lag_s, "the oldest change waits for {:.1f} s"),
            ("queue", status.queue, limits.queue, "{:.0f} paths wait"),
            ("held", status.held, limits.held, "{:.0f} conflicts wait for a person"),
        )
        for name, value, limit, sentence in figures:
            is_over = limit > 0 and value >= limit
            if is_over and name not in self._over:
                self.tell(f"{name}_threshold", Severity.WARNING, sentence.format(value), now)
            (self._over.add if is_over else self._over.discard)(name)

    def compare_following(self, side: Side, following: Following, now: float) -> None:
        """Say that a side is followed in another way than before: watches see less."""
        before = self._is_stream.get(side, following.is_stream)
        self._is_stream[side] = following.is_stream
        if following.is_stream is before:
            return
        severity = Severity.INFO if following.is_stream else Severity.WARNING
        self.tell(
            "followed_otherwise", severity, f"{side.name} is followed by {following.reason}", now
        )

    def tell(self, problem: str, severity: Severity, text: str, now: float) -> None:
        """Say what the engine cannot know of."""
        self._say(AlertView(now, problem, severity.value, text))
        logger.log(_LEVELS[severity], "sync %s: %s", self._name, text)

    async def deliver(self) -> None:
        """Send to the webhook what there is, for good."""
        if not self._thresholds.webhook:
            return
        async with aiohttp.ClientSession() as session:
            while True:
                await self._news.wait()
                self._news.clear()
                while self._waiting:
                    take = min(len(self._waiting), _IN_A_MESSAGE)
                    await self._send(session, [self._waiting.popleft() for _ in range(take)])
                    await asyncio.sleep(_PAUSE_S)

    def _say(self, alert: AlertView) -> None:
        self.counts[alert.problem] += 1
        self._kept.append(alert)
        if self._thresholds.webhook:
            self._waiting.append(alert)
            self._news.set()

    async def _send(self, session: aiohttp.ClientSession, alerts: list[AlertView]) -> None:
        body = msgspec.json.encode({"sync": self._name, "alerts": alerts})
        headers = {"Content-Type": "application/json"}
        timeout = aiohttp.ClientTimeout(total=_TIMEOUT_S)
        for attempt in range(1, _TRIES + 1):
            try:
                async with session.post(
                    self._thresholds.webhook, data=body, headers=headers, timeout=timeout
                ) as response:
                    if response.status < 300:
                        return
                    reason = f"it answered {response.status}"
            except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
                reason = str(error) or type(error).__name__
            await asyncio.sleep(attempt * _PAUSE_S)
        self.undelivered += len(alerts)
        logger.warning("sync %s: alerts did not reach the webhook: %s", self._name, reason)
