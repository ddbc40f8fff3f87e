"""ZooKeeper's records and their wire format, pure: what clients and servers say to each other."""
