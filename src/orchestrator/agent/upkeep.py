"""What an agent does beside running tasks: fetch files, keep logs, tidy up. Put together here."""

from __future__ import annotations

from collections.abc import Coroutine, Iterable, Mapping
from pathlib import Path

from prometheus_client.core import Metric

from orchestrator.agent.adapters.fetcher import Fetcher, Limits
from orchestrator.agent.adapters.garbage import Collector, Policy
from orchestrator.agent.adapters.logs import sources
from orchestrator.agent.adapters.logs.book import LogBook
from orchestrator.agent.adapters.logs.ledger import Ledger
from orchestrator.agent.adapters.logs.rotation import RotationLimits, Rotator
from orchestrator.agent.adapters.logs.shipper import Shipper
from orchestrator.agent.adapters.logs.sinks import sink_from
from orchestrator.agent.adapters.secrets import KeptSecrets, SecretFiles, resolver_from
from orchestrator.agent.adapters.volume_removal import VolumeRemoval
from orchestrator.agent.config import AgentConfig
from orchestrator.agent.core.agent import Agent
from orchestrator.agent.core.sizes import parse_bytes
from orchestrator.runtime.config import ConfigError
from orchestrator.runtime.metrics import counter, gauge


class Upkeep:
    """``work`` is to run as long as the agent does, then ``close``. Raises ConfigError."""

    def __init__(self, config: AgentConfig, work_dir: Path, agent: Agent) -> None:
        self.secrets = resolver_from(config.secrets_dir)
        self.secret_files = SecretFiles(work_dir, self.secrets)
        self.secret_files.sweep(agent.book.holds)
        self._agent = agent
        self._kept_secrets = KeptSecrets(work_dir)
        self._kept_secrets.sweep(agent.book.holds)
        self.fetcher = _fetcher(config, work_dir)
        self._ledger = Ledger(work_dir / "logs.db")
        book = LogBook(
            self._ledger,
            known=lambda: sources.containers(agent.book),
            find=lambda id_: sources.source_of(agent.book, work_dir, id_),
            ships=bool(config.log_sink),
        )
        self._rotator = Rotator(book, _rotation_limits(config))
        self._shipper = _shipper(config, book, agent.host.hostname)
        self._garbage = Collector(work_dir, _policy(config), agent.book.holds, self._on_removed)
        self.volumes = VolumeRemoval(work_dir, agent.info.resources)

    def work(self) -> list[Coroutine[None, None, None]]:
        """All that runs in the background."""
        always = [self._garbage.run(), self._rotator.run(), self.volumes.run()]
        return [*always, *([self._shipper.run()] if self._shipper else [])]

    async def close(self) -> None:
        """When nothing of ``work`` runs any more."""
        await self.fetcher.close()
        self._ledger.close()

    def launching(self, container_id: str) -> None:
        """The container is known for good, and about to be started."""
        book = self._agent.book
        if (owner := book.get(container_id) or book.get_executor(container_id)) is not None:
            self._kept_secrets.keep(owner)

    def forget(self, container_id: str) -> None:
        """The container has ended, and that is known for good."""
        self.secret_files.remove(container_id)
        self._kept_secrets.forget(container_id)

    def _on_removed(self, container_id: str) -> None:
        self._ledger.forget([container_id])

    def snapshot(self) -> Mapping[str, float]:
        """For /metrics/snapshot: the figures that have a name in Mesos."""
        fetcher, garbage = self.fetcher, self._garbage
        return {
            "containerizer/fetcher/cache_size_total_bytes": float(fetcher.cache.limit_bytes),
            "containerizer/fetcher/cache_size_used_bytes": float(fetcher.cache.used_bytes),
            "containerizer/fetcher/task_fetches_failed": float(fetcher.failed),
            "containerizer/fetcher/task_fetches_succeeded": float(fetcher.succeeded),
            "gc/path_removals_failed": float(garbage.failed),
            "gc/path_removals_succeeded": float(garbage.removed),
            "slave/executor_directory_max_allowed_age_secs": garbage.allowed_age_s,
        }

    def metrics(self) -> Iterable[Metric]:
        """For /metrics."""
        fetcher, garbage, rotator = self.fetcher, self._garbage, self._rotator
        yield counter(
            "agent_fetches_succeeded", "Tasks whose URIs were fetched.", fetcher.succeeded
        )
        yield counter("agent_fetches_failed", "Tasks whose URIs were not.", fetcher.failed)
        yield gauge("agent_fetcher_cache_bytes", "Files kept for others.", fetcher.cache.used_bytes)
        yield counter("agent_sandboxes_removed", "Old sandboxes removed.", garbage.removed)
        yield counter("agent_log_rotations", "Output files rotated.", rotator.rotations)
        yield counter("agent_log_bytes_cut", "Output that was kept nowhere.", rotator.dropped_bytes)
        if self._shipper is not None:
            yield from _of_shipper(self._shipper)


def _of_shipper(shipper: Shipper) -> Iterable[Metric]:
    yield counter("agent_log_records_shipped", "Lines the sink took.", shipper.shipped)
    yield counter("agent_log_records_refused", "Lines the sink refused.", shipper.refused)
    yield counter(
        "agent_log_bytes_dropped", "Output gone before it was shipped.", shipper.dropped_bytes
    )
    yield gauge("agent_log_sink_up", "Whether the sink takes lines.", float(not shipper.problem))


def _fetcher(config: AgentConfig, work_dir: Path) -> Fetcher:
    limits = Limits(
        max_bytes=parse_bytes(config.fetcher_max_size),
        stall_s=config.fetcher_stall_timeout_s,
        total_s=config.fetcher_timeout_s,
    )
    return Fetcher(work_dir / "fetcher", limits, parse_bytes(config.fetcher_cache_size))


def _policy(config: AgentConfig) -> Policy:
    return Policy(
        delay_s=config.sandbox_retention_s,
        headroom=config.gc_disk_headroom,
        interval_s=config.disk_watch_interval_s,
    )


def _rotation_limits(config: AgentConfig) -> RotationLimits:
    return RotationLimits(
        max_bytes={
            "stdout": parse_bytes(config.max_stdout_size),
            "stderr": parse_bytes(config.max_stderr_size),
        },
        kept_files=config.max_log_files,
    )


def _shipper(config: AgentConfig, book: LogBook, hostname: str) -> Shipper | None:
    if not config.log_sink:
        return None
    try:
        return Shipper(book, sink_from(config.log_sink, hostname))
    except ValueError as error:
        raise ConfigError(f"--log-sink: {error}") from None
