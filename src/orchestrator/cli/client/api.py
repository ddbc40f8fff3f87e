"""HTTP calls to one server, and what their failures mean to the person who made them.

The standard library's client: a command makes a handful of small calls, and starts in half the
time that an asynchronous client takes to be imported.
"""

from __future__ import annotations

import http.client
import ssl
from typing import NamedTuple, TypeVar
from urllib.parse import quote, urlencode, urlsplit

import click
import msgspec

from orchestrator.cli.errors import CommandError, NotReachableError, SettingError, UnknownError

T = TypeVar("T")
TIMEOUT_S = 30.0


class Answer(NamedTuple):
    """A successful response."""

    status: int
    body: bytes


class _Refusal(msgspec.Struct):
    """Marathon's error body."""

    message: str
    details: object = None


class Api:
    """One server, named for the sentences: ``Api("Marathon", "http://127.0.0.1:8080")``.

    Its connection is kept open from call to call until the command ends.
    """

    def __init__(self, name: str, url: str, hint: str = "is `orchestrator up` running?") -> None:
        parts = urlsplit(url if "//" in url else f"http://{url}")
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise SettingError(f"{url!r} is not the URL of {name}: it looks like http://host:port")
        self._name = name
        self._hint = hint
        self._url = f"{parts.scheme}://{parts.netloc}{parts.path.rstrip('/')}"
        self._prefix = parts.path.rstrip("/")
        self._connection = _connection(parts.scheme, parts.netloc)
        click.get_current_context().call_on_close(self._connection.close)

    @property
    def url(self) -> str:
        """Where the server is, without a slash at the end."""
        return self._url

    def get(self, kind: type[T], path: str, /, **query: object) -> T:
        """GET and decode. Raises CommandError."""
        return self.decode(kind, self.request("GET", path, **query))

    def decode(self, kind: type[T], answer: Answer) -> T:
        """Read a JSON body. Raises CommandError when the server sent something else."""
        try:
            return msgspec.json.decode(answer.body, type=kind)
        except msgspec.DecodeError as error:
            sentence = f"{self._name} at {self._url} sent an answer that is not understood: {error}"
            raise CommandError(sentence) from None

    def request(self, method: str, path: str, body: object = None, /, **query: object) -> Answer:
        """One call; ``query`` values that are None or False are left out. Raises CommandError."""
        target = quote(self._prefix + path) + _query(query)
        content = None if body is None else msgspec.json.encode(body)
        answer = self._call(method, target, content)
        if answer.status >= 400:
            raise _refused(answer)
        return answer

    def _call(self, method: str, target: str, content: bytes | None) -> Answer:
        headers = {"Accept": "application/json", "Content-Type": "application/json"}
        for is_last_try in (False, True):  # a kept connection may have been closed meanwhile
            try:
                self._connection.request(method, target, content, headers)
                response = self._connection.getresponse()
                return Answer(response.status, response.read())
            except (http.client.HTTPException, OSError) as error:
                self._connection.close()
                if is_last_try or not isinstance(error, http.client.RemoteDisconnected):
                    raise self._unreachable(error) from None
        raise AssertionError  # the last try returned or raised

    def _unreachable(self, error: Exception) -> NotReachableError:
        if isinstance(error, ConnectionRefusedError):
            hint = self._hint
        else:
            hint = f"{str(error) or type(error).__name__}"
        return NotReachableError(f"cannot reach {self._name} at {self._url}: {hint}")


def _connection(scheme: str, netloc: str) -> http.client.HTTPConnection:
    if scheme == "https":
        context = ssl.create_default_context()
        return http.client.HTTPSConnection(netloc, timeout=TIMEOUT_S, context=context)
    return http.client.HTTPConnection(netloc, timeout=TIMEOUT_S)


def _query(values: dict[str, object]) -> str:
    given = {k: "true" if v is True else v for k, v in values.items()}
    query = urlencode({k: v for k, v in given.items() if v is not None and v is not False})
    return f"?{query}" if query else ""


def _refused(answer: Answer) -> CommandError:
    kind = UnknownError if answer.status == 404 else CommandError
    try:
        refusal = msgspec.json.decode(answer.body, type=_Refusal)
    except msgspec.DecodeError:
        text = answer.body.decode(errors="replace").strip()[:500]
        return kind(text or f"the server answered {answer.status}")
    return kind(refusal.message + _details(refusal.details))


def _details(details: object) -> str:
    """``: /path: reason; ...`` from Marathon's list of paths with their errors."""
    if not isinstance(details, list):
        return f": {details}" if isinstance(details, str) else ""
    reasons = [
        f"{detail.get('path', '')}: {', '.join(map(str, detail.get('errors', [])))}"
        for detail in details
        if isinstance(detail, dict)
    ]
    return ": " + "; ".join(reasons) if reasons else ""
