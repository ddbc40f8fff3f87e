"""Keys of the store and the names of their znodes."""

from hypothesis import example, given
from hypothesis import strategies as st

from orchestrator.zookeeper import keys

_TEXT = st.text(st.characters(exclude_categories=["Cs"]), min_size=1)


def test_a_plain_key_is_the_path_of_its_znode() -> None:
    assert keys.znode("agents/0a1b-S3") == "agents/0a1b-S3"


@given(_TEXT)
@example("agents/../../x")
@example("a/.")
@example(".parts/x")
@example("/")
@example("a//b")
@example("%")
def test_any_key_has_a_znode_of_two_names_that_tells_it_again(key: str) -> None:
    kind, name = keys.znode(key).split("/")

    assert keys.key(kind, name) == key
    assert {kind, name}.isdisjoint({"", ".", "..", ".parts"})


@given(_TEXT, _TEXT)
def test_two_keys_never_share_a_znode(one: str, other: str) -> None:
    assert (keys.znode(one) == keys.znode(other)) == (one == other)
