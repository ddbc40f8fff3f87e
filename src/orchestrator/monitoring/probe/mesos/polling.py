"""Asks a server for JSON every few seconds; one that is away is a problem of the report."""

from __future__ import annotations

from abc import ABC, abstractmethod
from http import HTTPStatus
from typing import TypeVar

import msgspec

from orchestrator.monitoring.probe.http.client import Client, origin_of
from orchestrator.monitoring.probe.http.exchange import HttpError
from orchestrator.monitoring.probe.mesos.credential import Login

T = TypeVar("T")


class Polled(ABC):
    """One server."""

    period_s = 10.0

    def __init__(self, what: str, url: str, ca_file: str, login: Login) -> None:
        self.problem = ""
        self._what = what
        self._login = login
        self._client = Client(origin_of(url, ca_file), login.headers)

    def close(self) -> None:
        """Close the connection."""
        self._client.close()

    async def tick(self, now: float) -> None:
        """Ask, and note why nothing is known if so."""
        try:
            await self.ask(now)
            self.problem = ""
        except (HttpError, msgspec.DecodeError, UnicodeError) as error:
            self.problem = f"{self._what} is not seen: {error}"
            self.forget()

    @abstractmethod
    async def ask(self, now: float) -> None:
        """Ask for what is wanted. Raises HttpError, msgspec.DecodeError."""

    @abstractmethod
    def forget(self) -> None:
        """Nothing is known any more."""

    async def get(self, path: str, kind: type[T]) -> T:
        """One document. Raises HttpError, msgspec.DecodeError.

        A redirect is not followed: the credential is for this server only.
        """
        answer = await self._client.request("GET", path, headers={"Accept": "application/json"})
        if answer.status == HTTPStatus.UNAUTHORIZED:
            raise HttpError(self._login.refusal)
        if answer.status != 200:
            raise HttpError(answer.message())
        return msgspec.json.decode(answer.body, type=kind)
