"""One seed: both sides are written while all sorts of things fail; then there is quiet, and all
must have come right."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from random import Random

import msgspec

from orchestrator.migration.core.content import digest
from orchestrator.migration.core.effects import Create
from orchestrator.migration.core.engine import Engine
from orchestrator.migration.core.events import (
    Pause,
    Resolve,
    Resume,
    SessionOpened,
    SetAuthority,
    Verify,
)
from orchestrator.migration.core.hashing import parent_of
from orchestrator.migration.core.sides import SIDES, Role, Side
from orchestrator.migration.core.view import View
from orchestrator.simulator.kernel import Kernel
from orchestrator.simulator.sync.clients import ROOTS, Clients
from orchestrator.simulator.sync.ensemble import Ensemble
from orchestrator.simulator.sync.feed import Feed
from orchestrator.simulator.sync.host import Host
from orchestrator.simulator.sync.judge import Broken, Judge, is_of_session
from orchestrator.simulator.sync.options import SyncOptions, drawn
from orchestrator.zookeeper.jute.records import OPEN, Acls, Znode, lifetime
from orchestrator.zookeeper.source import Transaction

_QUIET_S = 900.0
_PATIENCE_S = 120.0  # after which what cannot be written at all is left
_MOST_EVENTS = 600_000


class SyncOutcome(msgspec.Struct, frozen=True):
    """How a seed ended; ``violation`` is empty if everything held."""

    seed: int
    violation: str
    events: int
    written: int
    conflicts: int
    lives: int


class SyncRun:
    """Two ensembles, their clients, the engine's host, and the judge."""

    def __init__(
        self, seed: int, options: SyncOptions | None = None, engine: type[Engine] = Engine
    ) -> None:
        self.seed = seed
        self.options = options or drawn(Random(f"options {seed}"))
        self.kernel = Kernel(seed)
        self.judge = Judge(self.options)
        self.view = View(self.options.settings)
        skews = (0, self.options.skew_ms)
        self.ensembles = [Ensemble(self._clock(skew)) for skew in skews]
        self.host = Host(self.kernel, self.options.settings, engine, self.ensembles)
        self.host.feeds = [self._feed(side) for side in SIDES]
        self.host.watchers += [self.judge.note, self._own]
        self.clients = [
            Clients(self.kernel, side, self.ensembles[side], self.options, self._where(side))
            for side in SIDES
            if side.name in self.options.writers
        ]
        self.lives = 0
        self._is_quiet = False
        self._patient_until = 0.0

    def outcome(self) -> SyncOutcome:
        """Play it."""
        violation = ""
        try:
            self._play()
        except Broken as broken:
            violation = str(broken)
        conflicts = sum(map(len, self.judge.logged.values()))
        written = sum(self.judge.writes)
        return SyncOutcome(self.seed, violation, self.kernel.events, written, conflicts, self.lives)

    # --- setting up ------------------------------------------------------------------------------

    def _clock(self, skew_ms: int) -> Callable[[], int]:
        return lambda: 1_000_000 + int(self.kernel.now * 1_000) + skew_ms

    def _feed(self, side: Side) -> Feed:
        return Feed(
            self.kernel, self.ensembles[side], self.host.listener(side),
            lambda: self.host.opened(side), is_watching=self.options.watching[side],
            switches=self.options.switches, forgets=self.options.forgets,
        )  # fmt: skip

    def _where(self, side: Side) -> Callable[[str], str]:
        return lambda path: self.view.outward(side, path)

    def _own(self, said: object) -> None:
        if isinstance(said, SessionOpened):
            self.judge.own[said.side].add(said.session)

    def _furnish(self) -> None:
        """What is there before the sync begins."""
        for side in SIDES:
            here = side is Side.A or (side.name in self.options.writers and self._chance(0.5))
            for path in (*ROOTS, "/election") if here else ():
                self._place(side, path, b"from the beginning")
            for number in range(self.kernel.random.randint(0, 20) if here else 0):
                self._place(side, f"/app/a/old-{number}", f"{side.name} old".encode())

    def _place(self, side: Side, inner: str, data: bytes) -> None:
        path, ensemble = self.view.outward(side, inner), self.ensembles[side]
        names = path.split("/")
        for depth in range(2, len(names)):
            parent = "/".join(names[:depth])
            if ensemble.get(parent) is None:
                ensemble.submit(9, (Create(parent, None, OPEN),))
        if ensemble.get(path) is None:
            ensemble.submit(9, (Create(path, data, OPEN),))

    def _chance(self, probability: float) -> bool:
        return self.kernel.chance(probability)

    # --- playing ---------------------------------------------------------------------------------

    def _play(self) -> None:
        for side in SIDES:
            self.ensembles[side].watchers.append(self._watcher(side))
        self._furnish()
        self._live()
        for clients in self.clients:
            clients.begin()
        self._mishap()
        self._run(self.options.writing_s)
        self._calm()
        self._await_quiet()
        self._conclude()

    def _watcher(self, side: Side) -> Callable[[Transaction], None]:
        return lambda transaction: self.judge.heard(side, transaction)

    def _run(self, seconds: float) -> None:
        if not self.kernel.run(self.kernel.now + seconds, _MOST_EVENTS):
            raise Broken(f"does not come to rest: {_MOST_EVENTS} events")

    def _live(self) -> None:
        self.lives += 1
        self.host.start()

    def _mishap(self) -> None:
        """Something goes wrong now and then, or somebody commands."""
        if self._is_quiet:
            return
        random, options = self.kernel.random, self.options
        side = random.choice(SIDES)
        roll = random.random()
        if self.host.engine is None:
            pass
        elif roll < 0.15 and options.crashes:
            self.host.die()
            self.kernel.after(self.kernel.between(0.01, 2.0), self._live)
        elif roll < 0.4 and options.breaks:
            self.host.links[side].break_()
        elif roll < 0.6 and options.breaks:
            self.host.feeds[side].interrupt()
        elif roll < 0.65 and options.breaks:
            self.host.expire(side, random.choice(tuple(Role)))
        elif roll < 0.85 and options.commands:
            self._command()
        self.host.feeds[side].slowness = random.choice((1.0, 1.0, 10.0))
        self.host.links[side].slowness = random.choice((1.0, 1.0, 10.0))
        self.kernel.after(random.expovariate(1.0), self._mishap)

    def _command(self) -> None:
        random, engine = self.kernel.random, self.host.engine
        assert engine is not None
        held = list(engine.state.conflicts.held)
        roll = random.random()
        if roll < 0.2:
            self.host.command(Pause())
            self.kernel.after(random.uniform(0.1, 3.0), self._tell_to_go_on)
        elif roll < 0.4:
            self.host.command(Verify(repair=random.random() < 0.5))
        elif roll < 0.6:
            self.host.command(SetAuthority(random.choice(SIDES)))
        elif held:
            self._resolve(random.choice(held))

    def _tell_to_go_on(self) -> None:
        self.host.command(Resume())

    def _resolve(self, path: str) -> None:
        random = self.kernel.random
        if random.random() < 0.3:
            data = f"chosen {self.kernel.events}".encode()
            self.judge.chosen.setdefault(path, set()).add(data)
            self.host.command(Resolve(path, None, data))
        else:
            self.host.command(Resolve(path, random.choice(SIDES)))

    # --- the end ---------------------------------------------------------------------------------

    def _calm(self) -> None:
        self._is_quiet = True
        for clients in self.clients:
            clients.end()
        for side in SIDES:
            self.host.feeds[side].slowness = self.host.links[side].slowness = 1.0
            self.host.feeds[side].forgets = False

    def _await_quiet(self) -> None:
        self._run(5.0)
        if self.host.engine is None:
            raise Broken("no engine lives")
        self._tell_to_go_on()
        until = self.kernel.now + _QUIET_S
        self._patient_until = self.kernel.now + _PATIENCE_S
        while self.kernel.now < until:
            self._run(1.0)
            for path in list(self.host.engine.state.conflicts.held):
                self._resolve(path)
            if self._is_at_rest():
                return
        status = self.host.engine.status(self.kernel.now)
        raise Broken(f"does not come to rest: {status}")

    def _is_at_rest(self) -> bool:
        engine = self.host.engine
        assert engine is not None
        status = engine.status(self.kernel.now)
        if status.state != "live" or not self.host.is_idle:
            return False
        if status.queue == 0 or self.kernel.now < self._patient_until:
            return status.queue == 0 and self._counts_alike()
        units = engine.state.units
        return status.queue == (sum(path in units for path in self._excused()) if len(units) else 0)

    def _counts_alike(self) -> bool:
        """Whether data versions are alike, if all are to be."""
        if not self.options.settings.versions:
            return True
        a, b = (self._nodes(side) for side in SIDES)
        both = (a.keys() & b.keys()) - self._excused()
        return all(a[path].version == b[path].version for path in both)

    def _conclude(self) -> None:
        written = list(self.judge.writes)
        self._run(40.0)
        if self.judge.writes != written and not self._excused():
            raise Broken("goes on writing although nothing happens")
        self.judge.conclude()
        self._are_equal()
        self._is_known()
        self._is_mirrored()
        self._verify()

    def _are_equal(self) -> None:
        a, b = (self._nodes(side) for side in SIDES)
        excused = self._excused()
        for path in sorted((a.keys() | b.keys()) - excused):
            if path not in a or path not in b:
                raise Broken(f"{path} is not on both sides: {a.get(path)} {b.get(path)}")
            if self._compared(a[path]) != self._compared(b[path]):
                raise Broken(f"{path} differs: {a[path]} {b[path]}")

    def _excused(self) -> set[str]:
        """Paths that cannot be equal, and of which a person was told."""
        engine = self.host.engine
        assert engine is not None
        found = set()
        synced = [self._nodes(side) for side in SIDES]
        for unit in engine.state.units:
            if unit.tries and any(self._is_blocked(path, synced) for path in unit.paths):
                found |= set(unit.paths)
        for path, text in engine.state.stuck.items():
            if "lifetime" in text and any(self._has_children(side, path) for side in SIDES):
                found.add(path)
        return found

    def _has_children(self, side: Side, path: str) -> bool:
        return bool(self.ensembles[side].children(self.view.outward(side, path)))

    def _is_blocked(self, path: str, synced: list[dict[str, Znode]]) -> bool:
        """Whether there are nodes below that are none of the sync's, so that it cannot go."""
        for side in SIDES:
            outer = f"{self.view.outward(side, path)}/"
            below = [p for p in self.ensembles[side].paths() if p.startswith(outer)]
            if any(self.view.inward(side, p) not in synced[side] for p in below):
                return True
        return False

    def _nodes(self, side: Side) -> dict[str, Znode]:
        ensemble, found = self.ensembles[side], {}
        for path in ensemble.paths():
            inner = self.view.inward(side, path)
            node = ensemble.get(path)
            if inner is not None and node is not None and not is_of_session(path):
                found[inner] = node
        return found

    def _compared(self, node: Znode) -> tuple[object, ...]:
        kind = None if any(self.options.watching) else node.owner
        return node.data, node.acl, kind

    def _is_known(self) -> None:
        """What the engine knows is what there is."""
        engine = self.host.engine
        assert engine is not None
        if not self._excused() and not engine.status(self.kernel.now).is_equal:
            raise Broken(f"sums differ at {engine.compare()}")
        for side in SIDES:
            nodes = self._nodes(side)
            for path, node in nodes.items():
                state = engine.state.tree.open(path).states[side]
                if state is None or state.content.data != digest(node.data):
                    raise Broken(f"{path} of {side.name} is not what the engine knows: {state}")
                if (state.version, state.aversion) != (node.version, node.aversion):
                    raise Broken(f"versions of {path} on {side.name}: {state} {node}")

    def _is_mirrored(self) -> None:
        """Every client's ephemeral node that is to have a proxy has one, and no other is there."""
        engine = self.host.engine
        assert engine is not None
        settings, authority = self.options.settings, engine.state.authority
        for side in SIDES:
            proxies = set()
            own = self.judge.own[side]
            for path in self.ensembles[side].paths():
                node = self.ensembles[side].get(path)
                inner = self.view.inward(side, path)
                if node and inner and lifetime(node.owner).session in own and node.owner:
                    proxies.add(inner)
            wanted = {
                inner
                for path in self.ensembles[side.other].paths()
                if (node := self.ensembles[side.other].get(path)) is not None
                and (owner := lifetime(node.owner).session)
                and owner not in self.judge.own[side.other]
                and (inner := self.view.inward(side.other, path)) is not None
                and (
                    authority is side.other
                    if inner.startswith("/election/")
                    else settings.ephemerals == "proxy"
                )
            }
            wanted = {inner for inner in wanted if not self._is_taken(side, inner)}
            if proxies != wanted:
                raise Broken(f"proxies on {side.name}: {sorted(proxies)}, not {sorted(wanted)}")
            for inner in proxies:
                here = self.ensembles[side].get(self.view.outward(side, inner))
                there = self.ensembles[side.other].get(self.view.outward(side.other, inner))
                if here is None or there is None or _shown(here) != _shown(there):
                    raise Broken(f"the proxy of {inner} is {here}, not {there}")

    def _is_taken(self, side: Side, inner: str) -> bool:
        """Whether a client has a node here, so that there is no place for a proxy, or the parent
        is not there."""
        path, ensemble = self.view.outward(side, inner), self.ensembles[side]
        node = ensemble.get(path)
        if node is None:
            return ensemble.get(parent_of(path)) is None
        return lifetime(node.owner).session not in self.judge.own[side]

    def _verify(self) -> None:
        token = self.host.command(Verify())
        self._run(60.0)
        reply = self.host.replies.get(token)
        if reply is None or reply.refusal or set(reply.paths) - self._excused():
            raise Broken(f"verification: {reply}")


def play(seeds: Sequence[int]) -> list[SyncOutcome]:
    """How these seeds end."""
    return [SyncRun(seed).outcome() for seed in seeds]


def _shown(node: Znode) -> tuple[bytes | None, Acls | None]:
    return node.data, node.acl
