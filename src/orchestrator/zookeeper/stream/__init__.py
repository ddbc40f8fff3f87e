"""The transaction stream of an ensemble, heard as one of its observers does (`streamer`).

``learner`` decides what is said and what is made of the answers, ``translation`` makes a source's
events of transactions; both are pure. ``addresses`` finds the servers, ``entry`` is how they let
in, ``link`` moves the bytes.
"""

from orchestrator.zookeeper.stream.addresses import Address, NotOffered, find, probe, quorum_of
from orchestrator.zookeeper.stream.entry import PLAIN, Entry
from orchestrator.zookeeper.stream.streamer import Streamer, StreamSettings

__all__ = [
    "PLAIN",
    "Address",
    "Entry",
    "NotOffered",
    "StreamSettings",
    "Streamer",
    "find",
    "probe",
    "quorum_of",
]
