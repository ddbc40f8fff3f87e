"""Where an ensemble's leader may be: the quorum ports of its members, of which only the leader's
is open.

The members are listed in ``/zookeeper/config``, which any client may read (3.5). A server that
stands alone has none. Their names are those that servers know each other by, which may mean
nothing elsewhere; then they have to be given.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Sequence

from orchestrator.zookeeper.client import Client
from orchestrator.zookeeper.jute.errors import FrameError, ServerError, ZooKeeperError
from orchestrator.zookeeper.jute.requests import GetConfig
from orchestrator.zookeeper.stream.entry import PLAIN, Entry
from orchestrator.zookeeper.stream.learner import Learner, Stage
from orchestrator.zookeeper.stream.link import connected
from orchestrator.zookeeper.stream.translation import Translator

Address = tuple[str, int]
_MEMBER = re.compile(r"^server\.\d+\s*=\s*([^;\s]+)", re.MULTILINE)
_PLACE = re.compile(r"^(\[[^\]]+\]|[^:\[\]]+):(\d{1,5})(?::\d{1,5})?(?::(\w+))?$")
_PROBE_S = 3.0
_PROBE_BYTES = 2**20


class NotOffered(ZooKeeperError):  # noqa: N818 - what the ensemble does not do
    """An ensemble's transaction stream cannot be had, and why, in one sentence."""


def quorum_of(config: str) -> list[Address]:
    """The quorum ports of the members that may lead, of a configuration's ``server.N=`` lines."""
    found = []
    for member in _MEMBER.findall(config):
        for place in member.split("|"):  # a member may have several addresses (3.6)
            parts = _PLACE.match(place)
            if parts is not None and parts[3] != "observer":
                found.append((parts[1].strip("[]"), int(parts[2])))
    return found


async def find(client: Client) -> list[Address]:
    """The quorum ports of a client's ensemble. Raises NotOffered, and what ends a connection."""
    try:
        data = (await client.call(GetConfig())).reply.data or b""
    except ServerError as error:
        raise NotOffered(f"the members cannot be read ({error}); name their quorum ports") from None
    found = quorum_of(data.decode(errors="replace"))
    if not found:
        raise NotOffered("the server stands alone, so it has no quorum port")
    return found


async def probe(addresses: Sequence[Address], entry: Entry = PLAIN) -> Address:
    """The first that answers as a leader. Raises NotOffered."""
    reasons = []
    for host, port in addresses:
        try:
            await _greet(host, port, entry)
        except (OSError, ZooKeeperError) as error:
            reasons.append(f"{host}:{port}: {reason_of(error)}")
        else:
            return host, port
    raise NotOffered(f"no leader answers on its quorum port ({'; '.join(reasons)})")


def reason_of(error: BaseException) -> str:
    """An error of a connection as people write it."""
    if isinstance(error, TimeoutError):
        return "no answer in time"
    return str(getattr(error, "strerror", "") or error)


def new_sid() -> int:
    """A number that no member has: theirs are small."""
    return 2**48 + secrets.randbelow(2**62)


async def _greet(host: str, port: int, entry: Entry) -> None:
    """Say who is there, hear that it is a leader, and go: that takes no snapshot."""
    learner = Learner(new_sid(), None, Translator(""), _PROBE_BYTES)
    async with connected(host, port, entry, _PROBE_S) as link:
        link.write(learner.hello())
        while learner.stage is Stage.GREETING:
            learner.receive(await link.read(_PROBE_S))
        if learner.stage is not Stage.SYNCING:
            raise FrameError("the quorum port says more than it was asked")
