"""What a check takes for an answer over HTTP."""

from __future__ import annotations

from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.agent.adapters.checks.answers import (
    MAX_BODY_BYTES,
    MAX_HEAD_BYTES,
    Answer,
    AnswerError,
    read_answer,
)

OK = b"HTTP/1.1 200 OK\r\n"


class Pieces:
    """Gives what comes, piece by piece, then the end; counts what was taken."""

    def __init__(self, pieces: Iterable[bytes], *, ends: bool = True) -> None:
        self._pieces = iter(pieces)
        self._ends = ends
        self.taken = 0

    async def read(self) -> bytes:
        piece = next(self._pieces, b"" if self._ends else None)
        assert piece is not None, "it would wait for ever"
        self.taken += len(piece)
        return piece


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        (OK + b"Content-Length: 2\r\n\r\nok", Answer(200, None)),
        (OK + b"content-length:0\r\n\r\n", Answer(200, None)),
        (b"HTTP/1.1 204 No Content\r\n\r\n", Answer(204, None)),
        (b"HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n", Answer(304, None)),
        (b"HTTP/1.1 503\r\nContent-Length: 0\r\n\r\n", Answer(503, None)),
        (b"HTTP/1.0 200 OK\nContent-Length: 0\n\n", Answer(200, None)),
        (
            b"HTTP/1.1 302 Found\r\nLocation: /there \r\nContent-Length: 0\r\n\r\n",
            Answer(302, "/there"),
        ),
        (
            b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" + OK + b"Content-Length: 0\r\n\r\n",
            Answer(200, None),
        ),
        (OK + b"Transfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n", Answer(200, None)),
    ],
)
async def test_an_answer_is_read_to_its_end_and_no_further(text: bytes, answer: Answer) -> None:
    assert await read_answer(Pieces([text], ends=False).read) == answer


@given(st.lists(st.integers(1, 20)))
async def test_it_does_not_matter_in_which_pieces_it_comes(sizes: list[int]) -> None:
    text = OK + b"Location: /x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"
    pieces = []
    for size in sizes:
        pieces.append(text[:size])
        text = text[size:]
    pieces = [piece for piece in (*pieces, text) if piece]
    assert await read_answer(Pieces(pieces, ends=False).read) == Answer(200, "/x")


async def test_a_body_of_unknown_length_goes_on_to_the_end_of_the_connection() -> None:
    pieces = Pieces([OK + b"\r\n", b"a" * 1000, b"b"])
    assert await read_answer(pieces.read) == Answer(200, None)
    assert pieces.taken == len(OK) + 2 + 1001


async def test_of_a_body_without_end_only_so_much_is_read() -> None:
    pieces = Pieces([OK + b"\r\n", *[b"a" * 65536] * 1000])
    assert await read_answer(pieces.read) == Answer(200, None)
    assert pieces.taken < 2 * MAX_BODY_BYTES


@pytest.mark.parametrize(
    ("pieces", "sentence"),
    [
        ([], "the connection ended without an answer"),
        ([OK], "the connection ended without an answer"),
        ([b"SSH-2.0-OpenSSH\r\n\r\n"], "what answers does not speak HTTP"),
        ([b"HTTP/1.1 20 OK\r\n\r\n"], "what answers does not speak HTTP"),
        ([b"HTTP/1.1 2000 OK\r\n\r\n"], "what answers does not speak HTTP"),
        ([b"a" * MAX_HEAD_BYTES, b"a"], f"no answer within {MAX_HEAD_BYTES} bytes"),
        (
            [OK + b"Content-Length: 10\r\n\r\n", b"half"],
            "the answer ended after 4 of 10 bytes",
        ),
    ],
)
async def test_what_is_no_complete_answer_is_told_so(pieces: list[bytes], sentence: str) -> None:
    with pytest.raises(AnswerError, match=sentence):
        await read_answer(Pieces(pieces).read)
