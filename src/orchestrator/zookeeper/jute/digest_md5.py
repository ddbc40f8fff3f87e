"""SASL's DIGEST-MD5 as ZooKeeper's servers do it (RFC 2831, qop ``auth``); pure.

The client begins with nothing, the server sends a challenge, the client its digest, and the server
shows by a digest of its own that it knows the password too. MD5 is what the mechanism is made of;
over an open network it is no substitute for TLS.
"""

from __future__ import annotations

import re
from hashlib import md5

from orchestrator.zookeeper.jute.errors import AuthenticationFailed

URI = "zookeeper/zk-sasl-md5"
"""Of clients: the names that servers and they have agreed on."""
_PAIR = re.compile(r'([A-Za-z-]+)=(?:"((?:[^"\\]|\\.)*)"|([^,]*))')


class DigestMd5:
    """One login. ``client_nonce`` is random text of the caller's, ``uri`` says what it is for."""

    def __init__(self, user: str, password: str, client_nonce: str, uri: str = URI) -> None:
        self._user = user
        self._password = password
        self._client_nonce = client_nonce
        self._uri = uri
        self._expected = ""

    def respond(self, challenge: bytes) -> bytes:
        """The answer to a challenge. Raises AuthenticationFailed if it is none that can be met."""
        fields = _fields(challenge)
        nonce, realm = fields.get("nonce", ""), fields.get("realm", "")
        if not nonce or fields.get("algorithm") != "md5-sess":
            raise AuthenticationFailed("the server offers no login by SASL's DIGEST-MD5")
        if "auth" not in fields.get("qop", "auth").split(","):
            raise AuthenticationFailed("the server wants SASL to protect the connection: use TLS")
        secret = self._secret(realm, nonce)
        self._expected = self._digest(secret, nonce, "")
        return (
            f'charset=utf-8,username="{_quoted(self._user)}",realm="{_quoted(realm)}",'
            f'nonce="{_quoted(nonce)}",nc=00000001,cnonce="{self._client_nonce}",'
            f'digest-uri="{self._uri}",maxbuf=65536,'
            f"response={self._digest(secret, nonce, 'AUTHENTICATE')},qop=auth"
        ).encode()

    def verify(self, answer: bytes) -> None:
        """Check the server's last word. Raises AuthenticationFailed if it does not know the
        password."""
        if not self._expected or _fields(answer).get("rspauth") != self._expected:
            raise AuthenticationFailed("the server does not show that it knows the password")

    def _secret(self, realm: str, nonce: str) -> str:
        known = b":".join([_raw(self._user), _raw(realm), _raw(self._password)])
        first = md5(known, usedforsecurity=False).digest()
        return _hex(first + f":{nonce}:{self._client_nonce}".encode())

    def _digest(self, secret: str, nonce: str, method: str) -> str:
        action = _hex(f"{method}:{self._uri}".encode())
        return _hex(f"{secret}:{nonce}:00000001:{self._client_nonce}:auth:{action}".encode())


def _hex(data: bytes) -> str:
    return md5(data, usedforsecurity=False).hexdigest()


def _raw(text: str) -> bytes:
    """The RFC digests in Latin-1 what fits in it, and in UTF-8 what does not."""
    try:
        return text.encode("latin-1")
    except UnicodeEncodeError:
        return text.encode()


def _quoted(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')


def _fields(message: bytes) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, quoted, plain in _PAIR.findall(message.decode("utf-8", "replace")):
        found.setdefault(name.lower(), re.sub(r"\\(.)", r"\1", quoted) if quoted else plain)
    return found
