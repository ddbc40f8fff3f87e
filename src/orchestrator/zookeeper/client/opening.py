"""Opening a connection: reach the server, greet it, prove who the client is."""

from __future__ import annotations

import asyncio
import secrets
import ssl

from orchestrator.zookeeper.client.connection import Connection
from orchestrator.zookeeper.client.settings import ClientSettings, SaslCredentials
from orchestrator.zookeeper.jute.digest_md5 import DigestMd5
from orchestrator.zookeeper.jute.errors import (
    AuthenticationFailed,
    AuthFailed,
    ConnectionLoss,
    ServerError,
    SessionExpired,
)
from orchestrator.zookeeper.jute.sessions import Auth, Sasl, Session, Welcome, hello


async def reach(connection: Connection, host: tuple[str, int], settings: ClientSettings) -> None:
    """Connect to a server. Raises OSError (also ssl.SSLError), and AuthenticationFailed for a
    server whose certificate is not trusted."""
    loop = asyncio.get_running_loop()
    name = host[0] if settings.tls is not None else None
    try:
        await loop.create_connection(
            lambda: connection, host[0], host[1], ssl=settings.tls, server_hostname=name
        )
    except ssl.SSLCertVerificationError as error:
        raise AuthenticationFailed(
            f"the certificate of {host[0]}:{host[1]} is not trusted: {error.verify_message}"
        ) from error


async def greet(connection: Connection, session: Session) -> Welcome:
    """Open the session, or take it up again. Raises SessionExpired and ConnectionLoss."""
    connection.greet(hello(session))
    try:
        welcome = await connection.welcome
    except ConnectionLoss as error:
        raise ConnectionLoss(
            f"{error} instead of opening a session: it has no quorum, is full, or is behind what "
            "this client has seen"
        ) from error
    if welcome.timeout_ms <= 0 or welcome.session_id == 0:
        raise SessionExpired(f"session {session.name} has expired")
    if welcome.read_only:
        raise ConnectionLoss("the server is read-only: it has lost its quorum")
    return welcome


async def prove(connection: Connection, settings: ClientSettings) -> None:
    """Say all credentials. Raises AuthenticationFailed if one is refused."""
    for digest in settings.digests:
        try:
            await connection.authenticate(Auth("digest", digest.encode()))
        except AuthFailed as error:
            user = digest.partition(":")[0]
            raise AuthenticationFailed(f"the server refuses the digest of {user}") from error
    if settings.sasl is not None:
        await _log_in(connection, settings.sasl)


async def _log_in(connection: Connection, credentials: SaslCredentials) -> None:
    login = DigestMd5(credentials.user, credentials.password, secrets.token_hex(16))
    try:
        challenge = await _step(connection, b"")
        login.verify(await _step(connection, login.respond(challenge)))
    except ServerError as error:
        raise AuthenticationFailed(
            f"the server refuses the SASL login of {credentials.user}"
        ) from error


async def _step(connection: Connection, token: bytes) -> bytes:
    request = Sasl(token)
    return (await connection.send(request, request.encode(""))).reply
