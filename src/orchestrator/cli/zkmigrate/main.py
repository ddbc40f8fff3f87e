"""`zk-migrate`: keeps two ZooKeeper ensembles equal while both are written."""

from __future__ import annotations

import click

from orchestrator import __version__
from orchestrator.cli import errors
from orchestrator.cli.lazy import Lazy, LazyGroup

_SETTINGS = {"help_option_names": ["-h", "--help"], "max_content_width": 100}
_TOP = {
    "serve": Lazy("serve", "Run the server of syncs."),
    "sync": Lazy("main", "Begin, watch and end syncs."),
}
_SYNC = {
    "start": Lazy("start", "Begin to keep two ensembles equal."),
    "status": Lazy("showing", "Show how a sync goes, or all of them; --watch goes on showing."),
    "conflicts": Lazy("showing", "List the changes that did not go together."),
    "alerts": Lazy("showing", "List what the sync had to say."),
    "pause": Lazy("commanding", "Write nothing for now."),
    "resume": Lazy("commanding", "Go on writing."),
    "verify": Lazy("commanding", "Read both sides and compare; --repair puts them right."),
    "resolve": Lazy("commanding", "Decide a conflict that is held."),
    "authority": Lazy("commanding", "Have A or B elect in the election directories."),
    "stop": Lazy("commanding", "End a sync; both ensembles stay as they are."),
}


@click.group(
    cls=LazyGroup,
    package="orchestrator.cli.zkmigrate",
    sections={"Commands": _TOP},
    context_settings=_SETTINGS,
)
@click.version_option(__version__, prog_name="zk-migrate")
@click.option(
    "--log-format", type=click.Choice(["text", "json"]), default="text", help="On stderr."
)
@click.option(
    "--log-level",
    type=click.Choice(["debug", "info", "warning", "error"]),
    default="warning",
    help="The least that the server logs.",
)
def cli(log_format: str, log_level: str) -> None:
    """Keep two ZooKeeper ensembles equal: `zk-migrate serve`, then `zk-migrate sync start`.

    Exit codes: 0 done, 1 failed or refused, 2 usage, 3 the server does not answer, 4 no such sync.
    """


@click.group(
    cls=LazyGroup,
    package="orchestrator.cli.zkmigrate",
    sections={"Commands": _SYNC},
    context_settings=_SETTINGS,
)
def sync() -> None:
    """Begin, watch and end syncs, on the server that `zk-migrate serve` runs."""


def main() -> None:
    """Run the command."""
    errors.run(cli)


if __name__ == "__main__":
    main()
