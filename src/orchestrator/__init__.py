"""A datacenter in one package: Mesos-compatible master and agent, and Marathon on top."""

__version__ = "0.1.0"
