"""``.taskmaster/orchestrator.toml``: what `next --auto` runs, and where the status is sent to.

[next]
command = ["make", "task"]     # run with TASK_ID, TASK_TITLE, TASK_PRIORITY and TASK_STATE
timeout_s = 3600

[webhook]
url = "https://example.com/hook"
secret_env = "HOOK_SECRET"     # the variable with the secret; never the secret itself
"""

from __future__ import annotations

import tomllib
from pathlib import Path

import msgspec

from orchestrator.taskmaster.adapters.state import DIRECTORY


class SettingsError(Exception):
    """The settings are wrong: a sentence."""


class Next(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is run for a task that was claimed."""

    command: tuple[str, ...] = ()
    timeout_s: float = 3600.0


class Webhook(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where a status goes to."""

    url: str = ""
    secret_env: str = "TASKMASTER_WEBHOOK_SECRET"


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """All settings."""

    next: Next = Next()
    webhook: Webhook = Webhook()


def read(root: Path) -> Settings:
    """Those of a project. Raises SettingsError."""
    path = root / DIRECTORY / "orchestrator.toml"
    try:
        raw = tomllib.loads(path.read_text())
        return msgspec.convert(raw, Settings)
    except FileNotFoundError:
        return Settings()
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, msgspec.ValidationError) as error:
        raise SettingsError(f"{path}: {error}") from None
