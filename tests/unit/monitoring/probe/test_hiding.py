"""No secret leaves the machine, and what is none stays readable."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.monitoring.probe.hiding import Hiding, is_secret

SECRET = "correct-horse"
HIDING = Hiding()


@pytest.mark.parametrize(
    "words",
    [
        ["app", "--password=correct-horse"],
        ["app", "--password", SECRET],
        ["app", "--dbPassword", SECRET],
        ["app", "-Dspring.datasource.password=correct-horse"],
        ["env", "API_KEY=correct-horse", "app"],
        ["env", "AWS_SECRET_ACCESS_KEY=correct-horse"],
        ["app", "--token:correct-horse"],
        ["psql", "postgres://user:correct-horse@db/name"],
        ["curl", "-H", "Authorization: Bearer correct-horse", "http://x"],
        ["curl", "-u", "user:correct-horse", "http://x"],
        ["mysql", "-pcorrect-horse"],
        ["/usr/bin/redis-cli", "-a", SECRET],
        ["sshpass", "-p", SECRET, "ssh", "host"],
        ["sh", "-c", "PASSWORD=correct-horse exec app --x"],
        ["sh", "-c", "app --client-secret correct-horse"],
        ["app", '{"password": "correct-horse"}'],
    ],
)
def test_a_secret_is_hidden(words: list[str]) -> None:
    shown = HIDING.command(words)
    assert SECRET not in shown
    assert "***" in shown
    assert SECRET in Hiding(shows_all=True).command(words)


@pytest.mark.parametrize(
    "words",
    [
        ["nginx", "-g", "daemon off;"],
        ["app", "--port=80", "--passive", "--author", "ann"],
        ["java", "-Xmx512m", "-jar", "keyboard.jar"],
        ["git", "clone", "https://example.com/tokenizer.git"],
        ["kubelet", "--pod-max-pids=100"],
    ],
)
def test_what_is_no_secret_is_shown(words: list[str]) -> None:
    assert HIDING.command(words) == " ".join(words)


@pytest.mark.parametrize("token", ["AKIAIOSFODNN7EXAMPLE", "ghp_" + "a" * 36, "glpat-" + "b" * 20])
def test_credentials_of_known_form_are_hidden_wherever_they_are(token: str) -> None:
    assert HIDING.text(f"see {token} there") == "see *** there"


@given(st.lists(st.text(max_size=50), max_size=8))
def test_any_command_line_can_be_told(words: list[str]) -> None:
    assert len(HIDING.command(words)) <= 4096


@given(st.text(alphabet="abcdefXYZ0123456789", min_size=12, max_size=30))
def test_any_value_of_a_password_is_hidden(secret: str) -> None:
    assert secret not in HIDING.command(["app", f"--password={secret}", "--password", secret])


@pytest.mark.parametrize("name", ["PASSWORD", "db.password", "apiToken", "x-api-key", "SECRET_1"])
def test_names_say_what_is_secret(name: str) -> None:
    assert is_secret(name)


def test_descriptions_keep_names_and_lose_values() -> None:
    document: dict[str, Any] = {
        "Config": {"Env": ["PATH=/bin", "A=1"], "Labels": {"token": SECRET, "tier": "front"}},
        "Args": ["--password", SECRET],
    }
    assert HIDING.document(document) == {
        "Config": {"Env": ["PATH=***", "A=***"], "Labels": {"token": "***", "tier": "front"}},
        "Args": ["--password", "***"],
    }
