"""The agent's HTTP API, read-only: Mesos' endpoints under their paths and under ``/slave(1)``."""
