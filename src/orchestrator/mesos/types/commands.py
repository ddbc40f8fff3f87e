"""Commands with their environment, files and secrets.

Source: include/mesos/v1/mesos.proto (Apache Mesos 1.11).
"""

from __future__ import annotations

from orchestrator.mesos.types.base import Message


class Secret(Message):
    """A secret by reference or by value."""

    type: str = "UNKNOWN"
    reference: SecretReference | None = None
    value: SecretValue | None = None


class SecretReference(Message):
    """The name of a secret in a store, and the key inside it."""

    name: str
    key: str | None = None


class SecretValue(Message):
    """A secret itself; never logged."""

    data: bytes


class EnvironmentVariable(Message):
    """One environment variable."""

    name: str
    value: str | None = None
    type: str = "VALUE"
    secret: Secret | None = None


class Environment(Message):
    """The environment of a command."""

    variables: list[EnvironmentVariable] = []


class CommandURI(Message):
    """A file to be fetched into the sandbox before the command starts."""

    value: str
    executable: bool | None = None
    extract: bool | None = None
    cache: bool | None = None
    output_file: str | None = None


class CommandInfo(Message):
    """What to run: a shell command line, or a program with its arguments."""

    uris: list[CommandURI] = []
    environment: Environment | None = None
    shell: bool = True
    value: str | None = None
    arguments: list[str] = []
    user: str | None = None
