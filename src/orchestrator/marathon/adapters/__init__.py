"""HTTP in both directions: the scheduler API of a Mesos master, and Marathon's own API."""
