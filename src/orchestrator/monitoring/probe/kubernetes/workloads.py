"""What an API server says of deployments, sets and jobs; pure. Form: apps/v1, batch/v1."""

from __future__ import annotations

import msgspec

from orchestrator.monitoring.probe.kubernetes.objects import Condition, Object, Wire
from orchestrator.monitoring.report.model import Count


class Strategy(Wire):
    """How pods are replaced."""

    type: str = ""


class WorkloadSpec(Wire):
    """What a deployment or set should be."""

    replicas: Count | None = None
    paused: bool = False
    strategy: Strategy | None = None
    update_strategy: Strategy | None = None


class WorkloadStatus(Wire):
    """What a deployment or set is; daemon sets have names of their own for it."""

    replicas: Count = 0
    ready_replicas: Count = 0
    desired_number_scheduled: Count | None = None
    current_number_scheduled: Count = 0
    number_ready: Count = 0


class Workload(Object):
    """A Deployment, ReplicaSet, DaemonSet or StatefulSet of apps/v1."""

    spec: WorkloadSpec = msgspec.field(default_factory=WorkloadSpec)
    status: WorkloadStatus = msgspec.field(default_factory=WorkloadStatus)


class JobSpec(Wire):
    """What a job should do."""

    completions: Count | None = None
    suspend: bool | None = None


class JobStatus(Wire):
    """What a job does."""

    active: Count = 0
    succeeded: Count = 0
    failed: Count = 0
    start_time: str | None = None
    completion_time: str | None = None
    conditions: list[Condition] | None = None


class Job(Object):
    """Of batch/v1."""

    spec: JobSpec = msgspec.field(default_factory=JobSpec)
    status: JobStatus = msgspec.field(default_factory=JobStatus)


class CronJobSpec(Wire):
    """When jobs should be made."""

    schedule: str = ""
    time_zone: str | None = None
    suspend: bool | None = None


class CronJobStatus(Wire):
    """When jobs were made."""

    active: list[msgspec.Raw] | None = None
    last_schedule_time: str | None = None


class CronJob(Object):
    """Of batch/v1."""

    spec: CronJobSpec = msgspec.field(default_factory=CronJobSpec)
    status: CronJobStatus = msgspec.field(default_factory=CronJobStatus)
