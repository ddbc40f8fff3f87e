"""Opening a connection: reach the server, greet it, prove who the client is."""

from __future__ import annotations

import asyncio

from orchestrator.zookeeper.client.connection import Connection
from orchestrator.zookeeper.client.settings import ClientSettings
from orchestrator.zookeeper.jute.errors import (
    AuthenticationFailed,
    AuthFailed,
    ConnectionLoss,
    SessionExpired,
)
from orchestrator.zookeeper.jute.sessions import Auth, Session, Welcome, hello


async def reach(connection: Connection, host: tuple[str, int], settings: ClientSettings) -> None:
    """Connect to a server. Raises OSError (also ssl.SSLError)."""
    loop = asyncio.get_running_loop()
    name = host[0] if settings.tls is not None else None
    await loop.create_connection(
        lambda: connection, host[0], host[1], ssl=settings.tls, server_hostname=name
    )


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
