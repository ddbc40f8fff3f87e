"""One list of the API server as it was seen last, with what is wrong with it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final, Generic

from orchestrator.monitoring.probe.http.exchange import HttpError
from orchestrator.monitoring.probe.kubernetes.api import Api, Made, RefusedError, Resource
from orchestrator.monitoring.probe.kubernetes.pages import Kind

KEPT_S: Final = 300.0


class Listed(Generic[Kind, Made]):
    """Objects of one kind, each made something of."""

    def __init__(
        self,
        resource: Resource,
        kind: type[Kind],
        make: Callable[[Kind], Made],
        *,
        period_s: float = 0.0,
        namespace: str = "",
        query: Mapping[str, str] = {},
    ) -> None:
        self.made: list[Made] = []
        self.problem = ""
        self.asked_at = 0.0
        self._seen_at = 0.0
        self._resource = resource
        self._kind = kind
        self._make = make
        self._period_s = period_s
        self._namespace = namespace
        self._query = query

    def is_due(self, now: float) -> bool:
        """Whether it is time to ask, also for one that was refused."""
        return not 0 <= now - self.asked_at < self._period_s

    async def ask(self, api: Api, now: float) -> None:
        """Ask; what is refused costs what is new, no more. Raises HttpError."""
        self.asked_at = now
        try:
            found = await api.list(
                self._resource, self._kind, self._make, self._namespace, self._query
            )
        except (RefusedError, HttpError) as error:
            self.problem = f"{self._resource} of Kubernetes are not seen: {error}"
            if isinstance(error, HttpError):
                raise
            return
        self.made, self.problem, self._seen_at = found.made, found.problem, now

    def forget_old(self, now: float) -> None:
        """What was not seen for long may be gone."""
        if now - self._seen_at > KEPT_S:
            self.made = []
