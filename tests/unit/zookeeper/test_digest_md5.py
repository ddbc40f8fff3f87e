"""DIGEST-MD5: a server written from the RFC agrees; what it cannot prove is refused."""

import hashlib
import re

import pytest

from orchestrator.zookeeper.jute.digest_md5 import DigestMd5
from orchestrator.zookeeper.jute.errors import AuthenticationFailed

CHALLENGE = (
    b'realm="zk-sasl-md5",nonce="server+nonce",qop="auth,auth-int",charset=utf-8,algorithm=md5-sess'
)


def _md5(text: bytes) -> bytes:
    return hashlib.md5(text).digest()


def _expected(user: bytes, password: bytes, cnonce: str, method: str) -> str:
    """Section 2.1.2.1 of RFC 2831."""
    known = _md5(user + b":zk-sasl-md5:" + password)
    a1 = _md5(known + f":server+nonce:{cnonce}".encode()).hex()
    a2 = _md5(f"{method}:zookeeper/zk-sasl-md5".encode()).hex()
    return _md5(f"{a1}:server+nonce:00000001:{cnonce}:auth:{a2}".encode()).hex()


@pytest.mark.parametrize("user", ["bob", "jörg", 'quo"te', "日本"])
def test_a_login_shows_the_password_and_has_it_shown(user: str) -> None:
    login = DigestMd5(user, "secret", "client-nonce")
    response = login.respond(CHALLENGE).decode()
    raw = user.encode() if user == "日本" else user.encode("latin-1")
    proof = _expected(raw, b"secret", "client-nonce", "AUTHENTICATE")
    assert re.search(r"response=(\w+)", response)[1] == proof  # type: ignore[index]
    assert 'digest-uri="zookeeper/zk-sasl-md5"' in response
    assert "secret" not in response
    login.verify(f"rspauth={_expected(raw, b'secret', 'client-nonce', '')}".encode())


def test_a_server_that_does_not_know_the_password_is_refused() -> None:
    login = DigestMd5("bob", "secret", "client-nonce")
    login.respond(CHALLENGE)
    with pytest.raises(AuthenticationFailed, match="knows the password"):
        login.verify(f"rspauth={_expected(b'bob', b'other', 'client-nonce', '')}".encode())
    with pytest.raises(AuthenticationFailed):
        DigestMd5("bob", "secret", "n").verify(b"rspauth=")


@pytest.mark.parametrize(
    "challenge",
    [b"", b"\xff\xfe", b'nonce="x"', CHALLENGE.replace(b"auth,auth-int", b"auth-conf")],
)
def test_a_challenge_that_cannot_be_met_is_refused(challenge: bytes) -> None:
    with pytest.raises(AuthenticationFailed):
        DigestMd5("bob", "secret", "n").respond(challenge)
