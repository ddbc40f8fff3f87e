"""An agent that is killed at any instant of a join or a leave: the next one undoes all of it."""

from __future__ import annotations

import asyncio
import random
import sys
from pathlib import Path

from tests.integration.network.conftest import MakeNetworks
from tests.integration.network.containers import container, joins, names
from tests.support.hosts import Host

ROUNDS = 6
LONGEST_S = 0.7

_AGENT = """
import asyncio, sys
from functools import partial
from pathlib import Path
from tests.integration.network.containers import container, joins
from orchestrator.agent.adapters.network import configurations
from orchestrator.agent.adapters.network.cni.plugins import Plugins
from orchestrator.agent.adapters.network.networks import ContainerNetworks

directory, configured, plugins = map(Path, sys.argv[1:4])

async def come_and_go(networks, number):
    while True:
        await networks.attach(container(f"c{number}", joins(ports=[(31000 + number, 80)])))
        await networks.detach(f"c{number}")

async def main():
    read = partial(configurations.read, [configured])
    networks = ContainerNetworks(directory, read, Plugins([plugins]))
    print("ready", flush=True)
    await asyncio.gather(*(come_and_go(networks, number) for number in range(3)))

asyncio.run(main())
"""


async def test_nothing_is_left_after_any_number_of_crashes(
    make_networks: MakeNetworks, host: Host, directory: Path, configured: Path, tmp_path: Path
) -> None:
    networks = make_networks()
    await networks.attach(container("first", joins(ports=[(31009, 80)])))
    await networks.detach("first")
    devices, rules = host.devices(), host.rules()
    for _ in range(ROUNDS):
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-c", _AGENT, str(directory), str(configured), str(host.plugins),
            stdout=asyncio.subprocess.PIPE,
        )  # fmt: skip
        assert process.stdout and await process.stdout.readline() == b"ready\n"
        await asyncio.sleep(random.uniform(0, LONGEST_S))
        process.kill()
        await process.communicate()
        await make_networks().recover(set())
        assert names(directory) == []
        assert host.devices() == devices
        assert host.rules() == rules
        assert names(tmp_path / "addresses" / "mesos-bridge", "10.*") == []
