"""Follows a deployment until it is done, has failed, or takes longer than one wants to wait.

Polled and not streamed: three small calls a quarter of a second apart work with every Marathon and
through every proxy, and nothing is missed between them.
"""

from __future__ import annotations

import functools
import time
from collections.abc import Callable, Sequence
from typing import NamedTuple

import click

from orchestrator.cli.client import display
from orchestrator.cli.client.api import Api
from orchestrator.cli.client.output import app_path
from orchestrator.cli.client.progress import Progress, progress_of, removal_of
from orchestrator.cli.client.wire import App, AppAnswer, Change, Deployment, Queue
from orchestrator.cli.errors import CommandError, UnknownError

_POLL_S = 0.25


class How(NamedTuple):
    """Whether to wait for a deployment, and how long (seconds)."""

    wait: bool
    timeout_s: float


def options(command: Callable[..., None]) -> Callable[..., None]:
    """Add ``--wait/--no-wait`` and ``--timeout``; the command gets them as ``how``."""

    @click.option("--wait/--no-wait", default=True, help="Follow the deployment (the default).")
    @click.option(
        "--timeout",
        type=click.FloatRange(min=0, min_open=True),
        default=600.0,
        show_default=True,
        metavar="SECONDS",
        help="Give up following after so long; the deployment goes on.",
    )
    @functools.wraps(command)
    def with_how(*, wait: bool, timeout: float, **rest: object) -> None:
        command(how=How(wait, timeout), **rest)

    return with_how


def follow(
    marathon: Api, change: Change, app_ids: Sequence[str], how: How, *, is_removal: bool = False
) -> None:
    """Show the progress until the deployment is done. Raises CommandError when it is not."""
    if not how.wait:
        click.echo(f"deployment {change.deployment} has begun", err=True)
        return
    began = time.monotonic()
    try:
        _watch(marathon, change, app_ids, began + how.timeout_s, is_removal)
    except KeyboardInterrupt:
        sentence = "not following any more; the deployment goes on (`orchestrator deployments`)"
        raise CommandError(sentence) from None
    if not is_removal:
        _check_outcome(marathon, change, app_ids)
    verb = "removed" if is_removal else "deployed"
    click.echo(f"{verb} {', '.join(app_ids)} in {time.monotonic() - began:.1f} s", err=True)


def _watch(
    marathon: Api, change: Change, app_ids: Sequence[str], deadline: float, is_removal: bool
) -> None:
    with display.shown() as show:
        while True:
            is_pending = _is_pending(marathon, change)
            progress = _look(marathon, app_ids, is_removal)
            show(progress)
            if not is_pending:
                return
            if time.monotonic() > deadline:
                raise _took_too_long(change, progress)
            time.sleep(_POLL_S)


def _is_pending(marathon: Api, change: Change) -> bool:
    deployments = marathon.get(list[Deployment], "/v2/deployments")
    return any(deployment.id == change.deployment for deployment in deployments)


def _look(marathon: Api, app_ids: Sequence[str], is_removal: bool) -> list[Progress]:
    apps = [app for app_id in app_ids if (app := _app(marathon, app_id)) is not None]
    if is_removal:
        return [removal_of(app) for app in apps]
    queue = marathon.get(Queue, "/v2/queue").queue
    queued = {item.app.id: item for item in queue if item.app is not None}
    return [progress_of(app, queued.get(app.id)) for app in apps]


def _app(marathon: Api, app_id: str) -> App | None:
    try:
        return marathon.get(AppAnswer, app_path(app_id)).app
    except UnknownError:
        return None


def _check_outcome(marathon: Api, change: Change, app_ids: Sequence[str]) -> None:
    """A deployment that is gone has ended, not necessarily well.

    It may have been replaced by another, and tasks that ran for a moment may have failed since.
    """
    for app_id in app_ids:
        app = _app(marathon, app_id)
        if app is None:
            raise CommandError(f"{app_id} was removed while it was deployed")
        if app.version > change.version:
            raise CommandError(f"{app_id} was rolled back or changed again while it was deployed")
    for progress in _look(marathon, app_ids, is_removal=False):
        if progress.ready < progress.wanted:
            raise CommandError(f"the deployment is done, but its tasks did not last: {progress}")


def _took_too_long(change: Change, progress: Sequence[Progress]) -> CommandError:
    unfinished = "; ".join(str(app) for app in progress if app.waits_for or app.ready < app.wanted)
    return CommandError(
        f"deployment {change.deployment} is not done yet and goes on ({unfinished or 'waiting'})"
    )
