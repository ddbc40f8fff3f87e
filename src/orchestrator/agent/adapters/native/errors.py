"""What goes wrong with containers."""


class NativeError(Exception):
    """The container cannot be had on this agent; one sentence for the task's status."""
