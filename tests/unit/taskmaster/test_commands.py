"""`task-master` as people and programs use it: what it prints where, and its exit codes."""

import csv
import io
import json
import re
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from tests.unit.taskmaster.test_documents import DOCUMENTS

from orchestrator.cli.taskmaster.main import cli

STATUS = DOCUMENTS / "status.md"
SMALL = "## Core\n- Task 1: A ✅\n- Task 2: B (HIGH)\n- Task 3: C\n  - Depends on: 2\n"


class Directory:
    """A project, and the command run in it."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def run(self, *arguments: str, code: int = 0) -> Result:
        result = CliRunner().invoke(cli, ["-C", str(self.path), *arguments])
        assert result.exit_code == code, (result.output, result.exception)
        assert result.exception is None or isinstance(result.exception, SystemExit)
        return result

    def json(self, *arguments: str) -> Any:
        return json.loads(self.run(*arguments, "--json").stdout)

    def document(self, text: str | bytes, name: str = "PRD.md") -> str:
        data = text.encode() if isinstance(text, str) else text
        (self.path / name).write_bytes(data)
        return f"--input={self.path / name}"

    def parsed(self, text: str | bytes = SMALL) -> "Directory":
        self.run("parse-prd", self.document(text))
        return self

    def statuses(self) -> dict[str, str]:
        tasks = json.loads(self.run("list", "--json").stdout)
        return {task["id"]: task["status"] for task in tasks}


@pytest.fixture
def project(tmp_path: Path) -> Directory:
    return Directory(tmp_path)


def test_a_document_is_read_and_the_next_task_is_that_of_the_text(project: Directory) -> None:
    result = project.run("parse-prd", project.document(STATUS.read_bytes()))
    assert "91 entries (42 of them theirs); 14 new, 0 gone" in result.stderr
    assert "drift: line 238 declares tasks in total: 64; 14 listed" in result.stderr
    assert len(result.stdout.splitlines()) == 15
    found = project.run("next")
    assert found.stdout == "5: Docker Containerizer Integration\n"
    assert found.stderr == "because: priority critical; all it depends on is done: 3\n"


def test_lists_are_narrowed(project: Directory) -> None:
    project.parsed(STATUS.read_bytes())

    def ids(*options: str) -> list[str]:
        lines = project.run("list", *options).stdout.splitlines()[1:]
        return [line.split()[0] for line in lines]

    assert ids("--priority=CRITICAL") == ["5", "9"]
    assert ids("--component=Monitoring") == ["36", "42"]
    assert ids("--status=in-progress") == ["4"]
    assert ids("--ready") == ["5", "4", "8"]
    assert project.run("list", "--component=none").stderr == "No task is like that.\n"
    assert "known are critical, high" in project.run("list", "--priority=huge", code=2).stderr


@pytest.mark.parametrize("written", ["2", "#2", "Task 2", "TASK_002"])
def test_tasks_are_recorded_by_any_way_to_write_their_id(project: Directory, written: str) -> None:
    project.parsed()
    result = project.run("complete", f"--task={written}")
    assert result.stdout == ""
    assert result.stderr == "2: B: pending -> done\nready now: 3\n"
    assert project.statuses() == {"1": "done", "2": "done", "3": "pending"}
    project.run("skip", written)
    assert project.statuses()["2"] == "deferred"
    assert "depends on 2, not done yet" in project.run("resume", "3").stderr
    project.run("undo")
    project.run("undo")
    assert project.statuses() == {"1": "done", "2": "done", "3": "pending"}


def test_an_unknown_task_changes_nothing(project: Directory) -> None:
    project.parsed()
    result = project.run("complete", "2", "99", code=4)
    assert result.stderr == "Error: there is no task '99'; `task-master list` shows them\n"
    assert project.statuses()["2"] == "pending"
    assert "no id of a task" in project.run("complete", "two", code=2).stderr


def test_show_says_where_everything_comes_from(project: Directory) -> None:
    project.parsed(STATUS.read_bytes())
    shown = project.run("show", "--task=TASK_034").stdout
    assert shown.startswith("5: Docker Containerizer Integration\n")
    assert "line 349      estimate: 3 (weight 100)" in shown
    as_json = project.json("show", "9")
    assert as_json["waitsFor"] == ["8"]
    assert as_json["entries"] == ["TASK_040", "TASK_041", "TASK_042"]


def test_dependencies_are_shown_around_a_task_and_of_all(project: Directory) -> None:
    project.parsed(STATUS.read_bytes())
    assert project.json("deps", "--task=7") == {
        "id": "7",
        "dependencies": [],
        "waitsFor": [],
        "unblocks": [],
        "downstream": ["8", "9"],
    }
    everything = project.run("deps")
    assert len(everything.stdout.splitlines()) == 6
    assert everything.stderr == "critical path: 8 -> 9, 4 hours\n"


def test_claimed_tasks_are_not_claimed_again(project: Directory) -> None:
    project.parsed()
    assert project.run("next", "--auto").stdout == "2: B\n"
    assert project.statuses()["2"] == "in-progress"
    assert project.run("next", "--auto").stderr.startswith("Nothing is ready.\n  3: C waits for 2")
    project.run("next", "--auto", "--exit-code", code=3)


@pytest.mark.parametrize(
    ("command", "code", "status"), [("true", 0, "done"), ("false", 1, "pending")]
)
def test_the_command_of_the_settings_is_run_and_its_outcome_recorded(
    project: Directory, command: str, code: int, status: str
) -> None:
    project.parsed()
    settings = project.path / ".taskmaster/orchestrator.toml"
    script = f'echo "$TASK_ID $TASK_TITLE" > ran; {command}'
    settings.write_text(f"[next]\ncommand = ['sh', '-c', '{script}']\n")
    outcome = json.loads(project.run("next", "--auto", "--json", code=code).stdout)
    assert (outcome["task"]["id"], outcome["task"]["status"]) == ("2", status)
    assert outcome["commandExitCode"] == code
    assert (project.path / "ran").read_text() == "2 B\n"
    assert project.statuses()["2"] == status


def test_wrong_settings_are_said(project: Directory) -> None:
    project.parsed()
    (project.path / ".taskmaster/orchestrator.toml").write_text("[next]\ncommand = 'rm'\n")
    assert "orchestrator.toml: Expected `array`" in project.run("next", code=5).stderr


def test_ci_gets_outputs_and_a_summary(project: Directory, monkeypatch: pytest.MonkeyPatch) -> None:
    project.parsed()
    monkeypatch.setenv("GITHUB_OUTPUT", str(project.path / "output"))
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(project.path / "summary"))
    project.run("next")
    assert (project.path / "output").read_text() == "task_id=2\ntask_title=B\nfound=true\n"
    assert (project.path / "summary").read_text().startswith("**Next task** 2: B\n")


def test_statuses_are_written_back_and_nothing_else(project: Directory) -> None:
    project.parsed(SMALL.replace("\n", "\r\n"))
    project.run("complete", "2")
    assert project.run("write-back", "--dry-run").stdout == "3: - Task 2: B (HIGH) ✅\n"
    project.run("write-back")
    expected = SMALL.replace("(HIGH)", "(HIGH) ✅").replace("\n", "\r\n")
    assert (project.path / "PRD.md").read_bytes() == expected.encode()
    assert "0 lines changed" in project.run("write-back").stderr


def test_versions_are_compared(project: Directory) -> None:
    project.parsed()
    new = project.document(SMALL.replace("B (HIGH)", "B2 ✅") + "- Task 4: D\n", "new.md")
    path = new.removeprefix("--input=")
    assert project.run("diff", path, "--exit-code", code=1).stdout == (
        "+ 4: D (pending, medium)\n~ 2: title: B -> B2\n~ 2: status: pending -> done\n"
        "~ 2: priority: high -> medium\n"
    )
    assert project.run("diff", path, path, "--exit-code").stderr == "no difference\n"


def test_deliverables_are_looked_for(project: Directory) -> None:
    text = "- Task 1: A ✅\n  - Deliverable: `a/{x,y}.py`, `b/*.md`, Dockerfiles\n- Task 2: B\n"
    project.parsed(text + "  - Deliverable: `z.py`\n")
    for name in ("a/x.py", "b/c.md"):
        (project.path / name).parent.mkdir(exist_ok=True)
        (project.path / name).touch()
    result = project.run("verify", code=1)
    rows = [line.split() for line in result.stdout.splitlines()[1:]]
    assert [(row[2], row[3]) for row in rows] == [
        ("there", "a/x.py"),
        ("missing", "a/y.py"),
        ("there", "b/*.md"),
    ]
    (project.path / "a/y.py").touch()
    project.run("verify")
    assert "z.py" in project.run("verify", "--all").stdout


def test_exports_are_what_they_say(project: Directory) -> None:
    project.parsed('- Task 1: =SUM(A1) <b> "x" | y\n- Task 2: B ✅\n  - Depends on: 1\n')
    rows = list(csv.reader(io.StringIO(project.run("export", "--format=csv").stdout)))
    assert rows[1][:3] == ["1", '\'=SUM(A1) <b> "x" | y', "pending"]
    assert "&lt;b&gt; &quot;x&quot;" in project.run("export", "--format=html").stdout
    dot = project.run("export", "--format=dot").stdout
    assert '"1" [label="1: =SUM(A1) <b> \\"x\\" | y"' in dot
    assert '"1" -> "2";' in dot
    mermaid = project.run("export", "--format=mermaid").stdout
    assert "#60;b#62; #34;x#34; #124; y" in mermaid
    assert "t1 --> t2" in mermaid
    (project.path / "table.md").write_text(project.run("export", "--format=md").stdout)
    plan = project.run("--tag=copy", "parse-prd", f"--input={project.path}/table.md", "--json")
    assert [
        (t["id"], t["status"], t["dependencies"]) for t in json.loads(plan.stdout)["tasks"]
    ] == [
        ("1", "pending", []),
        ("2", "done", ["1"]),
    ]
    exported = json.loads(project.run("export").stdout)
    assert [task["id"] for task in exported["tasks"]] == ["1", "2"]


def test_metrics_are_those_of_prometheus(project: Directory) -> None:
    project.parsed()
    text = project.run("metrics", "--export=prometheus").stdout
    assert 'taskmaster_tasks{status="done"} 1\n' in text
    assert 'taskmaster_component_tasks{component="Core"} 3\n' in text
    line = re.compile(r'(# (HELP|TYPE) \w+ .+)|(\w+(\{\w+="[^"]*"\})? [\d.e+-]+)')
    assert all(line.fullmatch(each) for each in text.splitlines())
    assert project.json("metrics") == project.json("status") | {"next": None}


def test_a_report_has_what_does_not_agree(project: Directory) -> None:
    project.parsed("Total Tasks: 9\n\n" + SMALL)
    report = project.run("report").stdout
    assert "3 tasks, 33% done." in report
    assert "- line 1: tasks in total: 9 declared, 3 listed" in report
    project.run("report", f"--output={project.path}/report.md")
    assert (project.path / "report.md").read_text() == report


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"\x7fELF\0", "PRD.md is a binary file, not Markdown; nothing was changed"),
        (b"a\xff", "PRD.md is not UTF-8: a wrong byte in line 1; nothing was changed"),
        (b"x" * 50_000_000, "PRD.md has 50 MB; at most 16 MB are read"),
    ],
)
def test_what_is_no_document_changes_nothing(project: Directory, data: bytes, message: str) -> None:
    project.parsed()
    before = (project.path / ".taskmaster/tasks/tasks.json").read_bytes()
    result = project.run("parse-prd", project.document(data), code=5)
    assert result.stderr == f"Error: {message}\n"
    assert (project.path / ".taskmaster/tasks/tasks.json").read_bytes() == before


def test_a_document_without_tasks_says_why(project: Directory) -> None:
    result = project.run("parse-prd", project.document("# Only prose\n"))
    assert "0 tasks, because the document has no TASK_nnn" in result.stderr


def test_an_invalid_document_is_told_line_by_line(project: Directory) -> None:
    text = "- Task 1: A\n  - Depends on: 2\n- Task 2: B\n  - Depends on: 1, 7\n- Task 2: C\n"
    result = project.run("validate", project.document(text), code=5)
    assert "error: task 2 is defined twice: as 'B' in line 3 and as 'C' in line 5" in result.stderr
    assert "error: tasks wait for each other in a circle: 1 -> 2 -> 1 (line 1)" in result.stderr
    assert "error: task 2 depends on task 7, which there is not" in result.stderr
    assert result.stderr.endswith("Error: PRD.md: 3 errors\n")


def test_another_document_is_not_merged_by_number(project: Directory) -> None:
    project.parsed()
    other = project.document("- Task 1: Quite another\n", "other.md")
    assert "the tasks here are of PRD.md" in project.run("parse-prd", other, code=1).stderr
    project.run("--tag=other", "parse-prd", other)
    assert json.loads(project.run("--tag=other", "list", "--json").stdout)[0]["id"] == "1"
    assert len(project.statuses()) == 3
    project.run("parse-prd", other, "--replace")
    assert len(project.statuses()) == 1


def test_a_damaged_state_is_said_and_kept(project: Directory) -> None:
    project.parsed()
    path = project.path / ".taskmaster/tasks/tasks.json"
    path.write_text("{")
    for command in (["list"], ["complete", "1"], ["next", "--auto"], ["undo"]):
        assert "tasks.json is damaged" in project.run(*command, code=5).stderr
    assert "is damaged" in project.run("parse-prd", f"--input={project.path}/PRD.md", code=5).stderr
    assert path.read_text() == "{"


def test_without_tasks_it_is_said_how_to_begin(project: Directory) -> None:
    assert "start with `task-master parse-prd" in project.run("next", code=1).stderr
    assert "No such file" in project.run("parse-prd", "--input=nowhere.md", code=1).stderr


def test_the_project_is_found_from_below(project: Directory) -> None:
    project.parsed()
    (project.path / "a/b").mkdir(parents=True)
    assert Directory(project.path / "a/b").statuses() == project.statuses()
