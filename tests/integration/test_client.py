"""The client commands against a small fake of the servers they talk to."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from starlette.exceptions import HTTPException
from tests.support import free_port
from tests.support.fake_marathon import FakeMarathon, serving

from orchestrator.cli.client import follow
from orchestrator.cli.main import cli

WEB = {"id": "/web", "cmd": "sleep 1000", "instances": 3}


@pytest.fixture
def marathon(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeMarathon]:
    monkeypatch.setattr(follow, "_POLL_S", 0.001)
    with serving(FakeMarathon()) as fake:
        monkeypatch.setenv("ORCHESTRATOR_MARATHON_URL", fake.url)
        monkeypatch.setenv("ORCHESTRATOR_MASTER_URL", fake.url)
        yield fake


def run(*args: str, stdin: str | None = None) -> Result:
    return CliRunner().invoke(cli, args, input=stdin)


def test_deploy_follows_until_all_instances_run(marathon: FakeMarathon, tmp_path: Path) -> None:
    file = tmp_path / "web.json"
    file.write_text(json.dumps(WEB))
    result = run("deploy", str(file))
    assert result.exit_code == 0
    assert result.stdout == ""
    assert "/web: 1 of 3 ready: waiting for a launch" in result.stderr
    assert "deployed /web" in result.stderr
    assert marathon.requests[0] == ("PUT", "/v2/apps/web?partialUpdate=false")


def test_deploy_takes_a_list_from_stdin(marathon: FakeMarathon) -> None:
    result = run("deploy", "-", stdin=json.dumps([WEB, WEB | {"id": "db"}]))
    assert result.exit_code == 0
    assert marathon.requests[0] == ("PUT", "/v2/apps?partialUpdate=false")


def test_deploy_takes_yaml(marathon: FakeMarathon, tmp_path: Path) -> None:
    file = tmp_path / "web.yaml"
    file.write_text("id: web\ncmd: sleep 1000\n---\nid: db\ncmd: sleep 1000\n")
    assert run("deploy", str(file)).exit_code == 0
    assert sorted(marathon.apps) == ["/db", "/web"]


def test_deploy_prints_the_deployment_as_json(marathon: FakeMarathon) -> None:
    result = run("deploy", "-", "--json", "--no-wait", stdin=json.dumps(WEB))
    assert json.loads(result.stdout)["deploymentId"] == "d1"
    assert "deployment d1 has begun" in result.stderr


def test_deploy_gives_up_after_its_timeout_and_says_what_is_missing(
    marathon: FakeMarathon,
) -> None:
    marathon.is_stuck = True
    summary = {"rejectSummaryLastOffers": [{"reason": "InsufficientCpus", "declined": 1}]}
    marathon.queue = [{"app": {"id": "/web"}, "count": 3, "processedOffersSummary": summary}]
    result = run("deploy", "-", "--timeout", "0.05", stdin=json.dumps(WEB))
    assert result.exit_code == 1
    assert "is not done yet" in result.stderr
    assert "/web: 0 of 3 ready: waiting for an offer with enough cpus" in result.stderr


def test_deploy_fails_when_the_tasks_do_not_last(marathon: FakeMarathon) -> None:
    marathon.task_state = "TASK_FAILED"
    result = run("deploy", "-", stdin=json.dumps(WEB))
    assert result.exit_code == 1
    assert "is done, but its tasks did not last: /web: 0 of 3 ready" in result.stderr


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("{", "- is not valid JSON"),
        ("", "- holds no app"),
        ("[]", "- holds no app"),
        ('{"cmd": "x"}', 'an app without an id, such as "id": "/web"'),
        ("hello", "must hold an app or a list of apps, not 'hello'"),
        ("a: [", "is neither JSON nor YAML"),
    ],
)
def test_deploy_refuses_what_is_no_app(text: str, sentence: str) -> None:
    result = run("deploy", "-", stdin=text)
    assert result.exit_code == 2
    assert sentence.replace("- ", "", 1) in result.stderr


def test_a_refusal_shows_marathons_reasons(marathon: FakeMarathon) -> None:
    marathon.rejection = HTTPException(422, "Object is not valid")
    result = run("deploy", "-", stdin=json.dumps(WEB))
    assert (result.exit_code, result.stderr) == (1, "Error: Object is not valid\n")


def test_apps_are_a_table_for_people(marathon: FakeMarathon) -> None:
    marathon.add("/web", 2, cmd="sleep 1000", cpus=0.5, mem=32)
    marathon.add("/b", 0, container={"docker": {"image": "nginx"}})
    lines = [line.split() for line in run("apps").stdout.splitlines()]
    assert lines[1] == ["/b", "suspended", "0/0", "-", "0", "0", "nginx"]
    assert lines[2] == ["/web", "running", "2/2", "-", "0.5", "32", "sleep", "1000"]


def test_lists_are_json_for_programs(marathon: FakeMarathon) -> None:
    marathon.add("/web", 2)
    assert [app["id"] for app in json.loads(run("apps", "--json").stdout)] == ["/web"]
    assert len(json.loads(run("tasks", "--json").stdout)) == 2
    assert json.loads(run("agents", "--json").stdout)[0]["id"] == "S0"
    assert json.loads(run("deployments", "--json").stdout) == []


def test_an_empty_list_says_what_to_do(marathon: FakeMarathon) -> None:
    result = run("apps")
    assert (result.exit_code, result.stdout) == (0, "")
    assert "orchestrator deploy app.json" in result.stderr


def test_tasks_of_one_app_are_listed(marathon: FakeMarathon) -> None:
    marathon.add("/web", 1)
    marathon.add("/db", 1)
    assert "/db" not in run("tasks", "web").stdout
    assert "/db" in run("tasks").stdout


def test_an_unknown_app_is_exit_code_4(marathon: FakeMarathon) -> None:
    for command in (["tasks", "no"], ["scale", "no", "2"], ["rm", "no"], ["logs", "no"]):
        result = run(*command)
        assert result.exit_code == 4
        assert result.stderr == "Error: App '/no' does not exist\n"


def test_scale_starts_what_is_missing(marathon: FakeMarathon) -> None:
    marathon.add("/web", 1)
    result = run("scale", "web", "3")
    assert result.exit_code == 0
    assert len(marathon.apps["/web"]["tasks"]) == 3


def test_restart_replaces_the_tasks(marathon: FakeMarathon) -> None:
    marathon.add("/web", 2)
    before = marathon.apps["/web"]["tasks"][:]
    result = run("restart", "web", "--force")
    assert result.exit_code == 0
    assert not [task for task in marathon.apps["/web"]["tasks"] if task in before]
    assert ("POST", "/v2/apps/web/restart?force=true") in marathon.requests


def test_rm_follows_until_the_app_is_gone(marathon: FakeMarathon) -> None:
    marathon.add("/web", 2)
    result = run("rm", "web")
    assert result.exit_code == 0
    assert "removed /web" in result.stderr
    assert marathon.apps == {}


def test_kill_ends_one_task(marathon: FakeMarathon) -> None:
    task = marathon.add("/web", 1)["tasks"][0]["id"]
    assert run("kill", task, "--scale").exit_code == 0
    assert ("POST", "/v2/tasks/delete?scale=true") in marathon.requests


def test_killing_an_unknown_task_is_exit_code_4(marathon: FakeMarathon) -> None:
    result = run("kill", "no")
    assert result.exit_code == 4
    assert "there is no task 'no'" in result.stderr


def test_agents_show_what_is_in_use(marathon: FakeMarathon) -> None:
    row = run("agents").stdout.splitlines()[1].split()
    assert row[:5] == ["S0", "node0", "active", "0.5/4", "64/1024"]


def test_deployments_show_what_they_do(marathon: FakeMarathon) -> None:
    marathon.is_stuck = True
    run("deploy", "-", "--no-wait", stdin=json.dumps(WEB))
    assert "ScaleApplication /web" in run("deployments").stdout


def test_logs_of_one_task_are_printed_as_they_are(marathon: FakeMarathon) -> None:
    task = marathon.add("/web", 1)["tasks"][0]["id"]
    marathon.files = {f"/{task}/stdout": b"out\n", f"/{task}/stderr": b"err\n"}
    assert run("logs", "web").stdout == "out\n"
    assert run("logs", "web", "--stderr").stdout == "err\n"


def test_logs_of_several_tasks_name_their_task(marathon: FakeMarathon) -> None:
    first, second = (task["id"] for task in marathon.add("/web", 2)["tasks"])
    marathon.files = {f"/{first}/stdout": b"a\nb\n", f"/{second}/stdout": b"c\n"}
    assert run("logs", "web").stdout == "00000000 | a\n00000000 | b\n00000001 | c\n"


def test_logs_can_be_cut_to_the_last_lines(marathon: FakeMarathon) -> None:
    task = marathon.add("/web", 1)["tasks"][0]["id"]
    marathon.files = {f"/{task}/stdout": b"".join(b"line %d\n" % n for n in range(100_000))}
    assert run("logs", "web", "-n", "2").stdout == "line 99998\nline 99999\n"
    assert len(run("logs", "web").stdout.splitlines()) == 100_000


def test_logs_keep_characters_whole_and_count_bytes(marathon: FakeMarathon) -> None:
    task = marathon.add("/web", 1)["tasks"][0]["id"]
    text = "x" + "\u20ac" * 50_000  # three bytes each: the chunks of the reader cut one
    marathon.files = {f"/{task}/stdout": text.encode() + b"\xff\xfe\n" + b"end\n"}
    assert run("logs", "web").stdout == text + "\ufffd\ufffd\nend\n"


def test_logs_of_an_unknown_task_are_exit_code_4(marathon: FakeMarathon) -> None:
    marathon.add("/web", 1)
    result = run("logs", "web", "--task", "no")
    assert result.exit_code == 4
    assert "knows no task 'no'" in result.stderr


def test_logs_of_an_app_without_tasks_say_so(marathon: FakeMarathon) -> None:
    marathon.add("/web", 0)
    result = run("logs", "web")
    assert result.exit_code == 1
    assert "no task of /web runs" in result.stderr


def test_a_server_that_does_not_run_is_exit_code_3() -> None:
    url = f"http://127.0.0.1:{free_port()}"
    result = run("apps", "--marathon", url)
    assert result.exit_code == 3
    assert f"cannot reach Marathon at {url}: is `orchestrator up` running?" in result.stderr


def test_a_wrong_url_is_a_usage_error() -> None:
    result = run("apps", "--marathon", "ftp://x")
    assert result.exit_code == 2
    assert "is not the URL of Marathon" in result.stderr


def test_an_answer_that_is_no_marathon_is_a_sentence(marathon: FakeMarathon) -> None:
    marathon.apps["/web"] = {"instances": "many"}
    result = run("apps")
    assert result.exit_code == 1
    assert "sent an answer that is not understood" in result.stderr
