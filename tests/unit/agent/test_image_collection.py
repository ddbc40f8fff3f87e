"""Which images go, and which never do."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from orchestrator.agent.core.images import Disk, Image, Limits, plan

NOW = 1_000_000.0
ROOMY = Disk(total_bytes=1000, free_bytes=900)
FULL = Disk(total_bytes=1000, free_bytes=0)
LIMITS = Limits(headroom=0.1, min_age_s=10, max_age_s=1000)


def image(name: str, age_s: float, size_bytes: int = 60) -> Image:
    return Image(
        id=f"sha256:{name}", size_bytes=size_bytes, used_at=NOW - age_s, names=(f"{name}:1",)
    )


def names(images: list[Image]) -> list[str]:
    return [one.names[0] for one in images]


def test_nothing_goes_where_there_is_room() -> None:
    assert plan([image("a", 500)], set(), ROOMY, LIMITS, NOW) == []


def test_the_longest_unused_go_first_and_no_more_than_it_takes() -> None:
    three = [image("a", 100), image("b", 300), image("c", 200)]
    assert names(plan(three, set(), FULL, LIMITS, NOW)) == ["b:1", "c:1"]


def test_what_nobody_used_for_long_goes_though_there_is_room() -> None:
    assert names(plan([image("a", 1001), image("b", 999)], set(), ROOMY, LIMITS, NOW)) == ["a:1"]


def test_images_may_take_so_much_together() -> None:
    limits = Limits(min_age_s=0, max_bytes=100)
    assert names(plan([image("a", 5), image("b", 6)], set(), ROOMY, limits, NOW)) == ["b:1"]


def test_what_is_used_named_or_new_stays_on_a_full_disk() -> None:
    four = [image("a", 2000), image("b", 2000), image("keep/c", 2000), image("d", 9)]
    limits = Limits(min_age_s=10, excluded=("keep/*",))
    assert plan(four, {"sha256:a", "b:1"}, FULL, limits, NOW) == []


IMAGES = st.lists(
    st.builds(
        image,
        st.text("abcdef", min_size=1, max_size=3),
        st.floats(0, 3000),
        st.integers(0, 500),
    ),
    unique_by=lambda one: one.id,
    max_size=12,
)


@given(IMAGES, st.data(), st.integers(0, 1000), st.floats(0, 1), st.integers(0, 800))
def test_the_plan_keeps_its_laws(
    images: list[Image], data: st.DataObject, free: int, headroom: float, max_bytes: int
) -> None:
    used = data.draw(st.sets(st.sampled_from([one.id for one in images]))) if images else set()
    disk = Disk(total_bytes=1000, free_bytes=free)
    limits = Limits(headroom=headroom, min_age_s=10, max_age_s=1000, max_bytes=max_bytes)
    gone = plan(images, used, disk, limits, NOW)
    assert used.isdisjoint(one.id for one in gone)
    assert all(NOW - one.used_at >= 10 for one in gone)
    stayed = [one for one in images if one not in gone]
    spare = [one for one in stayed if one.id not in used and NOW - one.used_at >= 10]
    freed, taken = sum(one.size_bytes for one in gone), sum(one.size_bytes for one in stayed)
    if spare:  # what could go and stays is not needed gone
        assert all(NOW - one.used_at < 1000 for one in spare)
        assert free + freed >= 1000 * headroom
        assert not max_bytes or taken <= max_bytes
    fresh = [one for one in gone if NOW - one.used_at < 1000]
    if fresh:  # the last to go for room was needed
        last = fresh[-1]
        enough = free + freed - last.size_bytes >= 1000 * headroom
        fits = not max_bytes or taken + last.size_bytes <= max_bytes
        assert not (enough and fits)
    assert plan(images, used, disk, limits, NOW) == gone
