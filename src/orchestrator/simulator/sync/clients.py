"""Those who write to an ensemble: at random, on few paths, so that they often meet."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

from orchestrator.migration.core.effects import Create, Delete, Op, SetAcl, SetData
from orchestrator.migration.core.hashing import parent_of
from orchestrator.migration.core.sides import Side
from orchestrator.simulator.kernel import Kernel
from orchestrator.simulator.sync.ensemble import Ensemble, Rejected
from orchestrator.simulator.sync.options import SyncOptions
from orchestrator.zookeeper.jute.records import OPEN, Acl, Acls

ROOTS = ("/app", "/app/a", "/app/b", "/deep", "/deep/down")
_NAMES = ("x", "y", "z", "\N{GREEK SMALL LETTER DELTA}")


class Clients:
    """The clients of one side; ``where`` says where a path of the view lies there."""

    def __init__(
        self,
        kernel: Kernel,
        side: Side,
        ensemble: Ensemble,
        options: SyncOptions,
        where: Callable[[str], str],
    ) -> None:
        self._kernel = kernel
        self._side = side
        self._ensemble = ensemble
        self._options = options
        self._where = where
        self._session = 1 + int(side)
        self._sessions: list[int] = []
        self._count = 0
        self._is_writing = False
        self._next_session = 10_000 * (1 + int(side))

    def begin(self) -> None:
        """Write until told otherwise."""
        self._is_writing = True
        self._later()

    def end(self) -> None:
        """Write no more; sessions live on."""
        self._is_writing = False

    def _later(self) -> None:
        self._kernel.after(self._kernel.random.expovariate(1 / self._options.pause_s), self._act)

    def _act(self) -> None:
        if not self._is_writing:
            return
        random = self._kernel.random
        if self._options.sessions and random.random() < 0.2:
            self._hold()
        else:
            self._write()
        self._later()

    # --- persistent nodes ------------------------------------------------------------------------

    def _write(self) -> None:
        random = self._kernel.random
        roll = random.random()
        if roll < 0.1 and self._options.lists:
            self._try(SetAcl(self._path(), self._acl(), -1))
        elif roll < 0.3:
            paths = {self._path() for _ in range(random.randint(2, 3))}
            self._try(*(op for path in sorted(paths) if (op := self._change(path)) is not None))
        elif roll < 0.35:
            path = self._path()
            self._try(Delete(path, -1), Create(path, self._data(), OPEN))
        elif roll < 0.4:
            self._remove(self._path())
        else:
            op = self._change(self._path())
            if op is not None:
                self._try(op)

    def _change(self, path: str) -> Op | None:
        random = self._kernel.random
        node = self._ensemble.get(path)
        if node is None:
            if self._ensemble.get(parent_of(path)) is None:
                return None
            kind = random.random()
            ttl_ms = 60_000 if kind > 0.95 else 0
            return Create(path, self._data(), self._acl(), kind < 0.05, ttl_ms)
        if random.random() < 0.25 and not self._ensemble.children(path):
            return Delete(path, -1)
        return SetData(path, node.data if random.random() < 0.05 else self._data(), -1)

    def _remove(self, path: str) -> None:
        """A subtree, in one transaction, or node by node."""
        below = [p for p in self._ensemble.paths() if p == path or p.startswith(f"{path}/")]
        ops = [Delete(p, -1) for p in reversed(below)]
        if self._kernel.chance(0.5):
            self._try(*ops)
        else:
            for op in ops:
                self._try(op)

    def _path(self) -> str:
        random = self._kernel.random
        path = random.choice(ROOTS)
        while random.random() < 0.55 and path.count("/") < 5:
            path = f"{path}/{random.choice(_NAMES)}"
        return self._where(path)

    def _data(self) -> bytes | None:
        random = self._kernel.random
        if random.random() < 0.04:
            return random.choice((None, b""))
        self._count += 1
        return f"{self._side.name}{self._count}".encode() + b"." * random.choice((0, 0, 300))

    def _acl(self) -> Acls:
        random = self._kernel.random
        if not self._options.lists or random.random() < 0.6:
            return OPEN
        return (Acl(31, "world", "anyone"), Acl(1, "digest", f"{self._side.name}{self._count}:x"))

    def _try(self, *ops: Op) -> None:
        with suppress(Rejected):
            if ops:
                self._ensemble.submit(self._session, ops)

    # --- nodes of sessions -----------------------------------------------------------------------

    def _hold(self) -> None:
        random = self._kernel.random
        if len(self._sessions) < 3:
            self._next_session += 1
            self._sessions.append(self._next_session)
        session = random.choice(self._sessions)
        roll = random.random()
        if roll < 0.15:
            self._sessions.remove(session)
            self._ensemble.close(session)
        elif roll < 0.5:
            self._join(session)
        else:
            path = self._where(f"{random.choice(ROOTS)}/e-{self._side.name}{random.randint(0, 3)}")
            self._own(session, path)

    def _join(self, session: int) -> None:
        """An election: whoever joins gets the next number."""
        if self._ensemble.get("/election") is not None:
            path = f"/election/{self._ensemble.sequential('/election')}"
            self._own(session, path)

    def _own(self, session: int, path: str) -> None:
        op: Op = Create(path, self._data(), OPEN, ephemeral=True)
        if self._ensemble.get(path) is not None:
            op = SetData(path, self._data(), -1) if self._kernel.chance(0.5) else Delete(path, -1)
        with suppress(Rejected):
            self._ensemble.submit(session, (op,))
