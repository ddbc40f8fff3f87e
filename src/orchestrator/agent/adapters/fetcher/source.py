"""What a URI of a task names: where its bytes come from, what the file is called, its checksum.

Mesos' rules (src/slave/containerizer/fetcher.cpp): a URI without a scheme is a path, the file is
called like all that follows the last slash, also a query. Mesos has no field for a checksum; here
one may follow as the fragment ``#sha256=HEX`` or ``#md5=HEX``.
"""

from __future__ import annotations

import re
from pathlib import PurePosixPath
from typing import NamedTuple
from urllib.parse import unquote, urlsplit

from orchestrator.agent.adapters.sandbox import SandboxError
from orchestrator.mesos.types import CommandURI

MAX_NAME_BYTES = 255
_CHECKSUM = re.compile(r"#(sha256=[0-9a-fA-F]{64}|sha512=[0-9a-fA-F]{128}|md5=[0-9a-fA-F]{32})$")
_CHECKSUM_LIKE = re.compile(r"#(sha256|sha512|md5)=[^/]*$")
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://")
_CREDENTIALS = re.compile(r"(?<=://)[^/?#]*@")
_QUERY = re.compile(r"\?[^#]*")
_ILLEGAL = re.compile(r"[\\'\0\n\r]")


class FetchError(SandboxError):
    """A URI cannot be fetched; says which and why, without what is secret in it."""

    def __init__(self, shown: str, why: str) -> None:
        super().__init__(f"Failed to fetch '{shown}': {why}")
        self.why = why


class Checksum(NamedTuple):
    """What the file has to hash to; ``algorithm`` as hashlib calls it, ``digest`` in hex."""

    algorithm: str
    digest: str


class Source(NamedTuple):
    """One URI, read. ``location`` is a URL or an absolute path, and may hold a password.

    ``target`` is where in the sandbox the file goes; ``shown`` is what may be logged.
    """

    shown: str
    is_remote: bool
    location: str
    name: str
    target: PurePosixPath
    checksum: Checksum | None
    uri: CommandURI


def shown(uri: str) -> str:
    """The URI without credentials, and without the values of a query, which may be a token."""
    return _QUERY.sub("?...", _CREDENTIALS.sub("***@", uri), count=1)


def read(uri: CommandURI) -> Source:
    """Read one URI. Raises FetchError."""
    text, checksum = _without_checksum(uri.value.lstrip())
    scheme = _SCHEME.match(text)
    if _ILLEGAL.search(text):
        raise FetchError(shown(text), "it has characters that no URI has")
    if scheme and scheme[1].lower() not in ("http", "https", "file"):
        why = f"this agent does not fetch {scheme[1]}://; it knows http, https, file and paths"
        raise FetchError(shown(text), why)
    is_remote = scheme is not None and scheme[1].lower() != "file"
    location = text if is_remote else _local_path(text)
    name = _name(text, location, is_remote=is_remote)
    return Source(shown(text), is_remote, location, name, _target(uri, name), checksum, uri)


def _without_checksum(text: str) -> tuple[str, Checksum | None]:
    found = _CHECKSUM.search(text)
    if found is None:
        if _CHECKSUM_LIKE.search(text):
            raise FetchError(shown(text), "its checksum is not of the length that its kind has")
        return text, None
    algorithm, _, digest = found[1].partition("=")
    return text[: found.start()], Checksum(algorithm, digest.lower())


def _local_path(text: str) -> str:
    try:
        parts = urlsplit(text)
    except ValueError:
        raise FetchError(shown(text), "it is no valid URI") from None
    path = unquote(parts.path) if parts.scheme == "file" else text
    if parts.scheme == "file" and parts.netloc not in ("", "localhost"):
        raise FetchError(shown(text), "files of another machine cannot be read")
    if not path.startswith("/"):
        raise FetchError(shown(text), "a path has to be absolute")
    return path


def _name(text: str, location: str, *, is_remote: bool) -> str:
    path = text.partition("://")[2] if is_remote else location
    name = path[path.rfind("/") + 1 :] if "/" in path else ""
    if name in ("", ".", ".."):
        raise FetchError(shown(text), "it names no file")
    if len(name.encode()) > MAX_NAME_BYTES:
        raise FetchError(shown(text), f"its file name is longer than {MAX_NAME_BYTES} bytes")
    return name


def _target(uri: CommandURI, name: str) -> PurePosixPath:
    if uri.output_file is None:
        return PurePosixPath(name)
    path = PurePosixPath(uri.output_file)
    if path.is_absolute() or ".." in path.parts or not path.name or "\0" in uri.output_file:
        why = f"its output file '{uri.output_file}' lies outside the sandbox"
        raise FetchError(shown(uri.value), why)
    return path
