"""What is durable, and how a restart goes on from it.

    meta                     positions of both sides, authority, paused, counters
    node/<path>              a path as `tree.pack` has it
    delta/<number>           paths that changed, until each is in its own record (see `deltas`)
    acl/<number>             an access list
    intent/<batch>           saved before the batch is sent: what it writes where
    done/<batch>             the batch was applied (a refused one's intent is simply forgotten)
    session/<side>/<role>/<id>   sessions whose writes are the engine's own
    conflict/<number>        the conflict log
    chosen/<path>            a value that a person chose for both sides
    structure/<side><path>   a parent of synced nodes that is there, and not synced itself
    unit/<number>            paths that wait to be written together

A *checkpoint* saves all paths that changed, forgets the batches that these include, and moves the
positions, in one commit. So the records are the state at exactly these positions, plus batches that
came later; a source that goes on behind a position brings the rest. Nothing is planned before both
sides have reached a barrier, so states in between, which replaying goes through again, harm nobody.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from orchestrator.migration.core.content import AclTable, Content
from orchestrator.migration.core.flights import Flight, Intent, Mode
from orchestrator.migration.core.sides import Role, Side
from orchestrator.runtime.machine import Save
from orchestrator.zookeeper.jute.records import Acl, Acls

META, NODE, ACL, INTENT, DONE = "meta", "node/", "acl/", "intent/", "done/"
DELTA = "delta/"
SESSION, CONFLICT, CHOSEN, UNIT = "session/", "conflict/", "chosen/", "unit/"
STRUCTURE = "structure/"

_SavedContent = tuple[bytes, int, int]
_SavedIntent = tuple[str, int, _SavedContent | None, int, _SavedContent | None]
_SavedChosen = tuple[bytes | None, tuple[bytes, bytes]]
_SavedFlight = tuple[int, str, int, list[_SavedIntent]]
_encode = msgspec.msgpack.Encoder().encode
_decode_flight = msgspec.msgpack.Decoder(_SavedFlight).decode
_decode_chosen = msgspec.msgpack.Decoder(_SavedChosen).decode
_decode_delta = msgspec.msgpack.Decoder(dict[str, bytes | None]).decode
_decode_unit = msgspec.msgpack.Decoder(tuple[int, tuple[str, ...]]).decode
_decode_acl = msgspec.msgpack.Decoder(list[tuple[int, str, str]]).decode


class Meta(msgspec.Struct, frozen=True):
    """What is not of a path. A position is the last zxid heard, None before the first snapshot;
    ``snapshots`` are the zxids of the last ones."""

    positions: tuple[int | None, int | None] = (None, None)
    snapshots: tuple[int, int] = (0, 0)
    authority: int = 0
    is_paused: bool = False
    is_filled: bool = False
    next_batch: int = 1


def save_meta(meta: Meta) -> Save:
    """A save of it."""
    return Save(META, msgspec.msgpack.encode(meta))


def read_meta(records: Mapping[str, bytes]) -> Meta | None:
    """What was saved, None on the first start."""
    saved = records.get(META)
    return None if saved is None else msgspec.msgpack.decode(saved, type=Meta)


def save_delta(number: int, states: dict[str, bytes | None]) -> Save:
    """States of many paths at once, None of those that are forgotten."""
    return Save(f"{DELTA}{number}", _encode(states))


def read_deltas(records: Mapping[str, bytes]) -> list[tuple[int, dict[str, bytes | None]]]:
    """All deltas, the oldest first."""
    found = [(key, value) for key, value in records.items() if key.startswith(DELTA)]
    return sorted([(int(key[len(DELTA) :]), _decode_delta(value)) for key, value in found])


def save_intent(flight: Flight) -> Save:
    """What is durable before the batch goes out."""
    intents = [(i.path, int(i.mode), i.want, i.version, _before(i)) for i in flight.intents]
    saved = (int(flight.side), flight.role.value, flight.after, intents)
    return Save(f"{INTENT}{flight.number}", _encode(saved))


def save_chosen(path: str, data: bytes | None, seen: tuple[bytes, bytes]) -> Save:
    """A value for both sides, and what they showed when it was chosen."""
    return Save(f"{CHOSEN}{path}", _encode((data, seen)))


def read_chosen(records: Mapping[str, bytes]) -> list[tuple[str, _SavedChosen]]:
    """All values that are not on both sides yet."""
    return [
        (key[len(CHOSEN) :], _decode_chosen(value))
        for key, value in records.items()
        if key.startswith(CHOSEN)
    ]


def save_structure(side: Side, path: str, is_there: bool) -> Save:
    """Whether a parent that is not synced is there, by its path on the side."""
    return Save(f"{STRUCTURE}{side.name}{path}", b"" if is_there else None)


def read_structure(records: Mapping[str, bytes], side: Side) -> set[str]:
    """All parents that are there."""
    prefix = f"{STRUCTURE}{side.name}"
    return {key[len(prefix) :] for key in records if key.startswith(prefix)}


def save_unit(number: int, side: Side, paths: tuple[str, ...]) -> Save:
    """What was changed at once on a side, and waits."""
    return Save(f"{UNIT}{number}", _encode((int(side), paths)))


def read_units(records: Mapping[str, bytes]) -> list[tuple[int, Side, tuple[str, ...]]]:
    """All that waited together at the checkpoint."""
    found = []
    for key, value in records.items():
        if key.startswith(UNIT):
            side, paths = _decode_unit(value)
            found.append((int(key[len(UNIT) :]), Side(side), paths))
    return sorted(found)


def read_flights(records: Mapping[str, bytes]) -> list[Flight]:
    """Batches since the checkpoint, in the order in which they were made."""
    numbers = sorted(int(key[len(INTENT) :]) for key in records if key.startswith(INTENT))
    return [_flight(number, records[f"{INTENT}{number}"]) for number in numbers]


def save_acl(number: int, acl: Acls) -> Save:
    """A new access list."""
    return Save(f"{ACL}{number}", _encode(acl))


def restore_acls(records: Mapping[str, bytes], table: AclTable) -> None:
    """All access lists, under the numbers they had."""
    number = 0
    while (saved := records.get(f"{ACL}{number}")) is not None:
        table.restore(tuple(Acl(*entry) for entry in _decode_acl(saved)))
        number += 1


def save_session(side: Side, role: Role, session: int) -> Save:
    """A session that is the engine's own."""
    return Save(f"{SESSION}{side.name}/{role.value}/{session}", b"")


def read_sessions(records: Mapping[str, bytes]) -> list[tuple[Side, Role, int]]:
    """All sessions that ever were."""
    keys = [key[len(SESSION) :].split("/") for key in records if key.startswith(SESSION)]
    return [(Side[side], Role(role), int(number)) for side, role, number in keys]


def _before(intent: Intent) -> Content | None:
    """Needed again only of what was replaced."""
    return intent.before if intent.mode is Mode.WHOLE and intent.want is not None else None


def _content(saved: _SavedContent | None) -> Content | None:
    return None if saved is None else Content(*saved)


def _flight(number: int, saved: bytes) -> Flight:
    side, role, after, saved_intents = _decode_flight(saved)
    intents = [
        Intent(path, Mode(mode), _content(want), version, _content(before))
        for path, mode, want, version, before in saved_intents
    ]
    return Flight(number, Side(side), Role(role), after, intents)
