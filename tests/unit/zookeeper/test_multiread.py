"""The request that kazoo does not know, in bytes."""

import struct

from kazoo.exceptions import NoNodeError

from orchestrator.zookeeper.multiread import MultiRead

_END = b"\xff\xff\xff\xff\x01\xff\xff\xff\xff"


def test_a_request_names_each_path_and_then_ends() -> None:
    header = b"\0\0\0\x04\0\xff\xff\xff\xff"

    assert MultiRead(["/a"]).serialize() == header + b"\0\0\0\x02/a\0" + _END


def test_an_answer_holds_values_and_errors_in_order() -> None:
    found = b"\0\0\0\x04\0\0\0\0\0" + b"\0\0\0\x03abc" + bytes(68)
    never_set = b"\0\0\0\x04\0\0\0\0\0" + b"\xff\xff\xff\xff" + bytes(68)
    missing = b"\xff\xff\xff\xff\0\xff\xff\xff\x9b" + struct.pack("!i", -101)

    values = MultiRead.deserialize(b"junk" + found + never_set + missing + _END, 4)

    assert values[:2] == [b"abc", b""]
    assert isinstance(values[2], NoNodeError)
