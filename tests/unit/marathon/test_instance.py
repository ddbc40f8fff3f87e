"""What a Mesos status does to an instance: every pair of condition and state."""

from itertools import product

import pytest

from orchestrator.marathon.core.apps.app import App
from orchestrator.marathon.core.condition import TRANSITIONS, Condition
from orchestrator.marathon.core.instance import Instance
from orchestrator.mesos.types import TaskID, TaskState, TaskStatus

NOW = 1_700_000_000.0
INSTANCE = Instance.scheduled(App(id="/a", cmd="x", version="1"), "uuid", NOW)


def after(condition: Condition, state: TaskState) -> Condition:
    from msgspec.structs import replace

    status = TaskStatus(task_id=TaskID(value=INSTANCE.task_id), state=state)
    return replace(INSTANCE, condition=condition).updated(status, NOW).condition


@pytest.mark.parametrize(("condition", "state"), list(product(Condition, TaskState)))
def test_a_status_leads_where_the_table_says_and_nowhere_else(
    condition: Condition, state: TaskState
) -> None:
    assert after(condition, state) is TRANSITIONS.get(condition, {}).get(state, condition)


@pytest.mark.parametrize(
    ("condition", "state"),
    list(product([c for c in Condition if not c.is_launched], TaskState)),
)
def test_what_has_ended_or_was_never_launched_stays_as_it_is(
    condition: Condition, state: TaskState
) -> None:
    assert after(condition, state) is condition


@pytest.mark.parametrize(
    ("condition", "state"),
    list(
        product(
            [c for c in Condition if c.is_launched],
            [s for s in TaskState if s.is_terminal or s is TaskState.UNKNOWN],
        )
    ),
)
def test_every_launched_instance_can_end_in_every_way(
    condition: Condition, state: TaskState
) -> None:
    assert after(condition, state).is_terminal


def test_a_late_report_does_not_turn_a_running_instance_back() -> None:
    assert after(Condition.RUNNING, TaskState.STAGING) is Condition.RUNNING


def test_an_instance_is_the_same_object_when_nothing_changed() -> None:
    status = TaskStatus(task_id=TaskID(value=INSTANCE.task_id), state=TaskState.RUNNING)
    assert INSTANCE.updated(status, NOW) is INSTANCE


def test_each_launch_of_an_instance_has_a_task_id_of_its_own() -> None:
    app = App(id="/a", cmd="x", version="2")
    again = INSTANCE.relaunched(app, NOW)
    assert (again.id, again.version) == (INSTANCE.id, "2")
    assert again.task_id != INSTANCE.task_id


@pytest.mark.parametrize("condition", Condition)
def test_every_condition_is_shown_as_a_state_that_clients_know(condition: Condition) -> None:
    assert condition.task_state in {state.value for state in TaskState}
