"""The environment of a task: what Mesos sets, then what the task itself asks for.

Source: executorEnvironment() in src/slave/slave.cpp of Apache Mesos.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from orchestrator.agent.adapters.secrets import SecretError, SecretResolver, ValueResolver
from orchestrator.agent.core.task import Container
from orchestrator.mesos.types import EnvironmentVariable, Message, Secret

DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
INHERITED = ("PATH", "HOME", "LANG", "LC_ALL", "TZ")


class Surroundings(Message):
    """What a task may know of its agent. ``endpoint`` is ``ip:port``."""

    ip: str
    port: int
    inherited: Mapping[str, str] = {}
    shutdown_grace_s: float = 5.0
    secrets: SecretResolver = ValueResolver()

    @property
    def endpoint(self) -> str:
        """Where the agent's API is."""
        return f"{self.ip}:{self.port}"


def of_process(container: Container, directory: str, around: Surroundings) -> dict[str, str]:
    """For what runs on the host itself. May block if it ``asks_a_store``. Raises SecretError."""
    inherited = {name: around.inherited[name] for name in INHERITED if name in around.inherited}
    return (
        {"PATH": DEFAULT_PATH}
        | inherited
        | _of_mesos(container, around)
        | {"MESOS_DIRECTORY": directory, "MESOS_SANDBOX": directory}
        | {"MESOS_CONTAINER_IP": around.ip}
        | _own(container, _resolving(around.secrets))
    )


def of_docker(container: Container, mounted_at: str, around: Surroundings) -> dict[str, str]:
    """For a task in a Docker container, which has a PATH of its own. Raises SecretError."""
    return _of_mesos(container, around) | {"MESOS_SANDBOX": mounted_at} | _own(container, _refusing)


def _of_mesos(container: Container, around: Surroundings) -> dict[str, str]:
    agent_id = container.agent_id
    task_id = {"MESOS_TASK_ID": container.task_id} if container.task_id else {}
    return {
        **task_id,
        "MESOS_EXECUTOR_ID": container.executor_id,
        "MESOS_FRAMEWORK_ID": container.framework_id,
        "MESOS_AGENT_ID": agent_id,
        "MESOS_SLAVE_ID": agent_id,
        "MESOS_SLAVE_PID": f"slave(1)@{around.endpoint}",
        "MESOS_AGENT_ENDPOINT": around.endpoint,
        "MESOS_CHECKPOINT": "1",
        **({} if container.task_id else _of_executor(around)),
    }


def _of_executor(around: Surroundings) -> dict[str, str]:
    """What the executor library needs to know; durations as Mesos writes them."""
    return {
        "MESOS_RECOVERY_TIMEOUT": "15mins",
        "MESOS_SUBSCRIPTION_BACKOFF_MAX": "2secs",
        "MESOS_EXECUTOR_SHUTDOWN_GRACE_PERIOD": f"{around.shutdown_grace_s:g}secs",
        "MESOS_HTTP_COMMAND_EXECUTOR": "0",
    }


def asks_a_store(container: Container) -> bool:
    """Whether a variable is a secret."""
    return any(variable.secret is not None for variable in _variables(container))


def _variables(container: Container) -> Sequence[EnvironmentVariable]:
    environment = container.command.environment if container.command else None
    return environment.variables if environment else ()


def _own(container: Container, resolve: Callable[[str, Secret], str]) -> dict[str, str]:
    return {variable.name: _value(variable, resolve) for variable in _variables(container)}


def _value(variable: EnvironmentVariable, resolve: Callable[[str, Secret], str]) -> str:
    if variable.secret is not None and (variable.type == "SECRET" or variable.value is None):
        return resolve(variable.name, variable.secret)
    if variable.type == "SECRET":
        raise SecretError(f"The variable '{variable.name}' is a secret, but names none")
    return variable.value or ""


def _resolving(secrets: SecretResolver) -> Callable[[str, Secret], str]:
    def resolve(name: str, secret: Secret) -> str:
        data = secrets.resolve(secret)
        try:
            text = data.decode()
        except UnicodeDecodeError:
            text = "\0"
        if "\0" in text:
            raise SecretError(
                f"The secret of the variable '{name}' is not text: mount it as a file"
            )
        return text

    return resolve


def _refusing(name: str, _: Secret) -> str:
    raise SecretError(
        f"The variable '{name}' is a secret, and the Docker Engine would write it to its disk: "
        "mount it as a file"
    )
