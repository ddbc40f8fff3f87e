"""The settings of `orchestrator up`, and how agents share the machine."""

from pathlib import Path

from click.testing import CliRunner

from orchestrator.cli.main import cli
from orchestrator.cli.servers import shares
from orchestrator.cli.servers.up import UpConfig
from orchestrator.mesos import resource_wire
from orchestrator.mesos.resources import total


def test_each_agent_has_a_port_of_its_own() -> None:
    ports = [port for port, _ in UpConfig(agents=3).listeners()]
    assert ports == [5051, 5052, 5053, 5050, 8080, 4040]


def test_ports_that_overlap_are_refused() -> None:
    result = CliRunner().invoke(cli, ["up", "--agents", "3", "--marathon-port", "5053"])
    assert result.exit_code == 2
    assert "--marathon-port and --app-port overlap" in result.stderr


def test_one_agent_detects_the_machine_itself(tmp_path: Path) -> None:
    assert shares.of_this_machine(1, tmp_path) == [""]


def test_several_agents_share_the_machine(tmp_path: Path) -> None:
    parts = [resource_wire.parse(text) for text in shares.of_this_machine(3, tmp_path)]
    assert total(parts).ranges("ports") == ((31000, 32000),)
    assert len({part.milli("cpus") for part in parts}) == 1
    assert all(part.milli("mem") > 0 and part.ranges("ports") for part in parts)


def test_a_data_directory_that_cannot_be_written_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    result = CliRunner().invoke(cli, ["up", "--data-dir", str(tmp_path / "file" / "data")])
    assert result.exit_code == 1
    assert "Error: cannot use the data directory" in result.stderr
    assert result.stdout == ""


def test_an_address_of_another_machine_is_a_sentence(tmp_path: Path) -> None:
    result = CliRunner().invoke(cli, ["up", "--data-dir", str(tmp_path), "--host", "192.0.2.1"])
    assert result.exit_code == 1
    assert "cannot listen on port" in result.stderr
