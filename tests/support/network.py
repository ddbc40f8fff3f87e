"""A network of namespaces on one bridge, whose cables can be pulled. Needs root."""

from __future__ import annotations

import os
import random
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from tests.support.zookeeper import Place


def missing() -> str | None:
    """Why there can be no such network here; None if there can."""
    if os.geteuid() != 0:
        return "only root can make network namespaces"
    return None if shutil.which("ip") else "there is no ip (iproute2)"


class Network:
    """Places at addresses of their own; this process is on the bridge too."""

    def __init__(self, size: int) -> None:
        self._name = f"orc{random.randrange(10_000)}"
        self._net = f"10.213.{random.randrange(256)}"
        self.places = [
            Place(f"{self._net}.{n + 2}", ("ip", "netns", "exec", self._namespace(n)))
            for n in range(size)
        ]

    def build(self) -> None:
        """Make the bridge and the namespaces."""
        bridge = f"{self._name}br"
        _ip("link", "add", bridge, "type", "bridge")
        _ip("addr", "add", f"{self._net}.1/24", "dev", bridge)
        _ip("link", "set", bridge, "up")
        for number, place in enumerate(self.places):
            space, cable = self._namespace(number), self._cable(number)
            _ip("netns", "add", space)
            _ip("link", "add", cable, "type", "veth", "peer", "name", "eth0", "netns", space)
            _ip("link", "set", cable, "master", bridge, "up")
            _ip("-n", space, "addr", "add", f"{place.host}/24", "dev", "eth0")
            for device in ("lo", "eth0"):
                _ip("-n", space, "link", "set", device, "up")

    def cut(self, place: Place) -> None:
        """Pull a place's cable: nobody is told, packets just vanish."""
        _ip("link", "set", self._cable(self.places.index(place)), "down")

    def heal(self, place: Place) -> None:
        """Put it back."""
        _ip("link", "set", self._cable(self.places.index(place)), "up")

    def remove(self) -> None:
        """Take everything away, however far it was built."""
        for number in range(len(self.places)):
            with suppress(subprocess.CalledProcessError):
                _ip("netns", "del", self._namespace(number))
        with suppress(subprocess.CalledProcessError):
            _ip("link", "del", f"{self._name}br")

    def _namespace(self, number: int) -> str:
        return f"{self._name}-{number}"

    def _cable(self, number: int) -> str:
        return f"{self._name}v{number}"


@contextmanager
def network(size: int) -> Iterator[Network]:
    """A network that is gone afterwards."""
    built = Network(size)
    try:
        built.build()
        yield built
    finally:
        built.remove()


def _ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True, capture_output=True)
