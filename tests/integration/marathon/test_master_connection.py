"""Marathon and its master: redirects, lost streams, restarts, refusals."""

import shutil
import ssl
import subprocess
from pathlib import Path

import aiohttp
import pytest
from tests.integration.marathon.conftest import Api, Start
from tests.integration.marathon.fake_master import HttpMaster
from tests.support import eventually

from orchestrator.marathon.config import MarathonConfig
from orchestrator.marathon.server import MarathonAbortedError, RunningMarathon, serve_marathon
from orchestrator.mesos.scheduler import CallType, Error, Event, EventType
from orchestrator.runtime.config import ConfigError
from orchestrator.runtime.datadir import DataDirError
from orchestrator.runtime.http import PortInUseError


async def test_the_master_may_be_given_without_a_scheme(master: HttpMaster, start: Start) -> None:
    async with start(master=master.url.removeprefix("http://")) as marathon:
        await eventually(lambda: marathon.marathon.state.is_connected)


async def test_the_leader_is_found_by_its_redirect(master: HttpMaster, start: Start) -> None:
    async with HttpMaster().serving() as standby:
        standby.redirect_to = master.url
        async with start(master=standby.url) as marathon:
            await eventually(lambda: marathon.marathon.state.is_connected)
    assert len(master.subscriptions) == 1


async def test_a_stream_that_ends_is_opened_again_as_the_same_framework(
    marathon: RunningMarathon, master: HttpMaster
) -> None:
    await eventually(lambda: marathon.marathon.state.is_connected)
    master.cut()
    await eventually(lambda: len(master.subscriptions) == 2)
    first, second = master.subscriptions
    assert first.framework_id is None
    assert second.framework_id is not None
    assert second.framework_id.value == "framework"


async def test_a_master_without_heartbeats_is_left(start: Start) -> None:
    async with HttpMaster(heartbeat_s=0.1).serving() as silent, start(master=silent.url):
        await eventually(lambda: len(silent.subscriptions) == 2)


async def test_a_call_that_did_not_get_through_is_made_up_for(
    marathon: RunningMarathon, master: HttpMaster
) -> None:
    async with aiohttp.ClientSession(marathon.url) as session:
        await eventually(lambda: marathon.marathon.state.is_connected)
        master.refuses_next = CallType.ACCEPT
        await Api(session).deploy(id="/foo", cmd="x", instances=2)
    assert len(master.subscriptions) == 2
    assert len(master.mesos.tasks) == 2


async def test_a_master_may_be_spoken_to_in_protobuf(start: Start, master: HttpMaster) -> None:
    async with (
        start(master_encoding="protobuf") as marathon,
        aiohttp.ClientSession(marathon.url) as session,
    ):
        await Api(session).deploy(id="/foo", cmd="x", instances=2)
    assert master.forms == {"application/x-protobuf"}
    assert len(master.mesos.tasks) == 2


async def test_a_redirect_to_nowhere_is_tried_again(start: Start, master: HttpMaster) -> None:
    master.redirect_to = "//[bad"
    async with start() as marathon:
        await eventually(lambda: master.redirects >= 2)
        master.redirect_to = None
        await eventually(lambda: marathon.marathon.state.is_connected)


async def test_the_secret_may_be_in_a_file(
    start: Start, master: HttpMaster, tmp_path: Path
) -> None:
    file = tmp_path / "secret"
    file.write_text("hush\n")
    async with start(principal="me", secret_file=str(file)):
        await eventually(lambda: master.subscriptions)
    assert master.authorizations == ["Basic bWU6aHVzaA=="]


@pytest.mark.skipif(shutil.which("openssl") is None, reason="the program openssl is not here")
async def test_a_master_with_tls_is_trusted_by_the_certificate_given(
    start: Start, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    certificate, tls = self_signed(tmp_path)
    async with HttpMaster().serving(tls) as secured:
        async with start(master=secured.url):
            await eventually(lambda: "CERTIFICATE_VERIFY_FAILED" in caplog.text)
        assert not secured.subscriptions
        async with start(master=secured.url, master_ca_file=str(certificate)) as marathon:
            await eventually(lambda: marathon.marathon.state.is_connected)


def self_signed(directory: Path) -> tuple[Path, ssl.SSLContext]:
    certificate, key = directory / "certificate", directory / "key"
    command = (
        f"openssl req -x509 -newkey rsa:2048 -nodes -keyout {key} -out {certificate} -days 1"
        " -subj /CN=localhost -addext subjectAltName=IP:127.0.0.1"
    )
    subprocess.run(command.split(), check=True, capture_output=True)
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(certificate, key)
    return certificate, tls


UNKNOWN_STATE = b"""{"type": "UPDATE", "update": {"status": {"task_id": {"value": "t"},
 "state": "TASK_NEWER"}}}"""


@pytest.mark.parametrize(
    "record", [b"nonsense", b'{"type": "NEWER"}', b'{"type": "UPDATE"}', UNKNOWN_STATE]
)
async def test_an_event_that_cannot_be_read_is_passed_over(
    marathon: RunningMarathon, master: HttpMaster, record: bytes
) -> None:
    await eventually(lambda: marathon.marathon.state.is_connected)
    master.say(record)
    async with aiohttp.ClientSession(marathon.url) as session:
        await Api(session).deploy(id="/foo", cmd="x")
    assert len(master.subscriptions) == 1


async def test_marathon_waits_for_a_master_that_is_not_ready(
    start: Start, master: HttpMaster
) -> None:
    master.is_refusing = True
    async with start() as marathon, aiohttp.ClientSession(marathon.url) as session:
        api = Api(session)
        await api.call("POST", "/v2/apps", {"id": "/foo", "cmd": "x"})
        assert (await api.get("/health"))["connected"] is False
        master.is_refusing = False
        await api.settled()


async def test_marathon_goes_on_where_it_was_after_a_restart(
    start: Start, master: HttpMaster
) -> None:
    async with start() as marathon, aiohttp.ClientSession(marathon.url) as session:
        api = Api(session)
        await api.deploy(id="/foo", cmd="x", instances=3)
        tasks = {task["id"] for task in (await api.get("/v2/tasks"))["tasks"]}
    async with start() as marathon, aiohttp.ClientSession(marathon.url) as session:
        api = Api(session)
        await eventually(lambda: len(master.mesos.calls_of(CallType.RECONCILE)) >= 3)
        assert {task["id"] for task in (await api.get("/v2/tasks"))["tasks"]} == tasks
        await api.call("PUT", "/v2/apps/foo", {"instances": 4})
        await api.settled()
        assert {task["id"] for task in (await api.get("/v2/tasks"))["tasks"]} > tasks
    assert set(master.mesos.launches.values()) == {1}
    assert not master.mesos.calls_of(CallType.KILL)


async def test_a_framework_taken_over_by_another_marathon_ends(
    marathon: RunningMarathon, master: HttpMaster
) -> None:
    await eventually(lambda: marathon.marathon.state.is_connected)
    master.tell(Event(type=EventType.ERROR, error=Error(message="Framework failed over")))
    with pytest.raises(MarathonAbortedError, match="took over"):
        await marathon.failed


async def test_every_update_is_acknowledged(marathon: RunningMarathon, master: HttpMaster) -> None:
    async with aiohttp.ClientSession(marathon.url) as session:
        await Api(session).deploy(id="/foo", cmd="x", instances=5)
    await eventually(lambda: len(master.mesos.acknowledged) == 10)


async def test_principal_and_secret_are_sent(start: Start, master: HttpMaster) -> None:
    async with start(principal="me", secret="hush"):
        await eventually(lambda: master.subscriptions)
    assert master.authorizations == ["Basic bWU6aHVzaA=="]
    info = master.subscriptions[0].subscribe
    assert info is not None
    assert info.framework_info.principal == "me"


async def test_a_port_in_use_is_said_in_a_sentence(
    marathon: RunningMarathon, tmp_path: Path
) -> None:
    config = MarathonConfig(port=marathon.port, data_dir=str(tmp_path / "other"))
    with pytest.raises(PortInUseError, match="--port"):
        async with serve_marathon(config):
            pass


async def test_a_data_directory_in_use_is_said_in_a_sentence(
    marathon: RunningMarathon, tmp_path: Path
) -> None:
    assert marathon.port
    with pytest.raises(DataDirError, match="in use"):
        async with serve_marathon(MarathonConfig(port=0, data_dir=str(tmp_path))):
            pass


@pytest.mark.parametrize(
    "fields",
    [
        {"master": "ftp://host:1"},
        {"master": "host:port"},
        {"master": "http://"},
        {"local_port_min": 2000, "local_port_max": 1000},
        {"zk": "zk://host:1"},
        {"secret": "x"},
        {"principal": "me", "secret": "x", "secret_file": "/etc/hostname"},
        {"principal": "me", "secret_file": "/nowhere"},
        {"master_ca_file": "/nowhere"},
        {"master_ca_file": "/etc/hostname"},
    ],
)
async def test_wrong_settings_end_at_once(tmp_path: Path, fields: dict[str, object]) -> None:
    config = MarathonConfig(port=0, data_dir=str(tmp_path), **fields)  # type: ignore[arg-type]
    with pytest.raises(ConfigError):
        async with serve_marathon(config):
            pass
