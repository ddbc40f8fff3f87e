"""Transactions and snapshots of a server as a source tells them: below the root, without what
servers keep of themselves. Pure."""

from __future__ import annotations

from orchestrator.zookeeper.jute.snapshots import Nodes
from orchestrator.zookeeper.jute.transactions import (
    Body,
    CloseSessionTxn,
    CreateTxn,
    DeleteTxn,
    ErrorTxn,
    MultiTxn,
    SetAclTxn,
    SetDataTxn,
    TxnHeader,
)
from orchestrator.zookeeper.source import (
    AclSet,
    Created,
    DataSet,
    Deleted,
    Step,
    Transaction,
)
from orchestrator.zookeeper.stream.ephemerals import Ephemerals

SYSTEM = "/zookeeper"


class ReadAnew(Exception):  # noqa: N818 - no error: what was heard is not enough to go on
    """Only a snapshot tells how things are, and why, in one sentence."""


class Translator:
    """For one root: "" or the path that is "/" to whoever listens."""

    def __init__(self, root: str) -> None:
        self._root = root
        self._inside = (root or SYSTEM) + "/"
        self._ephemerals = Ephemerals()

    def begin(self) -> None:
        """A snapshot follows."""
        self._ephemerals.clear()

    def nodes(self, nodes: Nodes) -> Nodes:
        """What is visible of a part of a snapshot."""
        found: Nodes = []
        for path, znode in nodes:
            if znode.owner:
                self._ephemerals.created(path, znode.owner)
            shown = self._shown(path)
            if shown is not None:
                found.append((shown, znode))
        return found

    def transaction(self, header: TxnHeader, body: Body) -> Transaction | None:
        """What is visible of a transaction, None if nothing is. Raises ReadAnew."""
        session, zxid, time = header.session, header.zxid, header.time
        if type(body) is CloseSessionTxn:
            steps = self._close(session, body)
            return Transaction(zxid, session, time, steps, True)
        if type(body) is MultiTxn:
            found = self._multi(body)
        else:
            step = self._step(body)
            found = () if step is None else (step,)
        return Transaction(zxid, session, time, found) if found else None

    def _multi(self, body: MultiTxn) -> tuple[Step, ...]:
        """All, or nothing if one failed."""
        if any(type(each) is ErrorTxn for each in body.txns):
            return ()
        steps = [self._step(each) for each in body.txns]
        return tuple([step for step in steps if step is not None])

    def _step(self, body: Body) -> Step | None:
        if type(body) is SetDataTxn:  # most are; a match would come to it last
            shown = self._shown(body.path)
            return None if shown is None else DataSet(shown, body.data, body.version)
        match body:
            case CreateTxn(path, data, acl, owner, cversion):
                if owner:
                    self._ephemerals.created(path, owner)
                shown = self._shown(path)
                return None if shown is None else Created(shown, data, acl, owner, cversion)
            case DeleteTxn(path):
                self._ephemerals.deleted(path)
                shown = self._shown(path)
                return None if shown is None else Deleted(shown)
            case SetAclTxn(path, acl, version):
                shown = self._shown(path)
                return None if shown is None else AclSet(shown, acl, version)
            case _:
                return None

    def _close(self, session: int, body: CloseSessionTxn) -> tuple[Step, ...]:
        paths = body.paths
        if paths is None:
            if not self._ephemerals.is_complete:
                raise ReadAnew("a session ended, and the server does not say with which nodes")
            paths = tuple(self._ephemerals.of(session))
        for path in paths:
            self._ephemerals.deleted(path)
        shown = [self._shown(path) for path in paths]
        return tuple([Deleted(path) for path in shown if path is not None])

    def _shown(self, path: str) -> str | None:
        if not self._root:
            is_system = path.startswith(self._inside) or path == SYSTEM
            return None if is_system else path
        if path.startswith(self._inside):
            return path[len(self._root) :]
        return "/" if path == self._root else None
