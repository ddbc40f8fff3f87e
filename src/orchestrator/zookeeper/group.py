"""The members of an election, as Mesos names them: ``json.info_0000000012``.

The lowest number leads. Other names in the group (``log_replicas``, the older ``info_``) are not
ours. Source: src/master/constants.hpp and src/zookeeper/group.cpp of Apache Mesos.
"""

from __future__ import annotations

from collections.abc import Iterable

from orchestrator.mesos.types import MasterInfo

LABEL = "json.info_"


def members(names: Iterable[str]) -> list[str]:
    """The names of members, the leader first."""
    return sorted(
        (name for name in names if _number(name).isdigit()), key=lambda name: int(_number(name))
    )


def _number(name: str) -> str:
    return name.removeprefix(LABEL) if name.startswith(LABEL) else ""


def authority(info: MasterInfo) -> str:
    """``host:port`` at which a master is reached: its address, as its name need not resolve."""
    ip = info.address.ip if info.address and info.address.ip else info.hostname
    return f"{ip}:{info.address.port if info.address else info.port}"
