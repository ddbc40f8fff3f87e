"""Network configurations, as operators write them: one plug-in (``.conf``) or a list of them.

Fields that only the plug-in understands are kept as they were written and handed on unread. One
field is ours: a plug-in marked ``onlyFor`` a capability is left out for containers that do not ask
for it, which spares them a program or two that would have nothing to do.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping

import msgspec

from orchestrator.mesos.types import Message

SUFFIXES = (".conf", ".conflist", ".json")
MAX_BYTES = 1 << 20
MAX_PLUGINS = 32
MAX_NETWORKS = 1000
DEFAULT_VERSION = "0.1.0"  # of a configuration that names none: so says the specification
VERSIONS = ("0.1.0", "0.2.0", "0.3.0", "0.3.1", "0.4.0", "1.0.0")
PORT_MAPPER = "mesos-cni-port-mapper"  # Mesos' own: it reads the mappings from "args"

Fields = Mapping[str, msgspec.Raw]
_NAME = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_.\-]*")


class CniError(Exception):
    """A container cannot join or leave a network; the text is one sentence."""


class Plugin(Message):
    """One plug-in of a network. ``type`` is the name of its program; ``fields`` are all of it."""

    type: str
    capabilities: dict[str, bool] = {}
    only_for: str | None = None
    fields: Fields = {}

    def can(self, capability: str) -> bool:
        """Whether it wants to be told this at run time."""
        return self.capabilities.get(capability, False)


class Network(Message):
    """A network that containers can join. ``text`` is what it was read from."""

    name: str
    version: str
    plugins: tuple[Plugin, ...]
    text: str
    disable_check: bool = False

    def can(self, capability: str) -> bool:
        """Whether any of its plug-ins wants to be told this at run time."""
        return any(plugin.can(capability) for plugin in self.plugins)

    @property
    def maps_ports(self) -> bool:
        """Whether host ports can lead to its containers."""
        return self.can("portMappings") or any(p.type == PORT_MAPPER for p in self.plugins)

    def for_those_asking(self, asked: Collection[str]) -> Network:
        """The network as a container joins it that asks for these capabilities."""
        needed = [one for one in self.plugins if one.only_for is None or one.only_for in asked]
        if len(needed) == len(self.plugins):
            return self
        document = {
            "cniVersion": self.version,
            "name": self.name,
            "disableCheck": self.disable_check,
            "plugins": [one.fields for one in needed],
        }
        return parse(msgspec.json.encode(document).decode())


class _List(msgspec.Struct, rename="camel"):
    """The fields of either form that the runtime itself reads."""

    name: str = ""
    cni_version: str = DEFAULT_VERSION
    disable_check: bool = False
    plugins: list[msgspec.Raw] | None = None


class _PluginFields(msgspec.Struct, rename="camel"):
    type: str = ""
    capabilities: dict[str, bool] = {}
    only_for: str | None = None


def parse(text: str) -> Network:
    """Read one configuration. Raises CniError with what is wrong, without naming the file."""
    try:
        head = msgspec.json.decode(text, type=_List)
        written = [msgspec.Raw(text.encode())] if head.plugins is None else head.plugins
        plugins = tuple(_plugin(one) for one in written)
    except (msgspec.DecodeError, RecursionError) as error:
        raise CniError(f"it is not a network configuration: {error}") from None
    if not _NAME.fullmatch(head.name):
        raise CniError(f"'{head.name}' cannot be the name of a network")
    if head.cni_version not in VERSIONS:
        raise CniError(f"this agent does not speak version '{head.cni_version}' of CNI")
    if not 0 < len(plugins) <= MAX_PLUGINS:
        raise CniError(f"it names {len(plugins)} plug-ins, not 1 to {MAX_PLUGINS}")
    return Network(
        name=head.name,
        version=head.cni_version,
        plugins=plugins,
        text=text,
        disable_check=head.disable_check,
    )


def _plugin(written: msgspec.Raw) -> Plugin:
    known = msgspec.json.decode(written, type=_PluginFields)
    if not known.type or "/" in known.type or known.type in (".", ".."):
        raise CniError(f"'{known.type}' cannot be the type of a plug-in")
    fields = msgspec.json.decode(written, type=dict[str, msgspec.Raw])
    return Plugin(
        type=known.type,
        capabilities=known.capabilities,
        only_for=known.only_for,
        fields=fields,
    )


class Networks(Message):
    """The networks of an agent by name; ``problems`` are sentences about files that are none."""

    known: dict[str, Network] = {}
    problems: tuple[str, ...] = ()

    def named(self, name: str) -> Network:
        """Raises CniError when there is none, with those that there are."""
        if (network := self.known.get(name)) is not None:
            return network
        names = ", ".join(sorted(self.known)) or "none"
        broken = f"; {self.problems[0]}" if self.problems else ""
        raise CniError(f"This agent has no network '{name}' (it has: {names}{broken})")


def collect(files: Iterable[tuple[str, str]]) -> Networks:
    """Read configurations, each a file's name and text; of several of one name the first counts."""
    known: dict[str, Network] = {}
    problems = []
    for file, text in files:
        try:
            network = parse(text)
        except CniError as error:
            problems.append(f"{file} is left out: {error}")
        else:
            known.setdefault(network.name, network)
    return Networks(known=known, problems=tuple(problems))
