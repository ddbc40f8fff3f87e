"""The names in an election."""

from orchestrator.mesos.types import Address, MasterInfo
from orchestrator.zookeeper import group


def test_the_lowest_number_comes_first_also_past_ten_digits() -> None:
    names = ["json.info_10000000000", "json.info_0000000012", "json.info_0000000003"]

    assert group.members(names) == [names[2], names[1], names[0]]


def test_what_mesos_keeps_there_besides_is_no_member() -> None:
    names = ["log_replicas", "info_0000000001", "json.info_", "json.info_x", "json.info_0000000002"]

    assert group.members(names) == ["json.info_0000000002"]


def test_a_master_is_reached_at_its_address() -> None:
    address = Address(hostname="name", ip="10.0.0.7", port=5050)

    assert group.authority(MasterInfo(id="m", ip=1, port=1, address=address)) == "10.0.0.7:5050"
