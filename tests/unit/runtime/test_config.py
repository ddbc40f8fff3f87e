"""Settings: precedence, and one sentence for each way to get them wrong."""

from pathlib import Path
from typing import Annotated, Literal

import click
import msgspec
import pytest
from click.testing import CliRunner
from msgspec import Meta

from orchestrator.runtime.config import ConfigError, configured, load


class Config(msgspec.Struct, frozen=True, kw_only=True):
    """The settings of a made-up server."""

    data_dir: Annotated[Path, Meta(description="Where state is kept.")] = Path("/var/lib/x")
    port: Annotated[int, Meta(description="Port to listen on.", ge=0, le=65535)] = 5050
    log_format: Annotated[Literal["json", "text"], Meta(description="Form of the log.")] = "text"
    is_strict: Annotated[bool, Meta(description="Refuse more.")] = False
    ratio: float | None = None
    roles: tuple[str, ...] = ()
    attributes: dict[str, str] = {}

    def __post_init__(self) -> None:
        if self.is_strict and not self.roles:
            raise ValueError("a strict server needs roles")


class Demanding(msgspec.Struct, frozen=True, kw_only=True):
    master: str


def _load(
    flags: dict[str, object] | None = None,
    env: dict[str, str] | None = None,
    file: Path | None = None,
) -> Config:
    return load(Config, "demo", flags=flags or {}, env=env or {}, file=file)


def _file(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "demo.yaml"
    path.write_text(text)
    return path


def test_defaults_stand_when_nothing_is_given() -> None:
    assert _load() == Config()


def test_the_file_wins_over_the_default(tmp_path: Path) -> None:
    assert _load(file=_file(tmp_path, "port: 1")).port == 1


def test_the_environment_wins_over_the_file(tmp_path: Path) -> None:
    file = _file(tmp_path, "port: 1")
    assert _load(env={"ORCHESTRATOR_DEMO_PORT": "2"}, file=file).port == 2


def test_a_flag_wins_over_the_environment() -> None:
    assert _load(flags={"port": "3"}, env={"ORCHESTRATOR_DEMO_PORT": "2"}).port == 3


def test_a_flag_that_was_not_given_hides_nothing() -> None:
    assert _load(flags={"port": None}, env={"ORCHESTRATOR_DEMO_PORT": "2"}).port == 2


def test_text_becomes_the_type_of_the_field() -> None:
    config = _load(
        flags={
            "data_dir": "/tmp/x",
            "is_strict": True,
            "ratio": "0.5",
            "roles": "a, b",
            "attributes": "{rack: r1}",
        }
    )
    assert config == Config(
        data_dir=Path("/tmp/x"),
        is_strict=True,
        ratio=0.5,
        roles=("a", "b"),
        attributes={"rack": "r1"},
    )


def test_the_file_may_hold_lists_mappings_and_hyphens(tmp_path: Path) -> None:
    config = _load(file=_file(tmp_path, "data-dir: ~/x\nroles: [a]\nattributes: {rack: r1}\n"))
    assert config.data_dir == Path("~/x").expanduser()
    assert (config.roles, config.attributes) == (("a",), {"rack": "r1"})


def test_an_empty_file_changes_nothing(tmp_path: Path) -> None:
    assert _load(file=_file(tmp_path, "")) == Config()


@pytest.mark.parametrize(
    ("flags", "env", "text", "sentence"),
    [
        ({"port": "x"}, {}, "", "--port: 'x' is not valid: expected int"),
        ({"port": "70000"}, {}, "", "--port: '70000' is not valid: expected int <= 65535"),
        ({"data_dir": ""}, {}, "", "--data-dir: '' is not valid: expected a path"),
        ({"attributes": "{"}, {}, "", "--attributes: '{' is not valid YAML"),
        ({}, {"ORCHESTRATOR_DEMO_PORT": ""}, "", "ORCHESTRATOR_DEMO_PORT: '' is not valid"),
        ({}, {"ORCHESTRATOR_DEMO_LOG_FORMAT": "xml"}, "", "LOG_FORMAT: 'xml' is not valid"),
        ({"is_strict": True}, {}, "", "a strict server needs roles"),
        ({}, {}, "port: [1]", "demo.yaml: port: [1] is not valid: expected int"),
        ({}, {}, "prot: 1", "demo.yaml: unknown key 'prot'; known are data_dir, port"),
        ({}, {}, "- 1", "demo.yaml must hold keys and values"),
        ({}, {}, "a: [", "demo.yaml is not valid YAML"),
    ],
)
def test_a_wrong_setting_is_one_sentence_with_its_source(
    tmp_path: Path,
    flags: dict[str, object],
    env: dict[str, str],
    text: str,
    sentence: str,
) -> None:
    with pytest.raises(ConfigError) as error:
        _load(flags, env, _file(tmp_path, text))
    assert sentence in str(error.value)
    assert "\n" not in str(error.value)


def test_a_losing_setting_is_checked_too() -> None:
    with pytest.raises(ConfigError, match="ORCHESTRATOR_DEMO_PORT"):
        _load(flags={"port": "1"}, env={"ORCHESTRATOR_DEMO_PORT": "x"})


def test_a_missing_setting_is_named_with_its_places() -> None:
    with pytest.raises(ConfigError, match=r"--master, ORCHESTRATOR_DEMO_MASTER or the config file"):
        load(Demanding, "demo", flags={}, env={})


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"cannot read the config file .*none\.yaml: No such"):
        _load(file=tmp_path / "none.yaml")


@click.command()
@configured(Config, "demo")
def demo(config: Config) -> None:
    """A made-up server."""
    click.echo(repr((config.port, config.is_strict, config.roles)))


def test_a_command_takes_every_field_as_a_flag() -> None:
    result = CliRunner().invoke(demo, ["--port", "7", "--is-strict", "--roles", "a,b"])
    assert (result.exit_code, result.stdout) == (0, "(7, True, ('a', 'b'))\n")


def test_a_command_reads_environment_and_file(tmp_path: Path) -> None:
    file = _file(tmp_path, "is_strict: true\nroles: [c]")
    env = {"ORCHESTRATOR_DEMO_PORT": "8"}
    result = CliRunner().invoke(demo, ["--config", str(file)], env=env)
    assert result.stdout == "(8, True, ('c',))\n"


def test_a_wrong_flag_is_a_usage_error() -> None:
    result = CliRunner().invoke(demo, ["--port", "x"])
    assert result.exit_code == 2
    assert "--port: 'x' is not valid" in result.stderr


def test_help_describes_each_setting() -> None:
    text = " ".join(CliRunner().invoke(demo, ["--help"]).stdout.split())
    assert "--data-dir DIR Where state is kept. [default: /var/lib/x]" in text
    assert "[env: ORCHESTRATOR_DEMO_DATA_DIR]" in text
    assert "--is-strict / --no-is-strict" in text
