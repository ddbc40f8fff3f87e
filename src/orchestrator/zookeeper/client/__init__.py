"""Our own ZooKeeper client: quick, since nothing stands between a request and its future.

``client`` is the session and its way from server to server; ``connection`` one TCP connection;
``operations`` the typed coroutines; ``watchbook`` who listens to what; ``window`` the bounds;
``servers`` the order of trying. What is on the wire is in `zookeeper.jute`.
"""

from orchestrator.zookeeper.client.client import Client
from orchestrator.zookeeper.client.connection import Answer
from orchestrator.zookeeper.client.settings import ClientSettings, SaslCredentials, of_uri
from orchestrator.zookeeper.client.states import (
    Closed,
    Connected,
    Disconnected,
    Expired,
    Failed,
    State,
)
from orchestrator.zookeeper.client.tls import TlsError, tls_context
from orchestrator.zookeeper.client.watchbook import Gap, Listener

__all__ = [
    "Answer",
    "Client",
    "ClientSettings",
    "Closed",
    "Connected",
    "Disconnected",
    "Expired",
    "Failed",
    "Gap",
    "Listener",
    "SaslCredentials",
    "State",
    "TlsError",
    "of_uri",
    "tls_context",
]
