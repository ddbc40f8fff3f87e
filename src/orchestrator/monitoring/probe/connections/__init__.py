"""Connections of TCP and UDP, from the kernel's sock_diag: both ends, owner, and of TCP bytes and
round-trip time.

``diag`` reads what the kernel answers (pure), ``sockets`` has the sockets of a network namespace
from one report to the next, also those that lived in between, each as ``known`` says, and
``spaces`` has the namespaces. ``holders`` and ``owners`` find which process holds a socket,
``translations`` and ``nat`` which addresses are passed on. ``pairing`` and ``listeners`` find the
two ends on this machine and who opened (pure), ``grouping`` makes connections of sockets (pure),
``endpoints`` makes nodes of what may be asked, ``source`` puts it together.
"""
