"""The page of settings is that of the code, and the page of commands names them all."""

import importlib.util
from pathlib import Path
from typing import Any

import click

from orchestrator.cli.errors import Exit
from orchestrator.cli.main import cli

DOCS = Path(__file__).parents[3] / "docs"


def test_the_settings_are_those_of_the_code() -> None:
    spec = importlib.util.spec_from_file_location("settings_page", DOCS / "settings.py")
    assert spec
    assert spec.loader
    settings: Any = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(settings)
    assert settings.PAGE.read_text() == settings.page(), "run `make docs`"


def test_every_command_and_exit_code_is_explained() -> None:
    page = (DOCS / "command-line.md").read_text()
    commands = [name for name in cli.list_commands(click.Context(cli)) if name != "version"]
    assert [name for name in commands if f"`{name}" not in page and f" {name}`" not in page] == []
    assert [code for code in Exit if f"| {code} |" not in page] == []
