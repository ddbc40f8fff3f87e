"""`orchestrator top`."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import sys

import click
import msgspec
from rich.console import Console
from rich.live import Live

from orchestrator.cli import tables
from orchestrator.cli.errors import CommandError, NotReachableError, SettingError
from orchestrator.cli.top import feed, listing, screen
from orchestrator.cli.top.choice import SORTS, Choice, pressed
from orchestrator.cli.top.keyboard import keys
from orchestrator.monitoring.render import query as queries
from orchestrator.monitoring.render.mirror import Mirror
from orchestrator.monitoring.render.views import VIEWS

_ALIASES = {"tasks": "mesos-tasks", "apps": "marathon-apps"}
_REDRAW_S = 0.1  # between two drawings: what a terminal far away can follow
_COLOURS = {"running": "green", "paused": "yellow", "exited": "red", "dead": "red"}


@click.command()
@click.argument("wanted", nargs=-1, metavar="[VIEW [FILTER]...]")
@click.option(
    "--app",
    "url",
    envvar="ORCHESTRATOR_APP_URL",
    default="http://127.0.0.1:4040",
    metavar="URL",
    show_default=True,
    show_envvar=True,
    help="Where the monitoring app is.",
)
@click.option("--token", envvar="ORCHESTRATOR_APP_TOKEN", default="", show_envvar=True,
              help="Token for an app that asks for one.")  # fmt: skip
@click.option("--sort", default=SORTS[0], show_default=True,
              help="Metric (its name may be shortened), the highest first; or `name`.")  # fmt: skip
@click.option("--limit", "-n", type=click.IntRange(min=1), help="Rows at most, with --once.")
@click.option("--once", is_flag=True, help="Print the table once and end.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON once and end.")
def top(
    wanted: tuple[str, ...],
    url: str,
    token: str,
    sort: str,
    limit: int | None,
    once: bool,
    as_json: bool,
) -> None:
    """Show what runs where, live: containers, or another VIEW such as hosts, processes, tasks.

    FILTER is as everywhere in the monitoring app: `orchestrator top processes 'cpu > 4%' nginx`.
    Keys change the view, the order and the filter; where stdout is no terminal, the table is
    printed once.
    """
    choice = Choice(_view(*wanted[:1]), _query(" ".join(wanted[1:])), sort)
    source = feed.Source(_url(url), token)
    try:
        if as_json or once or not sys.stdout.isatty():
            mirror = asyncio.run(_once(source, choice))
            _print(mirror, choice, limit, as_json)
        else:
            asyncio.run(_live(source, choice))
    except feed.RefusedError as error:
        raise CommandError(str(error)) from None
    except feed.LostError as error:
        raise NotReachableError(str(error)) from None


async def _once(source: feed.Source, choice: Choice) -> Mirror:
    return await feed.read_once(source, choice.view, choice.query)


def _print(mirror: Mirror, choice: Choice, limit: int | None, as_json: bool) -> None:
    nodes = listing.ordered(mirror.nodes().values(), choice.sort)[:limit]
    if as_json:
        document = [listing.as_document(node) for node in nodes]
        click.echo(msgspec.json.format(msgspec.json.encode(document), indent=2).decode())
        return
    columns = listing.columns_of(mirror.metrics, choice.sort)
    tables.print_table(
        listing.headings(columns),
        [listing.cells(node, columns) for node in nodes],
        empty=f"Nothing is seen among the {choice.view}.",
        colours=_COLOURS,
    )


class _Session:
    """What is on the screen, and what has to be drawn anew."""

    def __init__(self, choice: Choice) -> None:
        self.choice = choice
        self.mirror: Mirror | None = None
        self.problem = ""
        self.refused = ""
        self.has_ended = False
        self.has_news = asyncio.Event()
        self.has_news.set()

    def show(self, mirror: Mirror) -> None:
        """The view has changed."""
        self.mirror, self.problem = mirror, ""
        self.has_news.set()

    def lose(self, sentence: str) -> None:
        """There is no connection."""
        self.problem = sentence
        self.has_news.set()

    def press(self, key: str) -> None:
        """A key was pressed."""
        chosen = pressed(self.choice, key)
        if chosen is None:
            self.end()
            return
        try:
            queries.parse(chosen.query)
        except queries.QueryError as error:
            self.lose(str(error))
            chosen = chosen._replace(query=self.choice.query)
        self.choice = chosen
        self.has_news.set()

    def end(self) -> None:
        """Enough."""
        self.has_ended = True
        self.has_news.set()


async def _live(source: feed.Source, choice: Choice) -> None:
    session, loop = _Session(choice), asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, session.end)
    loop.add_signal_handler(signal.SIGWINCH, session.has_news.set)
    console = Console()
    with (
        keys(session.press, session.end),
        Live(console=console, screen=True, auto_refresh=False) as live,
    ):
        await _draw(source, session, console, live)


async def _draw(source: feed.Source, session: _Session, console: Console, live: Live) -> None:
    """Until the end; a new connection whenever something else is chosen. Raises RefusedError."""
    followed: Choice | None = None
    following: asyncio.Task[None] | None = None
    try:
        while not session.has_ended:
            chosen = session.choice
            if followed is None or (followed.view, followed.query) != (chosen.view, chosen.query):
                await _stop(following)
                session.mirror, followed = None, chosen
                following = asyncio.create_task(
                    feed.follow(source, chosen.view, chosen.query, session.show, session.lose)
                )
                following.add_done_callback(lambda _task: session.has_news.set())
            if following is not None and following.done():
                following.result()
            picture = screen.drawn(chosen, session.mirror, session.problem, console)
            live.update(picture, refresh=True)
            await asyncio.sleep(_REDRAW_S)
            await session.has_news.wait()
            session.has_news.clear()
    finally:
        await _stop(following)


async def _stop(task: asyncio.Task[None] | None) -> None:
    if task is not None and not task.done():
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


def _view(name: str = "containers") -> str:
    found = _ALIASES.get(name, name)
    if found not in VIEWS:
        raise SettingError(f"there is no view {name!r}: use one of {', '.join(sorted(VIEWS))}")
    return found


def _query(text: str) -> str:
    try:
        queries.parse(text)
    except queries.QueryError as error:
        raise SettingError(str(error)) from None
    return text


def _url(url: str) -> str:
    found = url if "//" in url else f"http://{url}"
    if not found.startswith(("http://", "https://")):
        raise SettingError(f"{url!r} is not the URL of a monitoring app: use http://host:port")
    return found.rstrip("/")
