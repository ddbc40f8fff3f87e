"""The link's messages, as the JSON arrays that travel in its frames."""

from __future__ import annotations

import json

import pytest

from orchestrator.mesos import codec, link, resource_wire
from orchestrator.mesos.types import (
    AgentID,
    AgentInfo,
    CommandInfo,
    DurationInfo,
    ExecutorID,
    ExecutorInfo,
    FrameworkID,
    FrameworkInfo,
    KillPolicy,
    MasterInfo,
    Scalar,
    Task,
    TaskID,
    TaskInfo,
    TaskState,
    TaskStatus,
)

AGENT, FRAMEWORK, EXECUTOR, TASK = (
    AgentID(value="S"),
    FrameworkID(value="F"),
    ExecutorID(value="e"),
    TaskID(value="t"),
)
INFO = FrameworkInfo(user="u", name="n", id=FRAMEWORK)
UUID = bytes(range(16))
FROM_AGENT: list[link.FromAgent] = [
    link.Register(
        agent=AgentInfo(hostname="h", id=AGENT),
        version="1.11.0",
        tasks=[
            Task(
                name="t",
                task_id=TASK,
                framework_id=FRAMEWORK,
                agent_id=AGENT,
                state=TaskState.RUNNING,
                status_update_uuid=UUID,
            )
        ],
        frameworks=[INFO],
    ),
    link.StatusUpdates(
        updates=[
            link.StatusUpdate(
                framework_id=FRAMEWORK,
                status=TaskStatus(task_id=TASK, state=TaskState.RUNNING, uuid=UUID),
                latest_state=TaskState.FINISHED,
            )
        ]
    ),
    link.ExecutorExited(framework_id=FRAMEWORK, executor_id=EXECUTOR, status=256),
    link.ExecutorToFramework(framework_id=FRAMEWORK, executor_id=EXECUTOR, data=b"\xff"),
    link.VolumesDestroyed(number=3),
    link.Pong(),
    link.Leaving(),
]
FROM_MASTER: list[link.FromMaster] = [
    link.Registered(
        agent_id=AGENT,
        master=MasterInfo(id="m", ip=0x0100007F),
        ping_timeout_s=15.0,
        max_ping_timeouts=5,
    ),
    link.Refused(reason="no", retry=True),
    link.RunInExecutor(
        framework=FrameworkInfo(user="u", name="n"),
        executor=ExecutorInfo(executor_id=EXECUTOR, type="DEFAULT"),
        tasks=[],
        is_group=True,
        launches_executor=True,
    ),
    link.RunTasks(
        framework=INFO,
        tasks=[
            TaskInfo(
                name="t",
                task_id=TASK,
                agent_id=AGENT,
                command=CommandInfo(value="sleep 1"),
                limits={"mem": Scalar(value=float("inf"))},
            )
        ],
    ),
    link.KillTask(
        framework_id=FRAMEWORK,
        task_id=TASK,
        kill_policy=KillPolicy(grace_period=DurationInfo(nanoseconds=5_000_000_000)),
    ),
    link.Acknowledgements(
        acknowledgements=[link.Acknowledgement(framework_id=FRAMEWORK, task_id=TASK, uuid=UUID)]
    ),
    link.ShutdownFramework(framework_id=FRAMEWORK),
    link.ShutdownExecutor(framework_id=FRAMEWORK, executor_id=EXECUTOR),
    link.Shutdown(reason="marked gone"),
    link.DestroyVolumes(number=3, volumes=resource_wire.to_wire(resource_wire.parse("disk(r):1"))),
    link.UpdateFramework(framework=INFO),
    link.FrameworkToExecutor(framework_id=FRAMEWORK, executor_id=EXECUTOR, data=b"\x00"),
    link.OverlayUpdate(
        subnet=2, peers=[link.OverlayPeer(subnet=1, address="10.0.0.1")], gone=[3], is_complete=True
    ),
    link.Ping(),
]


def test_a_frame_of_every_message_of_an_agent_is_read_back() -> None:
    assert codec.decode(list[link.FromAgent], codec.encode(FROM_AGENT)) == FROM_AGENT


def test_a_frame_of_every_message_of_a_master_is_read_back() -> None:
    assert codec.decode(list[link.FromMaster], codec.encode(FROM_MASTER)) == FROM_MASTER


def test_every_message_of_the_link_is_tried_here() -> None:
    assert {type(m) for m in FROM_AGENT} == set(link.AgentMessage.__subclasses__())
    assert {type(m) for m in FROM_MASTER} == set(link.MasterMessage.__subclasses__())


@pytest.mark.parametrize("message", [*FROM_AGENT, *FROM_MASTER])
def test_a_message_carries_its_type(message: link.FromAgent | link.FromMaster) -> None:
    assert json.loads(codec.encode(message))["type"] == type(message).__struct_config__.tag


@pytest.mark.parametrize(
    "frame", [b'[{"type":"NOVEL"}]', b'{"type":"PONG"}', b"[1]", b'[{"type":"REGISTER"}]', b"[{}]"]
)
def test_a_frame_that_is_no_list_of_known_messages_is_refused(frame: bytes) -> None:
    with pytest.raises(codec.DecodeError):
        codec.decode(list[link.FromAgent], frame)


def test_nulls_and_unknown_fields_in_a_frame_are_tolerated() -> None:
    frame = b'[{"type":"UPDATES","updates":[],"novel":1},{"type":"PONG","novel":null},null]'
    assert codec.decode(list[link.FromAgent], frame) == [
        link.StatusUpdates(updates=[]),
        link.Pong(),
    ]
