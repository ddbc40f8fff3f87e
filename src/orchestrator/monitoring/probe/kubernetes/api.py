"""Lists of the API server: token and certificates as they are now, in pages, within bounds.

A token is good for an hour or so and its file is written anew before; it is read before each round.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final, Generic, NamedTuple, TypeVar
from urllib.parse import quote, urlencode

from orchestrator.monitoring.probe.config import IN_CLUSTER, ProbeConfig
from orchestrator.monitoring.probe.http.client import Answer, Client, HttpError, origin_of
from orchestrator.monitoring.probe.kubernetes.pages import Kind, PageError, read_page
from orchestrator.runtime.config import ConfigError

PAGE: Final = 500
MAX_OBJECTS: Final = 20_000
"""Of one list: as many nodes as a report may have."""
_MAX_PAGES = 200
_MAX_TOKEN_BYTES = 64 * 1024
_MAX_MARK = 4096
Made = TypeVar("Made")


class Resource(NamedTuple):
    """What is asked for, as a role names it."""

    name: str
    group: str = ""

    @property
    def base(self) -> str:
        """Of its paths."""
        return f"/apis/{self.group}/v1" if self.group else "/api/v1"

    def path(self, namespace: str = "") -> str:
        """Of all of them, or of those in a namespace."""
        inside = f"/namespaces/{quote(namespace, safe='')}" if namespace else ""
        return f"{self.base}{inside}/{self.name}"

    def __str__(self) -> str:
        return f"{self.name}.{self.group}" if self.group else self.name


class Listing(NamedTuple, Generic[Made]):
    """A whole list."""

    made: list[Made]
    problem: str
    """What is not in it, and why."""


class RefusedError(Exception):
    """One kind of object cannot be listed, which says nothing of others; the text is why."""


class _ExpiredError(Exception):
    """The list has changed too much for its next page."""


class Api:
    """Asks one server."""

    def __init__(
        self, config: ProbeConfig, environment: Mapping[str, str], timeout_s: float = 10.0
    ) -> None:
        """Raises ConfigError where the server's address is not known."""
        self.url = _url(config.kubernetes, environment)
        self._token_file = config.kubernetes_token_file
        self._ca_file = config.kubernetes_ca_file
        self._timeout_s = timeout_s
        self._client: Client | None = None
        self._token = ""

    def begin(self) -> None:
        """Before a round: read what may have changed. Raises HttpError."""
        is_secret = self.url.startswith("https:")  # else anybody on the way could read the token
        self._token = _read_token(self._token_file) if self._token_file and is_secret else ""
        if self._client is None:
            self._client = Client(origin_of(self.url, self._ca_file))

    def close(self) -> None:
        """Close the connection; the next one is made with the certificates of then."""
        if self._client is not None:
            self._client.close()
            self._client = None

    async def list(
        self,
        resource: Resource,
        kind: type[Kind],
        make: Callable[[Kind], Made],
        namespace: str = "",
        query: Mapping[str, str] = {},
    ) -> Listing[Made]:
        """All objects, each made something of. Raises RefusedError, HttpError."""
        path = resource.path(namespace)
        for _ in range(2):
            try:
                return await self._all(resource, kind, make, path, query)
            except _ExpiredError:
                continue
            except PageError as error:
                raise RefusedError(str(error)) from None
        raise RefusedError("they change faster than the API server lists them")

    async def _all(
        self,
        resource: Resource,
        kind: type[Kind],
        make: Callable[[Kind], Made],
        path: str,
        query: Mapping[str, str],
    ) -> Listing[Made]:
        made: list[Made] = []
        refused, asked = 0, dict(query)
        for _ in range(_MAX_PAGES):
            answer = await self._get(f"{path}?{urlencode({'limit': PAGE, **asked})}")
            if answer.status != 200:
                raise self._refusal(resource, answer, is_continued="continue" in asked)
            page = read_page(answer.body, kind)
            made += map(make, page.objects)
            refused += page.refused
            if not page.next:
                return Listing(made[:MAX_OBJECTS], _left_out(resource, len(made), refused))
            if len(made) >= MAX_OBJECTS or len(page.next) > _MAX_MARK:
                break
            asked = {name: value for name, value in query.items() if name != "resourceVersion"}
            asked["continue"] = page.next
        problem = f"of the {resource} of Kubernetes only the first {len(made)} are told"
        return Listing(made[:MAX_OBJECTS], problem)

    async def _get(self, path: str) -> Answer:
        assert self._client is not None, "a round begins with begin()"
        headers = {"Accept": "application/json"}
        if self._token:
            headers["Authorization"] = f"Bearer {self._token}"
        try:
            return await self._client.request(
                "GET", path, headers=headers, timeout_s=self._timeout_s
            )
        except ValueError:  # a line without end, or a host that cannot be a name
            raise HttpError(f"{self.url} does not speak HTTP") from None

    def _refusal(self, resource: Resource, answer: Answer, *, is_continued: bool) -> Exception:
        match answer.status:
            case 401:
                if not self._token:
                    return HttpError(f"{self.url} wants a token, which is sent to https only")
                return HttpError(f"{self.url} does not take the token in {self._token_file}")
            case 403:
                return RefusedError(f"the account's role lacks the verb list on {resource}")
            case 404:
                return RefusedError(f"the API server has no {resource} of version v1")
            case 410 if is_continued:
                return _ExpiredError()
        said = answer.message()
        return RefusedError(
            f"the API server refuses: {said.replace(self._token, '***') if self._token else said}"
        )


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
    """Never in a message: whoever sees a report would be the account."""
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


def _left_out(resource: Resource, told: int, refused: int) -> str:
    if told > MAX_OBJECTS:
        return f"of {told} {resource} of Kubernetes {MAX_OBJECTS} are told"
    if refused:
        return f"{refused} {resource} of Kubernetes make no sense: they are not told"
    return ""
