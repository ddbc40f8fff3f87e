"""The fetcher against a real web server, real files and a disk that is full."""

from __future__ import annotations

import asyncio
import hashlib
import io
import os
import subprocess
import tarfile
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest
from tests.integration.agent.file_server import FileServer, file_server
from tests.support import eventually

from orchestrator.agent.adapters.fetcher import Fetcher, FetchError, Limits
from orchestrator.agent.adapters.threads import to_the_end
from orchestrator.mesos.types import CommandURI

LIMITS = Limits(max_bytes=10**7, stall_s=0.3, total_s=5.0)
Make = Callable[..., Fetcher]

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become others and mount")


@pytest.fixture
async def server() -> AsyncIterator[FileServer]:
    async with file_server() as server:
        yield server


@pytest.fixture
def sandbox(tmp_path: Path) -> Path:
    path = tmp_path / "sandbox"
    path.mkdir()
    return path


@pytest.fixture
async def make(tmp_path: Path) -> AsyncIterator[Make]:
    made: list[Fetcher] = []

    def fetcher(
        limits: Limits = LIMITS, cache_bytes: int = 10**6, directory: Path | None = None
    ) -> Fetcher:
        made.append(Fetcher(directory or tmp_path / "fetcher", limits, cache_bytes))
        return made[-1]

    yield fetcher
    for one in made:
        await one.close()


def tgz(**files: bytes) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return buffer.getvalue()


def names(directory: Path) -> set[str]:
    return {path.name for path in directory.iterdir()}


def files_below(directory: Path) -> list[Path]:
    return [path for path in directory.rglob("*") if path.is_file()]


# --- what arrives ---------------------------------------------------------------------------------


async def test_files_come_over_http_and_from_the_machine_itself(
    make: Make, server: FileServer, sandbox: Path, tmp_path: Path
) -> None:
    (tmp_path / "local").write_text("local")
    uris = [
        CommandURI(value=f"{server.url}/files/a.txt"),
        CommandURI(value=f"{server.url}/redirect/a.txt", output_file="d/e/copy"),
        CommandURI(value=f"file://{tmp_path}/local", executable=True),
    ]
    fetcher = make()
    await fetcher.fetch(uris, sandbox, None)
    assert (sandbox / "a.txt").read_text() == (sandbox / "d/e/copy").read_text() == "hello"
    assert (sandbox / "a.txt").stat().st_mode & 0o777 == 0o644
    assert (sandbox / "local").stat().st_mode & 0o777 == 0o755
    assert f"Fetched '{server.url}/files/a.txt'" in (sandbox / "stderr").read_text()
    assert (fetcher.succeeded, fetcher.failed) == (1, 0)


async def test_an_archive_is_unpacked_beside_itself_or_from_the_cache_alone(
    make: Make, server: FileServer, tmp_path: Path
) -> None:
    server.files["x.tgz"] = tgz(inside=b"hi")
    fetcher = make()
    for cache, there in ((False, {"x.tgz", "inside"}), (True, {"inside"})):
        directory = tmp_path / str(cache)
        directory.mkdir()
        uri = CommandURI(value=f"{server.url}/files/x.tgz", cache=cache)
        await fetcher.fetch([uri], directory, None)
        assert names(directory) - {"stderr"} == there
        assert (directory / "inside").read_bytes() == b"hi"


async def test_an_archive_stays_packed_where_asked(
    make: Make, server: FileServer, sandbox: Path
) -> None:
    server.files["x.tgz"] = tgz(inside=b"hi")
    uri = CommandURI(value=f"{server.url}/files/x.tgz", extract=False)
    await make().fetch([uri], sandbox, None)
    assert names(sandbox) == {"x.tgz", "stderr"}


async def test_a_checksum_in_the_fragment_is_compared(
    make: Make, server: FileServer, sandbox: Path
) -> None:
    digest = hashlib.sha256(b"hello").hexdigest()
    good = CommandURI(value=f"{server.url}/files/a.txt#sha256={digest}")
    await make().fetch([good], sandbox, None)
    (sandbox / "a.txt").unlink()
    bad = CommandURI(value=f"{server.url}/files/a.txt#sha256={'0' * 64}", cache=True)
    with pytest.raises(FetchError, match=f"its sha256 is {digest}"):
        await make().fetch([bad], sandbox, None)
    assert names(sandbox) == {"stderr"}


async def test_a_password_reaches_the_server_and_nobody_else(
    make: Make, server: FileServer, sandbox: Path
) -> None:
    address = server.url.removeprefix("http://")
    for path in ("files/a.txt", "status/403"):
        uri = CommandURI(value=f"http://joe:hunter2@{address}/{path}?token=hunter3")
        try:
            await make().fetch([uri], sandbox, None)
        except FetchError as error:
            assert "hunter" not in str(error)
            assert "Failed to fetch 'http://***@127.0.0.1" in str(error)
    assert all(sent and sent.startswith("Basic ") for sent in server.authorization)
    assert "hunter" not in (sandbox / "stderr").read_text()


# --- what goes wrong ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "why"),
    [
        ("status/404", "the server answered 404"),
        ("status/500", "the server answered 500"),
        ("loop/x", "more than 10 redirects"),
        ("to-file/x", "no valid URL"),
        ("stalls/x", r"nothing came for 0\.3 s"),
        ("short/x", "the connection ended before all of it had come"),
        ("endless/x", "larger than the 10000000 bytes"),
        ("huge/x", "1000000000000 bytes, 10000000 are allowed"),
    ],
)
@pytest.mark.parametrize("cache", [False, True])
async def test_what_goes_wrong_is_said_and_leaves_nothing(
    make: Make, server: FileServer, sandbox: Path, tmp_path: Path, path: str, why: str, cache: bool
) -> None:
    uri = CommandURI(value=f"{server.url}/{path}", cache=cache)
    fetcher = make()
    with pytest.raises(FetchError, match=why) as caught:
        await fetcher.fetch([uri], sandbox, None)
    assert str(caught.value).startswith(f"Failed to fetch '{server.url}/{path}': ")
    assert names(sandbox) == {"stderr"}
    assert not files_below(tmp_path / "fetcher")
    assert str(caught.value) in (sandbox / "stderr").read_text()
    assert fetcher.failed == 1


async def test_a_download_that_trickles_is_cut_in_the_end(
    make: Make, server: FileServer, sandbox: Path
) -> None:
    fetcher = make(Limits(max_bytes=10**12, stall_s=5.0, total_s=0.3))
    with pytest.raises(FetchError, match=r"it was not done in 0\.3 s"):
        await fetcher.fetch([CommandURI(value=f"{server.url}/endless/x")], sandbox, None)
    await eventually(lambda: server.connected == 0)


@pytest.mark.parametrize(
    ("uri", "why"),
    [
        ("http://127.0.0.1:1/x", "cannot connect to 127.0.0.1:1"),
        ("http://:bad@[/x", "no valid URL"),
        (f"http://{'a' * 300}/x", "."),
        ("http://127.0.0.1:99999/x", "no valid URL"),
        ("/no/such/file", "No such file"),
        ("/dev/zero", "no ordinary file"),
        ("/etc/", "names no file"),
        ("/usr/bin", "no ordinary file"),
    ],
)
async def test_an_address_without_a_file_is_refused(
    make: Make, sandbox: Path, uri: str, why: str
) -> None:
    with pytest.raises(FetchError, match=why):
        await make().fetch([CommandURI(value=uri)], sandbox, None)


async def test_a_link_in_the_sandbox_does_not_lead_out_of_it(
    make: Make, server: FileServer, sandbox: Path, tmp_path: Path
) -> None:
    (tmp_path / "precious").mkdir()
    (sandbox / "d").symlink_to(tmp_path / "precious")
    (sandbox / "a.txt").symlink_to(tmp_path / "precious/a.txt")
    fetcher, value = make(), f"{server.url}/files/a.txt"
    with pytest.raises(FetchError, match="'d' in the sandbox is no directory"):
        await fetcher.fetch([CommandURI(value=value, output_file="d/x")], sandbox, None)
    await fetcher.fetch([CommandURI(value=value)], sandbox, None)
    assert not names(tmp_path / "precious")
    assert not (sandbox / "a.txt").is_symlink()


@needs_root
async def test_files_are_read_and_owned_as_the_user_of_the_task(
    make: Make, server: FileServer, sandbox: Path, tmp_path: Path
) -> None:
    for parent in (tmp_path, *tmp_path.parents[:2]):
        parent.chmod(0o755)
    os.chown(sandbox, 65534, 65534)
    (tmp_path / "public").write_text("x")
    (tmp_path / "secret").write_text("x")
    (tmp_path / "secret").chmod(0o600)
    server.files["x.tgz"] = tgz(inside=b"hi")
    uris = [
        CommandURI(value=str(tmp_path / "public"), output_file="d/public"),
        CommandURI(value=f"{server.url}/files/x.tgz", cache=True),
    ]
    fetcher = make()
    await fetcher.fetch(uris, sandbox, "nobody")
    for name in ("d", "d/public", "inside"):
        assert (sandbox / name).stat().st_uid == 65534, name
    with pytest.raises(FetchError, match="Permission denied"):
        await fetcher.fetch([CommandURI(value=str(tmp_path / "secret"))], sandbox, "nobody")
    with pytest.raises(FetchError, match="larger than"):
        await fetcher.fetch([CommandURI(value="/dev/zero")], sandbox, "nobody")


@needs_root
async def test_what_a_reader_may_not_read_is_not_fetched_for_others_either(
    make: Make, server: FileServer, sandbox: Path, tmp_path: Path
) -> None:
    for parent in (tmp_path, *tmp_path.parents[:2]):
        parent.chmod(0o755)
    (tmp_path / "public").write_text("x")
    (tmp_path / "secret").write_text("x")
    (tmp_path / "secret").chmod(0o600)
    public = CommandURI(value=str(tmp_path / "public"))
    secret = CommandURI(value=str(tmp_path / "secret"), cache=True)
    fetcher = make()
    await fetcher.fetch([public], sandbox, None, reader="nobody")
    assert (sandbox / "public").stat().st_uid == 0
    await fetcher.fetch([secret], sandbox, None)  # now it is in the cache
    with pytest.raises(FetchError, match="Permission denied"):
        await fetcher.fetch([secret], sandbox, None, reader="nobody")
    remote = CommandURI(value=f"{server.url}/files/a.txt")
    await fetcher.fetch([remote], sandbox, None, reader="nobody-at-all")
    with pytest.raises(FetchError, match="no user 'nobody-at-all'"):
        await fetcher.fetch([public], sandbox, None, reader="nobody-at-all")


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of a megabyte."""
    place = tmp_path / "small"
    place.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", place], check=True)
    yield place
    subprocess.run(["umount", place], check=True)


@needs_root
@pytest.mark.parametrize("name", ["big", "big.tgz"])
async def test_a_full_disk_is_said(
    make: Make, server: FileServer, small_disk: Path, tmp_path: Path, name: str
) -> None:
    server.files |= {"big": b"x" * 2_000_000, "big.tgz": tgz(inside=b"\0" * 2_000_000)}
    (small_disk / "sandbox").mkdir()
    fetcher = make(directory=small_disk / "fetcher")
    with pytest.raises(FetchError, match="No space left on device"):
        await fetcher.fetch(
            [CommandURI(value=f"{server.url}/files/{name}")], small_disk / "sandbox", None
        )


@needs_root
async def test_a_sandbox_on_another_disk_is_filled_too(
    make: Make, server: FileServer, small_disk: Path
) -> None:
    await make().fetch([CommandURI(value=f"{server.url}/files/a.txt")], small_disk, None)
    assert names(small_disk) == {"a.txt", "stderr"}


# --- many at once ---------------------------------------------------------------------------------


async def test_fifty_tasks_share_one_download(
    make: Make, server: FileServer, tmp_path: Path
) -> None:
    uri = CommandURI(value=f"{server.url}/gated/a.txt", cache=True)
    sandboxes = [tmp_path / f"s{i}" for i in range(50)]
    for path in sandboxes:
        path.mkdir()
    fetcher = make()
    fetches = [asyncio.create_task(fetcher.fetch([uri], path, None)) for path in sandboxes]
    await eventually(lambda: server.hits["/gated/a.txt"])
    fetches[0].cancel()  # the one that began it
    server.released.set()
    await asyncio.gather(*fetches[1:])
    assert all((path / "a.txt").read_text() == "hello" for path in sandboxes[1:])
    assert server.hits["/gated/a.txt"] == 1
    assert not (sandboxes[0] / "a.txt").exists()


async def test_without_the_cache_every_task_asks(
    make: Make, server: FileServer, sandbox: Path
) -> None:
    fetcher, uri = make(), CommandURI(value=f"{server.url}/files/a.txt")
    for _ in range(2):
        await fetcher.fetch([uri], sandbox, None)
    assert server.hits["/files/a.txt"] == 2


async def test_when_all_who_wait_are_gone_the_download_ends(
    make: Make, server: FileServer, tmp_path: Path, sandbox: Path
) -> None:
    fetcher = make(Limits(max_bytes=10**12, stall_s=5.0, total_s=60.0))
    for cache in (False, True):
        uri = CommandURI(value=f"{server.url}/endless/x", cache=cache)
        fetches = [asyncio.create_task(fetcher.fetch([uri], sandbox, None)) for _ in range(3)]
        await eventually(lambda: server.connected)
        for one in fetches:
            one.cancel()
        await asyncio.gather(*fetches, return_exceptions=True)
        await eventually(lambda: server.connected == 0)
        assert names(sandbox) == {"stderr"}
        assert not files_below(tmp_path / "fetcher")


async def test_the_cache_evicts_what_was_used_longest_ago(
    make: Make, server: FileServer, sandbox: Path
) -> None:
    server.files |= dict.fromkeys("abc", b"x" * 400)
    fetcher = make(cache_bytes=1000)
    for name in "abac":
        await fetcher.fetch(
            [CommandURI(value=f"{server.url}/files/{name}", cache=True)], sandbox, None
        )
    assert fetcher.cache.used_bytes == 800
    assert [server.hits[f"/files/{name}"] for name in "abc"] == [1, 1, 1]
    for name in "ab":
        await fetcher.fetch(
            [CommandURI(value=f"{server.url}/files/{name}", cache=True)], sandbox, None
        )
    assert [server.hits[f"/files/{name}"] for name in "abc"] == [1, 2, 1]


async def test_a_file_larger_than_the_cache_is_still_delivered(
    make: Make, server: FileServer, sandbox: Path, tmp_path: Path
) -> None:
    fetcher = make(cache_bytes=3)
    await fetcher.fetch([CommandURI(value=f"{server.url}/files/a.txt", cache=True)], sandbox, None)
    assert (sandbox / "a.txt").read_text() == "hello"
    assert fetcher.cache.used_bytes == 0
    assert not files_below(tmp_path / "fetcher")


async def test_a_failed_download_is_tried_again_by_the_next_task(
    make: Make, server: FileServer, sandbox: Path
) -> None:
    fetcher, uri = make(), CommandURI(value=f"{server.url}/files/later", cache=True)
    with pytest.raises(FetchError, match="404"):
        await fetcher.fetch([uri], sandbox, None)
    server.files["later"] = b"now"
    await fetcher.fetch([uri], sandbox, None)
    assert (sandbox / "later").read_bytes() == b"now"


async def test_a_cancelled_read_keeps_its_descriptor_until_its_thread_is_done() -> None:
    started, go_on, ended = threading.Event(), threading.Event(), threading.Event()

    def work() -> None:
        started.set()
        go_on.wait(5)
        ended.set()

    working = asyncio.create_task(to_the_end(work))
    await eventually(started.is_set)
    working.cancel()
    await asyncio.sleep(0)
    assert not working.done()
    go_on.set()
    with pytest.raises(asyncio.CancelledError):
        await working
    assert ended.is_set()


async def test_what_a_killed_agent_left_is_removed(make: Make, tmp_path: Path) -> None:
    left = tmp_path / "fetcher/unfinished/7"
    left.parent.mkdir(parents=True)
    left.touch()
    make()
    assert not left.exists()
