from __future__ import annotations

import asyncio
import struct

import pytest

from orchestrator.zookeeper.client.settings import SaslCredentials
from orchestrator.zookeeper.jute import errors
from orchestrator.zookeeper.jute.quorum_auth import encode_step
from orchestrator.zookeeper.stream.entry import log_in

CHALLENGE = b'realm="zk",nonce="n",qop="auth",charset=utf-8,algorithm=md5-sess'


class Heard:
    """A writer that only keeps what is written."""

    def __init__(self) -> None:
        self.data = b""

    def write(self, data: bytes) -> None:
        self.data += data


def step(status: int, token: bytes) -> bytes:
    magic, _, _ = struct.unpack(">qii", encode_step(b""))
    return struct.pack(">qii", magic, status, len(token)) + token


async def logged_in(*answers: bytes) -> bytes:
    """What a learner says to these answers."""
    reader, heard = asyncio.StreamReader(), Heard()
    for answer in answers:
        reader.feed_data(answer)
    reader.feed_eof()
    await log_in(reader, heard, SaslCredentials("ann", "secret"))  # type: ignore[arg-type]
    return heard.data


@pytest.mark.parametrize(
    "answers",
    [
        [],
        [step(-1, b"")],
        [step(0, CHALLENGE)],
        [step(0, CHALLENGE), step(-1, b"")],
        [step(0, CHALLENGE), step(0, b"more")],
        [step(7, CHALLENGE)],
        [step(0, CHALLENGE)[:20]],
    ],
)
async def test_a_login_that_does_not_end_well_names_its_user_and_no_password(
    answers: list[bytes],
) -> None:
    with pytest.raises(errors.AuthenticationFailed) as raised:
        await logged_in(*answers)
    assert str(raised.value) == "the quorum port refuses the SASL login of ann"


@pytest.mark.parametrize("proof", [b"", b"rspauth=0", step(1, b"")])
async def test_a_server_that_does_not_know_the_password_is_not_believed(proof: bytes) -> None:
    with pytest.raises(errors.AuthenticationFailed, match="does not show that it knows"):
        await logged_in(step(0, CHALLENGE), step(1, proof))
    with pytest.raises(errors.AuthenticationFailed, match="does not show that it knows"):
        await logged_in(step(1, proof))


@pytest.mark.parametrize("answer", [bytes(16), b"HTTP/1.1 400 Bad Request\r\n", b"\xff" * 64])
async def test_what_is_no_answer_to_a_login_is_said_to_be_none(answer: bytes) -> None:
    with pytest.raises(errors.FrameError, match="does not answer a login by SASL"):
        await logged_in(answer)


async def test_a_token_without_end_is_not_read() -> None:
    head = step(0, b"")[:-4] + struct.pack(">i", 2**31 - 1)
    with pytest.raises(errors.FrameError):
        await logged_in(head)
