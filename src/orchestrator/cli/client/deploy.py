"""`orchestrator deploy`."""

from __future__ import annotations

from typing import TextIO

import click
import msgspec

from orchestrator.cli.client import follow, output
from orchestrator.cli.client.api import Answer, Api
from orchestrator.cli.client.wire import Change
from orchestrator.cli.errors import SettingError

_Document = dict[str, object]


@click.command()
@click.argument("file", type=click.File(encoding="utf-8"))
@output.force
@follow.options
@output.as_json
@output.marathon
def deploy(file: TextIO, marathon: Api, as_json: bool, force: bool, how: follow.How) -> None:
    """Deploy the apps of FILE ("-" for stdin) and follow until all of them run.

    The file holds one Marathon app or a list of apps, as JSON or YAML. Apps that exist are changed
    to what the file says. Exit code 1 when the deployment fails or takes longer than --timeout.
    """
    apps = read_apps(file)
    answer = _submit(marathon, apps, force)
    change = marathon.decode(Change, answer)
    if as_json:
        click.echo(msgspec.json.encode(change).decode())
    follow.follow(marathon, change, [output.normalised(str(app["id"])) for app in apps], how)


def read_apps(file: TextIO) -> list[_Document]:
    """The apps in a file: one, a list, or several YAML documents. Raises SettingError."""
    try:
        text = file.read()
    except UnicodeDecodeError:
        raise SettingError(f"{file.name} is not text") from None
    found = [app for document in _documents(text, file.name) for app in _flattened(document)]
    apps = [_checked(app, file.name) for app in found]
    if not apps:
        raise SettingError(f"{file.name} holds no app")
    return apps


def _documents(text: str, name: str) -> list[object]:
    try:
        return [msgspec.json.decode(text)]
    except msgspec.DecodeError as error:
        if name.endswith(".json") or text.lstrip()[:1] in ("{", "["):
            raise SettingError(f"{name} is not valid JSON: {error}") from None
    return _yaml_documents(text, name)


def _yaml_documents(text: str, name: str) -> list[object]:
    import yaml  # noqa: PLC0415  # most files are JSON

    try:
        return [document for document in yaml.safe_load_all(text) if document is not None]
    except yaml.YAMLError as error:
        reason = " ".join(str(error).split())
        raise SettingError(f"{name} is neither JSON nor YAML: {reason}") from None


def _flattened(document: object) -> list[object]:
    return document if isinstance(document, list) else [document]


def _checked(app: object, name: str) -> _Document:
    if not isinstance(app, dict):
        raise SettingError(f"{name} must hold an app or a list of apps, not {app!r}")
    if not isinstance(app.get("id"), str) or not app["id"].strip("/"):
        raise SettingError(f'{name} holds an app without an id, such as "id": "/web"')
    return app


def _submit(marathon: Api, apps: list[_Document], force: bool) -> Answer:
    if len(apps) == 1:
        path = output.app_path(str(apps[0]["id"]))
        return marathon.request("PUT", path, apps[0], partialUpdate="false", force=force)
    return marathon.request("PUT", "/v2/apps", apps, partialUpdate="false", force=force)
