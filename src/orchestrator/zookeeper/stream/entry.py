"""How a quorum port is entered: by TLS, by a login with SASL's DIGEST-MD5, by both, or as it is."""

from __future__ import annotations

import asyncio
import secrets
import ssl
from typing import NamedTuple

from orchestrator.zookeeper.client.settings import SaslCredentials
from orchestrator.zookeeper.jute.digest_md5 import DigestMd5
from orchestrator.zookeeper.jute.errors import AuthenticationFailed
from orchestrator.zookeeper.jute.quorum_auth import (
    HEAD_BYTES,
    URI,
    Status,
    encode_step,
    read_head,
)


class Entry(NamedTuple):
    """The servers' ``sslQuorum``, and ``quorum.auth.serverRequireSasl``; None: without."""

    tls: ssl.SSLContext | None = None
    sasl: SaslCredentials | None = None


PLAIN = Entry()


async def log_in(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, credentials: SaslCredentials
) -> None:
    """Show that we know the password, and see that the server does.

    Raises AuthenticationFailed, FrameError and OSError.
    """
    login = DigestMd5(credentials.user, credentials.password, secrets.token_hex(16), URI)
    try:
        status, token = await _step(reader, writer, b"")
        if status == Status.GOES_ON:
            status, token = await _step(reader, writer, login.respond(token))
    except asyncio.IncompleteReadError:
        status = Status.REFUSED
    if status != Status.DONE:
        raise AuthenticationFailed(f"the quorum port refuses the SASL login of {credentials.user}")
    login.verify(token)


async def _step(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, token: bytes
) -> tuple[int, bytes]:
    """The server's status and token."""
    writer.write(encode_step(token))
    status, size = read_head(await reader.readexactly(HEAD_BYTES))
    return status, await reader.readexactly(size)
