"""What plug-ins answer: a result in any version's form, or an error.

Since 0.3.0 a result lists addresses with the interface each belongs to; before, it had one of each
family (``ip4``, ``ip6``).
"""

from __future__ import annotations

from ipaddress import ip_interface

import msgspec

from orchestrator.agent.adapters.network.cni.config import CniError
from orchestrator.mesos.types import Message

MAX_BYTES = 1 << 20
_MAX_SHOWN = 400


class Dns(Message):
    """How names are resolved in a network."""

    nameservers: tuple[str, ...] = ()
    domain: str = ""
    search: tuple[str, ...] = ()
    options: tuple[str, ...] = ()


class Result(Message):
    """What a container has got: addresses without their prefixes, and how names are resolved."""

    addresses: tuple[str, ...] = ()
    dns: Dns = Dns()


class _Interface(msgspec.Struct):
    name: str = ""
    sandbox: str | None = None


class _Address(msgspec.Struct):
    address: str = ""
    interface: int | None = None


class _OldAddress(msgspec.Struct):
    ip: str = ""


class _Written(msgspec.Struct):
    interfaces: list[_Interface] | None = None
    ips: list[_Address] | None = None
    ip4: _OldAddress | None = None
    ip6: _OldAddress | None = None
    dns: Dns = Dns()


class _Error(msgspec.Struct):
    code: int = 0
    msg: str = ""
    details: str = ""


def parse(data: bytes) -> Result:
    """Read a result. Raises CniError."""
    try:
        written = msgspec.json.decode(data, type=_Written)
        texts = [one.address for one in written.ips or () if _is_of_container(one, written)]
        texts += [old.ip for old in (written.ip4, written.ip6) if old is not None]
        addresses = tuple(str(ip_interface(text).ip) for text in texts)
    except (msgspec.DecodeError, RecursionError, ValueError) as error:
        raise CniError(f"the answer is not a result of CNI: {error}") from None
    return Result(addresses=addresses, dns=written.dns)


def _is_of_container(address: _Address, written: _Written) -> bool:
    """Not one that a plug-in gave to an interface of the host."""
    interfaces = written.interfaces or []
    if address.interface is None or not 0 <= address.interface < len(interfaces):
        return True
    return bool(interfaces[address.interface].sandbox)


def complaint(answer: bytes, errors: bytes, code: int) -> str:
    """Why a plug-in failed, from its answer, or else its last words on stderr, or its exit code."""
    try:
        error = msgspec.json.decode(answer, type=_Error)
    except (msgspec.DecodeError, RecursionError):
        error = _Error()
    said = ": ".join(_one_line(part) for part in (error.msg, error.details) if part.strip())
    if said:
        return f"{said} (code {error.code})"
    lines = errors.decode(errors="replace").strip().splitlines()
    how = f"it exited with status {code}" if code >= 0 else f"signal {-code} ended it"
    return f"{how}: {_one_line(lines[-1])}" if lines else how


def _one_line(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _MAX_SHOWN else f"{line[:_MAX_SHOWN]} ..."
