"""Writes of the engine as requests, errors of servers as outcomes."""

import pytest

from orchestrator.migration.adapters.translating import outcome_of, request_of
from orchestrator.migration.core import effects
from orchestrator.migration.core.events import Lost, Refusal, Refused
from orchestrator.zookeeper.jute import errors
from orchestrator.zookeeper.jute.multi import Multi
from orchestrator.zookeeper.jute.records import OPEN
from orchestrator.zookeeper.jute.requests import (
    Check,
    Create,
    CreateContainer,
    CreateMode,
    CreateTtl,
    Delete,
    SetAcl,
    SetData,
)


@pytest.mark.parametrize(
    ("op", "request_"),
    [
        (effects.Create("/a", b"1", OPEN), Create("/a", b"1", OPEN, CreateMode.PERSISTENT)),
        (
            effects.Create("/a", None, OPEN, ephemeral=True),
            Create("/a", None, OPEN, CreateMode.EPHEMERAL),
        ),
        (effects.Create("/a", b"", OPEN, container=True), CreateContainer("/a", b"", OPEN)),
        (effects.Create("/a", b"", OPEN, ttl_ms=5), CreateTtl("/a", 5, b"", OPEN)),
        (effects.SetData("/a", b"1", 3), SetData("/a", b"1", 3)),
        (effects.Delete("/a", 3), Delete("/a", 3)),
        (effects.Check("/a", 3), Check("/a", 3)),
    ],
)
def test_a_batch_is_one_multi(op: effects.Op, request_: object) -> None:
    request = request_of((op, op))
    assert isinstance(request, Multi)
    assert request.ops == (request_, request_)


def test_an_access_list_is_a_request_of_its_own() -> None:
    assert request_of((effects.SetAcl("/a", OPEN, 2),)) == SetAcl("/a", OPEN, 2)


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        (
            errors.MultiFailed(2, errors.NodeExists(-110, "/a"), 9),
            Refused(7, 9, 2, Refusal.EXISTS),
        ),
        (errors.NoNode(-101, "/a", 9), Refused(7, 9, 0, Refusal.MISSING)),
        (errors.NoAuth(-102, "/a", 9), Refused(7, 9, 0, Refusal.NO_AUTH)),
        (errors.QuotaExceeded(-125, "/a", 9), Refused(7, 9, 0, Refusal.OTHER)),
        (errors.RequestTooLarge("too large"), Refused(7, 0, 0, Refusal.TOO_LARGE)),
        (errors.ConnectionLoss("gone"), Lost(7)),
        (errors.SessionExpired("gone"), Lost(7)),
        (errors.SessionMoved(-118, "", 0), Lost(7)),
        (errors.ClientClosed("closed"), Lost(7)),
    ],
)
def test_an_error_is_a_refusal_or_leaves_the_outcome_open(
    error: Exception, outcome: Refused | Lost
) -> None:
    found = outcome_of(7, error)
    if isinstance(found, Refused):
        assert found.reason
        found = found._replace(reason="")
    assert found == outcome


def test_what_is_a_fault_of_ours_is_raised() -> None:
    with pytest.raises(KeyError):
        outcome_of(7, KeyError("x"))
