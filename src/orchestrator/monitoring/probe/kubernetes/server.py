"""Where the API server is, and how it is spoken to: token and certificates as they are now.

A token is good for an hour or so and its file is written anew before; it is read before each round
of questions, and never told: whoever sees a report would be the account.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from orchestrator.monitoring.probe.config import IN_CLUSTER, ProbeConfig
from orchestrator.monitoring.probe.http.client import Answer, Client, origin_of
from orchestrator.monitoring.probe.http.exchange import HttpError
from orchestrator.runtime.config import ConfigError

_MAX_TOKEN_BYTES: Final = 64 * 1024


class Server:
    """One API server, and the account that speaks to it."""

    def __init__(self, config: ProbeConfig, environment: Mapping[str, str]) -> None:
        """Raises ConfigError where its address is not known."""
        self.url = _url(config.kubernetes, environment)
        self._token_file = config.kubernetes_token_file
        self._ca_file = config.kubernetes_ca_file
        self._token = ""

    def headers(self) -> dict[str, str]:
        """With the token of now. Raises HttpError."""
        is_secret = self.url.startswith("https:")  # else anybody on the way could read the token
        self._token = _read_token(self._token_file) if self._token_file and is_secret else ""
        bearer = {"Authorization": f"Bearer {self._token}"} if self._token else {}
        return {"Accept": "application/json", **bearer}

    def client(self) -> Client:
        """With the certificates of now. Raises HttpError."""
        return Client(origin_of(self.url, self._ca_file))

    def stranger(self) -> HttpError:
        """Why the server does not know who asks."""
        if not self._token:
            return HttpError(f"{self.url} wants a token, which is sent to https only")
        return HttpError(f"{self.url} does not take the token in {self._token_file}")

    def busy(self) -> HttpError:
        """It has no room for the question now, and says so with 429."""
        return HttpError(f"{self.url} has too many requests")

    def said(self, answer: Answer) -> str:
        """What it says of an error, without the token if it repeats that."""
        said = answer.message()
        return said.replace(self._token, "***") if self._token else said


def _url(setting: str, environment: Mapping[str, str]) -> str:
    if setting != IN_CLUSTER:
        return setting
    host = environment.get("KUBERNETES_SERVICE_HOST", "")
    if not host:
        raise ConfigError(
            f"--kubernetes {IN_CLUSTER}: KUBERNETES_SERVICE_HOST is not set, so this is no pod: "
            "give the URL of the API server"
        )
    port = environment.get("KUBERNETES_SERVICE_PORT") or "443"
    return f"https://[{host}]:{port}" if ":" in host else f"https://{host}:{port}"


def _read_token(path: str) -> str:
    try:
        with Path(path).open("rb") as file:
            token = file.read(_MAX_TOKEN_BYTES).strip()
    except OSError as error:
        raise HttpError(
            f"the token file {path} cannot be read: {error.strerror or error}"
        ) from None
    if not token:
        raise HttpError(f"the token file {path} is empty")
    if not token.isascii() or not token.decode("ascii").isprintable() or b" " in token:
        raise HttpError(f"the token file {path} holds no token")
    return token.decode("ascii")
