"""`orchestrator deployments`."""

from __future__ import annotations

import click

from orchestrator.cli.client import output
from orchestrator.cli.client.api import Api
from orchestrator.cli.client.wire import Deployment

_HEADINGS = ("DEPLOYMENT", "APPS", "STEP", "DOING", "AGE")


@click.command()
@output.as_json
@output.marathon
def deployments(marathon: Api, as_json: bool) -> None:
    """List the deployments in progress."""
    answer = marathon.request("GET", "/v2/deployments")
    if as_json:
        output.print_json(answer)
        return
    rows = [_row(deployment) for deployment in marathon.decode(list[Deployment], answer)]
    output.print_table(_HEADINGS, rows, empty="No deployment is in progress.")


def _row(deployment: Deployment) -> tuple[str, ...]:
    actions = [f"{one.action} {one.app or one.pod}" for one in deployment.current_actions]
    return (
        deployment.id,
        ",".join([*deployment.affected_apps, *deployment.affected_pods]),
        f"{deployment.current_step}/{deployment.total_steps}",
        ", ".join(actions),
        output.age(deployment.version),
    )
