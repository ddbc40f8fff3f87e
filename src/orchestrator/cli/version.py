"""`orchestrator version`."""

import click

from orchestrator import __version__


@click.command()
def version() -> None:
    """Print the version."""
    click.echo(__version__)
