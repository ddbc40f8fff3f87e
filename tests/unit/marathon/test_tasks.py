"""The task that is launched: its environment, ports, containers and checks."""

import pytest
from tests.unit.marathon.cluster import update

from orchestrator.marathon.core.apps import normalisation
from orchestrator.marathon.core.apps.app import App
from orchestrator.marathon.core.instance import Instance
from orchestrator.marathon.core.placement.matching import Match
from orchestrator.marathon.core.tasks import task_builder
from orchestrator.mesos.resources import Resources
from orchestrator.mesos.types import AgentID, FrameworkID, Offer, OfferID, TaskInfo

OFFER = Offer(
    id=OfferID(value="o"),
    framework_id=FrameworkID(value="f"),
    agent_id=AgentID(value="agent"),
    hostname="host.example",
)
BRIDGE = {"type": "DOCKER", "docker": {"image": "nginx", "network": "BRIDGE"}}


def app(**fields: object) -> App:
    complete = normalisation.complete("/shop/cart", update(**fields), None, "*")
    return complete.stamped("2026-01-01T00:00:00.000Z", None)


def task(of: App, ports: list[int | None]) -> TaskInfo:
    instance = Instance.scheduled(of, "uuid", 0.0)
    match = Match(Resources.of(cpus=of.cpus), ports)
    return task_builder.build(of, instance, OFFER, match, "*")


def env(info: TaskInfo) -> dict[str, str | None]:
    assert info.command is not None
    assert info.command.environment is not None
    return {v.name: v.value for v in info.command.environment.variables}


def test_the_environment_tells_a_task_who_it_is() -> None:
    variables = env(task(app(cmd="x", cpus=0.5, labels={"my-key": "v"}), [31000]))
    assert variables == {
        "MESOS_TASK_ID": "shop_cart.instance-uuid._app.1",
        "MARATHON_APP_ID": "/shop/cart",
        "MARATHON_APP_VERSION": "2026-01-01T00:00:00.000Z",
        "MARATHON_APP_RESOURCE_CPUS": "0.5",
        "MARATHON_APP_RESOURCE_MEM": "128.0",
        "MARATHON_APP_RESOURCE_DISK": "0.0",
        "MARATHON_APP_RESOURCE_GPUS": "0",
        "MARATHON_APP_LABELS": "MY_KEY",
        "MARATHON_APP_LABEL_MY_KEY": "v",
        "HOST": "host.example",
        "PORT": "31000",
        "PORT0": "31000",
        "PORTS": "31000",
        "PORT_31000": "31000",
        "PORT_DEFAULT": "31000",
    }


def test_a_label_that_cannot_be_a_variable_is_none() -> None:
    variables = env(task(app(cmd="x", labels={"a": "b", "c": "\0"}), [31000]))
    assert variables["MARATHON_APP_LABELS"] == "A"


def test_the_apps_own_variables_win() -> None:
    assert env(task(app(cmd="x", env={"HOST": "mine"}), [31000]))["HOST"] == "mine"


def test_without_ports_there_are_no_port_variables() -> None:
    assert not [name for name in env(task(app(cmd="x", ports=[]), [])) if "PORT" in name]


def test_ports_have_variables_by_number_and_name() -> None:
    definitions = [{"port": 8080, "name": "http"}, {"port": 9090}]
    variables = env(task(app(cmd="x", portDefinitions=definitions), [31000, 31001]))
    assert variables["PORTS"] == "31000,31001"
    assert variables["PORT_8080"] == variables["PORT_HTTP"] == "31000"
    assert variables["PORT_9090"] == variables["PORT1"] == "31001"


def test_a_command_line_runs_in_a_shell() -> None:
    command = task(app(cmd="echo $HOME"), [31000]).command
    assert command is not None
    assert (command.shell, command.value) == (True, "echo $HOME")


def test_arguments_are_a_program_and_what_it_gets() -> None:
    command = task(app(args=["sleep", "5"]), [31000]).command
    assert command is not None
    assert (command.shell, command.value, command.arguments) == (False, "sleep", ["sleep", "5"])


def test_arguments_go_to_the_entry_point_of_an_image() -> None:
    command = task(app(args=["-v"], container=BRIDGE), [31000]).command
    assert command is not None
    assert (command.shell, command.value, command.arguments) == (False, None, ["-v"])


def test_a_bridged_container_maps_its_ports() -> None:
    mappings = [{"containerPort": 80, "protocol": "udp,tcp"}, {"containerPort": 0}]
    container = {**BRIDGE, "portMappings": mappings}
    info = task(app(container=container), [31000, 31001]).container
    assert info is not None
    assert info.docker is not None
    ports = [(p.host_port, p.container_port, p.protocol) for p in info.docker.port_mappings]
    assert ports == [(31000, 80, "udp"), (31000, 80, "tcp"), (31001, 31001, "tcp")]
    assert info.docker.network == "BRIDGE"


def test_a_container_carries_its_task_id_as_a_label() -> None:
    info = task(app(container=BRIDGE), [31000]).container
    assert info is not None
    assert info.docker is not None
    assert info.docker.parameters[-1].value == "MESOS_TASK_ID=shop_cart.instance-uuid._app.1"


def test_the_image_is_in_the_environment() -> None:
    assert env(task(app(container=BRIDGE), [31000]))["MARATHON_APP_DOCKER_IMAGE"] == "nginx"


def test_a_port_without_a_host_port_is_the_containers_own() -> None:
    container = {"type": "MESOS", "portMappings": [{"containerPort": 80}, {"containerPort": 0}]}
    networked = app(cmd="x", container=container, networks=[{"mode": "container", "name": "net"}])
    variables = env(task(networked, [None, None]))
    assert variables["PORT0"] == "80"
    assert 1024 < int(variables["PORT1"] or 0) < 65536
    assert variables["PORT"] == variables["PORT1"]


def test_volumes_and_files_are_passed_on() -> None:
    volume = {"containerPath": "/in", "hostPath": "/out", "mode": "RO"}
    container = {"type": "MESOS", "volumes": [volume]}
    info = task(app(cmd="x", container=container, fetch=[{"uri": "http://h/f"}]), [31000])
    assert info.container is not None
    assert info.command is not None
    assert [(v.container_path, v.host_path) for v in info.container.volumes] == [("/in", "/out")]
    assert [uri.value for uri in info.command.uris] == ["http://h/f"]


def test_the_grace_period_becomes_the_kill_policy() -> None:
    policy = task(app(cmd="x", taskKillGracePeriodSeconds=3), [31000]).kill_policy
    assert policy is not None
    assert policy.grace_period is not None
    assert policy.grace_period.nanoseconds == 3_000_000_000


def test_discovery_names_app_and_ports() -> None:
    discovery = task(app(cmd="x", portDefinitions=[{"name": "http"}]), [31000]).discovery
    assert discovery is not None
    assert discovery.ports is not None
    assert discovery.name == "cart.shop"
    assert [(p.number, p.name, p.protocol) for p in discovery.ports.ports] == [
        (31000, "http", "tcp")
    ]


@pytest.mark.parametrize(
    ("check", "kind", "port"),
    [
        ({"protocol": "MESOS_HTTP", "path": "/h", "portIndex": 0}, "HTTP", 31000),
        ({"protocol": "MESOS_HTTPS"}, "HTTP", 31000),
        ({"protocol": "MESOS_TCP", "port": 99}, "TCP", 99),
        ({"protocol": "COMMAND", "command": {"value": "true"}}, "COMMAND", None),
    ],
)
def test_health_checks_that_mesos_makes_are_passed_on(
    check: dict[str, object], kind: str, port: int | None
) -> None:
    health_check = task(app(cmd="x", healthChecks=[check]), [31000]).health_check
    assert health_check is not None
    target = health_check.http or health_check.tcp
    assert health_check.type == kind
    assert (target.port if target else None) == port


@pytest.mark.parametrize("family", ["IPv4", "IPv6"])
@pytest.mark.parametrize("protocol", ["MESOS_HTTP", "MESOS_TCP"])
def test_the_address_family_of_a_check_is_written_as_mesos_writes_it(
    protocol: str, family: str
) -> None:
    check = {"protocol": protocol, "ipProtocol": family}
    health_check = task(app(cmd="x", healthChecks=[check]), [31000]).health_check
    assert health_check is not None
    target = health_check.http or health_check.tcp
    assert target is not None
    assert target.protocol == family


@pytest.mark.parametrize(
    ("check", "kind"),
    [
        ({"http": {"path": "/"}}, "HTTP"),
        ({"tcp": {}}, "TCP"),
        ({"exec": {"command": {"shell": "true"}}}, "COMMAND"),
    ],
)
def test_checks_are_passed_on(check: dict[str, object], kind: str) -> None:
    info = task(app(cmd="x", check=check), [31000]).check
    assert info is not None
    assert info.type == kind


def test_limits_are_passed_on() -> None:
    limits = task(app(cmd="x", resourceLimits={"cpus": 3}), [31000]).limits
    assert limits["cpus"].value == 3.0


def test_a_terminal_makes_a_container() -> None:
    container = task(app(cmd="x", tty=True), [31000]).container
    assert container is not None
    assert container.tty_info is not None
