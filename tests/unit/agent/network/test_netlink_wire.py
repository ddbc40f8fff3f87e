"""Netlink messages as bytes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.agent.adapters.network import netlink_wire as wire

messages = st.builds(
    wire.NetlinkMessage,
    st.integers(0, 65535),
    st.integers(0, 65535),
    st.integers(0, 2**32 - 1),
    st.binary(max_size=64).map(lambda body: body + bytes(-len(body) % 4)),
)


@given(st.lists(messages))
def test_messages_are_read_as_they_were_written(written: list[wire.NetlinkMessage]) -> None:
    assert list(wire.decode(b"".join(map(wire.encode, written)))) == written


@given(st.dictionaries(st.integers(1, 0x3FFF), st.binary(max_size=40)))
def test_attributes_are_read_as_they_were_written(written: dict[int, bytes]) -> None:
    data = b"".join(wire.attribute(kind, value) for kind, value in written.items())
    assert wire.attributes(data) == written
    assert wire.attributes(wire.attributes(wire.nested(7, data))[7]) == written


@given(st.binary(max_size=200))
def test_noise_is_no_reason_to_fail(data: bytes) -> None:
    list(wire.decode(data))
    wire.attributes(data)


def test_an_error_is_raised_and_an_acknowledgement_is_none() -> None:
    wire.raise_error(bytes(4))
    with pytest.raises(FileExistsError):
        wire.raise_error((-17).to_bytes(4, "little", signed=True))
