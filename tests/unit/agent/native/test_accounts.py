"""Users of an image, paths inside one, and whose a sandbox is."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.agent.adapters.native import accounts, identity, rooted
from orchestrator.agent.adapters.native.accounts import Account
from orchestrator.agent.adapters.native.errors import NativeError

PASSWD = (
    "root:x:0:0::/root:/bin/sh\n# no\nbroken\napp:x:10:20::/app:/bin/sh\nbig:x:9999999999:0:::\n"
)
GROUP = "root:x:0:\napp:x:20:\nextra:x:30:app,other\n"


@pytest.mark.parametrize(
    ("user", "account"),
    [
        ("root", Account(uid=0, gid=0, home="/root")),
        ("app", Account(uid=10, gid=20, groups=(30,), home="/app")),
        ("10", Account(uid=10, gid=20, groups=(30,), home="/app")),
        ("77", Account(uid=77, gid=0)),
        ("77:88", Account(uid=77, gid=88)),
        ("app:extra", Account(uid=10, gid=30, home="/app")),
        ("nobody", None),
        ("big", None),
    ],
)
def test_a_user_is_found_by_name_or_number(user: str, account: Account | None) -> None:
    assert accounts.find(user, PASSWD, GROUP) == account


@pytest.mark.parametrize("user", ["app:nope", "99999999999", "1:99999999999"])
def test_what_does_not_exist_or_is_too_large_is_refused(user: str) -> None:
    with pytest.raises(NativeError):
        accounts.find(user, PASSWD, GROUP)


@given(st.text(max_size=60), st.text(max_size=60))
def test_any_file_is_read(passwd: str, group: str) -> None:
    accounts.find("app", passwd, group)


def test_a_link_of_an_image_is_read_inside_the_image(tmp_path: Path) -> None:
    root = tmp_path / "root"
    (root / "etc").mkdir(parents=True)
    (root / "etc/passwd").symlink_to("/real/passwd")
    (root / "real").symlink_to("../../../../tmp/files")
    (root / "tmp/files").mkdir(parents=True)
    (root / "tmp/files/passwd").write_text("of the image")
    assert rooted.read_text(root, "/etc/passwd", 100) == "of the image"
    assert rooted.read_text(root, "/etc/group", 100) == ""


@given(st.lists(st.sampled_from(["a", "b", "..", ".", "", "link", "/"]), max_size=8))
def test_no_path_leads_out(tmp_path_factory: pytest.TempPathFactory, parts: list[str]) -> None:
    root = tmp_path_factory.mktemp("root")
    (root / "a").mkdir()
    (root / "link").symlink_to("../../..")
    assert rooted.resolve(root, "/".join(parts)).is_relative_to(root)


def test_links_in_a_circle_are_an_error(tmp_path: Path) -> None:
    (tmp_path / "a").symlink_to("b")
    (tmp_path / "b").symlink_to("a")
    with pytest.raises(OSError, match="circle"):
        rooted.resolve(tmp_path, "a/x")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_a_sandbox_is_handed_over_and_nothing_that_a_link_leads_to(tmp_path: Path) -> None:
    outside, box = tmp_path / "outside", tmp_path / "run/containers/c"
    outside.mkdir()
    (outside / "passwd").touch()
    (box / "d").mkdir(parents=True)
    (box / "d/file").touch()
    (box / "link").symlink_to(outside)
    identity.hand_over(box, Account(uid=1234, gid=1235))
    assert {path.lstat().st_uid for path in (box, *box.rglob("*"))} == {1234}
    (tmp_path / "run/containers").rename(tmp_path / "run/moved")
    (tmp_path / "evil").mkdir()
    (tmp_path / "evil/c").symlink_to(outside)
    (tmp_path / "run/containers").symlink_to(tmp_path / "evil")
    with pytest.raises(OSError, match="c"):
        identity.hand_over(box, Account(uid=1234, gid=1235))
    assert {path.stat().st_uid for path in (outside, outside / "passwd")} == {0}
