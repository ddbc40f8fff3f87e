"""Which calls of a framework are let through to the master, in Mesos' order of checks.

Source: src/master/http.cpp (``Master::Http::scheduler``) of Mesos 1.11. The order is part of the
contract: clients tell what went wrong by the status code.
"""

from __future__ import annotations

from orchestrator.master.core.cluster import Cluster
from orchestrator.mesos.calls import UNKNOWN_TYPE, Refusal, answer_form
from orchestrator.mesos.media import Media
from orchestrator.mesos.scheduler import Call, CallType


def stream_form(accept: str | None, stream_id: str | None) -> Media | Refusal:
    """The form of the events that a SUBSCRIBE call asks for, or what is wrong with its headers."""
    form = answer_form(accept)
    if isinstance(form, Media) and stream_id is not None:
        return Refusal(400, "Subscribe calls should not include the 'Mesos-Stream-Id' header")
    return form


def check_accept(call: Call, accept: str | None) -> Refusal | None:
    """Whether the answer may have a form; of most calls it has no body, so none is asked for."""
    form = answer_form(accept) if call.type is CallType.RECONCILE_OPERATIONS else None
    return form if isinstance(form, Refusal) else None


def check_call(cluster: Cluster, call: Call, stream_id: str | None) -> Refusal | None:
    """What is wrong with any other call, given who is subscribed."""
    framework_id = call.framework_id.value if call.framework_id else ""
    framework = cluster.frameworks.get(framework_id)
    if framework is None:
        return Refusal(400, "Framework cannot be found")
    if framework.stream is None:
        return Refusal(403, "Framework is not subscribed")
    if stream_id is None:
        return Refusal(400, "All non-subscribe calls should include the 'Mesos-Stream-Id' header")
    if stream_id != framework.stream:
        return Refusal(
            400,
            "The stream ID included in this request didn't match the stream ID currently "
            f"associated with framework ID '{framework_id}'",
        )
    if call.type is CallType.UNKNOWN:
        return UNKNOWN_TYPE
    return None
