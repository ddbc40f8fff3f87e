"""What an agent keeps for one instance: reserved resources, and volumes made of them."""

from __future__ import annotations

from orchestrator.marathon.core.part import Part


class LocalVolume(Part):
    """A persistent volume of an instance; ``persistence_id`` is its name in Mesos."""

    run_spec_id: str
    container_path: str
    uuid: str
    persistence_id: str

    @classmethod
    def of(cls, app_id: str, container_path: str, uuid: str) -> LocalVolume:
        """A new volume of an app."""
        name = f"{app_id.strip('/').replace('/', '_')}#{container_path}#{uuid}"
        return cls(
            run_spec_id=app_id, container_path=container_path, uuid=uuid, persistence_id=name
        )


class Reservation(Part):
    """Resources that an agent keeps for one instance, and its volumes.

    ``is_used``: a task has been launched on it, so that it is known to be there.
    """

    role: str
    volumes: list[LocalVolume]
    is_used: bool = False
