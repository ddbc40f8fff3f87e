"""Has the data of destroyed volumes deleted: each order of the master once, and only by an order.

The number of the last order that was carried out is kept and told with every registration, so the
master knows what to send again. Kept after the volumes were put out of the way, it is durable
before a container of a later volume of the same name can have ended.
"""

from __future__ import annotations

from collections.abc import Iterator

from orchestrator.agent.core.book import Book
from orchestrator.agent.core.checkpoint import save_destroyed
from orchestrator.agent.core.messages import RemoveVolumes, Send
from orchestrator.agent.core.reporting import Effects
from orchestrator.mesos import link
from orchestrator.mesos.types import Resource

Place = tuple[str, ...]


class Destruction:
    """Knows how far the orders are carried out; ``done`` is the number of the last that was."""

    def __init__(self, book: Book, done: int) -> None:
        self.done = done
        self._begun = done
        self._book = book

    def heard(self, order: link.DestroyVolumes) -> Effects:
        """Carry out an order, but for volumes in use.

        The master lets no volume be destroyed that a task uses. Where one does, it was launched
        after the order and before a crash of this agent, and the volume is a new one. Containers
        whose framework is gone are being killed and do not count.
        """
        if order.number <= self.done:
            return [Send(message=link.VolumesDestroyed(number=self.done))]
        if order.number <= self._begun:
            return []
        self._begun = order.number
        used = set(self._used())
        spared = [volume for volume in order.volumes if used & set(_places(volume))]
        doomed = [volume for volume in order.volumes if volume not in spared]
        return [RemoveVolumes(number=order.number, volumes=doomed, spared=spared)]

    def carried_out(self, number: int) -> Effects:
        """The volumes of an order are out of the way."""
        self.done = max(self.done, number)
        told = link.VolumesDestroyed(number=self.done)
        return [save_destroyed(self.done), Send(message=told)]

    def _used(self) -> Iterator[Place]:
        for task in self._book.tasks():
            if not task.has_ended and not task.is_disowned:
                yield from _all_places(task.info.resources)
        for executor in self._book.executors():
            if not executor.has_ended and not executor.is_disowned:
                yield from _all_places(executor.info.resources)


def _all_places(resources: list[Resource]) -> Iterator[Place]:
    for resource in resources:
        yield from _places(resource)


def _places(resource: Resource) -> Iterator[Place]:
    """What may name the volume's directory: role and id, and the root of a disk of type MOUNT."""
    disk = resource.disk
    if disk is None or disk.persistence is None:
        return
    role = resource.reservations[-1].role if resource.reservations else resource.role
    yield ("volume", role or "*", disk.persistence.id)
    if disk.source is not None and disk.source.mount is not None and disk.source.mount.root:
        yield ("disk", disk.source.mount.root)
