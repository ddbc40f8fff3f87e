"""What can be set on an agent."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta

from orchestrator.agent.core.sizes import parse_bytes

_SIZES = ("fetcher_cache_size", "fetcher_max_size", "max_stdout_size", "max_stderr_size")


class AgentConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Settings of one agent."""

    master: Annotated[
        str, Meta(description="The master: URL or host:port; of several, zk://host:port,.../mesos.")
    ] = "http://127.0.0.1:5050"
    host: Annotated[str, Meta(description="Address to listen on.")] = "127.0.0.1"
    port: Annotated[int, Meta(description="Port to listen on.", ge=0, le=65535)] = 5051
    data_dir: Annotated[str, Meta(description="Directory of sandboxes and checkpoints.")] = (
        "/var/lib/orchestrator/agent"
    )
    hostname: Annotated[str, Meta(description="Name to advertise; the host if empty.")] = ""
    resources: Annotated[
        str,
        Meta(
            description="What to offer: cpus:4;mem:1024;ports:[31000-32000] or Mesos' JSON; "
            "what is not named is detected."
        ),
    ] = ""
    attributes: Annotated[
        str, Meta(description="Facts that schedulers place by: rack:r1;zone:west.")
    ] = ""
    docker_socket: Annotated[
        str, Meta(description="Socket of the Docker Engine; DOCKER_HOST wins; empty: no Docker.")
    ] = "/var/run/docker.sock"
    containerizers: Annotated[
        str, Meta(description="Who may run tasks, as in Mesos: docker, mesos, or both.")
    ] = "docker,mesos"
    docker_registry: Annotated[
        str,
        Meta(
            description="Where images without a registry in their name come from: a registry, or "
            "a directory of OCI layouts and tars called NAME:TAG."
        ),
    ] = "https://registry-1.docker.io"
    insecure_registries: Annotated[
        str, Meta(description="Registries without TLS: host:port,... (localhost is one anyway).")
    ] = ""
    image_store_mb: Annotated[
        int, Meta(description="MB that unpacked images may take before unused ones go.", ge=1)
    ] = 64 * 1024
    bounding_capabilities: Annotated[
        str,
        Meta(
            description="Linux capabilities that containers may have at most: NET_ADMIN,... or "
            "ALL; empty: those that Docker gives."
        ),
    ] = ""
    effective_capabilities: Annotated[
        str, Meta(description="Capabilities of containers that ask for none; empty: as bounding.")
    ] = ""
    seccomp_config_dir: Annotated[
        str, Meta(description="Directory of seccomp profiles, in Docker's JSON.")
    ] = ""
    seccomp_profile_name: Annotated[
        str, Meta(description="Profile of tasks that name none; empty: the agent's own.")
    ] = ""
    allowed_devices: Annotated[
        str,
        Meta(description="More devices for containers: /dev/fuse:rw,... or Mesos' JSON."),
    ] = ""
    no_new_privileges: Annotated[
        bool, Meta(description="Set-uid programs in containers give no more rights.")
    ] = False
    read_only_root: Annotated[
        bool,
        Meta(description="Containers cannot write to their image, only to sandbox and volumes."),
    ] = False
    default_container_shm_size_mb: Annotated[
        int, Meta(description="Size of /dev/shm of a container that names none.", ge=1)
    ] = 64
    docker_config: Annotated[
        str,
        Meta(
            description="Logins of image registries: the path of a Docker config.json, or its JSON."
        ),
    ] = ""
    docker_pull_timeout_s: Annotated[
        float, Meta(description="How long an image may take to be pulled, in seconds.", gt=0)
    ] = 600.0
    image_gc_config: Annotated[
        str,
        Meta(
            description="When pulled images are removed: Mesos' JSON or its path; none: never. "
            "See docs/agent.md."
        ),
    ] = ""
    allow_privileged: Annotated[
        bool, Meta(description="Let tasks have rights over the machine. See docs/agent.md.")
    ] = False
    host_volumes: Annotated[
        str, Meta(description="Directories that volumes may come from, with commas; empty: none.")
    ] = "/"
    switch_user: Annotated[
        bool, Meta(description="Run tasks as their own user, if the agent is root.")
    ] = True
    enable_sessions: Annotated[
        bool,
        Meta(
            description="Let anybody run commands beside tasks over the API; on in any case where "
            "--host is a loopback address."
        ),
    ] = False
    executor_registration_timeout_s: Annotated[
        float,
        Meta(description="How long a new executor may take to subscribe, in seconds.", gt=0),
    ] = 60.0
    executor_reregistration_timeout_s: Annotated[
        float,
        Meta(description="The same after a restart of the agent, in seconds.", gt=0),
    ] = 2.0
    executor_shutdown_grace_period_s: Annotated[
        float,
        Meta(description="How long an executor may take to end when told to, in seconds.", ge=0),
    ] = 5.0
    isolation: Annotated[
        str,
        Meta(
            description="auto: whatever this machine can; or names of Mesos' that it must: "
            "cgroups/cpu,cgroups/mem,cgroups/pids; posix/cpu,posix/mem: none."
        ),
    ] = "auto"
    cgroups_root: Annotated[
        str, Meta(description="Where below the cgroup mounts the containers' cgroups are.")
    ] = "orchestrator"
    cgroups_enable_cfs: Annotated[
        bool, Meta(description="Hold tasks to their cpus also when the machine is idle.")
    ] = False
    cgroups_pids_limit: Annotated[
        int, Meta(description="Processes and threads a container may have; 0: any number.", ge=0)
    ] = 8192
    enforce_container_disk_quota: Annotated[
        bool, Meta(description="End tasks that use more disk than they were given.")
    ] = False
    container_disk_watch_interval_s: Annotated[
        float, Meta(description="How often sandboxes are measured for that, in seconds.", gt=0)
    ] = 15.0
    sandbox_retention_s: Annotated[
        float, Meta(description="How long the sandbox of an ended task is kept, in seconds.", ge=0)
    ] = 7 * 24 * 3600.0
    network_cni_config_dir: Annotated[
        str, Meta(description="Directory of CNI network configurations, besides the built-in.")
    ] = ""
    network_cni_plugins_dir: Annotated[
        str, Meta(description="Where CNI plug-ins are; several directories with : between.")
    ] = "/opt/cni/bin:/usr/lib/cni"
    network_bridge_subnet: Annotated[
        str,
        Meta(description="Addresses of the network mesos-bridge, on this host only; empty: none."),
    ] = "172.30.240.0/20"
    enforce_container_ports: Annotated[
        bool,
        Meta(description="End tasks on the host's network that listen on ports of others."),
    ] = False
    container_ports_watch_interval_s: Annotated[
        float, Meta(description="Time between looks at who listens where, in seconds.", gt=0)
    ] = 30.0
    overlay_network: Annotated[
        str,
        Meta(description="Addresses of the overlay of all agents, such as 9.0.0.0/8; empty: none."),
    ] = ""
    overlay_prefix: Annotated[
        int, Meta(description="Length of the prefix of each agent's subnet of it.", ge=1, le=30)
    ] = 24
    overlay_name: Annotated[
        str,
        Meta(description="What tasks call the overlay.", pattern="^[a-zA-Z0-9][a-zA-Z0-9_.-]*$"),
    ] = "overlay"
    overlay_vtep_port: Annotated[
        int, Meta(description="UDP port of the overlay, on every host.", ge=1, le=65535)
    ] = 4789
    gc_disk_headroom: Annotated[
        float,
        Meta(
            description="Part of the disk to be kept free: sandboxes are kept for less than "
            "--sandbox-retention-s times what is free beyond it.",
            ge=0,
            le=1,
        ),
    ] = 0.1
    disk_watch_interval_s: Annotated[
        float, Meta(description="How often old sandboxes are looked for, in seconds.", gt=0)
    ] = 60.0
    fetcher_cache_size: Annotated[
        str, Meta(description="How much of fetched files is kept for other tasks; 0B: nothing.")
    ] = "2GB"
    fetcher_max_size: Annotated[
        str, Meta(description="The largest file that is fetched, and the most one unpacks to.")
    ] = "16GB"
    fetcher_stall_timeout_s: Annotated[
        float, Meta(description="How long a download may bring nothing, in seconds.", gt=0)
    ] = 60.0
    fetcher_timeout_s: Annotated[
        float, Meta(description="How long fetching one file may take in all, in seconds.", gt=0)
    ] = 3600.0
    max_stdout_size: Annotated[
        str, Meta(description="How large a task's stdout grows before it is rotated.")
    ] = "10MB"
    max_stderr_size: Annotated[
        str, Meta(description="How large a task's stderr grows before it is rotated.")
    ] = "10MB"
    max_log_files: Annotated[
        int, Meta(description="How many rotated files of each are kept.", ge=0, le=100)
    ] = 1
    log_sink: Annotated[
        str,
        Meta(
            description="Where tasks' output is sent as JSON lines: file:///directory, "
            "syslog://host:514, syslog+tcp://..., http(s)://...; empty: nowhere."
        ),
    ] = ""
    secrets_dir: Annotated[
        str, Meta(description="Directory of files that tasks may name as secrets; empty: none.")
    ] = ""

    def __post_init__(self) -> None:
        """Check the sizes. Raises ValueError."""
        for name in _SIZES:
            try:
                parse_bytes(getattr(self, name))
            except ValueError as error:
                raise ValueError(f"--{name.replace('_', '-')}: {error}") from None
