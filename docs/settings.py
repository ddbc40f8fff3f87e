"""Writes docs/settings.md from the config structs that the servers run on: ``make docs``."""

from __future__ import annotations

from pathlib import Path

import msgspec

from orchestrator.agent.config import AgentConfig
from orchestrator.cli.servers.up import UpConfig
from orchestrator.marathon.config import MarathonConfig
from orchestrator.marathon.stopped import BackupConfig
from orchestrator.master.config import MasterConfig
from orchestrator.migration.config import MigrationConfig
from orchestrator.monitoring.app.config import AppConfig
from orchestrator.monitoring.probe.config import ProbeConfig
from orchestrator.runtime.config import Setting, settings_of

PAGE = Path(__file__).parent / "settings.md"
_SERVERS = {
    "up": UpConfig,
    "master": MasterConfig,
    "agent": AgentConfig,
    "marathon": MarathonConfig,
    "app": AppConfig,
    "probe": ProbeConfig,
}
_COMMANDS = {"marathon-backup": BackupConfig, "marathon-restore": BackupConfig}
_HEAD = """# Settings

Written by `make docs` from the config structs in the code; do not edit. How they are given is said
in [command-line.md](command-line.md): each has a flag, an environment variable and a key in the
file named with `--config` (the flag without the dashes in front, `data_dir` or `data-dir`).
"""


def page() -> str:
    """The whole page."""
    servers = [_section(f"orchestrator {name}", kind, name) for name, kind in _SERVERS.items()]
    commands = [
        _section(f"orchestrator {name}", kind, "marathon") for name, kind in _COMMANDS.items()
    ]
    sync = _section("zk-migrate serve", MigrationConfig, "zk_migrate")
    return "\n".join([_HEAD, *servers, *commands, sync])


def _section(command: str, kind: type[msgspec.Struct], server: str) -> str:
    rows = [_row(setting) for setting in settings_of(kind, server)]
    head = [f"## `{command}`", "", "| flag | variable | default | what |"]
    return "\n".join([*head, "|---|---|---|---|", *rows, ""])


def _row(setting: Setting) -> str:
    default = f"`{setting.default}`".replace("|", "\\|") if setting.default else ""
    what = setting.description.replace("|", "\\|")
    return f"| `{setting.flag}` | `{setting.variable}` | {default} | {what} |"


if __name__ == "__main__":
    PAGE.write_text(page())
