"""What is made before the Engine is asked for a container: its sandbox, files, specification."""

from __future__ import annotations

import asyncio
from pathlib import Path

from orchestrator.agent.adapters import environment, sandbox
from orchestrator.agent.adapters.docker import spec
from orchestrator.agent.adapters.docker.outputs import Outputs
from orchestrator.agent.adapters.docker.spec import Places, Rules, Spec
from orchestrator.agent.adapters.environment import Surroundings
from orchestrator.agent.adapters.supplies import Supplies
from orchestrator.agent.core.task import Container


class Preparations:
    """Those of one agent."""

    def __init__(
        self,
        work_dir: Path,
        around: Surroundings,
        supplies: Supplies,
        rules: Rules,
        outputs: Outputs,
    ) -> None:
        self._work_dir = work_dir
        self._around = around
        self._supplies = supplies
        self._rules = rules
        self._outputs = outputs

    async def make(self, container: Container) -> tuple[Spec, Path]:
        """What to ask the Engine for, and the sandbox.

        Raises SandboxError, SecretError, SpecError, OutputError.
        """
        directory = await asyncio.to_thread(sandbox.prepare, self._work_dir, container, None)
        uris = container.command.uris if container.command else []
        reader = container.user if self._supplies.switch_user else None
        await self._supplies.fetcher.fetch(uris, directory, None, reader=reader)
        return await asyncio.to_thread(self._spec, container, directory), directory

    def _spec(self, container: Container, directory: Path) -> Spec:
        env = environment.of_docker(container, spec.SANDBOX, self._around)
        env["MESOS_CONTAINER_NAME"] = spec.name_of(container.id)
        volumes = container.info.volumes if container.info else []
        secrets = self._supplies.secret_files.prepare(container.id, volumes, None)
        places = Places(
            sandbox=str(directory),
            work_dir=str(self._work_dir),
            secrets={file.container_path: str(file.source) for file in secrets},
        )
        self._outputs.begin(container.id, directory)
        return spec.of(container, env, places, self._rules)
