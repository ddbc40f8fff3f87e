"""Pulling from a registry: manifests and blobs over HTTP, with logins, retries and resumption.

A 401 names how to log in: with the password itself (Basic), or with a token from a server that the
registry trusts (Bearer). What fails for reasons that pass (connections, 429, 5xx) is tried again
with growing pauses; a blob goes on where it ended, in this process or one before it. Everything
that comes is checked against the digest it was asked for by.
Sources: the OCI Distribution Specification 1.1; Docker Registry Token Authentication.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import re
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TypeVar

import aiohttp
import msgspec
from yarl import URL

from orchestrator.agent.adapters.images import documents
from orchestrator.agent.adapters.images.documents import Descriptor
from orchestrator.agent.adapters.images.reference import Reference
from orchestrator.agent.adapters.logins import Login

ATTEMPTS = 6
FIRST_PAUSE_S = 0.5
LONGEST_PAUSE_S = 20.0
CONNECT_TIMEOUT_S = 15.0
SILENCE_TIMEOUT_S = 60.0  # without a byte of an answer
CHUNK_BYTES = 1024 * 1024
MAX_TOKENS = 1000
MAX_TOKEN_BYTES = 64 * 1024
_ACCEPT = ", ".join((*documents.MANIFEST_TYPES, *documents.INDEX_TYPES))
_PARAMETER = re.compile(r'([a-zA-Z_]+)="([^"]*)"')
T = TypeVar("T")
logger = logging.getLogger(__name__)


class RegistryError(Exception):
    """The registry does not give what was asked for; a part of a sentence that says why."""


class _PassingError(Exception):
    """A failure worth another attempt; ``pause_s`` is what the registry asks for."""

    def __init__(self, problem: str, pause_s: float | None = None) -> None:
        super().__init__(problem)
        self.pause_s = pause_s


class _Token(msgspec.Struct, frozen=True):
    token: str = ""
    access_token: str = ""


class RegistryClient:
    """All registries, for as long as its context lasts. ``insecure`` are those without TLS."""

    def __init__(
        self, insecure: frozenset[str] = frozenset(), pause_s: float = FIRST_PAUSE_S
    ) -> None:
        self._insecure = insecure
        self._pause_s = pause_s
        self._session: aiohttp.ClientSession | None = None
        self._authorizations: dict[tuple[str, str, str], str] = {}

    async def close(self) -> None:
        """Give up the connections; the next request makes new ones."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def manifest(
        self, image: Reference, login: Login | None, digest: str | None = None
    ) -> tuple[bytes, str]:
        """The manifest of the image, or that with the digest; and its media type.

        Raises RegistryError.
        """
        version = digest or image.version
        url = self._url(image, "manifests", version)

        async def attempt() -> tuple[bytes, str]:
            async with self._get(url, image, login, {"Accept": _ACCEPT}) as answer:
                body = await _read_at_most(answer, documents.MAX_DOCUMENT_BYTES)
                return body, answer.headers.get("Content-Type", "")

        body, media_type = await self._persist(image, attempt)
        if version.startswith("sha256:"):
            _check(body, version)
        return body, media_type

    async def document(self, image: Reference, login: Login | None, wanted: Descriptor) -> bytes:
        """A small blob, as an image's configuration is. Raises RegistryError."""
        url = self._url(image, "blobs", wanted.digest)
        if wanted.size > documents.MAX_DOCUMENT_BYTES:
            raise RegistryError(f"its configuration is {wanted.size} bytes large")

        async def attempt() -> bytes:
            async with self._get(url, image, login, {}) as answer:
                return await _read_at_most(answer, documents.MAX_DOCUMENT_BYTES)

        body = await self._persist(image, attempt)
        _check(body, wanted.digest)
        return body

    async def blob(
        self, image: Reference, login: Login | None, wanted: Descriptor, path: Path
    ) -> None:
        """Download a blob to ``path``, going on with what is there. Raises RegistryError, OSError.

        What is in ``path`` afterwards has the digest; a path that does not is removed.
        """
        url = self._url(image, "blobs", wanted.digest)

        async def attempt() -> None:
            if _size(path) < max(wanted.size, 1):
                await self._continue(url, image, login, wanted, path)

        await self._persist(image, attempt)
        if await asyncio.to_thread(digest_of_file, path) != wanted.digest:
            _drop(path)
            raise RegistryError(f"what it gives as {wanted.digest} has another digest")

    async def _continue(
        self, url: URL, image: Reference, login: Login | None, wanted: Descriptor, path: Path
    ) -> None:
        begin = _size(path)
        headers = {"Range": f"bytes={begin}-"} if begin else {}
        async with self._get(url, image, login, headers) as answer:
            if answer.status != 206:
                begin = 0
            with path.open("ab" if begin else "wb") as file:
                async for chunk in answer.content.iter_chunked(CHUNK_BYTES):
                    begin += len(chunk)
                    if begin > wanted.size:
                        break
                    await asyncio.to_thread(file.write, chunk)
        if begin > wanted.size:
            _drop(path)
            raise RegistryError(f"{wanted.digest} is larger than the {wanted.size} bytes it says")
        if begin < wanted.size:
            raise _PassingError(f"{wanted.digest} ended after {begin} of {wanted.size} bytes")

    # --- requests --------------------------------------------------------------------------------

    def _url(self, image: Reference, kind: str, version: str) -> URL:
        is_plain = image.is_loopback or image.registry in self._insecure
        scheme = "http" if is_plain else "https"
        return URL(f"{scheme}://{image.host}/v2/{image.repository}/{kind}/{version}")

    async def _persist(self, image: Reference, attempt: Callable[[], Awaitable[T]]) -> T:
        """Try, and try again while there is hope."""
        pause_s = self._pause_s
        for number in range(1, ATTEMPTS + 1):
            try:
                return await attempt()
            except ssl.SSLError as error:
                raise RegistryError(f"{image.registry} has no valid certificate: {error}") from None
            except aiohttp.ClientConnectorCertificateError as error:
                raise RegistryError(f"{image.registry} has no valid certificate: {error}") from None
            except (aiohttp.ClientError, TimeoutError, _PassingError) as error:
                problem = str(error) or type(error).__name__
                if number == ATTEMPTS:
                    raise RegistryError(f"{image.registry}: {problem}") from None
                wanted_s = error.pause_s if isinstance(error, _PassingError) else None
                logger.info("pulling %s again in a moment: %s", image, problem)
            await asyncio.sleep(min(LONGEST_PAUSE_S, pause_s if wanted_s is None else wanted_s))
            pause_s *= 2
        raise AssertionError("the last attempt returns or raises")

    @asynccontextmanager
    async def _get(
        self, url: URL, image: Reference, login: Login | None, headers: Mapping[str, str]
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """The answer to a request that was let in. Raises RegistryError, _PassingError."""
        key = (image.registry, image.repository, login.basic if login else "")
        for is_second in (False, True):
            known = self._authorizations.get(key)
            authorization = {"Authorization": known} if known else {}
            async with self._open().get(url, headers={**headers, **authorization}) as answer:
                if answer.status != 401 or is_second:
                    await _check_status(answer, image, login)
                    yield answer
                    return
                challenge = answer.headers.get("WWW-Authenticate", "")
            if len(self._authorizations) >= MAX_TOKENS:
                self._authorizations.clear()
            self._authorizations[key] = await self._log_in(challenge, image, login)

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None:
            timeout = aiohttp.ClientTimeout(
                total=None, sock_connect=CONNECT_TIMEOUT_S, sock_read=SILENCE_TIMEOUT_S
            )
            # Blobs are hashed as they lie in the registry, so nothing may be unpacked on the way.
            self._session = aiohttp.ClientSession(
                timeout=timeout, auto_decompress=False, headers={"Accept-Encoding": "identity"}
            )
        return self._session

    # --- logging in ------------------------------------------------------------------------------

    async def _log_in(self, challenge: str, image: Reference, login: Login | None) -> str:
        """What the registry wants in the header Authorization."""
        scheme, _, rest = challenge.partition(" ")
        if scheme.lower() == "basic" and login is not None:
            return login.basic
        if scheme.lower() == "bearer":
            parameters = {name.lower(): value for name, value in _PARAMETER.findall(rest)}
            return "Bearer " + await self._token(parameters, image, login)
        raise RegistryError(_not_allowed(image, login))

    async def _token(
        self, parameters: Mapping[str, str], image: Reference, login: Login | None
    ) -> str:
        realm = URL(parameters.get("realm", ""))
        is_plain = image.is_loopback or image.registry in self._insecure
        if realm.scheme != "https" and not (realm.scheme == "http" and is_plain):
            raise RegistryError(f"{image.registry} sends us to log in at '{realm}', not by https")
        scope = parameters.get("scope") or f"repository:{image.repository}:pull"
        query = {"service": parameters.get("service", ""), "scope": scope}
        headers = {"Authorization": login.basic} if login else {}
        async with self._open().get(realm.update_query(query), headers=headers) as answer:
            if answer.status in (400, 401, 403):
                raise RegistryError(_not_allowed(image, login))
            await _check_status(answer, image, login)
            body = await _read_at_most(answer, MAX_TOKEN_BYTES)
        try:
            given = msgspec.json.decode(body, type=_Token)
        except (msgspec.MsgspecError, UnicodeDecodeError):
            raise RegistryError(f"{realm.host} gives no token that can be read") from None
        return given.token or given.access_token


async def _check_status(
    answer: aiohttp.ClientResponse, image: Reference, login: Login | None
) -> None:
    status = answer.status
    if status in (200, 206):
        return
    if status in (401, 403):
        raise RegistryError(_not_allowed(image, login))
    if status == 404:
        raise RegistryError(f"{image.registry} does not have it")
    if status == 416:  # what is there already is not a part of the blob
        raise _PassingError("it does not go on with the download")
    if status == 429 or status >= 500:
        raise _PassingError(f"it answers with {status}", _pause(answer))
    raise RegistryError(f"{image.registry} answers with {status}")


def _pause(answer: aiohttp.ClientResponse) -> float | None:
    text = answer.headers.get("Retry-After", "")
    return float(text) if text.isdigit() else None


def _not_allowed(image: Reference, login: Login | None) -> str:
    if login is None:
        return f"{image.registry} does not have it, or wants a login (see --docker-config)"
    return f"{image.registry} does not have it, or does not let the user '{login.username}' pull it"


async def _read_at_most(answer: aiohttp.ClientResponse, limit: int) -> bytes:
    body = bytearray()
    async for chunk in answer.content.iter_chunked(CHUNK_BYTES):
        body += chunk
        if len(body) > limit:
            raise RegistryError(f"it answers with more than {limit} bytes")
    return bytes(body)


def _check(body: bytes, digest: str) -> None:
    if "sha256:" + hashlib.sha256(body).hexdigest() != digest:
        raise RegistryError(f"what it gives as {digest} has another digest")


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _drop(path: Path) -> None:
    path.unlink(missing_ok=True)


def digest_of_file(path: Path) -> str:
    """The digest of what is in the file. Raises OSError."""
    with path.open("rb") as file:
        return "sha256:" + hashlib.file_digest(file, "sha256").hexdigest()
