"""How the kernel is asked: netlink messages, and the network namespaces of containers."""
