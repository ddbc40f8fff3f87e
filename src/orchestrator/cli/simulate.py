"""`orchestrator simulate`: play a cluster's fate from a seed, one of them or many."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from itertools import islice
from multiprocessing import get_context

import click

from orchestrator.cli.errors import CommandError, SettingError
from orchestrator.simulator import Fault, Options, Outcome, Run

SHOWN_LINES = 60
_BATCH = 20


@click.command()
@click.option("--seed", type=int, help="Replay this seed, and show how it went.")
@click.option("--seeds", type=click.IntRange(1), help="Play so many seeds, one after the other.")
@click.option("--first", default=0, show_default=True, help="The first of --seeds.")
@click.option("--minutes", default=1.0, show_default=True, help="Virtual time with faults.")
@click.option("--events", type=int, help="End the faults after so many events, if that is sooner.")
@click.option(
    "--faults",
    default=",".join(Fault),
    show_default=True,
    help="The kinds of fault that may strike; empty for none.",
)
@click.option("--trace", is_flag=True, help="With --seed: show everything that happened.")
def simulate(
    seed: int | None,
    seeds: int | None,
    first: int,
    minutes: float,
    events: int | None,
    faults: str,
    trace: bool,
) -> None:
    """Play a whole cluster on a virtual clock, with faults, from a seed.

    Master, agents and frameworks are real; the network, disks, processes and the clock are not.
    After every event it is checked that nothing is lost, done twice or given away twice. The same
    seed always takes the same course.
    """
    options = Options(
        minutes=minutes, events=events, faults=_faults(faults), trace=None if trace else 2_000
    )
    if (seed is None) == (seeds is None):
        raise SettingError("say either --seed N, to replay one, or --seeds COUNT")
    if seed is not None:
        _replay(seed, options, is_whole=trace)
    elif seeds is not None:
        _play(range(first, first + seeds), options)


def _faults(text: str) -> frozenset[Fault]:
    try:
        return frozenset(Fault(name.strip()) for name in text.split(",") if name.strip())
    except ValueError as error:
        raise SettingError(f"--faults: {error}; there are {', '.join(Fault)}") from None


def _replay(seed: int, options: Options, *, is_whole: bool) -> None:
    run = Run(seed, options)
    outcome = run.outcome()
    if is_whole or outcome.violation:
        lines = list(run.trace.lines())
        for line in lines if is_whole else lines[-SHOWN_LINES:]:
            click.echo(line)
    if outcome.violation:
        raise CommandError(f"seed {seed}, after {outcome.events} events: {outcome.violation}")
    click.echo(f"seed {seed}: all well, {outcome.events} events in {outcome.virtual_s:.0f} s")


def _play(seeds: range, options: Options) -> None:
    began_at = time.monotonic()
    events, failed = 0, []
    with click.progressbar(length=len(seeds), label=f"{len(seeds)} seeds") as bar:
        for outcome in survey(seeds, options):
            bar.update(1)
            events += outcome.events
            if outcome.violation:
                failed.append(outcome)
    for outcome in failed:
        click.echo(f"seed {outcome.seed}: {outcome.violation}")
    took_s = time.monotonic() - began_at
    click.echo(f"{len(seeds)} seeds, {events} events, {took_s:.0f} s, {len(failed)} violations")
    if failed:
        seed = failed[0].seed
        raise CommandError(f"replay with: orchestrator simulate --seed {seed}")


def survey(seeds: Sequence[int], options: Options, workers: int | None = None) -> Iterator[Outcome]:
    """The outcomes of seeds, played on all cores (or ``workers``), in order."""
    batches = [seeds[start : start + _BATCH] for start in range(0, len(seeds), _BATCH)]
    workers = workers or os.cpu_count() or 1
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        waiting = iter(batches)
        queue = [pool.submit(play, batch, options) for batch in islice(waiting, 2 * workers)]
        while queue:  # bounded: a million seeds are not a million waiting calls
            yield from queue.pop(0).result()
            queue += [pool.submit(play, batch, options) for batch in islice(waiting, 1)]


def play(seeds: Sequence[int], options: Options) -> list[Outcome]:
    """The outcomes of seeds, played here."""
    return [Run(seed, options).outcome() for seed in seeds]
