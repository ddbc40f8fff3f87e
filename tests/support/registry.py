"""An image registry for tests: the pulling half of the Docker Registry HTTP API v2, on 127.0.0.1.

``with registry() as one:`` serves in threads of this process. ``push`` puts an image in; ``users``
and ``auth`` demand a login, by Basic or by a token from ``/token`` as Docker Hub does;
``one.faults`` switches on what goes wrong with real ones, and ``one.requests`` is what was asked.
Docker's Engine speaks plain HTTP to 127.0.0.1, so it can pull from here too.
Source: the OCI Distribution Specification 1.1 and Docker's token authentication.
"""

from __future__ import annotations

import base64
import contextlib
import re
import secrets
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Literal
from urllib.parse import parse_qs, urlsplit

from tests.support import images
from tests.support.images import Image, Packed

CHUNK_BYTES = 64 * 1024
_ROUTE = re.compile(r"/v2/(?P<name>.+)/(?P<kind>manifests|blobs)/(?P<reference>[^/]+)")


@dataclass
class Faults:
    """What goes wrong; may be changed at any time. Paths are matched by what they contain."""

    errors: dict[str, int] = field(default_factory=dict)  # path -> so many answers of 500 first
    too_many: int = 0  # so many answers of 429 first, with Retry-After: 0
    delay_s: float = 0.0  # before every answer
    bytes_per_s: float = 0.0  # of blobs; 0 is no limit
    truncate_blobs: int = 0  # so many blobs end in the middle, and the connection with them
    corrupt: set[str] = field(default_factory=set)  # digests whose content is not what was asked


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, request: object, client_address: object) -> None:
        """Clients that go away in the middle are a part of the tests."""


@dataclass
class _Content:
    blobs: dict[str, bytes] = field(default_factory=dict)
    manifests: dict[tuple[str, str], tuple[str, bytes]] = field(default_factory=dict)


class Registry:
    """A running registry; ``host`` is its ``address:port``, as it is put before an image's name."""

    def __init__(
        self,
        users: Mapping[str, str] | None = None,
        auth: Literal["none", "basic", "bearer"] | None = None,
    ) -> None:
        self.users = dict(users or {})
        self.auth = auth or ("bearer" if users else "none")
        self.faults = Faults()
        self.requests: list[str] = []  # "GET /v2/... all" or "... bytes=7-" in order
        self._content = _Content()
        self._tokens: set[str] = set()
        self._lock = threading.Lock()
        self._server = _Server(("127.0.0.1", 0), self._handler())
        self.host = f"127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True
        )

    def start(self) -> None:
        """Serve."""
        self._thread.start()

    def stop(self) -> None:
        """Close the socket; what is being answered ends by itself."""
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def push(self, name: str, image: Image | Packed, tag: str = "latest") -> str:
        """Put an image in; returns its digest. ``name`` is a repository's, without the host."""
        made = images.packed(image) if isinstance(image, Image) else image
        self._content.blobs |= made.blobs
        return self._put_manifest(name, tag, made.media_type, made.manifest)

    def push_list(self, name: str, by_platform: Mapping[str, Image], tag: str = "latest") -> str:
        """Put a manifest list in, of images by architecture; returns its digest."""
        entries = []
        for architecture, image in by_platform.items():
            made = images.packed(image)
            self.push(name, made, f"{tag}-{architecture}")
            platform = {"architecture": architecture, "os": "linux"}
            entries.append(
                images.described(made.manifest, made.media_type) | {"platform": platform}
            )
        document = {"schemaVersion": 2, "mediaType": images.DOCKER_LIST, "manifests": entries}
        return self._put_manifest(name, tag, images.DOCKER_LIST, images.encoded(document))

    def name_of(self, name: str, tag: str = "latest") -> str:
        """What an image that was pushed is called by those who pull it."""
        return f"{self.host}/{name}:{tag}"

    def count(self, text: str) -> int:
        """How many requests had this in them."""
        return sum(text in request for request in self.requests)

    def _put_manifest(self, name: str, tag: str, media_type: str, manifest: bytes) -> str:
        digest = images.digest_of(manifest)
        for reference in (tag, digest):
            self._content.manifests[name, reference] = (media_type, manifest)
        return digest

    # --- answering, in a thread for each connection ----------------------------------------------

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        registry = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, format: str, *args: object) -> None:
                pass

            def do_GET(self) -> None:
                with contextlib.suppress(ConnectionError):
                    registry._answer(self)

            do_HEAD = do_GET  # noqa: N815

        return Handler

    def _answer(self, asked: BaseHTTPRequestHandler) -> None:
        with self._lock:
            wanted = asked.headers.get("Range", "all")
            self.requests.append(f"{asked.command} {asked.path} {wanted}")
            fault = self._next_fault(asked.path)
        time.sleep(self.faults.delay_s)
        if fault is not None:
            headers = {"Retry-After": "0"} if fault == 429 else {}
            return _send(asked, fault, b'{"errors":[{"code":"UNKNOWN"}]}', headers)
        path = urlsplit(asked.path)
        if path.path == "/token":
            return self._give_token(asked, path.query)
        if not self._is_allowed(asked):
            return self._challenge(asked)
        if path.path in ("/v2", "/v2/"):
            return _send(asked, 200, b"{}")
        return self._give(asked, path.path)

    def _next_fault(self, path: str) -> int | None:
        if self.faults.too_many > 0:
            self.faults.too_many -= 1
            return 429
        for part, left in self.faults.errors.items():
            if part in path and left > 0:
                self.faults.errors[part] = left - 1
                return 500
        return None

    def _give(self, asked: BaseHTTPRequestHandler, path: str) -> None:
        route = _ROUTE.fullmatch(path)
        if route is None:
            return _refuse(asked, 404, "NAME_UNKNOWN", "no such route")
        name, kind, reference = route.group("name", "kind", "reference")
        if kind == "blobs":
            blob = self._content.blobs.get(reference)
            if blob is None:
                return _refuse(asked, 404, "BLOB_UNKNOWN", "blob unknown to registry")
            return self._give_blob(asked, reference, blob)
        found = self._content.manifests.get((name, reference))
        if found is None:
            return _refuse(asked, 404, "MANIFEST_UNKNOWN", "manifest unknown")
        media_type, manifest = found
        digest = images.digest_of(manifest)
        if digest in self.faults.corrupt:
            manifest = _spoilt(manifest)
        headers = {"Content-Type": media_type, "Docker-Content-Digest": digest}
        return _send(asked, 200, manifest, headers)

    def _give_blob(self, asked: BaseHTTPRequestHandler, digest: str, blob: bytes) -> None:
        if digest in self.faults.corrupt:
            blob = _spoilt(blob)
        begin = 0
        if wanted := re.fullmatch(r"bytes=(\d+)-", asked.headers.get("Range", "")):
            begin = min(int(wanted[1]), len(blob))
        asked.send_response(206 if begin else 200)
        asked.send_header("Content-Length", str(len(blob) - begin))
        if begin:
            asked.send_header("Content-Range", f"bytes {begin}-{len(blob) - 1}/{len(blob)}")
        asked.end_headers()
        if asked.command == "GET":
            self._stream(asked, blob[begin:])

    def _stream(self, asked: BaseHTTPRequestHandler, blob: bytes) -> None:
        with self._lock:
            is_cut = self.faults.truncate_blobs > 0
            self.faults.truncate_blobs -= is_cut
        if is_cut:
            blob = blob[: len(blob) // 2]
            asked.close_connection = True
        for begin in range(0, len(blob), CHUNK_BYTES):
            chunk = blob[begin : begin + CHUNK_BYTES]
            asked.wfile.write(chunk)
            if self.faults.bytes_per_s:
                time.sleep(len(chunk) / self.faults.bytes_per_s)

    # --- logging in ------------------------------------------------------------------------------

    def _is_allowed(self, asked: BaseHTTPRequestHandler) -> bool:
        kind, _, value = asked.headers.get("Authorization", "").partition(" ")
        if self.auth == "none":
            return True
        if self.auth == "basic":
            return kind == "Basic" and self._is_user(value)
        return kind == "Bearer" and value in self._tokens

    def _is_user(self, encoded: str) -> bool:
        try:
            user, _, password = base64.b64decode(encoded).decode().partition(":")
        except ValueError:
            return False
        return user in self.users and self.users[user] == password

    def _challenge(self, asked: BaseHTTPRequestHandler) -> None:
        challenge = 'Basic realm="registry"'
        if self.auth == "bearer":
            route = _ROUTE.fullmatch(urlsplit(asked.path).path)
            scope = f',scope="repository:{route["name"]}:pull"' if route else ""
            challenge = f'Bearer realm="http://{self.host}/token",service="registry"{scope}'
        _refuse(asked, 401, "UNAUTHORIZED", "authentication required", challenge)

    def _give_token(self, asked: BaseHTTPRequestHandler, query: str) -> None:
        kind, _, value = asked.headers.get("Authorization", "").partition(" ")
        is_open = not self.users  # anonymous pulling, as of public images
        is_known = is_open or (kind == "Basic" and self._is_user(value))
        if "scope" not in parse_qs(query) or not is_known:
            return _refuse(asked, 401, "UNAUTHORIZED", "incorrect username or password")
        token = secrets.token_urlsafe(16)
        self._tokens.add(token)
        return _send(asked, 200, images.encoded({"token": token, "expires_in": 300}))

    def expire_tokens(self) -> None:
        """Whoever has a token needs a new one."""
        self._tokens.clear()


@contextmanager
def registry(
    users: Mapping[str, str] | None = None,
    auth: Literal["none", "basic", "bearer"] | None = None,
) -> Iterator[Registry]:
    """A registry until the context ends; with ``users`` (name to password) it wants a login."""
    one = Registry(users, auth)
    one.start()
    try:
        yield one
    finally:
        one.stop()


def _refuse(
    asked: BaseHTTPRequestHandler, status: int, code: str, message: str, challenge: str = ""
) -> None:
    body = images.encoded({"errors": [{"code": code, "message": message}]})
    _send(asked, status, body, {"WWW-Authenticate": challenge} if challenge else {})


def _send(
    asked: BaseHTTPRequestHandler,
    status: int,
    body: bytes,
    headers: Mapping[str, str] | None = None,
) -> None:
    asked.send_response(status)
    for name, value in {"Content-Type": "application/json", **(headers or {})}.items():
        asked.send_header(name, value)
    asked.send_header("Content-Length", str(len(body)))
    asked.end_headers()
    if asked.command == "GET":
        asked.wfile.write(body)


def _spoilt(blob: bytes) -> bytes:
    return blob[:-1] + bytes([blob[-1] ^ 1])
