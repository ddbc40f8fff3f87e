"""What /proc says of processes, from recorded text."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.monitoring.probe.processes.parsing import (
    parse_command,
    parse_container,
    parse_stat,
)

STAT = (
    b"4242 (%s) S 17 4242 4242 0 -1 4194304 1034 0 3 0 125 75 1 2 20 0 9 0 "
    b"889900 734208000 2112 18446744073709551615 1 1 0 0 0 0 0 4096 0 0 0 0 17 1 0 0 0 0 0\n"
)
ID = "0123456789abcdef" * 4
UUID = "5f0e3f6e-0a0b-4c5d-8e9f-0123456789ab"


def test_a_stat_has_what_is_told_of_a_process() -> None:
    stat = parse_stat(STAT % b"nginx")
    assert (stat.name, stat.state, stat.parent) == (b"nginx", "running", 17)
    assert (stat.cpu_ticks, stat.threads, stat.started_ticks, stat.pages) == (200, 9, 889900, 2112)


@given(st.binary(max_size=15).filter(lambda name: b"\n" not in name))
def test_a_name_may_be_anything(name: bytes) -> None:
    stat = parse_stat(STAT.replace(b"%s", name))
    assert (stat.name, stat.parent, stat.pages) == (name, 17, 2112)


@pytest.mark.parametrize(
    ("letter", "state"), [(b"R", "running"), (b"D", "running"), (b"T", "paused"), (b"Z", "dead")]
)
def test_states_are_those_of_a_report(letter: bytes, state: str) -> None:
    assert parse_stat((STAT % b"x").replace(b") S ", b") " + letter + b" ")).state == state


@given(st.binary(max_size=200))
def test_what_is_no_stat_is_refused(data: bytes) -> None:
    with contextlib.suppress(ValueError, IndexError):
        parse_stat(data)


def test_words_of_a_command_line() -> None:
    assert parse_command(b"sh\0-c\0echo a b\0") == ["sh", "-c", "echo a b"]
    assert parse_command(b"") == []
    assert parse_command(b"a\nb\0") == ["a b"]


@pytest.mark.parametrize(
    ("cgroup", "container"),
    [
        (f"12:memory:/docker/{ID}\n", ID),
        (f"0::/system.slice/docker-{ID}.scope\n", ID),
        (f"0::/kubepods.slice/kubepods-burstable.slice/pod1/cri-containerd-{ID}.scope", ID),
        (f"0::/kubepods/besteffort/podx/{ID}", ID),
        (f"0::/machine.slice/libpod-{ID}.scope/container", ID),
        (f"3:memory:/orchestrator/0a1b2c3d4e5f/{UUID}\n", UUID),
        (f"3:memory:/mesos/{UUID}\n", UUID),
        ("0::/user.slice/user-1000.slice/session-2.scope\n", ""),
        ("", ""),
    ],
)
def test_a_container_is_known_by_its_cgroup(cgroup: str, container: str) -> None:
    assert parse_container(cgroup.encode()) == container
