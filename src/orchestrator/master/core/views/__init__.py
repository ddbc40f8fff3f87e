"""The cluster as the read-only endpoints show it: /state, /slaves, /tasks, /frameworks.

The keys are those of src/master/http.cpp and src/common/http.cpp of Mesos 1.11, as far as this
master knows them; mesos-dns, mesos_exporter, the mesos command and the web UI read them.
"""

from orchestrator.master.core.views.agents import agent
from orchestrator.master.core.views.frameworks import framework
from orchestrator.master.core.views.queries import frameworks, roles, slaves, tasks
from orchestrator.master.core.views.whole import flags, state, summary

__all__ = [
    "agent",
    "flags",
    "framework",
    "frameworks",
    "roles",
    "slaves",
    "state",
    "summary",
    "tasks",
]
