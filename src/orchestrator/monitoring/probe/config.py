"""What can be set on the probe."""

from __future__ import annotations

import re
from typing import Annotated, Final
from urllib.parse import urlsplit

import msgspec
from msgspec import Meta

IN_CLUSTER: Final = "in-cluster"
_SECRETS = "/var/run/secrets/kubernetes.io/serviceaccount"
_NODE = re.compile(r"[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?")
_AGENT_ID = re.compile(r"[A-Za-z0-9._-]{1,128}")


class ProbeConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Settings of one probe; durations in seconds."""

    app: Annotated[str, Meta(description="URL of the monitoring app; https is verified.")] = (
        "http://127.0.0.1:4040"
    )
    token: Annotated[
        str, Meta(description="Token of the role probe; better in the environment than as a flag.")
    ] = ""
    ca_file: Annotated[
        str, Meta(description="File of certificates that sign the app's; the system's if empty.")
    ] = ""
    interval_s: Annotated[float, Meta(description="Time between two reports.", ge=1, le=3600)] = (
        15.0
    )
    host_id: Annotated[
        str, Meta(description="Name of this machine in the cluster; its hostname if empty.")
    ] = ""
    agent_id: Annotated[
        str, Meta(description="Name of this probe, unlike all others; made of the host's if empty.")
    ] = ""
    host: Annotated[str, Meta(description="Address of the probe's own /health and /metrics.")] = (
        "127.0.0.1"
    )
    port: Annotated[
        int, Meta(description="Port of /health and /metrics; 0: any, -1: none.", ge=-1, le=65535)
    ] = 4041
    proc: Annotated[str, Meta(description="Where the machine's /proc is mounted.")] = "/proc"
    sys: Annotated[str, Meta(description="Where the machine's /sys is mounted.")] = "/sys"
    docker_socket: Annotated[
        str, Meta(description="Socket of the Docker Engine; no containers of Docker if empty.")
    ] = "/var/run/docker.sock"
    agent: Annotated[
        tuple[str, ...],
        Meta(description="URLs of the Mesos agents on this machine, with commas between."),
    ] = ()
    mesos: Annotated[
        str, Meta(description="URL of the Mesos master, to be asked by one probe of the cluster.")
    ] = ""
    marathon: Annotated[
        str, Meta(description="URL of Marathon, to be asked by one probe of the cluster.")
    ] = ""
    mesos_credential_file: Annotated[
        str,
        Meta(description="File with principal and secret for master and agents; none if empty."),
    ] = ""
    marathon_credential_file: Annotated[
        str, Meta(description="File with principal and secret for Marathon; none if empty.")
    ] = ""
    kubernetes: Annotated[
        str,
        Meta(
            description="URL of the Kubernetes API server, or in-cluster for that of the pod which "
            "the probe is in."
        ),
    ] = ""
    kubernetes_token_file: Annotated[
        str, Meta(description="File of the account's token; read anew before it is used.")
    ] = f"{_SECRETS}/token"
    kubernetes_ca_file: Annotated[
        str,
        Meta(description="File of certificates that sign the API server's; the system's if empty."),
    ] = f"{_SECRETS}/ca.crt"
    kubernetes_node: Annotated[
        str,
        Meta(
            description="Name of this machine in Kubernetes; if empty, NODE_NAME in the "
            "environment, or the host's id."
        ),
    ] = ""
    kubernetes_pods: Annotated[bool, Meta(description="Ask for the pods of this machine.")] = True
    kubernetes_cluster: Annotated[
        bool,
        Meta(
            description="Ask for what is above pods in the whole cluster: for one probe of it, or "
            "all of a small one."
        ),
    ] = False
    kubernetes_controls: Annotated[
        bool,
        Meta(
            description="Offer to delete and log pods and scale what has replicas, as the role may."
        ),
    ] = False
    plugins_dir: Annotated[
        str, Meta(description="Directory of the sockets of plug-ins; none if empty.")
    ] = "/var/run/scope/plugins"
    controls: Annotated[bool, Meta(description="Carry out what users of the app ask for.")] = True
    show_all: Annotated[
        bool, Meta(description="Tell command lines and environments with their secrets.")
    ] = False
    resolve_names: Annotated[
        bool, Meta(description="Look up the names of addresses at the other end.")
    ] = True
    disabled_sources: Annotated[
        tuple[str, ...], Meta(description="Sources not to use, with commas between.")
    ] = ()
    backlog_reports: Annotated[
        int, Meta(description="Reports kept while the app is away; the oldest go first.", ge=1)
    ] = 40
    backlog_mb: Annotated[
        float, Meta(description="Size of the reports kept, compressed.", gt=0)
    ] = 8.0
    once: Annotated[
        bool, Meta(description="Print one report as JSON and end; no app is needed.")
    ] = False

    def __post_init__(self) -> None:
        """Refuse what could never work. Raises ValueError."""
        for name in ("app", "mesos", "marathon"):
            _check_url(name, getattr(self, name), needed=name == "app")
        if self.kubernetes != IN_CLUSTER:
            _check_url("kubernetes", self.kubernetes, needed=False)
        if self.kubernetes_node and not _NODE.fullmatch(self.kubernetes_node):
            raise ValueError(
                f"--kubernetes-node {self.kubernetes_node!r} is no name of a node: use lower-case "
                "letters, digits, dots and dashes"
            )
        for url in self.agent:
            _check_url("agent", url, needed=True)
        if self.agent_id and not _AGENT_ID.fullmatch(self.agent_id):
            raise ValueError(
                f"--agent-id {self.agent_id!r} is no name of a probe: use up to 128 letters, "
                "digits, dots, underscores and dashes"
            )
        if not self.host_id.isprintable() or len(self.host_id) > 256:
            raise ValueError("--host-id has characters that cannot be shown, or more than 256")


def _check_url(name: str, url: str, *, needed: bool) -> None:
    if not url and not needed:
        return
    try:
        parts = urlsplit(url)
        is_url = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        is_url = False
    if not is_url:
        raise ValueError(f"--{name} {url!r} is not a URL such as http://127.0.0.1:4040")
