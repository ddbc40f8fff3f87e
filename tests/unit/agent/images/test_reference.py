"""Names of images are read as Docker reads them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.agent.adapters.images import reference
from orchestrator.agent.adapters.images.reference import Reference, ReferenceError

DIGEST = "sha256:" + "ab" * 32
PARTS = st.from_regex(r"[a-z0-9]+([._-][a-z0-9]+)?", fullmatch=True)
REGISTRIES = st.sampled_from(["docker.io", "localhost:5000", "reg.example.com", "127.0.0.1:80"])
TAGS = st.none() | st.from_regex(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,20}", fullmatch=True)


@pytest.mark.parametrize(
    ("name", "meaning"),
    [
        ("busybox", "docker.io/library/busybox:latest"),
        ("busybox:1.36", "docker.io/library/busybox:1.36"),
        ("team/app", "docker.io/team/app:latest"),
        ("index.docker.io/team/app", "docker.io/team/app:latest"),
        ("docker.io/busybox", "docker.io/library/busybox:latest"),
        ("localhost/app", "localhost/app:latest"),
        ("localhost:5000/app:2", "localhost:5000/app:2"),
        ("reg.example.com/a/b/c", "reg.example.com/a/b/c:latest"),
        ("Host/app", "Host/app:latest"),
        (f"app@{DIGEST}", f"docker.io/library/app@{DIGEST}"),
        (f"app:1@{DIGEST}", f"docker.io/library/app:1@{DIGEST}"),
    ],
)
def test_a_short_name_stands_for_a_complete_one(name: str, meaning: str) -> None:
    assert str(reference.parse(name)) == meaning


def test_the_operator_says_where_names_without_a_registry_come_from() -> None:
    assert str(reference.parse("app", "reg.example.com")) == "reg.example.com/app:latest"
    assert str(reference.parse("docker.io/app", "reg.example.com")) == (
        "docker.io/library/app:latest"
    )


@pytest.mark.parametrize(
    "name",
    [
        "",
        "App",
        "a//b",
        "-a",
        "app:",
        "app:a b",
        "app@sha256:12",
        "app@md5:0",
        "a/../b",
        "/a",
        "a/",
        "reg.example.com:x/app",
        "a\x00b",
        "a" * 256,
        "evil.com/../../etc",
    ],
)
def test_what_is_no_name_is_refused(name: str) -> None:
    with pytest.raises(ReferenceError):
        reference.parse(name)


@given(
    registry=REGISTRIES,
    parts=st.lists(PARTS, min_size=2, max_size=4),
    tag=TAGS,
    digest=st.sampled_from([None, DIGEST]),
)
def test_a_complete_name_reads_back_as_the_same_image(
    registry: str, parts: list[str], tag: str | None, digest: str | None
) -> None:
    repository = "/".join(parts)
    image = Reference(
        registry=registry,
        repository=repository,
        tag=tag if tag or digest else "latest",
        digest=digest,
    )
    assert reference.parse(str(image)) == image


@given(st.text(max_size=80))
def test_any_text_is_a_name_or_refused(text: str) -> None:
    try:
        image = reference.parse(text)
    except ReferenceError:
        return
    assert reference.parse(str(image)) == image
    assert ".." not in image.repository.split("/")


def test_only_this_machines_registries_are_spoken_to_without_tls() -> None:
    names = ["localhost/a", "localhost:5000/a", "127.0.0.1:5000/a", "127.9.9.9/a"]
    assert all(reference.parse(name).is_loopback for name in names)
    others = ["a", "localhost.example.com/a", "127.0.0.1.example.com/a", "10.0.0.1:5000/a"]
    assert not any(reference.parse(name).is_loopback for name in others)
