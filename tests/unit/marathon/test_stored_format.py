"""Stored formats: older ones become the present one, newer ones are refused."""

from __future__ import annotations

import pytest
from tests.unit.marathon.cluster import Cluster

from orchestrator.marathon.core import stored_format
from orchestrator.marathon.core.stored_format import CURRENT, KEY, StateError

PRESENT = str(CURRENT).encode()


def test_state_without_a_number_is_of_the_first_versions() -> None:
    old = {"marathon/apps/a": b"1", "marathon/framework": b"f"}
    assert stored_format.migrate(old) == {"apps/a": b"1", "framework": b"f", KEY: PRESENT}


def test_state_of_the_present_format_stays_as_it_is() -> None:
    now = {"apps/marathon/a": b"1", KEY: PRESENT}
    assert stored_format.migrate(now) == now


def test_nothing_becomes_empty_state_of_the_present_format() -> None:
    assert stored_format.migrate({}) == {KEY: PRESENT}


@pytest.mark.parametrize(("text", "sentence"), [(b"99", "newer"), (b"x", "no number"), (b"", "no")])
def test_state_that_this_program_does_not_know_is_refused(text: bytes, sentence: str) -> None:
    with pytest.raises(StateError, match=sentence):
        stored_format.migrate({KEY: text})


def test_a_marathon_goes_on_from_what_the_first_versions_left() -> None:
    cluster = Cluster()
    cluster.create(id="/a", cmd="x", instances=2)
    cluster.run()
    del cluster.disk[KEY]
    cluster.disk = {f"marathon/{key}": value for key, value in cluster.disk.items()}

    cluster.restart()
    cluster.run()

    assert len(cluster.running("/a")) == 2
    assert set(cluster.master.launches.values()) == {1}
    assert not [key for key in cluster.disk if key.startswith("marathon/")]
    assert cluster.disk[KEY] == PRESENT


def test_a_migration_that_was_not_saved_is_made_again() -> None:
    old = {"marathon/apps/a": b"1"}
    new = stored_format.migrate(old)
    saved = dict(old)
    for save in stored_format.changes(old, new):
        if save.value is None:
            del saved[save.key]
        else:
            saved[save.key] = save.value
    assert saved == new
    assert list(stored_format.changes(saved, stored_format.migrate(saved))) == []
