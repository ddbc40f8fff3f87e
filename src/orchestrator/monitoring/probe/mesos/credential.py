"""Who the probe says it is: a principal and its secret, from a file in a form that Mesos reads.

That is ``{"principal": "probe", "secret": "..."}``, or both on one line with a space between. It
is a file, since what is given as a flag every user of the machine can read in /proc; what is wrong
with it is said without a word of what is in it.
"""

from __future__ import annotations

import base64
from pathlib import Path
from typing import NamedTuple

import msgspec

from orchestrator.runtime.config import ConfigError

MAX_BYTES = 64 * 1024
_FORM = 'it has to hold {"principal": "...", "secret": "..."}, or both on one line'


class Credential(msgspec.Struct, frozen=True):
    """A principal and its secret."""

    principal: str
    secret: str

    def __repr__(self) -> str:
        return f"Credential({self.principal!r})"


class Login(NamedTuple):
    """What the servers of one kind are told, and the setting that it is from."""

    flag: str
    authorization: str = ""
    """Value of the header of this name; empty if there is no credential."""

    def __repr__(self) -> str:
        return f"Login({self.flag!r})"

    @property
    def headers(self) -> dict[str, str]:
        """Of every request."""
        return {"Authorization": self.authorization} if self.authorization else {}

    @property
    def refusal(self) -> str:
        """What a 401 means, as one sentence without its beginning."""
        if not self.authorization:
            return f"it asks for a principal and its secret: name their file with {self.flag}"
        return f"it does not accept the principal and secret in the file of {self.flag}"


def login(file: str, flag: str) -> Login:
    """With the credential in a file, or none if ``file`` is empty. Raises ConfigError."""
    if not file:
        return Login(flag)
    try:
        credential = parse(_read(Path(file)))
    except OSError as error:
        reason = error.strerror or "it is no file"
        raise ConfigError(f"{flag} {file} cannot be read: {reason}") from None
    except ValueError as error:
        raise ConfigError(f"{flag} {file} cannot be used: {error}") from None
    both = f"{credential.principal}:{credential.secret}"
    return Login(flag, f"Basic {base64.b64encode(both.encode()).decode()}")


def parse(data: bytes) -> Credential:
    """What a file holds; pure. Raises ValueError, whose text is half a sentence."""
    try:
        text = data.decode().strip()
    except UnicodeDecodeError:
        raise ValueError("it is not text in UTF-8") from None
    credential = _of_json(text) if text.startswith("{") else _of_line(text)
    for what, value in (("principal", credential.principal), ("secret", credential.secret)):
        if not value:
            raise ValueError(f"its {what} is empty")
        if not value.isprintable():
            raise ValueError(f"its {what} has characters that cannot be shown")
    if ":" in credential.principal:
        raise ValueError("its principal has a colon, which HTTP takes for its end")
    return credential


def _read(file: Path) -> bytes:
    with file.open("rb") as opened:
        data = opened.read(MAX_BYTES + 1)
    if len(data) > MAX_BYTES:
        raise ValueError(f"it has more than {MAX_BYTES} bytes")
    return data


def _of_json(text: str) -> Credential:
    try:
        return msgspec.json.decode(text, type=Credential)
    except msgspec.DecodeError:
        raise ValueError(_FORM) from None


def _of_line(text: str) -> Credential:
    words = text.split()
    if len(words) != 2 or len(text.splitlines()) != 1:
        raise ValueError(_FORM)
    return Credential(*words)
