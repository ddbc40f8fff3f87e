"""Two network namespaces that stand for containers, and programs with a socket each in them."""

from __future__ import annotations

import socket
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from tests.support.hosts import Inside

from orchestrator.agent.adapters.network import namespaces

_SOCKET = """
import signal, socket, sys
def address(text):
    ip, port = text.rsplit("@", 1)
    return ip, int(port)
is_6 = ":" in sys.argv[2]
opened = socket.socket(socket.AF_INET6 if is_6 else socket.AF_INET, getattr(socket, sys.argv[1]))
opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
opened.bind(address(sys.argv[2]))
if len(sys.argv) > 3:
    opened.connect(address(sys.argv[3]))
elif sys.argv[1] == "SOCK_STREAM":
    opened.listen()
print("ready", flush=True)
signal.pause()
"""
ANSWER = """
import socket
server = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
server.bind(("::", 53))
print("ready", flush=True)
while True:
    data, client = server.recvfrom(100)
    server.sendto(data, client)
"""
ASK = """
import signal, socket, sys
client = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
client.settimeout(30)
client.connect((sys.argv[1], 53))
client.send(b"who")
assert client.recv(100) == b"who"
print("ready", flush=True)
signal.pause()
"""


class Box(Inside):
    """A namespace with programs that have a socket each."""

    def hold(self, kind: str, here: str, *there: str) -> int:
        """A program with a socket, perhaps connected; addresses are ``ip@port``. Gives its pid."""
        return self.start("ready", sys.executable, "-c", _SOCKET, kind, here, *there).pid

    def shown(self) -> Counter[tuple[str, str]]:
        """Both ends of each connected socket of UDP, as the kernel's /proc/net shows them."""
        found: Counter[tuple[str, str]] = Counter()
        for name in ("udp", "udp6"):
            lines = self.run("cat", f"/proc/net/{name}").splitlines()[1:]
            words = [line.split() for line in lines]
            found.update((_end(each[1]), _end(each[2])) for each in words if each[3] == "01")
        return found


def _end(text: str) -> str:
    """``ip port`` of an address of /proc/net: words of it are little-endian."""
    raw, _, port = text.partition(":")
    data = b"".join(
        bytes.fromhex(raw[at : at + 8])[:: -1 if sys.byteorder == "little" else 1]
        for at in range(0, len(raw), 8)
    )
    data = data.removeprefix(bytes(10) + b"\xff\xff")
    family = socket.AF_INET if len(data) == 4 else socket.AF_INET6
    return f"{socket.inet_ntop(family, data)} {int(port, 16)}"


@contextmanager
def joined_boxes(directory: Path) -> Iterator[tuple[Box, Box]]:
    """Two, joined by a cable: 10.98.0.1 and .2, fd98::1 and ::2."""
    with ExitStack() as stack:
        made = []
        for name in ("here", "there"):
            namespaces.make(directory / name)
            stack.callback(namespaces.remove, directory / name)
            inside = Box(directory / name)
            stack.callback(inside.end)
            made.append(inside)
        here, there = made
        here.run("ip", "link", "add", "va", "type", "veth", "peer", "name", "vb")
        here.run("ip", "link", "set", "vb", "netns", str(there.path))
        for number, (box, device) in enumerate(((here, "va"), (there, "vb")), 1):
            box.run("ip", "address", "add", f"10.98.0.{number}/24", "dev", device)
            box.run("ip", "address", "add", f"fd98::{number}/64", "dev", device, "nodad")
            box.run("ip", "link", "set", device, "up")
        yield here, there
