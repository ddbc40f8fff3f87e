"""A probe that reports over TLS: to an app behind a proxy that ends it."""

from __future__ import annotations

import asyncio
import ssl
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest
from tests.integration.monitoring.apps import an_app
from tests.integration.monitoring.probes import HOST, probing
from tests.support import eventually


def certificate(directory: Path, name: str) -> Path:
    """A certificate of its own for a name, with its key in the same file."""
    file = directory / f"{name}.pem"
    command = ("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1")
    files = ("-keyout", f"{file}.key", "-out", str(file))
    subject = ("-subj", f"/CN={name}", "-addext", f"subjectAltName=DNS:{name}")
    subprocess.run([*command, *files, *subject], check=True, capture_output=True)
    file.write_text(file.read_text() + Path(f"{file}.key").read_text())
    return file


@asynccontextmanager
async def behind_tls(url: str, file: Path) -> AsyncIterator[str]:
    """The address of a proxy with a certificate, in front of a server without."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(file)
    host, _, port = url.removeprefix("http://").partition(":")

    async def copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while data := await reader.read(65536):
                writer.write(data)
                await writer.drain()
        writer.close()

    async def relay(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, here = await asyncio.open_connection(host, int(port))
        await asyncio.gather(copy(reader, here), copy(there, writer))

    server = await asyncio.start_server(relay, "127.0.0.1", 0, ssl=context)
    try:
        yield f"https://localhost:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()


async def test_reports_and_controls_go_over_tls(tmp_path: Path) -> None:
    file = certificate(tmp_path, "localhost")
    async with (
        an_app(tmp_path / "app") as (client, app),
        behind_tls(client.url, file) as url,
        probing(url, ca_file=str(file)) as probe,
    ):
        await eventually(lambda: HOST in app.monitor.picture.kept)
        channel = probe.channel
        assert channel is not None
        await eventually(lambda: channel.is_open)
        agents = (await client.get("/api/v1/agents/list"))["agents"]
        assert [agent["is_connected"] for agent in agents] == [True]


@pytest.mark.parametrize("case", ["unknown", "other name"])
async def test_an_app_whose_certificate_is_not_trusted_gets_nothing(
    tmp_path: Path, case: str, caplog: pytest.LogCaptureFixture
) -> None:
    name = "elsewhere" if case == "other name" else "localhost"
    served = certificate(tmp_path, name)
    (tmp_path / "other").mkdir()
    trusted = served if case == "other name" else certificate(tmp_path / "other", "localhost")
    async with (
        an_app(tmp_path / "app") as (client, app),
        behind_tls(client.url, served) as url,
        probing(url, ca_file=str(trusted)),
    ):
        await eventually(lambda: "certificate" in caplog.text)
        assert app.monitor.picture.kept == {}
