"""Where apps go besides what fits: disks, GPUs, regions, maintenance, executors of their own."""

from typing import Any

import pytest
from tests.unit.marathon.cluster import update

from orchestrator.marathon.core.apps import normalisation
from orchestrator.marathon.core.apps.app import App
from orchestrator.marathon.core.placement import availability
from orchestrator.marathon.core.placement.constraints import ALONE
from orchestrator.marathon.core.placement.matching import Match, OpenOffer, Reason, Rules
from orchestrator.mesos.resource_wire import from_wire, parse, to_wire
from orchestrator.mesos.resources import Resources
from orchestrator.mesos.types import (
    AgentID,
    DiskInfo,
    DiskPath,
    DiskSource,
    DomainInfo,
    DurationInfo,
    FaultDomain,
    FrameworkID,
    Label,
    Labels,
    Offer,
    OfferID,
    ReservationInfo,
    Resource,
    Scalar,
    TimeInfo,
    Unavailability,
    ValueType,
    ZoneOrRegion,
)

PLAIN = "cpus:4;mem:1024;disk:100;ports:[31000-31009]"


def offer(
    resources: str = PLAIN,
    *more: Resource,
    region: str | None = None,
    rules: Rules = Rules(),  # noqa: B008
    is_available: bool = True,
) -> OpenOffer:
    domain = None
    if region is not None:
        names = FaultDomain(region=ZoneOrRegion(name=region), zone=ZoneOrRegion(name="z"))
        domain = DomainInfo(fault_domain=names)
    message = Offer(
        id=OfferID(value="o"),
        framework_id=FrameworkID(value="f"),
        agent_id=AgentID(value="agent"),
        hostname="host",
        resources=[*to_wire(parse(resources)), *more],
        domain=domain,
    )
    return OpenOffer(message, rules, is_available)


def app(**fields: Any) -> App:
    return normalisation.complete("/a", update(**({"cmd": "x"} | fields)), None, "web")


def resident(**persistent: Any) -> App:
    volume = {"containerPath": "data", "mode": "RW", "persistent": persistent}
    return app(container={"type": "MESOS", "volumes": [volume]})


def disk(size: float, kind: str, root: str, profile: str | None = None) -> Resource:
    path = DiskPath(root=root)
    source = DiskSource(
        type=kind,
        path=path if kind == "PATH" else None,
        mount=path if kind == "MOUNT" else None,
        profile=profile,
    )
    return Resource(
        name="disk",
        type=ValueType.SCALAR,
        scalar=Scalar(value=size),
        disk=DiskInfo(source=source),
    )


def roots(match: Match | Reason) -> list[str]:
    assert isinstance(match, Match), match
    found = []
    for placed in match.disks:
        text = (placed.kind.disk or b"").decode()
        found.append(next((r for r in ("/a", "/b", "/c") if f'"{r}"' in text), "root"))
    return found


def test_a_root_volume_is_a_part_of_the_root_disk() -> None:
    match = offer().match(resident(size=60), ALONE, "s")
    assert roots(match) == ["root"]
    assert isinstance(match, Match)
    assert match.resources.scalar("disk") == 60


def test_a_volume_and_scratch_disk_need_room_for_both() -> None:
    volume = {"containerPath": "data", "mode": "RW", "persistent": {"size": 60}}
    wanted = app(disk=50, container={"type": "MESOS", "volumes": [volume]})
    assert offer().match(wanted, ALONE, "s") is Reason.INSUFFICIENT_DISK


def test_a_path_volume_is_made_where_most_is_left() -> None:
    disks = [disk(200, "PATH", "/a"), disk(300, "PATH", "/b"), disk(900, "MOUNT", "/c")]
    match = offer(PLAIN, *disks).match(resident(type="path", size=100), ALONE, "s")
    assert roots(match) == ["/b"]
    assert isinstance(match, Match)
    assert match.disks[0].amount == 100_000


def test_a_mount_is_taken_whole_the_smallest_that_is_large_enough() -> None:
    disks = [disk(900, "MOUNT", "/a"), disk(300, "MOUNT", "/b"), disk(50, "MOUNT", "/c")]
    match = offer(PLAIN, *disks).match(resident(type="mount", size=100), ALONE, "s")
    assert roots(match) == ["/b"]
    assert isinstance(match, Match)
    assert match.disks[0].amount == 300_000


def test_a_mount_may_be_too_large() -> None:
    wanted = resident(type="mount", size=100, maxSize=200)
    found = offer(PLAIN, disk(900, "MOUNT", "/a")).match(wanted, ALONE, "s")
    assert found is Reason.INSUFFICIENT_DISK


@pytest.mark.parametrize(
    ("constraint", "expected"),
    [(["path", "LIKE", "/a"], "/a"), (["path", "UNLIKE", "/[ab]"], "/c")],
)
def test_the_path_of_a_volume_can_be_constrained(constraint: list[str], expected: str) -> None:
    disks = [disk(200, "PATH", "/a"), disk(300, "PATH", "/b"), disk(100, "PATH", "/c")]
    wanted = resident(type="path", size=50, constraints=[constraint])
    assert roots(offer(PLAIN, *disks).match(wanted, ALONE, "s")) == [expected]


def test_a_profile_is_looked_for() -> None:
    disks = [disk(200, "MOUNT", "/a", "slow"), disk(300, "MOUNT", "/b", "fast")]
    wanted = resident(size=50, profileName="fast")
    assert roots(offer(PLAIN, *disks).match(wanted, ALONE, "s")) == ["/b"]


def test_disks_besides_the_root_are_no_scratch_space() -> None:
    found = offer("cpus:4;mem:1024;ports:[31000-31009]", disk(900, "PATH", "/a"))
    assert found.match(app(disk=10), ALONE, "s") is Reason.INSUFFICIENT_DISK


def test_a_volume_is_made_of_unreserved_resources_only() -> None:
    statically = offer("cpus(web):4;mem(web):1024;disk(web):100;ports(web):[1-9]")
    assert statically.match(resident(size=10), ALONE, "s") is Reason.UNFULFILLED_ROLE


def test_what_is_reserved_for_an_instance_is_not_taken_by_others() -> None:
    labels = Labels(labels=[Label(key="marathon_task_id", value="db.instance-1")])
    reserved = Resource(
        name="cpus",
        type=ValueType.SCALAR,
        scalar=Scalar(value=8),
        role="web",
        reservation=ReservationInfo(labels=labels),
    )
    found = offer("mem:1024;ports:[31000-31009]", reserved).match(app(), ALONE, "s")
    assert found is Reason.INSUFFICIENT_CPUS


def test_gpus_are_taken_by_those_who_ask_for_them() -> None:
    match = offer(PLAIN + ";gpus:2").match(app(gpus=2), ALONE, "s")
    assert isinstance(match, Match)
    assert match.resources.scalar("gpus") == 2
    assert offer(PLAIN + ";gpus:1").match(app(gpus=2), ALONE, "s") is Reason.INSUFFICIENT_GPUS


def test_agents_with_gpus_are_kept_for_apps_that_use_gpus() -> None:
    with_gpus = PLAIN + ";gpus:2"
    assert offer(with_gpus).match(app(), ALONE, "s") is Reason.DECLINED_SCARCE_RESOURCES
    labelled = app(labels={"GPU_SCHEDULING_BEHAVIOR": "unrestricted"})
    assert isinstance(offer(with_gpus).match(labelled, ALONE, "s"), Match)
    lax = offer(with_gpus, rules=Rules(keeps_gpus=False))
    assert isinstance(lax.match(app(), ALONE, "s"), Match)


def test_apps_stay_at_home_unless_they_say_something_of_regions_or_zones() -> None:
    rules = Rules(home_region="here")
    away = offer(region="there", rules=rules)
    assert away.match(app(), ALONE, "s") is Reason.UNFULFILLED_CONSTRAINT
    assert isinstance(offer(region="here", rules=rules).match(app(), ALONE, "s"), Match)
    assert isinstance(offer(rules=rules).match(app(), ALONE, "s"), Match)
    for constraint in (["@region", "IS", "there"], ["@zone", "GROUP_BY"]):
        assert isinstance(away.match(app(constraints=[constraint]), ALONE, "s"), Match)


def test_an_agent_under_maintenance_is_not_used() -> None:
    found = offer(is_available=False).match(app(), ALONE, "s")
    assert found is Reason.AGENT_MAINTENANCE


@pytest.mark.parametrize(
    ("now", "draining_s", "duration_s", "expected"),
    [(99, 0, None, True), (101, 0, None, False), (95, 10, None, False),
     (105, 0, 10, False), (111, 0, 10, True)],
)  # fmt: skip
def test_maintenance_begins_early_enough_to_drain_and_ends(
    now: float, draining_s: float, duration_s: int | None, expected: bool
) -> None:
    nanos = 1_000_000_000
    unavailability = Unavailability(
        start=TimeInfo(nanoseconds=100 * nanos),
        duration=DurationInfo(nanoseconds=duration_s * nanos) if duration_s else None,
    )
    message = Offer(
        id=OfferID(value="o"),
        framework_id=FrameworkID(value="f"),
        agent_id=AgentID(value="agent"),
        hostname="host",
        unavailability=unavailability,
    )
    assert availability.is_available(message, now, draining_s) is expected


def test_a_custom_executor_takes_its_own_resources_besides() -> None:
    wanted = app(executor="/bin/own", executorResources={"cpus": 0.5, "mem": 64, "disk": 10})
    match = offer().match(wanted, ALONE, "s")
    assert isinstance(match, Match)
    assert match.executor == Resources.of(cpus=0.5, mem=64, disk=10)
    assert match.resources.scalar("cpus") == 1.5
    tight = offer("cpus:1;mem:1024;disk:100;ports:[1-9]")
    assert tight.match(wanted, ALONE, "s") is Reason.INSUFFICIENT_CPUS


def test_all_that_is_taken_is_in_the_offer() -> None:
    whole = PLAIN + ";cpus(web):1;mem(web):64"
    match = offer(whole).match(app(cpus=2, mem=100, disk=5), ALONE, "s")
    assert isinstance(match, Match)
    assert match.resources in from_wire(to_wire(parse(whole)))
