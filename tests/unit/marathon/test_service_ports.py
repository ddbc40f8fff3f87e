"""Service ports: unique, kept over changes, bounded."""

import pytest
from tests.unit.marathon.cluster import Cluster

from orchestrator.marathon.core.refusals import InvalidObject
from orchestrator.marathon.core.settings import Settings

SETTINGS = Settings(local_port_min=100, local_port_max=102)


def ports(cluster: Cluster, app_id: str) -> list[int]:
    return cluster.marathon.state.apps[app_id].service_ports


def test_every_app_gets_ports_of_its_own() -> None:
    cluster = Cluster(SETTINGS)
    cluster.create(id="/a", cmd="x", instances=0, ports=[0, 0])
    cluster.create(id="/b", cmd="x", instances=0)
    assert (ports(cluster, "/a"), ports(cluster, "/b")) == ([100, 101], [102])


def test_an_app_keeps_its_ports_when_it_is_sent_again() -> None:
    cluster = Cluster(SETTINGS)
    cluster.create(id="/a", cmd="x", instances=0)
    version = cluster.marathon.state.apps["/a"].version
    cluster.change(id="/a", cmd="x", ports=[0])
    cluster.change(id="/a", portDefinitions=[{"port": 0, "name": "default"}])
    assert ports(cluster, "/a") == [100]
    assert cluster.marathon.state.apps["/a"].version > version  # the port lost its name once


def test_a_port_that_was_chosen_is_not_given_to_others() -> None:
    cluster = Cluster(SETTINGS)
    cluster.create(id="/a", cmd="x", instances=0, ports=[100])
    cluster.create(id="/b", cmd="x", instances=0, ports=[0, 101])
    assert ports(cluster, "/b") == [102, 101]


def test_the_ports_of_a_deleted_app_are_free_again() -> None:
    from orchestrator.marathon.core.effects import DeleteApp

    cluster = Cluster(SETTINGS)
    cluster.create(id="/a", cmd="x", instances=0, ports=[0, 0, 0])
    cluster.ask(DeleteApp("/a"))
    cluster.create(id="/b", cmd="x", instances=0)
    assert ports(cluster, "/b") == [100]


def test_mappings_have_service_ports_too() -> None:
    cluster = Cluster(SETTINGS)
    container = {"type": "DOCKER", "docker": {"image": "i", "network": "BRIDGE"}}
    cluster.create(id="/a", container=container, instances=0)
    assert ports(cluster, "/a") == [100]


def test_no_app_is_created_when_no_port_is_left() -> None:
    cluster = Cluster(SETTINGS)
    with pytest.raises(InvalidObject):
        cluster.create(id="/a", cmd="x", ports=[0, 0, 0, 0])
    assert not cluster.marathon.state.apps
