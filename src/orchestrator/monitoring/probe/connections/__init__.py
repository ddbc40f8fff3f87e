"""TCP connections, from the kernel's sock_diag: both ends, owner, bytes, round-trip time.

``diag`` reads what the kernel answers (pure), ``sockets`` has the sockets of a network namespace
from one report to the next, also those that lived in between, ``owners`` finds which process holds
a socket, ``grouping`` makes connections of sockets (pure), ``source`` puts it together.
"""
