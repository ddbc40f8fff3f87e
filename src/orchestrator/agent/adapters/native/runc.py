"""The program that makes containers of bundles: which one it is, and what it is told."""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import Mapping
from pathlib import Path

from orchestrator.agent.adapters.native.errors import NativeError

TIMEOUT_S = 30.0


def absence() -> str | None:
    """Why there are no containers here, in a sentence; None where there are."""
    if os.geteuid() != 0:
        return "Containers without Docker need an agent that runs as root"
    if shutil.which("runc") is None:
        return "Containers without Docker need the program runc (Debian: runc)"
    return None


class Runc:
    """runc with its state in a directory of our own."""

    def __init__(self, state: Path) -> None:
        self._state = state

    def run(
        self, container_id: str, bundle: Path, pid_file: Path, console_socket: str | None = None
    ) -> list[str]:
        """The command that starts a container and ends at once. Its last words say what failed.

        The terminal of a container that has one is handed over at ``console_socket``.
        """
        return [
            *self._command(bundle / "log"),
            *("run", "--detach", "--bundle", str(bundle), "--pid-file", str(pid_file)),
            *(("--console-socket", console_socket) if console_socket is not None else ()),
            container_id,
        ]

    def enter(
        self,
        container_id: str,
        variables: Mapping[str, str],
        pid_file: Path,
        *,
        has_terminal: bool = False,
    ) -> list[str]:
        """The beginning of a command that runs another one in a container, until that ends.

        In a terminal runc makes one inside, and passes on keys, output and the size of its own.
        """
        if has_terminal:
            variables = {"TERM": "xterm", **variables}
        given = [word for name, value in variables.items() for word in ("--env", f"{name}={value}")]
        return [
            *self._command(Path(os.devnull)),
            *("exec", "--pid-file", str(pid_file), *(("--tty",) if has_terminal else ()), *given),
            container_id,
        ]

    def knows(self, container_id: str) -> bool:
        """Whether there is anything to be deleted."""
        return (self._state / container_id).exists()

    def containers(self) -> list[str]:
        """The ids of all that it has state of."""
        return [path.name for path in self._state.iterdir()] if self._state.exists() else []

    async def delete(self, container_id: str) -> None:
        """End what still runs and remove its state and cgroups. Raises NativeError."""
        process = await asyncio.create_subprocess_exec(
            *self._command(Path(os.devnull)),
            *("delete", "--force", container_id),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
        )
        try:
            async with asyncio.timeout(TIMEOUT_S):
                _, complaint = await process.communicate()
        except TimeoutError:
            process.kill()
            await process.wait()
            raise NativeError(f"runc does not delete {container_id} in {TIMEOUT_S:g} s") from None
        if process.returncode != 0 and self.knows(container_id):
            text = complaint.decode(errors="replace").strip()
            raise NativeError(f"runc does not delete {container_id}: {text}")

    def _command(self, log: Path) -> list[str]:
        program = shutil.which("runc") or "runc"
        return [program, "--root", str(self._state), "--log", str(log)]
