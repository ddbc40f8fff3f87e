"""What runs: Mesos' table of commands and entry points, environments, limits."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.agent.adapters.images.documents import Settings
from orchestrator.agent.adapters.native import process
from orchestrator.agent.adapters.native.errors import NativeError
from orchestrator.agent.adapters.native.process import INFINITY, RLimit
from orchestrator.mesos.types import CommandInfo, LinuxInfo, RLimitInfo
from orchestrator.mesos.types import RLimit as Limit

NONE = Settings()
CMD = Settings(cmd=["c0", "c1"])
ENTRY = Settings(entrypoint=["e0", "e1"])
BOTH = Settings(entrypoint=["e0", "e1"], cmd=["c0", "c1"])
NOTHING = CommandInfo(shell=False)
ARGUMENTS = CommandInfo(shell=False, arguments=["a", "b"])
VALUE = CommandInfo(shell=False, value="v")
VALUE_AND_ARGUMENTS = CommandInfo(shell=False, value="v", arguments=["name", "b"])
SHELL = CommandInfo(value="echo hi")


@pytest.mark.parametrize(
    ("command", "settings", "words"),
    [
        (NOTHING, CMD, "c0 c1"),
        (NOTHING, ENTRY, "e0 e1"),
        (NOTHING, BOTH, "e0 e1 c0 c1"),
        (ARGUMENTS, CMD, "c0 a b"),
        (ARGUMENTS, ENTRY, "e0 e1 a b"),
        (ARGUMENTS, BOTH, "e0 e1 a b"),
        *((VALUE, one, "v") for one in (NONE, CMD, ENTRY, BOTH)),
        *((VALUE_AND_ARGUMENTS, one, "v b") for one in (NONE, CMD, ENTRY, BOTH)),
        (None, BOTH, "e0 e1 c0 c1"),
    ],
)
def test_a_command_and_an_image_are_put_together_as_in_mesos(
    command: CommandInfo | None, settings: Settings, words: str
) -> None:
    assert process.argv_of(command, settings) == words.split()


@pytest.mark.parametrize("settings", [NONE, CMD, ENTRY, BOTH])
def test_a_shell_command_replaces_what_the_image_says(settings: Settings) -> None:
    assert process.argv_of(SHELL, settings) == ["/bin/sh", "-c", "echo hi"]


@pytest.mark.parametrize(
    ("command", "settings"),
    [(NOTHING, NONE), (ARGUMENTS, NONE), (None, NONE), (CommandInfo(), BOTH)],
)
def test_nothing_to_run_is_an_error(command: CommandInfo | None, settings: Settings) -> None:
    with pytest.raises(NativeError):
        process.argv_of(command, settings)


def test_a_tasks_variables_override_the_images() -> None:
    image = Settings(env=["A=image", "B=image", "PATH=/bin", "broken", "=x"])
    made = process.environment_of(image, {"A": "task"})
    assert made == {"PATH": "/bin", "A": "task", "B": "image", "broken": ""}


def test_there_is_always_a_path() -> None:
    assert "/bin" in process.environment_of(NONE, {})["PATH"]


@pytest.mark.parametrize(("directory", "place"), [("", "/box"), ("/app", "/app"), ("app", "/app")])
def test_it_starts_where_the_image_says_or_in_the_sandbox(directory: str, place: str) -> None:
    assert process.directory_of(Settings(working_dir=directory), "/box") == place


def test_limits_are_those_of_setrlimit_and_none_is_infinity() -> None:
    info = RLimitInfo(rlimits=[Limit(type="RLMT_CORE"), Limit(type="RLMT_CPU", soft=1, hard=2)])
    assert process.rlimits_of(info) == [
        RLimit(type="RLIMIT_CORE", soft=INFINITY, hard=INFINITY),
        RLimit(type="RLIMIT_CPU", soft=1, hard=2),
    ]


@given(soft=st.none() | st.integers(-2, 5), hard=st.none() | st.integers(-2, 5))
def test_a_limit_is_whole_and_in_order_or_refused(soft: int | None, hard: int | None) -> None:
    info = RLimitInfo(rlimits=[Limit(type="RLMT_NOFILE", soft=soft, hard=hard)])
    try:
        (limit,) = process.rlimits_of(info)
    except NativeError:
        assert (soft is None) != (hard is None) or min(soft or 0, hard or 0) < 0 or soft > hard  # type: ignore[operator]
    else:
        assert 0 <= limit.soft <= limit.hard


def test_a_limit_that_does_not_exist_is_refused_by_name() -> None:
    with pytest.raises(NativeError, match="RLMT_BEER"):
        process.rlimits_of(RLimitInfo(rlimits=[Limit(type="RLMT_BEER")]))


@pytest.mark.parametrize(
    "linux", [LinuxInfo(share_pid_namespace=True), LinuxInfo(ipc_mode="SHARE_PARENT")]
)
def test_what_a_group_would_share_is_not_taken_from_the_machine(linux: LinuxInfo) -> None:
    with pytest.raises(NativeError, match="Members of a task group"):
        process.check_sharing(linux)
    process.check_sharing(LinuxInfo(share_pid_namespace=False, ipc_mode="PRIVATE"))
