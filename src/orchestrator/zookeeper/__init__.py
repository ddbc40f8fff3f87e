"""All that speaks ZooKeeper: who leads, who wants to, and state kept there.

``uri`` reads ``zk://host:port,.../path``; ``session`` bridges kazoo's threads to asyncio and is the
only module that knows kazoo; ``group`` names the members of an election as Mesos names them;
``election`` stands in one, ``detector`` watches one; ``store`` is a ``runtime.store.Store`` whose
writes fail as soon as the writer is deposed.

``client`` is our own client, for what must be quick or what kazoo does not know; ``jute`` is the
wire format under it, pure. ``dialect`` finds out what servers can do. ``source`` says what is heard
from an ensemble that is followed, and ``watching`` follows one as any client may: ``reading`` reads
its nodes, ``marks`` knows which of them changed.
"""
