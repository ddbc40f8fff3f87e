"""Manifests and configurations, as registries and tools write them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support import images

from orchestrator.agent.adapters.images import documents
from orchestrator.agent.adapters.images.documents import DocumentError, Index, Manifest

BLOB = images.described(b"x", images.OCI_CONFIG)


def index(*platforms: tuple[str, str]) -> Index:
    entries = [
        images.described(f"{os}/{arch}".encode(), images.OCI_MANIFEST)
        | {"platform": {"os": os, "architecture": arch}}
        for os, arch in platforms
    ]
    found = documents.read_manifest(images.encoded({"schemaVersion": 2, "manifests": entries}))
    assert isinstance(found, Index)
    return found


@pytest.mark.parametrize("docker", [True, False])
def test_a_manifest_names_the_configuration_and_the_layers(docker: bool) -> None:
    image = images.Image((b"one", b"two"))
    made = images.packed(image, docker=docker)
    manifest = documents.read_manifest(made.manifest, made.media_type)
    assert isinstance(manifest, Manifest)
    named = [manifest.config.digest, *(layer.digest for layer in manifest.layers)]
    assert named == list(made.blobs)


def test_the_manifest_for_this_kind_of_machine_is_chosen() -> None:
    listed = index(("linux", "arm64"), ("windows", "amd64"), ("linux", "amd64"))
    assert documents.for_platform(listed, "x86_64") is listed.manifests[2]
    assert documents.for_platform(listed, "aarch64") is listed.manifests[0]


def test_an_image_for_other_machines_is_refused_with_those_it_is_for() -> None:
    with pytest.raises(DocumentError, match="not made for linux/s390x, but for linux/arm64"):
        documents.for_platform(index(("linux", "arm64")), "s390x")


@pytest.mark.parametrize(
    "document",
    [
        b"",
        b"[]",
        b"\xff",
        b'{"schemaVersion": 1, "fsLayers": []}',
        images.encoded({"schemaVersion": 2, "config": BLOB}),
        images.encoded({"schemaVersion": 2, "config": BLOB, "layers": [BLOB] * 128}),
        images.encoded(
            {"schemaVersion": 2, "config": BLOB | {"digest": "sha256:../../x"}, "layers": []}
        ),
        images.encoded({"schemaVersion": 2, "config": BLOB | {"size": -1}, "layers": []}),
    ],
)
def test_a_manifest_that_cannot_be_used_is_refused(document: bytes) -> None:
    with pytest.raises(DocumentError):
        documents.read_manifest(document)


def test_a_configuration_has_a_digest_for_each_layer() -> None:
    config = images.Image((b"one",)).config
    assert documents.read_config(config, 1).diff_ids == [images.digest_of(b"one")]
    with pytest.raises(DocumentError, match="2 layers, its configuration names 1"):
        documents.read_config(config, 2)


def test_an_image_for_another_system_is_refused() -> None:
    with pytest.raises(DocumentError, match="for windows"):
        documents.read_config(b'{"os": "windows"}', 0)


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(document: bytes) -> None:
    for read in (documents.read_manifest, lambda raw: documents.read_config(raw, 0)):
        try:
            read(document)
        except DocumentError:
            continue
