"""Secrets in command lines and environments, hidden before they leave the machine. Pure.

Hidden are values of options and variables whose name says so (password, token, secret), passwords
in URLs, Authorization headers, credentials of known form (JWT, keys of clouds and forges), and the
short options by which a few programs take a password. Of an environment only the names are told:
anything may hide in its values.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

HIDDEN = "***"

_WORDS = (
    r"pass(?:w(?:or)?d|phrase|wd)?|pwd|secret|token|credentials?|api[-_.]?key|access[-_.]?key|"
    r"private[-_.]?key|secret[-_.]?key|encryption[-_.]?key|auth(?:orization)?|cookie|session[-_.]?id|dsn"
)
_NAME = re.compile(rf"(?i)(?:^|[-_.\d])(?:{_WORDS})(?:$|[-_.\d])|(?:password|secret|token)s?$")
_PAIR = re.compile(r"^(-{0,2}[A-Za-z_][\w.\-]*)([=:])(.*)$", re.DOTALL)
_URL = re.compile(r"([a-zA-Z][a-zA-Z0-9+.\-]*://[^\s:/@]*):([^\s@/]+)@")
_HEADER = re.compile(
    r"(?i)((?:authorization|cookie|x-[\w-]*(?:token|key)|x-auth[\w-]*)\s*:\s*)(?:[^'\"]+)"
)
_INSIDE = re.compile(
    rf"(?i)(\b[\w.\-]*(?:{_WORDS})\b[\"']?\s*[=:]\s*)([\"']?)(?!\*\*\*)([^\s\"'&;,}}]+)"
)
_OPTION = re.compile(rf"(?i)(--[\w.\-]*(?:{_WORDS})\s+)(?!-)([^\s\"']+)")
_KNOWN = re.compile(
    r"eyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]*"  # JWT
    r"|\b(?:AKIA|ASIA)[A-Z0-9]{16}\b"  # AWS
    r"|\bgh[pousr]_[A-Za-z0-9]{20,}\b|\bgithub_pat_\w{20,}\b|\bglpat-[\w-]{16,}"
    r"|\bhv[sb]\.[\w-]{20,}|\bxox[abprs]-[\w-]{10,}|\bsk-[\w-]{20,}|\bAIza[\w-]{30,}"
    r"|-----BEGIN [A-Z ]*PRIVATE KEY-----.*"
)
_SHORT = {
    "mysql": ("-p",), "mysqldump": ("-p",), "mysqladmin": ("-p",), "mariadb": ("-p",),
    "mariadb-dump": ("-p",), "redis-cli": ("-a",), "sshpass": ("-p",), "curl": ("-u", "-U"),
    "wget": (), "ldapsearch": ("-w",), "mongosh": ("-p",), "mongo": ("-p",), "docker": ("-p",),
    "smbclient": ("-U",), "openssl": ("-k", "-K"),
}  # fmt: skip
_MAX = 4096
_MAX_LABELS = 100


class Hiding(NamedTuple):
    """What is hidden; nothing if ``shows_all``."""

    shows_all: bool = False

    def command(self, words: Sequence[str]) -> str:
        """A command line as one text of at most 4,096 characters."""
        shown = words if self.shows_all else _hidden_words(words)
        return " ".join(shown)[:_MAX]

    def text(self, text: str) -> str:
        """Any other text."""
        return text if self.shows_all else _hidden_text(text)

    def value(self, name: str, value: str) -> str:
        """The value of a label or setting."""
        if self.shows_all:
            return value
        return HIDDEN if value and is_secret(name) else _hidden_text(value)

    def labels(self, labels: Mapping[str, str] | None) -> dict[str, str]:
        """Labels as a report may have them."""
        some = list((labels or {}).items())[:_MAX_LABELS]
        return {name[:128]: self.value(name, value)[:_MAX] for name, value in some if name}

    def variable(self, pair: str) -> str:
        """One variable of an environment, ``NAME=value``."""
        return pair if self.shows_all else f"{pair.partition('=')[0]}={HIDDEN}"

    def document(self, document: Any) -> Any:
        """A description as JSON gives it: environments, commands and named secrets in it."""
        return document if self.shows_all else _hidden_document(document, "")


def is_secret(name: str) -> bool:
    """Whether a name says that its value is one."""
    return _NAME.search(_snake(name.lstrip("-"))) is not None


def _snake(name: str) -> str:
    """``dbPassword`` has words, too."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name)


def _hidden_words(words: Sequence[str]) -> list[str]:
    shown: list[str] = []
    hides_next = False
    program = words[0].rpartition("/")[2] if words else ""
    shorts = _SHORT.get(program, ())
    for word in words:
        if hides_next and not word.startswith("--"):
            shown.append(HIDDEN)
            hides_next = False
            continue
        hides_next = word.startswith("-") and (
            word in shorts or ("=" not in word and is_secret(word))
        )
        shown.append(_short(word, shorts) or _pair(word))
    return shown


def _short(word: str, shorts: Sequence[str]) -> str | None:
    """``-psecret``, for programs that take it so."""
    for short in shorts:
        if word.startswith(short) and len(word) > len(short):
            return short + HIDDEN
    return None


def _pair(word: str) -> str:
    match = _PAIR.match(word)
    if match is not None and match[3] and not match[3].startswith("//") and is_secret(match[1]):
        return f"{match[1]}{match[2]}{HIDDEN}"
    return _hidden_text(word)


def _hidden_text(text: str) -> str:
    text = _URL.sub(rf"\1:{HIDDEN}@", text)
    text = _HEADER.sub(rf"\1{HIDDEN}", text)
    text = _KNOWN.sub(HIDDEN, text)
    text = _OPTION.sub(rf"\1{HIDDEN}", text)
    return _INSIDE.sub(rf"\1\2{HIDDEN}", text)


def _hidden_document(value: Any, name: str) -> Any:
    if isinstance(value, dict):
        return {key: _hidden_document(one, str(key)) for key, one in value.items()}
    if isinstance(value, list):
        if name in ("Env", "env"):
            return [f"{str(one).partition('=')[0]}={HIDDEN}" for one in value]
        if all(isinstance(one, str) for one in value):
            return _hidden_words(value)
        return [_hidden_document(one, name) for one in value]
    if isinstance(value, str):
        return HIDDEN if value and is_secret(name) else _hidden_text(value)
    return value
