"""What follows from tasks: what is ready, next and critical, and what two versions differ in."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from orchestrator.taskmaster.core import choosing, comparing, graph
from orchestrator.taskmaster.core.model import Priority, Status, Task, TaskId

STATUSES = st.sampled_from(list(Status))


def task(number: int, *after: int, status: Status = Status.PENDING, **fields: object) -> Task:
    base = Task(TaskId(number), f"T{number}", number, status, dependencies=ids(*after))
    return Task(**{name: getattr(base, name) for name in base.__struct_fields__} | fields)


def ids(*numbers: int) -> tuple[TaskId, ...]:
    return tuple(TaskId(number) for number in numbers)


def chosen(*tasks: Task) -> int | None:
    choice = choosing.choose(tasks)
    return choice.task.id.number if choice else None


def test_next_is_the_most_urgent_whose_dependencies_are_met() -> None:
    urgent = task(3, 1, priority=Priority.CRITICAL)
    assert chosen(task(1), task(2, priority=Priority.HIGH), urgent) == 2
    assert chosen(task(1, status=Status.DONE), task(2, priority=Priority.HIGH), urgent) == 3


def test_among_equals_what_is_started_comes_first_then_the_documents_order() -> None:
    assert chosen(task(1), task(2, status=Status.IN_PROGRESS)) == 2
    assert chosen(task(2), task(1)) == 1
    assert chosen(task(1, line=7), task(2, line=7), task(3, 2)) == 2


def test_nothing_is_next_when_all_is_done_or_waits() -> None:
    assert chosen(task(1, status=Status.DONE), task(2, 9), task(3, status=Status.REVIEW)) is None
    assert choosing.waiting([task(2, 9)]) == [(task(2, 9), ids(9))]


def test_the_critical_path_is_the_longest_chain_of_what_is_open() -> None:
    tasks = [
        task(1, status=Status.DONE, estimate_h=50.0),
        task(2, 1, estimate_h=2.0),
        task(3, 2),
        task(4, 1, estimate_h=2.5),
    ]
    assert graph.critical_path(tasks) == (ids(2, 3), 3.0, 1)
    assert graph.critical_path([task(1, 2), task(2, 1)]).tasks == ()


def test_what_waits_for_a_task_alone_and_what_waits_at_all() -> None:
    tasks = [task(1), task(2, 1), task(3, 1, 2), task(4)]
    assert graph.unblocked_by(TaskId(1), tasks) == ids(2)
    assert graph.downstream(TaskId(1), tasks) == ids(2, 3)


@st.composite
def plans(draw: st.DrawFn) -> list[Task]:
    count = draw(st.integers(1, 8))
    return [
        task(
            n,
            *[m for m in draw(st.lists(st.integers(1, count), max_size=3)) if m != n],
            status=draw(STATUSES),
            priority=draw(st.sampled_from(list(Priority))),
        )
        for n in range(1, count + 1)
    ]


@given(plans())
def test_what_is_next_is_open_and_waits_for_nothing(tasks: list[Task]) -> None:
    choice = choosing.choose(tasks)
    of = graph.by_id(tasks)
    ready = [t for t in tasks if t.status.is_open and not graph.waits_for(t, of)]
    assert (choice is None) == (not ready)
    if choice is not None:
        assert choice.task in ready
        assert choice.task.priority.rank == min(t.priority.rank for t in ready)


@given(plans())
def test_a_circle_is_found_when_there_is_one_and_only_then(tasks: list[Task]) -> None:
    circle = graph.cycle(tasks)
    of = graph.by_id(tasks)
    if circle:
        assert circle[0] == circle[-1]
        assert all(b in of[a].dependencies for a, b in pairwise(circle))
    else:
        assert all(id not in graph.downstream(id, tasks) for id in of)


def test_versions_differ_in_what_is_new_gone_or_changed() -> None:
    old = [task(1), task(2), task(3)]
    new = [task(1, line=9), task(2, 1, status=Status.DONE), task(4)]
    assert comparing.diff(old, new) == (
        (task(4),),
        (task(3),),
        ((TaskId(2), "status", "pending", "done"), (TaskId(2), "dependencies", "", "1")),
    )


@given(STATUSES, STATUSES, STATUSES)
def test_who_alone_changed_a_status_is_right(said: Status, recorded: Status, says: Status) -> None:
    kept = comparing.keep_status(said, recorded, says)
    if recorded == said:
        assert kept == (says, False)
    elif says in (said, recorded):
        assert kept == (recorded, False)
    else:
        assert kept == (recorded, True)
