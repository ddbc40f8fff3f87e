"""What versions can do, and how a version is read out of what servers say."""

import pytest

from orchestrator.zookeeper.dialect import Dialect, Version, read_version


@pytest.mark.parametrize(
    ("answer", "version"),
    [
        ("Zookeeper version: 3.4.14-4c25d4, built on", (3, 4, 14)),
        ("Zookeeper version: 3.8.0-${x}, built on 2023-03-01\nMode: leader", (3, 8, 0)),
        ("Environment:\nzookeeper.version=3.5.9-83df93", (3, 5, 9)),
        ("zk_version\t3.9.2-e454e8c7283100c7caec6dcae2bc82aaecb63023, built on", (3, 9, 2)),
        ("srvr is not executed because it is not in the whitelist.", None),
        ("", None),
    ],
)
def test_a_version_is_read_from_what_servers_say(answer: str, version: Version | None) -> None:
    assert read_version(answer) == version


@pytest.mark.parametrize(
    ("version", "lacks"),
    [((3, 4, 14), 4), ((3, 5, 9), 3), ((3, 6, 0), 1), ((3, 9, 2), 1)],
)
def test_each_missing_thing_is_a_sentence(version: Version, lacks: int) -> None:
    missing = Dialect(version, True, False).missing()
    assert len(missing) == lacks
    assert all(sentence.endswith(".") for sentence in missing)


def test_a_version_that_was_tried_out_is_said_to_be_a_lower_bound() -> None:
    assert Dialect((3, 6, 0), False, True).name == "3.6.0 or newer"
    assert Dialect((3, 6, 0), True, True).name == "3.6.0"
