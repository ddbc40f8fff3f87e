"""What `orchestrator top` makes of keys and of nodes."""

import pytest
from rich.console import Console

from orchestrator.cli.top import listing, screen
from orchestrator.cli.top.choice import Choice, pressed
from orchestrator.monitoring.render.frames import Writer
from orchestrator.monitoring.render.live import LiveView
from orchestrator.monitoring.render.mirror import Mirror
from orchestrator.monitoring.render.picture import Picture
from orchestrator.monitoring.render.selection import Shown
from orchestrator.monitoring.render.views import VIEWS
from orchestrator.monitoring.report import Node, Report

START = Choice("containers")


def _type(choice: Choice | None, keys: str) -> Choice | None:
    for key in keys:
        assert choice is not None
        choice = pressed(choice, key)
    return choice


def _mirror(*containers: Node) -> Mirror:
    """The containers of one host, as a client has them."""
    picture, live, mirror = Picture(), LiveView(VIEWS["containers"]), Mirror()
    picture.put(
        Report(version=1, agent_id="a", instance="i", instance_started_at=1.0, number=1,
               taken_at=2.0, host_id="a",
               nodes={"host": [Node(id="a")], "container": list(containers)})
    )  # fmt: skip
    live.refresh(picture)
    frame = Writer().tick(Shown(live.cards, live.edges), {}, (), 2.0)
    writer = Writer()
    writer.tick(Shown(live.cards, live.edges), {}, (), 2.0)
    assert frame is not None
    mirror.apply(writer.reset())
    return mirror


def _container(name: str, cpu: float | None = None, **latest: str) -> Node:
    metrics = {} if cpu is None else {"cpu_percent": cpu, "memory_bytes": 1536.0 * 1024}
    return Node(id=f"id-{name}", label=name, latest=latest, metrics=metrics)


def test_a_key_changes_the_view() -> None:
    assert _type(START, "p") == Choice("processes")


def test_q_ends() -> None:
    assert _type(START, "q") is None


def test_the_order_goes_round() -> None:
    assert _type(START, "s") == Choice("containers", sort="memory")
    assert _type(START, "ssss") == START


def test_a_filter_is_typed_and_taken() -> None:
    assert _type(START, "/cpu > 44\x7f%\r") == Choice("containers", "cpu > 4%")


def test_keys_are_letters_while_a_filter_is_typed() -> None:
    assert _type(START, "/qs") == Choice("containers", typed="qs")


def test_escape_leaves_the_filter_as_it_was() -> None:
    assert _type(Choice("hosts", "web"), "/xyz\x1b") == Choice("hosts", "web")


@pytest.mark.parametrize(
    ("sort", "names"),
    [("cpu", ["busy", "idle", "silent"]), ("name", ["busy", "idle", "silent"]),
     ("mem", ["busy", "idle", "silent"])],
)  # fmt: skip
def test_rows_come_in_the_order_that_is_wanted(sort: str, names: list[str]) -> None:
    mirror = _mirror(_container("silent"), _container("idle", 0.5), _container("busy", 99.0))
    assert [node.row[2] for node in listing.ordered(mirror.nodes().values(), sort)] == names


def test_values_are_worded_in_their_unit() -> None:
    mirror = _mirror(_container("web", 12.34, state="running"))
    [node] = listing.ordered(mirror.nodes().values(), "cpu")
    columns = listing.columns_of(mirror.metrics, "cpu")
    assert listing.headings(columns)[3:] == ["CPU%", "MEMORY"]
    assert listing.cells(node, columns) == ["web", "a", "running", "12.3", "1.5 MiB"]


def test_what_is_not_measured_is_a_dash() -> None:
    mirror = _mirror(_container("web"))
    [node] = listing.ordered(mirror.nodes().values(), "cpu")
    assert listing.cells(node, {"cpu_percent": "CPU%"}) == ["web", "a", "-", "-"]


def test_a_name_cannot_command_the_terminal() -> None:
    mirror = _mirror(_container("a\x1b[2Jb"))
    [node] = listing.ordered(mirror.nodes().values(), "cpu")
    assert "\x1b" not in listing.cells(node, {})[0]


def test_no_more_rows_are_drawn_than_there_are_lines() -> None:
    console = Console(width=80, height=9, force_terminal=True, no_color=True)
    mirror = _mirror(*(_container(f"c{n}", float(n)) for n in range(30)))
    with console.capture() as capture:
        console.print(screen.drawn(START, mirror, "", console))
    lines = capture.get().strip().splitlines()
    assert len(lines) == 9
    assert "containers: 30, the first 6" in lines[0]
    assert "c29" in lines[2]


def test_why_there_is_nothing_is_said() -> None:
    console = Console(width=80, height=9)
    with console.capture() as capture:
        console.print(screen.drawn(START, None, "the app is away", console))
    assert "the app is away" in capture.get()
