"""Quorum ports with TLS, and with a login by SASL: streamed where they let in, else watched."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest
from tests.integration.migration.conftest import LINES, at_rest, sides, spec_of, syncing
from tests.integration.migration.streams import TYPES, client_of
from tests.support import eventually, zookeeper
from tests.support.certificates import Tls

from orchestrator.migration.adapters.opening import look_at
from orchestrator.migration.adapters.spec import SpecError, SyncSpec
from orchestrator.zookeeper.jute.requests import CreateTtl

JAAS = """
QuorumServer {
    org.apache.zookeeper.server.auth.DigestLoginModule required user_learner="secret";
};
QuorumLearner {
    org.apache.zookeeper.server.auth.DigestLoginModule required
        username="learner" password="secret";
};
"""


@pytest.fixture(scope="module")
def tls(tmp_path_factory: pytest.TempPathFactory) -> Tls:
    return Tls(tmp_path_factory.mktemp("tls"))


@pytest.fixture(scope="module")
def with_tls(tls: Tls) -> Iterator[zookeeper.Ensemble]:
    lines = [
        "sslQuorum=true", "ssl.quorum.clientAuth=need",
        f"ssl.quorum.keyStore.location={tls.file('server-both.pem')}",
        "ssl.quorum.keyStore.type=PEM",
        f"ssl.quorum.trustStore.location={tls.ca}", "ssl.quorum.trustStore.type=PEM",
    ]  # fmt: skip
    with started([*LINES, *lines], TYPES) as found:
        yield found


@pytest.fixture(scope="module")
def with_sasl(tmp_path_factory: pytest.TempPathFactory) -> Iterator[zookeeper.Ensemble]:
    jaas = tmp_path_factory.mktemp("sasl") / "jaas.conf"
    jaas.write_text(JAAS)
    lines = [
        "quorum.auth.enableSasl=true", "quorum.auth.serverRequireSasl=true",
        "quorum.auth.learnerRequireSasl=true",
    ]  # fmt: skip
    with started([*LINES, *lines], (*TYPES, f"java.security.auth.login.config={jaas}")) as found:
        yield found


@pytest.fixture(scope="module")
def plain() -> Iterator[zookeeper.Ensemble]:
    with started(LINES, TYPES) as found:
        yield found


@contextmanager
def started(lines: Any, properties: Any) -> Iterator[zookeeper.Ensemble]:
    """Three servers, so that they enter each other's quorum ports."""
    if reason := zookeeper.missing():
        pytest.skip(reason)
    with zookeeper.ensemble(3, lines=lines, properties=properties) as found:
        found.start()
        yield found


def entering(spec: SyncSpec, **how: Any) -> SyncSpec:
    """A's quorum ports entered so."""
    return msgspec.structs.replace(spec, a=msgspec.structs.replace(spec.a, **how))


async def is_streamed(
    a: zookeeper.Ensemble, b: zookeeper.Ensemble, directory: Path, **how: Any
) -> None:
    """What only a stream tells is copied, also after the leader died."""
    async with (
        sides(a, b) as pair,
        client_of(a, pair.a.root) as writer,
        syncing(entering(spec_of(pair), **how), directory) as sync,
    ):
        assert all("transaction stream" in source for source in sync.status().sources)
        await writer.call(CreateTtl("/ttl", 600_000, b"t"))
        await at_rest(sync)
        leader = a.leader()
        leader.kill()
        await writer.connected(60)
        await pair.b.do("create", "/of-b", b"1")
        await eventually(lambda: pair.a.do("exists", "/of-b"))
        leader.start()
        a.wait_until_up()
        await pair.a.do("create", "/of-a", b"1")
        await eventually(lambda: pair.b.do("exists", "/of-a"))
        await at_rest(sync)
        assert all("transaction stream" in source for source in sync.status().sources)
        assert set(await pair.are_equal()) == {"/ttl", "/of-a", "/of-b"}


async def is_watched(
    a: zookeeper.Ensemble, b: zookeeper.Ensemble, directory: Path, reason: str, **how: Any
) -> None:
    """The sync goes on by watches, and says why; asked for the stream alone it does not begin."""
    async with sides(a, b) as pair:
        spec = entering(spec_of(pair), **how)
        async with syncing(spec, directory) as sync:
            source = sync.status().sources[0]
            assert source.startswith("watches: no leader answers on its quorum port")
            assert reason in source
            await pair.a.do("create", "/n", b"1")
            await eventually(lambda: pair.b.do("exists", "/n"))
            await at_rest(sync)
        with pytest.raises(SpecError, match=f"A has no transaction stream.*{reason}"):
            await look_at(entering(spec, source="stream"))


async def test_a_quorum_port_with_tls_is_entered_with_a_certificate(
    with_tls: zookeeper.Ensemble, plain: zookeeper.Ensemble, tls: Tls, tmp_path: Path
) -> None:
    await is_streamed(
        with_tls,
        plain,
        tmp_path,
        quorum_tls_ca=tls.ca,
        quorum_tls_cert=tls.file("client.crt"),
        quorum_tls_key=tls.file("client.key"),
    )


async def test_without_tls_its_ensemble_is_watched(
    with_tls: zookeeper.Ensemble, plain: zookeeper.Ensemble, tmp_path: Path
) -> None:
    await is_watched(with_tls, plain, tmp_path, "hung up")


async def test_a_quorum_port_that_is_not_trusted_is_not_entered(
    with_tls: zookeeper.Ensemble, plain: zookeeper.Ensemble, tmp_path: Path
) -> None:
    await is_watched(with_tls, plain, tmp_path, "certificate verify failed", quorum_tls=True)


async def test_a_quorum_port_with_sasl_is_entered_with_a_password(
    with_sasl: zookeeper.Ensemble, plain: zookeeper.Ensemble, tmp_path: Path
) -> None:
    await is_streamed(with_sasl, plain, tmp_path, **login(tmp_path, "secret"))


async def test_a_wrong_password_is_said_and_its_ensemble_is_watched(
    with_sasl: zookeeper.Ensemble, plain: zookeeper.Ensemble, tmp_path: Path
) -> None:
    reason = "the quorum port refuses the SASL login of learner"
    await is_watched(with_sasl, plain, tmp_path, reason, **login(tmp_path, "wrong"))


async def test_without_a_password_its_ensemble_is_watched(
    with_sasl: zookeeper.Ensemble, plain: zookeeper.Ensemble, tmp_path: Path
) -> None:
    await is_watched(with_sasl, plain, tmp_path, "hung up")


def login(directory: Path, password: str) -> dict[str, str]:
    file = directory / "password"
    file.write_text(password)
    return {"quorum_sasl_user": "learner", "quorum_sasl_password_file": str(file)}
