"""Names that nobody else has."""

from __future__ import annotations

import uuid


class RandomIds:
    """Random UUIDs, as Mesos uses."""

    def update_uuid(self) -> bytes:
        """16 bytes that name a status update."""
        return uuid.uuid4().bytes

    def stream_id(self) -> str:
        """A name for an executor's stream of events."""
        return str(uuid.uuid4())

    def container_id(self) -> str:
        """A name for a container."""
        return str(uuid.uuid4())
