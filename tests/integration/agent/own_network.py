"""A process in a network of its own: ``python own_network.py PROGRAM ...`` (needs root).

It leaves its parent's network, brings the new one's loopback interface up, and becomes the program.
"""

from __future__ import annotations

import ctypes
import fcntl
import os
import socket
import struct
import sys

CLONE_NEWNET = 0x40000000
SIOCSIFFLAGS = 0x8914
IFF_UP = 1


def main() -> None:
    if ctypes.CDLL(None, use_errno=True).unshare(CLONE_NEWNET) != 0:
        raise OSError(ctypes.get_errno(), "unshare")
    with socket.socket() as made:
        fcntl.ioctl(made, SIOCSIFFLAGS, struct.pack("16sH22x", b"lo", IFF_UP))
    os.execvp(sys.argv[1], sys.argv[1:])


if __name__ == "__main__":
    main()
