"""What tests of several systems share: ``from tests.support import eventually, free_port``."""

from tests.support.disks import full_disk
from tests.support.ports import free_port, free_ports
from tests.support.waiting import eventually

__all__ = ["eventually", "free_port", "free_ports", "full_disk"]
