"""The store of images, with a registry that fails in the ways real ones do."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import pytest
from tests.support import eventually, images
from tests.support.registry import Registry, registry

from orchestrator.agent.adapters.images.registry import RegistryClient
from orchestrator.agent.adapters.images.store import ImageError, ImageStore, Source
from orchestrator.agent.adapters.logins import Login

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="layers need root to be unpacked")
SMALL = images.Image((images.layer_of({"one": b"1"}), images.layer_of({"two": b"2"})))
Open = Callable[..., AbstractAsyncContextManager[ImageStore]]


@pytest.fixture
def hub() -> Iterator[Registry]:
    with registry() as one:
        one.push("app", SMALL)
        yield one


@pytest.fixture
def opened(tmp_path: Path) -> Open:
    """Opens the store of this test; again, as a second agent."""

    @asynccontextmanager
    async def open_store(**source: object) -> AsyncIterator[ImageStore]:
        client = RegistryClient(source.get("insecure", frozenset()), pause_s=0.01)  # type: ignore[arg-type]
        store = ImageStore(tmp_path / "images", Source(**source), client=client)  # type: ignore[arg-type]
        store.open()
        try:
            yield store
        finally:
            await store.close()

    return open_store


async def refusal(store: ImageStore, name: str, **how: object) -> str:
    with pytest.raises(ImageError) as error:
        await store.get(name, **how)  # type: ignore[arg-type]
    return str(error.value)


def files_of(*layers: Path) -> list[str]:
    return [str(path.relative_to(layer)) for layer in layers for path in sorted(layer.rglob("*"))]


async def test_layers_come_in_their_order_with_the_images_settings(
    opened: Open, hub: Registry
) -> None:
    hub.push("app", images.Image(SMALL.layers, {"User": "me", "Env": ["A=1"]}), "2")
    async with opened() as store:
        image = await store.get(hub.name_of("app", "2"))
    assert files_of(*image.layers) == ["one", "two"]
    assert (image.settings.user, image.settings.env) == ("me", ["A=1"])


async def test_an_image_that_is_here_is_not_asked_for_again_even_by_another_agent(
    opened: Open, hub: Registry
) -> None:
    async with opened() as store:
        await store.get(hub.name_of("app"))
    asked = len(hub.requests)
    async with opened() as store:
        await store.get(hub.name_of("app"))
    assert len(hub.requests) == asked


async def test_fresh_means_the_registrys_newest(opened: Open, hub: Registry) -> None:
    async with opened() as store:
        before = await store.get(hub.name_of("app"))
        hub.push("app", SMALL.with_layer(images.layer_of({"three": b"3"})))
        assert await store.get(hub.name_of("app")) == before
        after = await store.get(hub.name_of("app"), is_fresh=True)
    assert files_of(*after.layers) == ["one", "two", "three"]
    assert hub.count("blobs") == 5  # the two layers that were here are not fetched again


async def test_images_share_their_layers(opened: Open, hub: Registry, tmp_path: Path) -> None:
    hub.push("other", SMALL.with_layer(images.layer_of({"three": b"3"})))
    async with opened() as store:
        await asyncio.gather(store.get(hub.name_of("app")), store.get(hub.name_of("other")))
    assert len([one for one in (tmp_path / "images/layers").iterdir() if one.is_dir()]) == 3


async def test_a_digest_pins_an_image(opened: Open, hub: Registry) -> None:
    digest = hub.push("app", SMALL, "pinned")
    hub.push("app", images.tiny(), "pinned")
    async with opened() as store:
        image = await store.get(f"{hub.host}/app:pinned@{digest}")
    assert files_of(*image.layers) == ["one", "two"]


async def test_of_a_list_the_manifest_for_this_machine_is_taken(
    opened: Open, hub: Registry
) -> None:
    other = images.Image((images.layer_of({"wrong": b""}),), architecture="s390x")
    architecture = {"x86_64": "amd64", "aarch64": "arm64"}[os.uname().machine]
    hub.push_list("many", {"s390x": other, architecture: SMALL})
    hub.push_list("none", {"s390x": other})
    async with opened() as store:
        image = await store.get(hub.name_of("many"))
        message = await refusal(store, hub.name_of("none"))
    assert files_of(*image.layers) == ["one", "two"]
    assert message.endswith(f"not made for linux/{architecture}, but for linux/s390x")


# --- logging in --------------------------------------------------------------------------------


@pytest.mark.parametrize("auth", ["basic", "bearer"])
async def test_a_private_image_needs_a_login(opened: Open, auth: str) -> None:
    with registry({"me": "hush"}, auth) as private:  # type: ignore[arg-type]
        private.push("app", SMALL)
        name = private.name_of("app")
        good = {private.host: Login(registry="", username="me", password="hush")}
        bad = {private.host: Login(registry="", username="me", password="wrong")}
        async with opened(logins=bad) as store:
            assert "does not let the user 'me' pull it" in await refusal(store, name)
            image = await store.get(name, logins=good)
        async with opened() as store:
            message = await refusal(store, private.name_of("app", "other"))
    assert files_of(*image.layers) == ["one", "two"]
    assert "wants a login" in message


async def test_a_token_that_has_expired_is_renewed(opened: Open) -> None:
    with registry({"me": "hush"}) as private:
        private.push("app", SMALL)
        private.push("app", images.tiny(), "2")
        async with opened(
            logins={private.host: Login(registry="", username="me", password="hush")}
        ) as store:
            await store.get(private.name_of("app"))
            private.expire_tokens()
            await store.get(private.name_of("app", "2"))
        assert private.count("/token") == 2


async def test_a_public_image_may_need_a_token_for_nobody(opened: Open) -> None:
    with registry(auth="bearer") as public:
        public.push("app", SMALL)
        async with opened() as store:
            await store.get(public.name_of("app"))


# --- what goes wrong ---------------------------------------------------------------------------


async def test_errors_that_pass_are_outlasted(opened: Open, hub: Registry) -> None:
    hub.faults.errors = {"manifests": 2, "blobs": 3}
    hub.faults.too_many = 1
    async with opened() as store:
        await store.get(hub.name_of("app"))


async def test_errors_that_stay_are_told(opened: Open, hub: Registry) -> None:
    hub.faults.errors = {"manifests": 1000}
    async with opened() as store:
        assert await refusal(store, hub.name_of("app")) == (
            f"the image '{hub.name_of('app')}' cannot be had: {hub.host}: it answers with 500"
        )


async def test_a_blob_that_is_cut_off_goes_on_where_it_ended(opened: Open, hub: Registry) -> None:
    hub.push("big", images.Image((images.layer_of({"big": os.urandom(300_000)}),)))
    hub.faults.truncate_blobs = 2  # the configuration, and the layer
    async with opened() as store:
        await store.get(hub.name_of("big"))
    assert hub.count("blobs") == 4


async def test_a_download_goes_on_where_a_killed_agent_left_it(
    opened: Open, hub: Registry, tmp_path: Path
) -> None:
    made = images.packed(images.Image((images.layer_of({"big": os.urandom(300_000)}),)))
    hub.push("big", made)
    (digest, blob) = list(made.blobs.items())[-1]
    async with opened() as store:
        part = tmp_path / "images/downloads" / digest.removeprefix("sha256:")
        part.write_bytes(blob[:100_000])
        await store.get(hub.name_of("big"))
    assert hub.count("bytes=100000-") == 1
    assert not part.exists()


async def test_a_damaged_rest_of_a_download_is_dropped(
    opened: Open, hub: Registry, tmp_path: Path
) -> None:
    made = images.packed(SMALL)
    (digest, blob) = list(made.blobs.items())[-1]
    async with opened() as store:
        part = tmp_path / "images/downloads" / digest.removeprefix("sha256:")
        part.write_bytes(b"?" * (len(blob) // 2))
        assert "another digest" in await refusal(store, hub.name_of("app"))
        await store.get(hub.name_of("app"))


async def test_a_manifest_with_another_digest_is_refused(opened: Open, hub: Registry) -> None:
    digest = hub.push("app", SMALL, "x")
    hub.faults.corrupt.add(digest)
    async with opened() as store:
        assert "another digest" in await refusal(store, f"{hub.host}/app@{digest}")


async def test_a_layer_that_is_not_what_its_configuration_says_is_refused(
    opened: Open, hub: Registry, tmp_path: Path
) -> None:
    made = images.packed(SMALL)
    other = images.packed(images.Image((images.layer_of({"evil": b""}), SMALL.layers[1])))
    config = made.blobs[images.digest_of(SMALL.config)]
    manifest = other.manifest.replace(
        images.digest_of(
            images.Image((images.layer_of({"evil": b""}), SMALL.layers[1])).config
        ).encode(),
        images.digest_of(config).encode(),
    )
    blobs = {**other.blobs, images.digest_of(config): config}
    hub.push("evil", images.Packed(manifest, other.media_type, blobs))
    async with opened() as store:
        assert "its configuration says" in await refusal(store, hub.name_of("evil"))
    assert "evil" not in files_of(tmp_path / "images/layers")


async def test_a_layer_packed_by_zstd_is_refused_by_name(opened: Open, hub: Registry) -> None:
    made = images.packed(SMALL, compress=lambda raw: b"\x28\xb5\x2f\xfd" + raw, suffix="zstd")
    hub.push("modern", made)
    async with opened() as store:
        assert "zstd" in await refusal(store, hub.name_of("modern"))


async def test_a_layer_that_grows_beyond_the_limit_is_refused(opened: Open, hub: Registry) -> None:
    hub.push("bomb", images.Image((images.layer_of({"zeros": bytes(5_000_000)}),)))
    async with opened(max_layer_bytes=1_000_000) as store:
        assert "larger, unpacked" in await refusal(store, hub.name_of("bomb"))


async def test_nobody_listening_is_told(opened: Open) -> None:
    async with opened() as store:
        message = await refusal(store, "127.0.0.1:1/app")
    assert "127.0.0.1:1" in message
    assert "Cannot connect" in message


async def test_who_waits_for_an_image_may_go_without_the_others(
    opened: Open, hub: Registry
) -> None:
    hub.faults.delay_s = 0.05
    async with opened() as store:
        first = asyncio.create_task(store.get(hub.name_of("app")))
        second = asyncio.create_task(store.get(hub.name_of("app")))
        await eventually(lambda: hub.requests)
        first.cancel()
        assert files_of(*(await second).layers) == ["one", "two"]
    assert hub.count("manifests") == 1


# --- from this machine -------------------------------------------------------------------------


async def test_images_of_this_machine_come_in_every_form(opened: Open, tmp_path: Path) -> None:
    layout = images.to_layout(SMALL, tmp_path / "layout")
    saved = images.to_docker_archive(SMALL, tmp_path / "saved.tar")
    plain = tmp_path / "root.tar"
    plain.write_bytes(SMALL.layers[0])
    directory = tmp_path / "root"
    (directory / "bin").mkdir(parents=True)
    async with opened() as store:
        for path in (layout, saved):
            assert files_of(*(await store.get(str(path))).layers) == ["one", "two"]
        assert files_of(*(await store.get(f"file://{plain}")).layers) == ["one"]
        assert (await store.get(str(directory))).layers == (directory,)


async def test_an_archive_that_is_written_anew_is_read_anew(opened: Open, tmp_path: Path) -> None:
    path = tmp_path / "root.tar"
    path.write_bytes(SMALL.layers[0])
    async with opened() as store:
        await store.get(str(path))
        path.unlink()
        path.write_bytes(SMALL.layers[1])
        assert files_of(*(await store.get(str(path))).layers) == ["two"]


async def test_a_name_means_a_file_of_the_operators_directory(opened: Open, tmp_path: Path) -> None:
    (tmp_path / "hub/team").mkdir(parents=True)
    images.to_docker_archive(SMALL, tmp_path / "hub/team/app:1.tar", "team/app:1")
    async with opened(directory=tmp_path / "hub") as store:
        assert files_of(*(await store.get("team/app:1")).layers) == ["one", "two"]
        assert "there is no 'team/app:2'" in await refusal(store, "team/app:2")
        assert "cannot be the name" in await refusal(store, "../../etc")


# --- how much is kept --------------------------------------------------------------------------


async def test_what_nothing_uses_goes_when_the_store_grows_too_large(
    opened: Open, hub: Registry, tmp_path: Path
) -> None:
    for name in "abc":
        hub.push(name, images.Image((images.layer_of({name: os.urandom(100_000)}),)))
    used = set[Path]()
    async with opened(max_bytes=250_000, idle_s=0.0) as store:
        store.is_in_use = used.__contains__
        used.update((await store.get(hub.name_of("a"))).layers)
        for name in "bc":
            await store.get(hub.name_of(name))
        kept = [one for one in (tmp_path / "images/layers").iterdir() if one.is_dir()]
    assert files_of(*kept).count("a") == 1
    assert len(kept) == 2


async def test_all_that_nothing_uses_goes_when_it_is_asked_for(
    opened: Open, hub: Registry, tmp_path: Path
) -> None:
    hub.push("used", images.Image((images.layer_of({"used": b"u"}),)))
    async with opened(idle_s=0.0) as store:
        await store.get(hub.name_of("app"))
        used = await store.get(hub.name_of("used"))
        store.is_in_use = lambda layer: layer in used.layers
        await store.prune_all()
    left = [one for one in (tmp_path / "images/layers").iterdir() if one.is_dir()]
    assert files_of(*left) == ["used"]


async def test_what_failed_pulls_left_goes_first(
    opened: Open, hub: Registry, tmp_path: Path
) -> None:
    store_dir = tmp_path / "images"
    for name in ("layers", "downloads", "names"):
        (store_dir / name).mkdir(parents=True)
    nameless, half, fresh = (
        store_dir / one for one in ("layers/nameless", "downloads/half", "downloads/fresh")
    )
    nameless.mkdir()
    nameless.with_suffix(".size").write_text("1000000")
    for path in (half, fresh):
        path.write_bytes(b"x")
    os.utime(half, (0, 0))
    async with opened(max_bytes=500_000, idle_s=0.0) as store:
        image = await store.get(hub.name_of("app"))
        assert all(layer.is_dir() for layer in image.layers)
    assert [path.exists() for path in (nameless, half, fresh)] == [False, False, True]


async def test_what_goes_while_the_store_is_looked_through_fails_no_pull(
    opened: Open, hub: Registry, tmp_path: Path
) -> None:
    for name in ("layers/gone.size", "names/gone"):  # seen in the directory, and not there any more
        path = tmp_path / "images" / name
        path.parent.mkdir(parents=True)
        path.symlink_to("nowhere")
    async with opened(max_bytes=0, idle_s=0.0) as store:
        await store.get(hub.name_of("app"))
