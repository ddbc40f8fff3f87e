"""What URIs name, and what of them may be shown."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.agent.adapters.fetcher import source
from orchestrator.agent.adapters.fetcher.source import FetchError
from orchestrator.mesos.types import CommandURI

SHA = "a" * 64


@pytest.mark.parametrize(
    ("uri", "is_remote", "location", "name"),
    [
        ("http://h/d/a.tgz", True, "http://h/d/a.tgz", "a.tgz"),
        ("  https://u:p@h:1/a", True, "https://u:p@h:1/a", "a"),
        ("http://h/a?x=1", True, "http://h/a?x=1", "a?x=1"),  # as Mesos
        ("/abs/file", False, "/abs/file", "file"),
        ("/abs/a%20b", False, "/abs/a%20b", "a%20b"),
        ("file:///abs/a%20b", False, "/abs/a b", "a b"),
        ("file://localhost/abs/f", False, "/abs/f", "f"),
        (f"http://h/a#sha256={SHA}", True, "http://h/a", "a"),
    ],
)
def test_a_uri_names_a_place_and_a_file(
    uri: str, is_remote: bool, location: str, name: str
) -> None:
    found = source.read(CommandURI(value=uri))
    assert (found.is_remote, found.location, found.name) == (is_remote, location, name)
    assert str(found.target) == name


def test_an_output_file_may_lie_in_directories() -> None:
    found = source.read(CommandURI(value="/a", output_file="d/e/f"))
    assert str(found.target) == "d/e/f"


@pytest.mark.parametrize("output", ["../x", "/x", "a/../../x", "", ".", "a\0b"])
def test_an_output_file_outside_the_sandbox_is_refused(output: str) -> None:
    with pytest.raises(FetchError, match="outside the sandbox"):
        source.read(CommandURI(value="/a", output_file=output))


@pytest.mark.parametrize(
    ("uri", "why"),
    [
        ("ftp://h/x", "does not fetch ftp://"),
        ("hdfs://h/x", "does not fetch hdfs://"),
        ("relative", "a path has to be absolute"),
        ("file://relative", "another machine"),
        ("file://other/x", "another machine"),
        ("file://[/x", "no valid URI"),
        ("http://h", "names no file"),
        ("http://h/d/", "names no file"),
        ("/d/..", "names no file"),
        ("http://h/a'b", "characters"),
        ("http://h/a\\b", "characters"),
        ("http://h/" + "x" * 300, "longer than 255 bytes"),
        ("http://h/a#sha256=abc", "checksum"),
    ],
)
def test_what_cannot_be_fetched_is_refused_with_the_reason(uri: str, why: str) -> None:
    with pytest.raises(FetchError, match=why) as caught:
        source.read(CommandURI(value=uri))
    assert str(caught.value).startswith("Failed to fetch '")


@given(
    st.text("abc123$!", min_size=1), st.text("xyz789-_", min_size=8), st.text("=&tk", min_size=1)
)
def test_neither_credentials_nor_a_query_are_shown(user: str, password: str, query: str) -> None:
    shown = source.shown(f"https://{user}:{password}@host/path/f?{query}{password}")
    assert shown == "https://***@host/path/f?..."


@given(st.text())
def test_no_text_crashes_the_reading(text: str) -> None:
    try:
        source.read(CommandURI(value=text))
    except FetchError as error:
        assert str(error)


@pytest.mark.parametrize(
    "uri", ["h/f?token={}", "file://u:{}@h/f", "file://[u:{}@/f", "x://u:{}@h"]
)
def test_nor_are_they_where_a_uri_is_refused(uri: str) -> None:
    with pytest.raises(FetchError) as refused:
        source.read(CommandURI(value=uri.format("hunter2")))
    assert "hunter2" not in str(refused.value)
