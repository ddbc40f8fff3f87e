"""How fast containers start: ``python -m benchmarks.container``.

Commands, through the real supervisor, each in cgroups of its own with its limits in force:

``processes_per_s``        tasks of ``/bin/true`` a second, 64 at a time, from order to exit
``process_cpu_ms``         processor time of one: the supervisor's, the agent's and the task's own;
                           below 2, two cores without other work run 1,000 a second
``without_cgroups_per_s``  the same without cgroups
``bare_per_s``             posix_spawn and wait of the same program by one process, 64 at a time
``ratio_to_bare``          the first by the last; the median of the rounds' ratios

Docker, one container at a time, both ways in every round:

``docker_start_ms``        by the agent's Docker containerizer, from its order to "it runs"
``engine_start_ms``        create and start of the same container over the bare Engine API
``docker_start_ratio``     the median of the rounds' ratios

Native containers of runc, by the Mesos containerizer, image and overlay included:

``native_start_ms``        from the order to "it runs", one at a time
``native_rate_per_s``      containers started a second, 4 at a time
``native_rate_ratio``      that rate by Docker's, 4 at a time over the bare Engine API

The Engine is one that this benchmark starts, which needs root and dockerd; without, its figures
are left out and standard error says so. All figures are medians.
"""

from __future__ import annotations

import asyncio

from benchmarks import harness
from benchmarks.containers import commands, docker, native


async def run(*, is_quick: bool) -> dict[str, float]:
    """All figures, one kind of container after the other."""
    return {
        **await commands.figures(is_quick=is_quick),
        **await docker.figures(is_quick=is_quick),
        **await native.figures(is_quick=is_quick),
    }


def main() -> None:
    """Run the rounds and print the figures."""
    arguments = harness.parser("How fast containers start.").parse_args()
    found = asyncio.run(run(is_quick=arguments.quick))
    harness.report("container", found, arguments.json)


if __name__ == "__main__":
    main()
