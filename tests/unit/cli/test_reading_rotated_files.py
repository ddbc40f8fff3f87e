"""Following a task's output while the agent cuts it."""

from __future__ import annotations

from typing import cast

from orchestrator.cli.client.api import Api
from orchestrator.cli.client.sandbox import TaskFile
from orchestrator.cli.client.wire import FileRead
from orchestrator.cli.errors import UnknownError


class Files:
    """An agent that has two files."""

    def __init__(self) -> None:
        self.content: dict[str, bytes] = {"/out": b""}

    def get(self, _kind: type, _endpoint: str, *, path: str, offset: int, length: int) -> FileRead:
        if path not in self.content:
            raise UnknownError("there is no such file")
        data = self.content[path]
        if offset in (-1, len(data)):
            return FileRead(offset=len(data))
        return FileRead(offset=offset, data=data[offset : offset + length].decode())

    def rotate(self, at: int) -> None:
        data = self.content["/out"]
        self.content |= {"/out.1": data[:at], "/out": data[at:]}


def opened(files: Files) -> TaskFile:
    return TaskFile(cast(Api, files), "/out")


def test_what_had_not_been_read_when_the_file_was_rotated_is_read() -> None:
    files = Files()
    file = opened(files)
    files.content["/out"] = b"one two "
    assert "".join(file.read_all()) == "one two "
    files.content["/out"] += b"three four five"
    files.rotate(at=18)
    assert "".join(file.read_all()) == "three four five"


def test_what_had_been_read_is_not_read_again() -> None:
    files = Files()
    file = opened(files)
    files.content["/out"] = b"one two three"
    assert "".join(file.read_all()) == "one two three"
    files.rotate(at=8)
    files.content["/out"] += b" four"
    assert "".join(file.read_all()) == " four"


def test_a_file_that_was_emptied_is_read_from_its_start() -> None:
    files = Files()
    file = opened(files)
    files.content["/out"] = b"one two"
    assert "".join(file.read_all()) == "one two"
    files.content["/out"] = b"new"
    assert "".join(file.read_all()) == "new"
