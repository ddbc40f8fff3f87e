"""Filters: what they mean, and that anything typed is read or refused with a sentence."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.monitoring.render import query
from orchestrator.monitoring.render.cards import Card
from orchestrator.monitoring.report import Node

CARD = Card("c1", "web-1", "host-a", "shop", "running", "healthy",
            metrics={"cpu_percent": 5.0, "memory_bytes": 2.0 * 1024**3})  # fmt: skip
NODE = Node(
    id="c1",
    latest={"image": "nginx:1.25", "command": "nginx -g daemon off"},
    labels={"tier": "Front"},
    parents={"host": ["host-a"], "mesos_task": ["f;t"]},
)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "web",
        "WEB nginx",
        "cpu > 4%",
        "cpu>4 memory>=2GiB",
        "cpu_percent <= 5",
        "state:running",
        "state=running",
        "image:nginx",
        "label.tier:front",
        "tier=front",
        "host:host-a",
        "mesos_task:f;t",
        'command:"nginx -g"',
        '"daemon off"',
        "-paused",
        "-cpu>6",
        "image:",
    ],
)
def test_a_node_passes_a_filter_that_fits(text: str) -> None:
    assert query.matches(query.parse(text), CARD, NODE)


@pytest.mark.parametrize(
    "text",
    ["db", "cpu > 5%", "memory<2GiB", "state=run", "-web", "web db", "own>0", "missing:"],
)
def test_a_node_does_not_pass_a_filter_that_does_not(text: str) -> None:
    assert not query.matches(query.parse(text), CARD, NODE)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("cpu > many", "needs a number"),
        ("cpu >", "needs a number"),
        ("cpu>3furlongs", "no unit"),
        ("> 4", "no name before"),
        ('name:"x', "not closed"),
        ("x " * 21, "21 terms"),
        ("x" * 1001, "1001 characters"),
    ],
)
def test_a_bad_filter_is_refused_with_a_sentence(text: str, reason: str) -> None:
    with pytest.raises(query.QueryError, match=reason):
        query.parse(text)


@given(st.text(st.sampled_from('ab:=<>-"%4. ;\\ü\n'), max_size=40))
def test_whatever_is_typed_is_read_or_refused(text: str) -> None:
    try:
        parsed = query.parse(text)
    except query.QueryError as error:
        assert str(error)
        return
    query.matches(parsed, CARD, NODE)
    assert set(query.parse(query.write(parsed))) == set(parsed)
