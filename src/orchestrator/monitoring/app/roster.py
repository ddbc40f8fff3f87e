"""Who reports: the probes, what they said of themselves, and when they were last heard.

Two probes with one id (a cloned machine) would take turns in overwriting each other. The one that
started later is heard, as that is also what a restarted probe looks like; the other is told so and
stops. Only when the later one is silent is the earlier one heard again.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import msgspec

from orchestrator.monitoring.report.agents import Heartbeat, ProbeSettings, Registration
from orchestrator.monitoring.report.model import Report

MISSED_INTERVALS = 3.0
_GRACE_S = 5.0


class SupersededError(Exception):
    """Another instance with this id is heard; the text is one sentence."""


class RosterFullError(Exception):
    """No more probes are taken; the text is one sentence."""


class Agent(msgspec.Struct):
    """One probe."""

    agent_id: str
    instance: str
    instance_started_at: float
    host_id: str
    interval_s: float
    first_seen_at: float
    last_seen_at: float
    last_report_at: float = 0.0
    last_number: int = 0
    reports: int = 0
    missed: int = 0
    """Reports that never came, by their numbers."""
    takeovers: int = 0
    """How often another instance with this id appeared while this one was heard."""
    registration: Registration | None = None
    heartbeat: Heartbeat | None = None
    settings: ProbeSettings = ProbeSettings()

    @property
    def silent_after_s(self) -> float:
        """Without a word for so long, it is gone."""
        return self.interval_s * MISSED_INTERVALS + _GRACE_S


class Roster:
    """The probes by id."""

    def __init__(self, max_agents: int, wanted: Mapping[str, ProbeSettings] = {}) -> None:
        self.wanted = dict(wanted)
        """Settings by id, also of probes that are away."""
        self._max_agents = max_agents
        self._agents: dict[str, Agent] = {}

    def __len__(self) -> int:
        return len(self._agents)

    def __iter__(self) -> Iterator[Agent]:
        return iter(self._agents.values())

    def get(self, agent_id: str) -> Agent | None:
        """One probe, if it is known."""
        return self._agents.get(agent_id)

    def register(self, said: Registration, now: float) -> Agent:
        """A probe presents itself. Raises SupersededError or RosterFullError."""
        agent = self._admit(said, now)
        agent.registration = said
        return agent

    def report(self, said: Report, now: float) -> Agent:
        """A probe reports. Raises SupersededError or RosterFullError."""
        agent = self._admit(said, now)
        if agent.last_number and said.number > agent.last_number + 1:
            agent.missed += said.number - agent.last_number - 1
        agent.last_number = max(agent.last_number, said.number)
        agent.last_report_at = max(agent.last_report_at, said.taken_at)
        agent.reports += 1
        return agent

    def beat(self, agent_id: str, said: Heartbeat, now: float) -> Agent | None:
        """A probe lives; None if it has to register. Raises SupersededError."""
        agent = self._agents.get(agent_id)
        if agent is None:
            return None
        if agent.instance != said.instance:
            raise _superseded(agent)
        agent.heartbeat, agent.last_seen_at = said, now
        return agent

    def configure(self, agent_id: str, wanted: ProbeSettings) -> ProbeSettings:
        """New settings for a probe, with the next revision."""
        revision = self.settings(agent_id).revision + 1
        settings = msgspec.structs.replace(wanted, revision=revision)
        self.wanted[agent_id] = settings
        if (agent := self._agents.get(agent_id)) is not None:
            agent.settings = settings
        return settings

    def settings(self, agent_id: str) -> ProbeSettings:
        """What is wanted of a probe."""
        return self.wanted.get(agent_id, ProbeSettings())

    def remove_silent(self, now: float) -> list[str]:
        """Strike those that were not heard for too long; returns their ids."""
        silent = [
            agent.agent_id
            for agent in self._agents.values()
            if now - agent.last_seen_at > agent.silent_after_s
        ]
        for agent_id in silent:
            del self._agents[agent_id]
        return silent

    def next_silence_at(self) -> float | None:
        """When the first of them will have been silent for too long."""
        times = [agent.last_seen_at + agent.silent_after_s for agent in self._agents.values()]
        return min(times, default=None)

    def _admit(self, said: Registration | Report, now: float) -> Agent:
        agent = self._agents.get(said.agent_id)
        if agent is None:
            return self._add(said, now)
        if agent.instance != said.instance:
            self._change_instance(agent, said, now)
        agent.last_seen_at = now
        agent.interval_s, agent.host_id = said.interval_s, said.host_id
        return agent

    def _add(self, said: Registration | Report, now: float) -> Agent:
        if len(self._agents) >= self._max_agents:
            raise RosterFullError(
                f"{self._max_agents} probes report already: raise --max-agents to take more"
            )
        agent = self._agents[said.agent_id] = Agent(
            agent_id=said.agent_id,
            instance=said.instance,
            instance_started_at=said.instance_started_at,
            host_id=said.host_id,
            interval_s=said.interval_s,
            first_seen_at=now,
            last_seen_at=now,
            settings=self.settings(said.agent_id),
        )
        return agent

    def _change_instance(self, agent: Agent, said: Registration | Report, now: float) -> None:
        is_silent = now - agent.last_seen_at > agent.silent_after_s
        is_later = (said.instance_started_at, said.instance) > (
            agent.instance_started_at,
            agent.instance,
        )
        if not (is_silent or is_later):
            raise _superseded(agent)
        agent.instance, agent.instance_started_at = said.instance, said.instance_started_at
        agent.takeovers += not is_silent
        agent.last_number, agent.registration, agent.heartbeat = 0, None, None


def _superseded(agent: Agent) -> SupersededError:
    return SupersededError(
        f"another probe with the id {agent.agent_id!r} started later, on {agent.host_id!r}: "
        "give one of them another id with --agent-id"
    )
