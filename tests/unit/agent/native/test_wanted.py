"""Plain commands stay plain commands."""

from __future__ import annotations

import pytest

from orchestrator.agent.adapters.native.wanted import needs_container
from orchestrator.mesos.types import (
    ContainerInfo,
    Image,
    LinuxInfo,
    MesosInfo,
    NetworkInfo,
    RLimitInfo,
    Volume,
)


def of(**fields: object) -> ContainerInfo:
    return ContainerInfo(type="MESOS", **fields)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "info",
    [
        None,
        of(),
        of(mesos=MesosInfo()),
        of(network_infos=[NetworkInfo()]),
        of(rlimit_info=RLimitInfo()),
        of(linux_info=LinuxInfo(share_cgroups=False)),
    ],
)
def test_nothing_special_is_a_process_of_the_host(info: ContainerInfo | None) -> None:
    assert not needs_container(info, [])


@pytest.mark.parametrize(
    "info",
    [
        of(mesos=MesosInfo(image=Image())),
        of(volumes=[Volume(container_path="/a")]),
        of(hostname="me"),
        of(network_infos=[NetworkInfo(name="net")]),
        of(linux_info=LinuxInfo()),
        of(linux_info=LinuxInfo(share_cgroups=False, share_pid_namespace=True)),
    ],
)
def test_whatever_a_process_does_not_have_needs_a_container(info: ContainerInfo) -> None:
    assert needs_container(info, [])
