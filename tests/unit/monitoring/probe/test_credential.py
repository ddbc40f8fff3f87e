"""Principal and secret from a file, and what is said of files that hold none."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.monitoring.probe.mesos.credential import MAX_BYTES, Credential, login, parse
from orchestrator.runtime.config import ConfigError

SECRET = "correct-horse-battery"
_words = st.text(
    st.characters(categories=("L", "N", "P", "S"), exclude_characters=":{"), min_size=1
)


@pytest.mark.parametrize(
    "data",
    [
        f'{{"principal": "probe", "secret": "{SECRET}"}}',
        f'\n{{"secret": "{SECRET}",\n "principal": "probe", "other": 1}}\n',
        f"probe {SECRET}",
        f"  probe\t{SECRET}\n\n",
    ],
)
def test_both_forms_of_mesos_are_read(data: str) -> None:
    assert parse(data.encode()) == Credential("probe", SECRET)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        ("", "it has to hold"),
        (SECRET, "it has to hold"),
        (f"probe {SECRET} more", "it has to hold"),
        (f"probe {SECRET}\nother {SECRET}", "it has to hold"),
        (f"probe\n{SECRET}", "it has to hold"),
        (f'{{"principal": "probe", "secret": "{SECRET}"', "it has to hold"),
        (f'{{"principal": 1, "secret": "{SECRET}"}}', "it has to hold"),
        ('{"principal": "probe"}', "it has to hold"),
        ('{"principal": "probe", "secret": ""}', "its secret is empty"),
        (f'{{"principal": "", "secret": "{SECRET}"}}', "its principal is empty"),
        (f'{{"principal": "a:b", "secret": "{SECRET}"}}', "its principal has a colon"),
        (f'{{"principal": "a", "secret": "{SECRET}\\r\\nX: y"}}', "its secret has characters"),
        (f'{{"credentials": [{{"principal": "a", "secret": "{SECRET}"}}]}}', "it has to hold"),
    ],
)
def test_what_is_no_credential_is_refused_without_what_is_in_it(
    tmp_path: Path, data: str, reason: str
) -> None:
    file = tmp_path / "credential"
    file.write_text(data)
    with pytest.raises(ConfigError) as caught:
        login(str(file), "--mesos-credential-file")
    said = str(caught.value)
    assert said.startswith(f"--mesos-credential-file {file} cannot be used: {reason}")
    assert SECRET not in said
    assert caught.value.__suppress_context__


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    for file, reason in ((tmp_path / "none", "No such file"), (tmp_path, "Is a directory")):
        with pytest.raises(ConfigError, match=f"^--flag {file} cannot be read: {reason}"):
            login(str(file), "--flag")


@pytest.mark.parametrize(
    ("data", "reason"),
    [(b"probe \xff\xfe", "it is not text in UTF-8"), (bytes(MAX_BYTES + 1), "it has more than")],
)
def test_a_file_of_something_else_is_refused(tmp_path: Path, data: bytes, reason: str) -> None:
    file = tmp_path / "credential"
    file.write_bytes(data)
    with pytest.raises(ConfigError, match=reason):
        login(str(file), "--flag")


@given(_words, _words)
def test_what_is_sent_is_what_the_file_holds(principal: str, secret: str) -> None:
    assert parse(f"{principal} {secret}".encode()) == Credential(principal, secret)


def test_it_is_shown_to_servers_only(tmp_path: Path) -> None:
    file = tmp_path / "credential"
    file.write_text(f"probe {SECRET}")
    known = login(str(file), "--flag")
    scheme, _, value = known.headers["Authorization"].partition(" ")
    assert (scheme, base64.b64decode(value).decode()) == ("Basic", f"probe:{SECRET}")
    for shown in (repr(known), str(known), f"{known}", known.refusal, repr(parse(b"a b"))):
        assert SECRET not in shown
        assert value not in shown
        assert "'b'" not in shown


def test_without_a_file_nothing_is_sent_and_a_401_names_the_setting() -> None:
    known = login("", "--marathon-credential-file")
    assert known.headers == {}
    assert "--marathon-credential-file" in known.refusal
