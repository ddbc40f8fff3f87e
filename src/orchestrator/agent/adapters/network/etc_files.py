"""The files by which a container knows its own name and finds others: hosts, hostname, resolv.conf.

Where no network says how names are resolved, the container is told what the host uses, except for
name servers on the host's own loopback: those it cannot reach from its namespace.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from ipaddress import ip_address
from pathlib import Path

from orchestrator.agent.adapters.network.cni.results import Dns

TARGETS = ("/etc/hosts", "/etc/hostname", "/etc/resolv.conf")
_OF_HOST = (Path("/etc/resolv.conf"), Path("/run/systemd/resolve/resolv.conf"))
_MAX_BYTES = 64 * 1024


def write(directory: Path, hostname: str, addresses: Sequence[str], dns: Sequence[Dns]) -> None:
    """Write all three into a directory. Raises OSError."""
    (directory / "hosts").write_text(hosts(hostname, addresses))
    (directory / "hostname").write_text(f"{hostname}\n")
    own = resolv_conf(dns)
    (directory / "resolv.conf").write_text(own or of_host(_read(path) for path in _OF_HOST))


def mounts(directory: Path) -> tuple[tuple[str, str], ...]:
    """Where to mount each: source and target."""
    return tuple((str(directory / Path(target).name), target) for target in TARGETS)


def mounts_of_host() -> tuple[tuple[str, str], ...]:
    """For a container with a root of its own on the host's network: the host's files."""
    return tuple((target, target) for target in TARGETS if Path(target).exists())


def hosts(hostname: str, addresses: Sequence[str]) -> str:
    """Loopback, then the container under each of its addresses."""
    lines = ["127.0.0.1 localhost", "::1 localhost ip6-localhost ip6-loopback"]
    lines += [f"{address} {hostname}" for address in addresses] or [f"127.0.1.1 {hostname}"]
    return "\n".join(lines) + "\n"


def resolv_conf(all_dns: Sequence[Dns]) -> str:
    """What the networks say together, "" when they say nothing; the first domain counts."""
    servers = [f"nameserver {server}" for dns in all_dns for server in dns.nameservers]
    if not servers:
        return ""
    domain = next((dns.domain for dns in all_dns if dns.domain), None)
    search = [name for dns in all_dns for name in dns.search]
    options = [option for dns in all_dns for option in dns.options]
    lines = [f"domain {domain}"] if domain else []
    lines += [f"search {' '.join(search)}"] if search else []
    lines += [f"options {' '.join(options)}"] if options else []
    return "\n".join([*lines, *servers]) + "\n"


def of_host(texts: Iterable[str]) -> str:
    """The first that names a server that a container can reach, without those it cannot."""
    usable = ""
    for text in texts:
        lines = [line for line in text.splitlines() if not _is_local_server(line)]
        usable = usable or "".join(f"{line}\n" for line in lines)
        if any(line.startswith("nameserver") for line in lines):
            return "".join(f"{line}\n" for line in lines)
    return usable


def _is_local_server(line: str) -> bool:
    words = line.split()
    if len(words) < 2 or words[0] != "nameserver":
        return False
    try:
        return ip_address(words[1].partition("%")[0]).is_loopback
    except ValueError:
        return False


def _read(path: Path) -> str:
    try:
        with path.open(errors="replace") as file:
            return file.read(_MAX_BYTES)
    except OSError:  # a host that resolves no names has none
        return ""
