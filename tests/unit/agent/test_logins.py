"""Logins of registries in all the forms that people have."""

from __future__ import annotations

import base64
import json
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.agent.adapters import logins
from orchestrator.agent.adapters.logins import CredentialError, Login


def encoded(user: str, password: str) -> str:
    return base64.b64encode(f"{user}:{password}".encode()).decode()


def config(**auths: object) -> str:
    return json.dumps({"auths": {key.replace("_", "."): value for key, value in auths.items()}})


@pytest.mark.parametrize(
    ("image", "registry"),
    [
        ("alpine", "docker.io"),
        ("library/alpine:3", "docker.io"),
        ("docker.io/alpine", "docker.io"),
        ("index.docker.io/a/b", "docker.io"),
        ("quay.io/a/b:c", "quay.io"),
        ("localhost/a", "localhost"),
        ("127.0.0.1:5000/a@sha256:0", "127.0.0.1:5000"),
        ("Registry.Example.com/a", "registry.example.com"),
    ],
)
def test_an_images_registry(image: str, registry: str) -> None:
    assert logins.registry_of(image) == registry


@pytest.mark.parametrize(
    "entry",
    [
        {"auth": encoded("u", "p:q")},
        {"auth": encoded("u", "p:q").rstrip("=")},
        {"username": "u", "password": "p:q"},
        {"auth": encoded("u", "p:q"), "email": "x@y"},
    ],
)
def test_a_login_in_base64_or_in_the_clear(entry: object) -> None:
    login = logins.parse(config(quay_io=entry), "here")["quay.io"]
    assert (login.username, login.password) == ("u", "p:q")


@pytest.mark.parametrize(
    "name", ["https://index.docker.io/v1/", "docker.io", "index.docker.io", "registry-1.docker.io"]
)
def test_docker_hub_has_many_names(name: str) -> None:
    text = json.dumps({"auths": {name: {"username": "u", "password": "p"}}})
    assert logins.parse(text, "here")["docker.io"].registry == name


def test_the_older_form_has_no_auths_around_it() -> None:
    text = json.dumps({"quay.io": {"auth": encoded("u", "p"), "email": ""}})
    assert logins.parse(text, "here")["quay.io"].username == "u"


def test_a_configuration_may_have_no_logins() -> None:
    for text in ("{}", '{"credsStore": "pass"}', '{"experimental": "enabled", "auths": {"x": {}}}'):
        assert logins.parse(text, "here") == {}


def test_the_header_is_what_the_engine_wants() -> None:
    header = Login(registry="quay.io", username="u", password="p").header()
    assert json.loads(base64.urlsafe_b64decode(header)) == {
        "username": "u",
        "password": "p",
        "serveraddress": "quay.io",
    }
    token = Login(registry="quay.io", identity_token="t").header()
    assert json.loads(base64.urlsafe_b64decode(token))["identitytoken"] == "t"


@pytest.mark.parametrize("text", ["", "[]", "{", '{"auths": 1}', '{"auths": {"x": {"auth": 1}}}'])
def test_what_is_no_configuration_is_refused_with_its_place(text: str) -> None:
    with pytest.raises(CredentialError, match="here"):
        logins.parse(text, "here")


def test_a_login_that_cannot_be_read_is_refused_without_telling_it() -> None:
    with pytest.raises(CredentialError) as refused:
        logins.parse(config(quay_io={"auth": "c2VjcmV0LXdvcmQ"}), "here")
    assert "quay.io" in str(refused.value)
    assert "c2VjcmV0" not in str(refused.value)


def test_a_login_does_not_show_its_password() -> None:
    assert "hush" not in repr(Login(registry="x", username="u", password="hush"))


def test_the_operator_gives_a_file_or_the_text(tmp_path: Path) -> None:
    text = config(quay_io={"username": "u"})
    file = tmp_path / "config.json"
    file.write_text(text)
    assert logins.of_setting("") == {}
    assert logins.of_setting(text) == logins.of_setting(str(file))
    with pytest.raises(CredentialError, match="cannot be read"):
        logins.of_setting(str(tmp_path / "none"))


@pytest.mark.parametrize("name", [".docker/config.json", "config.json", ".dockercfg"])
def test_a_task_brings_its_login_along(tmp_path: Path, name: str) -> None:
    file = tmp_path / name
    file.parent.mkdir(exist_ok=True)
    file.write_text(config(quay_io={"username": "u"}))
    assert logins.of_sandbox(tmp_path)["quay.io"].username == "u"


@pytest.mark.parametrize("text", ["not json", '{"mine": 1}'])
def test_a_config_json_may_be_something_else_of_the_tasks(tmp_path: Path, text: str) -> None:
    (tmp_path / "config.json").write_text(text)
    assert logins.of_sandbox(tmp_path) == {}


def test_links_and_pipes_in_the_sandbox_are_not_followed(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    (outside / ".docker").mkdir(parents=True)
    (outside / ".docker/config.json").write_text(config(quay_io={"username": "u"}))
    sandbox = tmp_path / "sandbox"
    sandbox.mkdir()
    (sandbox / ".docker").symlink_to(outside / ".docker")
    (sandbox / ".dockercfg").symlink_to(outside / ".docker/config.json")
    os.mkfifo(sandbox / "config.json")
    assert logins.of_sandbox(sandbox) == {}


@given(st.binary(max_size=200))
def test_no_text_does_anything_but_be_read_or_refused(text: bytes) -> None:
    try:
        logins.parse(text, "here")
    except CredentialError as refused:
        assert "here" in str(refused)


@given(st.text(max_size=20), st.text(min_size=1, max_size=20).filter(lambda u: ":" not in u))
def test_what_was_written_is_read(password: str, user: str) -> None:
    entry = {"auth": encoded(user, password.rstrip("\0"))}
    login = logins.parse(config(quay_io=entry), "here")["quay.io"]
    assert (login.username, login.password) == (user, password.rstrip("\0"))


def test_what_the_operator_set_is_not_shown_where_it_holds_a_login() -> None:
    assert logins.shown(config(quay_io={"auth": "x"})) == "{...}"
    assert logins.shown("/etc/docker.json") == "/etc/docker.json"
