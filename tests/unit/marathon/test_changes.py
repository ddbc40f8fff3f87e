"""Which apps have changed, and the revisions that tell."""

from tests.unit.marathon.cluster import Cluster

from orchestrator.marathon.core.changes import Changes


def test_what_is_taken_is_gone() -> None:
    changes = Changes()
    changes.update({"/a"}, ["/b"])
    assert changes.take() == {"/a", "/b"}
    assert not changes


def test_a_revision_is_never_used_twice() -> None:
    changes = Changes()
    seen = []
    for app_id in ("/a", "/b", "/a"):
        changes.add(app_id)
        seen.append(changes.revision_of(app_id))
    changes.forget("/a")
    changes.add("/a")
    seen.append(changes.revision_of("/a"))
    assert len(set(seen)) == 4
    assert changes.revision == seen[-1]


def test_a_mark_is_no_change() -> None:
    changes = Changes()
    changes.add("/a")
    revision = changes.revision_of("/a")
    changes.mark(["/a"])
    assert changes.revision_of("/a") == revision


def test_looking_at_every_app_now_and_then_changes_no_revision() -> None:
    cluster = Cluster()
    cluster.create(id="/a", cmd="x")
    cluster.run()
    revision = cluster.marathon.state.dirty.revision
    cluster.pass_time(cluster.settings.scale_check_interval_s * 3)
    assert cluster.marathon.state.dirty.revision == revision


def test_what_happens_to_one_app_is_no_change_of_another() -> None:
    cluster = Cluster()
    for app_id in ("/a", "/b"):
        cluster.create(id=app_id, cmd="x")
    cluster.run()
    dirty = cluster.marathon.state.dirty
    before = dirty.revision_of("/a"), dirty.revision_of("/b")
    cluster.change(id="/a", instances=2)
    cluster.run()
    assert dirty.revision_of("/a") > before[0]
    assert dirty.revision_of("/b") == before[1]
