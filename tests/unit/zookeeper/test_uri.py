"""Settings that name an ensemble."""

import pytest

from orchestrator.zookeeper.uri import (
    UriError,
    ZooKeeperUri,
    is_zookeeper,
    parse,
    without_credentials,
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("zk://h1:1,h2:2/mesos", ZooKeeperUri((("h1", 1), ("h2", 2)), "/mesos")),
        ("zoo://h/a/b/", ZooKeeperUri((("h", 2181),), "/a/b")),
        ("zk://u:p@h:1/mesos", ZooKeeperUri((("h", 1),), "/mesos", "u:p")),
        ("zk://u:p@ss@h:1/mesos", ZooKeeperUri((("h", 1),), "/mesos", "u:p@ss")),
    ],
)
def test_a_uri_is_read(text: str, expected: ZooKeeperUri) -> None:
    assert is_zookeeper(text)
    assert parse(text) == expected


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("http://h:1/mesos", "does not begin with zk://"),
        ("zk://h:1", "needs a path"),
        ("zk://h:1/", "needs a path"),
        ("zk:///mesos", "'' is not host:port"),
        ("zk://h:1,/mesos", "'' is not host:port"),
        ("zk://h:x/mesos", "'h:x' is not host:port"),
        ("zk://h:99999/mesos", "'h:99999' is not host:port"),
        ("zk://user@h:1/mesos", "user:password"),
        ("zk://h:1/a//b", "is not a path"),
        ("zk://h:1/a/../b", "is not a path"),
    ],
)
def test_what_names_no_ensemble_is_refused_in_a_sentence(text: str, reason: str) -> None:
    with pytest.raises(UriError, match=reason):
        parse(text)


def test_a_password_is_never_shown() -> None:
    uri = "zk://user:secret@h:1/mesos"

    assert str(parse(uri)) == without_credentials(uri) == "zk://h:1/mesos"
    with pytest.raises(UriError) as refused:
        parse("zk://user:secret@h:x/mesos")
    assert "secret" not in str(refused.value)


def test_a_plain_url_is_shown_as_it_is() -> None:
    assert without_credentials("http://h:5050") == "http://h:5050"
    assert without_credentials("h:5050") == "h:5050"


@pytest.mark.parametrize("text", ["zk://a:1", "zk://a:1/"])
def test_a_whole_ensemble_is_named_where_that_is_allowed(text: str) -> None:
    assert parse(text, root_allowed=True).path == "/"
    with pytest.raises(UriError):
        parse(text)
