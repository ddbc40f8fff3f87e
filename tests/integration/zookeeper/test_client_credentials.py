"""Who the client is: digests, SASL and TLS against real servers, right and wrong."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from tests.integration.zookeeper.conftest import LONG_SESSIONS, TIMEOUT_MS, settings
from tests.support import zookeeper
from tests.support.certificates import Tls
from tests.support.ports import free_port

from orchestrator.zookeeper import client as zk
from orchestrator.zookeeper.jute import errors
from orchestrator.zookeeper.jute.records import Acl

MINE = (Acl(31, "auth", ""),)


async def test_a_digest_opens_what_it_closed_also_after_the_connection_is_lost() -> None:
    with zookeeper.ensemble(1, lines=LONG_SESSIONS) as alone:
        alone.start()
        mine = msgspec.structs.replace(settings(alone, "/"), digests=("ann:secret",))
        async with zk.Client(mine) as ann, zk.Client(settings(alone, "/")) as other:
            await ann.connected(60)
            await ann.create("/a", b"x", MINE)
            assert [each.scheme for each in (await ann.get_acl("/a")).acl] == ["digest"]
            assert ("digest", "ann") in [tuple(each) for each in await ann.who_am_i()]
            alone.nodes[0].kill()
            alone.nodes[0].start()
            await asyncio.sleep(0)
            assert (await _reads(ann, "/a")) == b"x"
            await other.connected(60)
            with pytest.raises(errors.NoAuth, match="/a: the access list does not allow it"):
                await other.get_data("/a")


async def _reads(client: zk.Client, path: str) -> bytes | None:
    while True:
        await client.connected(60)
        try:
            return (await client.get_data(path)).data
        except errors.ConnectionLoss:
            await asyncio.sleep(0.05)


JAAS = """Server {
    org.apache.zookeeper.server.auth.DigestLoginModule required user_ann="secret";
};
"""


@pytest.fixture(scope="module")
def with_sasl(tmp_path_factory: pytest.TempPathFactory) -> Iterator[zookeeper.Ensemble]:
    jaas = tmp_path_factory.mktemp("sasl") / "jaas.conf"
    jaas.write_text(JAAS)
    with zookeeper.ensemble(
        1,
        lines=["authProvider.1=org.apache.zookeeper.server.auth.SASLAuthenticationProvider"],
        properties=[f"java.security.auth.login.config={jaas}"],
    ) as running:
        running.start()
        yield running


def _sasl(ensemble: zookeeper.Ensemble, password: str) -> zk.ClientSettings:
    credentials = zk.SaslCredentials("ann", password)
    return msgspec.structs.replace(settings(ensemble, "/"), sasl=credentials)


async def test_a_sasl_login_owns_what_it_creates(with_sasl: zookeeper.Ensemble) -> None:
    async with zk.Client(_sasl(with_sasl, "secret")) as client:
        await client.connected(60)
        await client.create("/mine", b"x", MINE)
        assert (await client.get_acl("/mine")).acl == (Acl(31, "sasl", "ann"),)
    async with zk.Client(settings(with_sasl, "/")) as other:
        await other.connected(60)
        with pytest.raises(errors.NoAuth):
            await other.get_data("/mine")


async def test_a_wrong_password_of_sasl_ends_the_client(with_sasl: zookeeper.Ensemble) -> None:
    async with zk.Client(_sasl(with_sasl, "wrong")) as client:
        with pytest.raises(errors.AuthenticationFailed, match="refuses the SASL login of ann"):
            await client.connected(60)
        assert isinstance(client.state, zk.Failed)
        with pytest.raises(errors.AuthenticationFailed):
            await client.get_data("/")


async def test_a_server_without_sasl_is_said_to_have_none(ensemble: zookeeper.Ensemble) -> None:
    async with zk.Client(_sasl(ensemble, "secret")) as client:
        with pytest.raises(errors.AuthenticationFailed):
            await client.connected(60)


@pytest.fixture(scope="module")
def tls(tmp_path_factory: pytest.TempPathFactory) -> Tls:
    return Tls(tmp_path_factory.mktemp("tls"))


@pytest.fixture(scope="module")
def with_tls(tls: Tls) -> Iterator[tuple[str, int]]:
    """A server that speaks only TLS on a second port, and wants a certificate of its clients."""
    port = free_port()
    lines = [
        f"secureClientPort={port}", "secureClientPortAddress=127.0.0.1",
        "serverCnxnFactory=org.apache.zookeeper.server.NettyServerCnxnFactory",
        f"ssl.keyStore.location={tls.file('server-both.pem')}", "ssl.keyStore.type=PEM",
        f"ssl.trustStore.location={tls.ca}", "ssl.trustStore.type=PEM", "ssl.clientAuth=need",
    ]  # fmt: skip
    with zookeeper.ensemble(1, lines=lines) as running:
        running.start()
        yield "127.0.0.1", port


async def test_a_client_with_a_certificate_is_let_in(with_tls: tuple[str, int], tls: Tls) -> None:
    context = zk.tls_context(tls.ca, tls.file("client.crt"), tls.file("client.key"))
    async with zk.Client(_tls(with_tls, context)) as client:
        await client.connected(60)
        await client.create("/tls", bytes(500_000))
        assert (await client.get_data("/tls")).data == bytes(500_000)


async def test_a_server_that_is_not_trusted_ends_the_client(with_tls: tuple[str, int]) -> None:
    async with zk.Client(_tls(with_tls, zk.tls_context(None))) as client:
        with pytest.raises(errors.AuthenticationFailed, match="is not trusted"):
            await client.connected(60)


def _tls(host: tuple[str, int], context: object) -> zk.ClientSettings:
    plain = zk.ClientSettings((host,), session_timeout_ms=TIMEOUT_MS)
    return msgspec.structs.replace(plain, tls=context)


def test_files_that_make_no_tls_are_named(tmp_path: Path, tls: Tls) -> None:
    with pytest.raises(zk.TlsError, match=r"CA certificate .*/none cannot be used"):
        zk.tls_context(str(tmp_path / "none"))
    with pytest.raises(zk.TlsError, match=r"client\.crt cannot be used"):
        zk.tls_context(tls.ca, tls.file("client.crt"), tls.file("server.key"))
    with pytest.raises(zk.TlsError, match="is not given"):
        zk.tls_context(tls.ca, None, tls.file("client.key"))
