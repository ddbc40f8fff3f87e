"""The transaction stream of an ensemble, heard as one of its observers does (`streamer`).

``learner`` decides what is said and what is made of the answers, ``translation`` makes a source's
events of transactions; both are pure. ``link`` moves the bytes, ``addresses`` finds the servers.
"""

from orchestrator.zookeeper.stream.addresses import Address, NotOffered, find, probe, quorum_of
from orchestrator.zookeeper.stream.streamer import Streamer, StreamSettings

__all__ = [
    "Address",
    "NotOffered",
    "StreamSettings",
    "Streamer",
    "find",
    "probe",
    "quorum_of",
]
