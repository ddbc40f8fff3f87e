"""Filters and mappings: what is synced, and where it lies on the other side."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.migration.core.settings import Mapping, Settings
from orchestrator.migration.core.sides import Side
from orchestrator.migration.core.view import Place, View

names = st.sampled_from(["app", "db", "x", "\N{GREEK SMALL LETTER DELTA}"])
paths = st.lists(names, min_size=1, max_size=5).map(lambda parts: "/" + "/".join(parts))
MAPPED = Settings(mappings=(Mapping(a="/app", b="/new/app"), Mapping(a="/db", b="/old")))


@pytest.mark.parametrize("path", ["/", "/zookeeper", "/zookeeper/config", "/zookeeper/quota/x"])
def test_what_is_zookeepers_own_is_never_synced(path: str) -> None:
    assert not View(Settings()).is_in(path)


@pytest.mark.parametrize(
    ("path", "place"),
    [
        ("/app/web/x", Place.IN),
        ("/app/web", Place.IN),
        ("/app", Place.STRUCTURE),
        ("/app/web/secret/x", Place.OUT),
        ("/other", Place.OUT),
    ],
)
def test_a_filter_leaves_parents_of_what_it_takes_as_structure(path: str, place: Place) -> None:
    view = View(Settings(include=("/app/web",), exclude=("/app/web/secret",)))
    assert view.place(Side.A, path) is place


def test_a_star_stands_for_one_name_and_two_for_any_number() -> None:
    view = View(Settings(include=("/*/config", "/deep/**/x")))
    assert view.is_in("/app/config/a")
    assert not view.is_in("/app/b/config")
    assert view.is_in("/deep/a/b/x")


@given(paths)
def test_a_mapped_path_comes_back_from_the_other_side(path: str) -> None:
    view = View(MAPPED)
    if view.is_in(path):
        assert view.inward(Side.B, view.outward(Side.B, path)) == path


@given(paths, paths)
def test_two_paths_never_share_a_place(one: str, other: str) -> None:
    view = View(MAPPED)
    if one != other and view.is_in(one) and view.is_in(other):
        assert view.outward(Side.B, one) != view.outward(Side.B, other)


def test_parents_of_a_mapped_place_are_structure() -> None:
    assert View(MAPPED).place(Side.B, "/new") is Place.STRUCTURE


@pytest.mark.parametrize(
    ("settings", "part"),
    [
        (Settings(include=()), "nothing would be synced"),
        (Settings(include=("app",)), "does not begin with a slash"),
        (Settings(include=("/app/",)), "ends with a slash"),
        (Settings(exclude=("/a//b",)), "which ZooKeeper does not allow"),
        (Settings(include=("/zookeeper/quota",)), "ZooKeeper's own"),
        (Settings(mappings=(Mapping(a="/a/*", b="/b"),)), "is a pattern"),
        (Settings(mappings=(Mapping(a="/a", b="/b"), Mapping(a="/c", b="/b/d"))), "overlap on B"),
        (Settings(mappings=(Mapping(a="/", b="/b"),)), "cannot be mapped"),
    ],
)
def test_settings_that_cannot_work_say_why(settings: Settings, part: str) -> None:
    assert part in " ".join(settings.faults())


def test_usual_settings_have_no_fault() -> None:
    assert MAPPED.faults() == []
