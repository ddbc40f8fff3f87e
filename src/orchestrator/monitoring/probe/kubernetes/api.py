"""Lists of the API server: in pages, within bounds."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final, Generic, NamedTuple, TypeVar
from urllib.parse import quote, urlencode

from orchestrator.monitoring.probe.http.client import Answer, Client
from orchestrator.monitoring.probe.http.exchange import HttpError
from orchestrator.monitoring.probe.kubernetes.pages import Kind, PageError, read_page
from orchestrator.monitoring.probe.kubernetes.server import Server

PAGE: Final = 500
MAX_OBJECTS: Final = 20_000
"""Of one list: as many nodes as a report may have."""
_MAX_PAGES = 200
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
    """Asks one server; questions wait for each other."""

    def __init__(self, server: Server, timeout_s: float = 10.0) -> None:
        self._server = server
        self._timeout_s = timeout_s
        self._client: Client | None = None
        self._headers: dict[str, str] = {}

    def begin(self) -> None:
        """Before a round: read what may have changed. Raises HttpError."""
        self._headers = self._server.headers()
        if self._client is None:
            self._client = self._server.client()

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
        timeout_s = self._timeout_s
        try:
            return await self._client.request("GET", path, b"", self._headers, timeout_s)
        except ValueError:  # a line without end, or a host that cannot be a name
            raise HttpError(f"{self._server.url} does not speak HTTP") from None

    def _refusal(self, resource: Resource, answer: Answer, *, is_continued: bool) -> Exception:
        match answer.status:
            case 401:
                return self._server.stranger()
            case 403:
                return RefusedError(f"the account's role lacks the verb list on {resource}")
            case 404:
                return RefusedError(f"the API server has no {resource} of version v1")
            case 410 if is_continued:
                return _ExpiredError()
            case 429:  # of any kind: it is left in peace until the next round
                return self._server.busy()
        return RefusedError(f"the API server refuses: {self._server.said(answer)}")


def _left_out(resource: Resource, told: int, refused: int) -> str:
    if told > MAX_OBJECTS:
        return f"of {told} {resource} of Kubernetes {MAX_OBJECTS} are told"
    if refused:
        return f"{refused} {resource} of Kubernetes make no sense: they are not told"
    return ""
