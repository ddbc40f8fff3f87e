"""The simulator finds bugs: each known one, put into a core, breaks an invariant before long."""

from __future__ import annotations

import pytest

from orchestrator.simulator import Options, Outcome, Parts, Run

from . import defects

SEEDS = range(150)
DEFECTS = {
    "sends before saving": (Parts(process=defects.SendsBeforeSaving), "no update is lost"),
    "frees resources twice": (Parts(master=defects.FreesTwice), "resources are accounted"),
    "forgets its offers": (Parts(master=defects.ForgetsOffers), "resources are accounted"),
    "forgets its agents": (Parts(master=defects.ForgetsToSave), "what runs is not called gone"),
    "relaunches twice": (Parts(agent=defects.RelaunchesTwice), "a task is started once"),
    "resends": (
        Parts(agent=defects.ResendsAcknowledged),
        "an acknowledged update is not sent again",
    ),
    "tears groups apart": (Parts(agent=defects.TearsGroupsApart), "all comes right in the end"),
    "keeps executors": (Parts(master=defects.KeepsExecutors), "all comes right in the end"),
    "replaces at once": (
        Parts(marathon=defects.ReplacesAtOnce),
        "an update leaves enough serving",
    ),
    "makes too many": (Parts(marathon=defects.MakesTooMany), "an update makes few enough"),
    "checkpoints nothing": (Parts(agent=defects.KeepsNothing), "no update is lost"),
}


def first_violation(parts: Parts, invariant: str) -> Outcome | None:
    outcomes = (Run(seed, Options(), parts).outcome() for seed in SEEDS)
    return next((o for o in outcomes if o.violation and o.violation.startswith(invariant)), None)


@pytest.mark.parametrize("defect", DEFECTS)
def test_a_planted_bug_is_found_and_its_seed_repeats_it(defect: str) -> None:
    parts, invariant = DEFECTS[defect]
    found = first_violation(parts, invariant)
    assert found is not None, f"{len(SEEDS)} seeds did not find it"
    assert Run(found.seed, Options(), parts).outcome() == found
