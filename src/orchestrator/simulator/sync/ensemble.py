"""An ensemble: one tree, one order of transactions, true to ZooKeeper in what the sync builds on.

A transaction is applied whole or not at all. A parent counts the creates below it. An ephemeral
node has no children and goes with its session. Versions count writes and begin at 0 with each
creation.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from orchestrator.migration.core.effects import Check, Create, Delete, Op, SetAcl, SetData
from orchestrator.migration.core.events import Refusal
from orchestrator.migration.core.hashing import parent_of
from orchestrator.zookeeper.jute.records import CONTAINER_OWNER, OPEN, Acls, Znode, ttl_owner
from orchestrator.zookeeper.source import AclSet, Created, DataSet, Deleted, Step, Transaction


class Rejected(Exception):  # noqa: N818 - the server's word
    """A transaction that is not applied: because of which operation, and why."""

    def __init__(self, op: int, refusal: Refusal) -> None:
        super().__init__(f"operation {op}: {refusal}")
        self.op = op
        self.refusal = refusal


class _Node:
    """A node; ``creates`` is the parent's counter of creates below it."""

    __slots__ = (
        "acl", "aversion", "children", "creates", "czxid", "data", "mtime", "mzxid", "owner",
        "version",
    )  # fmt: skip

    def __init__(self, data: bytes | None, acl: Acls, owner: int, zxid: int, time: int) -> None:
        self.data = data
        self.acl = acl
        self.owner = owner
        self.version = self.aversion = self.creates = 0
        self.czxid = self.mzxid = zxid
        self.mtime = time
        self.children: dict[str, None] = {}

    def znode(self) -> Znode:
        """As a source shows it."""
        return Znode(
            self.data, self.acl, self.owner, self.version, self.creates, self.aversion,
            self.mtime, self.mzxid, self.czxid,
        )  # fmt: skip


class Ensemble:
    """The tree, and the log of all transactions. ``watchers`` are told of each."""

    def __init__(self, clock: Callable[[], int]) -> None:
        self.zxid = 0x100000000
        self.log: list[Transaction] = []
        self.watchers: list[Callable[[Transaction], None]] = []
        self.sessions: set[int] = set()
        self._clock = clock
        self._nodes: dict[str, _Node] = {"/": _Node(None, OPEN, 0, 0, 0)}
        self._undo: list[Callable[[], object]] = []

    # --- looking -------------------------------------------------------------------------------

    def get(self, path: str) -> Znode | None:
        """A node, None if it is not there."""
        node = self._nodes.get(path)
        return None if node is None else node.znode()

    def children(self, path: str) -> tuple[str, ...]:
        """The names below a node."""
        node = self._nodes.get(path)
        return () if node is None else tuple(node.children)

    def paths(self) -> list[str]:
        """Every path but the root, parents before children."""
        return sorted(path for path in self._nodes if path != "/")

    # --- writing -------------------------------------------------------------------------------

    def submit(self, session: int, ops: Sequence[Op]) -> Transaction:
        """Apply a transaction, or raise ``Rejected`` and change nothing."""
        time = self._clock()
        self._undo = []
        steps: list[Step] = []
        for number, op in enumerate(ops):
            try:
                step = self._apply(op, session, time)
            except Rejected as rejected:
                for undo in reversed(self._undo):
                    undo()
                raise Rejected(number, rejected.refusal) from None
            if step is not None:
                steps.append(step)
        return self._commit(session, time, steps)

    def sequential(self, parent: str) -> str:
        """The name that a sequential node would get now."""
        return f"n-{self._nodes[parent].creates:010}"

    def close(self, session: int) -> None:
        """A session ends, and its ephemeral nodes with it."""
        self.sessions.discard(session)
        self._undo = []
        owned = [path for path, node in self._nodes.items() if node.owner == session]
        steps = [self._delete(Delete(path, -1)) for path in owned]
        self._commit(session, self._clock(), steps, closed=True)

    def _commit(
        self, session: int, time: int, steps: Sequence[Step], *, closed: bool = False
    ) -> Transaction:
        self.zxid += 1
        transaction = Transaction(self.zxid, session, time, tuple(steps), closed)
        self.log.append(transaction)
        for watcher in self.watchers:
            watcher(transaction)
        return transaction

    def _apply(self, op: Op, session: int, time: int) -> Step | None:
        match op:
            case Create():
                return self._create(op, session, time)
            case SetData():
                return self._set_data(op, time)
            case SetAcl():
                return self._set_acl(op)
            case Delete():
                return self._delete(op)
            case Check(path, version):
                self._at(path, version)
                return None

    def _create(self, op: Create, session: int, time: int) -> Step:
        parent = self._nodes.get(parent_of(op.path))
        if parent is None:
            raise Rejected(0, Refusal.MISSING)
        if parent.owner > 0:
            raise Rejected(0, Refusal.EPHEMERAL_PARENT)
        if op.path in self._nodes:
            raise Rejected(0, Refusal.EXISTS)
        owner = session if op.ephemeral else CONTAINER_OWNER if op.container else 0
        owner = ttl_owner(op.ttl_ms) if op.ttl_ms else owner
        self._nodes[op.path] = _Node(op.data, op.acl, owner, self.zxid + 1, time)
        name = op.path.rpartition("/")[2]
        parent.children[name] = None
        parent.creates += 1

        def undo() -> None:
            del self._nodes[op.path]
            parent.children.pop(name)
            parent.creates -= 1

        self._undo.append(undo)
        return Created(op.path, op.data, op.acl, owner, parent.creates)

    def _set_data(self, op: SetData, time: int) -> Step:
        node = self._at(op.path, op.version)
        was = (node.data, node.version, node.mzxid, node.mtime)

        def undo() -> None:
            node.data, node.version, node.mzxid, node.mtime = was

        self._undo.append(undo)
        node.data, node.mzxid, node.mtime = op.data, self.zxid + 1, time
        node.version += 1
        return DataSet(op.path, op.data, node.version)

    def _set_acl(self, op: SetAcl) -> Step:
        node = self._at(op.path, -1)
        if op.version not in (-1, node.aversion):
            raise Rejected(0, Refusal.VERSION)
        node.acl = op.acl  # never part of a multi, so never undone
        node.aversion += 1
        return AclSet(op.path, op.acl, node.aversion)

    def _delete(self, op: Delete) -> Step:
        node = self._at(op.path, op.version)
        if node.children:
            raise Rejected(0, Refusal.NOT_EMPTY)
        parent, name = self._nodes[parent_of(op.path)], op.path.rpartition("/")[2]

        def undo() -> None:
            self._nodes[op.path] = node
            parent.children[name] = None

        self._undo.append(undo)
        del self._nodes[op.path]
        parent.children.pop(name)
        return Deleted(op.path)

    def _at(self, path: str, version: int) -> _Node:
        node = self._nodes.get(path)
        if node is None:
            raise Rejected(0, Refusal.MISSING)
        if version not in (-1, node.version):
            raise Rejected(0, Refusal.VERSION)
        return node
