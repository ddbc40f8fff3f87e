from __future__ import annotations

from collections.abc import Mapping
from itertools import permutations

from tests.unit.monitoring.reports import report

from orchestrator.monitoring.render.merged import Merged
from orchestrator.monitoring.render.picture import Picture
from orchestrator.monitoring.report import Node


class Counted:
    """Lists of shares, and how often one was made."""

    def __init__(self) -> None:
        self.count = 0
        self.merged: Merged[str, list[int]] = Merged(self._combine)

    def _combine(self, shares: Mapping[str, list[int]]) -> list[int]:
        self.count += 1
        return [number for share in shares.values() for number in share]


def test_who_says_the_same_again_changes_nothing_and_costs_nothing() -> None:
    counted = Counted()
    for agent in "abc":
        counted.merged.put(agent, [], {"k": [1]})
    before = counted.count
    for agent in "cba":
        assert counted.merged.put(agent, ["k"], {"k": [1]}) == []
    assert counted.count == before
    assert counted.merged.put("b", ["k"], {"k": [2]}) == ["k"]
    assert counted.merged.values == {"k": [1, 2, 1]}
    assert counted.merged.put("a", ["k"], {}) == ["k"]
    assert counted.merged.put("b", ["k"], {}) == ["k"]
    assert counted.merged.values == {"k": [1]}


def test_of_a_node_that_many_report_the_last_report_is_right_and_nothing_is_lost() -> None:
    picture = Picture()

    def say(agent: str, number: int, size: str, *pods: str) -> None:
        node = Node("img", "web:1", {"size": size}, parents={"pod": list(pods)})
        picture.put(report(agent, number, nodes={"image": [node]}))

    for number, agent in enumerate("abcd"):
        say(agent, number, "1", "p")
    say("b", 10, "2", "q")
    found = picture.find("image", "img")
    assert found is not None
    assert found.latest == {"size": "2"}
    assert found.parents == {"pod": ["p", "q"]}
    say("a", 11, "1", "p")  # which it has said before, but now it is later
    found = picture.find("image", "img")
    assert found is not None
    assert found.latest == {"size": "1"}
    picture.remove("b")
    found = picture.find("image", "img")
    assert found is not None
    assert (found.latest, found.parents) == ({"size": "1"}, {"pod": ["p"]})


def test_what_is_right_does_not_hang_on_the_order_in_which_reports_arrive() -> None:
    said = [
        report(agent, number, nodes={"mesos_task": [Node("t", parents={"marathon_app": [app]})]})
        for number, (agent, app) in enumerate([("a", "/0"), ("b", "/1"), ("c", "/0")])
    ]
    for arrived in permutations(said):
        picture = Picture()
        for one in arrived:
            picture.put(one)
        node = picture.find("mesos_task", "t")
        assert node is not None
        assert node.parents == {"marathon_app": ["/1", "/0"]}
