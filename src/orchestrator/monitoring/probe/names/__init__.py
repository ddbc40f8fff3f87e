"""Names of addresses at the other end of connections, from the resolver of the machine."""
