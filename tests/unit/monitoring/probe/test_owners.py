"""Whose a socket is, found among the open files of made-up processes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence, Set
from pathlib import Path

import pytest

from orchestrator.monitoring.probe.connections import owners
from orchestrator.monitoring.probe.connections.diag import Seen
from orchestrator.monitoring.probe.connections.holders import Holders
from orchestrator.monitoring.probe.connections.known import Known
from orchestrator.monitoring.probe.connections.owners import Found, Owners
from orchestrator.monitoring.probe.connections.sockets import Namespace
from orchestrator.monitoring.probe.processes.table import ProcessTable

HOME, BOX = 1, 2
STAT = "{pid} (server) S 1 1 1 0 -1 0 0 0 0 0 5 5 0 0 20 0 1 0 900 0 10 0\n"
NOBODYS = 999


class Machine:
    """A /proc whose processes hold sockets."""

    def __init__(self, proc: Path) -> None:
        self.proc = proc
        self.table = ProcessTable(str(proc))

    def has(self, pid: int, sockets: list[int], *, namespace: int = HOME) -> None:
        """Have a process with these inodes among its files."""
        process = self.proc / str(pid)
        for each in ("fd", "ns"):
            (process / each).mkdir(parents=True)
        (process / "stat").write_text(STAT.format(pid=pid))
        (process / "cmdline").write_text("server")
        (process / "ns" / "net").symlink_to(f"net:[{namespace}]")
        self.opens(pid, sockets)

    def opens(self, pid: int, sockets: list[int], first: int | None = None) -> None:
        """Have it open more; the descriptors are their inodes, or begin at ``first``."""
        for n, inode in enumerate(sockets):
            descriptor = inode if first is None else first + n
            (self.proc / str(pid) / "fd" / str(descriptor)).symlink_to(f"socket:[{inode}]")

    def closes(self, pid: int, descriptor: int) -> None:
        """Have it close one."""
        (self.proc / str(pid) / "fd" / str(descriptor)).unlink()

    def owners(self) -> Owners:
        """Who looks for owners, not for the first time."""
        self.table.refresh(1.0)
        looking = Owners(self.table)
        looking.find({}, {})
        return looking

    def holders(self) -> Holders:
        """Who finds them for sockets."""
        self.table.refresh(1.0)
        return Holders(self.table)


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Machine]:
    monkeypatch.setattr(owners, "LINKS_A_REPORT", 40)
    machine = Machine(tmp_path)
    yield machine
    machine.table.close()


@pytest.fixture
def namespace() -> Iterator[Namespace]:
    namespace = Namespace(HOME)
    yield namespace
    namespace.close()


def _found(looking: Owners, *inodes: int, box: Sequence[int] = ()) -> dict[int, int]:
    """Owners of sockets in ``HOME``, or ``BOX``."""
    wanted = {BOX: set(box), HOME: set(inodes)} if box else {HOME: set(inodes)}
    found = looking.find(wanted, {}).holders
    return {inode: one.pid for inode, one in found.items() if inode in (*inodes, *box)}


def test_a_socket_that_nobody_has_leaves_links_for_other_namespaces(machine: Machine) -> None:
    machine.has(7, list(range(100, 150)), namespace=BOX)
    machine.has(8, [200])
    assert _found(machine.owners(), 200, box=[NOBODYS]) == {200: 8}


def test_and_for_others_than_a_server_with_many(machine: Machine) -> None:
    machine.has(7, list(range(100, 150)))
    looking = machine.owners()
    assert _found(looking, 100) == {100: 7}
    machine.has(8, [200])
    machine.table.refresh(2.0)
    assert _found(looking, 200, NOBODYS) == {200: 8}


def test_who_held_sockets_before_is_looked_at_first_unless_it_was_in_vain(
    machine: Machine,
) -> None:
    for pid in range(10, 14):
        machine.has(pid, [pid])
    looking = machine.owners()
    for pid in range(10, 14):
        assert _found(looking, pid) == {pid: pid}
    machine.opens(12, [100])
    assert [_found(looking, 100, NOBODYS) for _ in range(2)] == [{}, {100: 12}]


def test_all_others_are_looked_at_in_turn(machine: Machine) -> None:
    for pid in range(10, 30):
        machine.has(pid, [pid])
    looking = machine.owners()
    for _ in range(10):
        assert _found(looking, NOBODYS) == {}
    machine.opens(10, [100])
    assert {100: 10} in [_found(looking, 100) for _ in range(10)]


def test_of_a_socket_it_is_known_that_nobody_has_it_when_all_were_looked_at(
    machine: Machine,
) -> None:
    machine.has(7, [100])
    looking = machine.owners()
    assert looking.find({HOME: {NOBODYS, 100}}, {}).nobodys == {NOBODYS}
    for pid in range(10, 30):
        machine.has(pid, [pid])
    machine.table.refresh(2.0)
    assert looking.find({HOME: {NOBODYS}}, {}).nobodys == set()


def test_a_socket_that_nobody_has_is_looked_for_once_more_and_others_five_times(
    machine: Machine, namespace: Namespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    searches: list[int] = []
    find = Owners.find

    def counted(
        self: Owners, wanted: Mapping[int, Set[int]], held: Mapping[int, Set[int]]
    ) -> Found:
        searches.append(len(wanted))
        return find(self, wanted, held)

    monkeypatch.setattr(Owners, "find", counted)
    for pids, many in (range(7, 8), 2), (range(10, 100), 5):
        for pid in pids:
            machine.has(pid, [pid])
        holders = machine.holders()
        namespace.known = {many: _socket(NOBODYS)}
        searches.clear()
        for _ in range(10):
            holders.find([namespace])
        assert len(searches) == many


def test_a_socket_that_is_no_longer_looked_for_is_found_when_it_is_come_across(
    machine: Machine, namespace: Namespace
) -> None:
    machine.has(7, [])
    holders = machine.holders()
    namespace.known = {1: _socket(100)}
    for _ in range(2):
        holders.find([namespace])
    machine.opens(7, [100])
    holders.find([namespace])
    assert namespace.known[1].owner == 0
    namespace.known[2] = _socket(NOBODYS)
    holders.find([namespace])
    assert namespace.known[1].owner == 7


def test_a_server_with_many_sockets_that_are_known_leaves_links_for_another(
    machine: Machine,
) -> None:
    machine.has(7, list(range(30)))
    machine.has(8, [100])
    looking = machine.owners()
    for pid, inode in ((8, 100), (7, 29)):
        assert _found(looking, inode) == {inode: pid}
    machine.opens(7, [200])
    machine.opens(8, [201])
    found = looking.find({HOME: {200, 201}}, {7: set(range(29))}).holders
    assert {inode: found[inode].pid for inode in (200, 201)} == {200: 7, 201: 8}


@pytest.mark.parametrize("is_closed", [False, True])
def test_a_descriptor_is_read_again_when_its_owner_has_closed_its_socket(
    machine: Machine, namespace: Namespace, is_closed: bool
) -> None:
    machine.has(7, [100])
    holders = machine.holders()
    namespace.known = {1: _socket(100)}
    holders.find([namespace])
    assert namespace.known[1].descriptor == 100
    machine.closes(7, 100)
    namespace.known[1].update(_seen(100 if is_closed else 0))
    namespace.known[1].is_closed = is_closed
    machine.opens(7, [200], first=100)
    namespace.known[2] = _socket(200)
    holders.find([namespace])
    assert namespace.known[2].owner == 7


def _socket(inode: int) -> Known:
    return Known(_seen(inode), HOME, "tcp")


def _seen(inode: int) -> Seen:
    return Seen(2, 1, bytes(36), 1, inode, 0, 0, 0, 0, 0)
