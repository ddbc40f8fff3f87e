"""uvicorn's HTTP/1.1 protocol, bounded before there is a request to speak of.

uvicorn collects header fields without a limit and waits for them without a deadline, so a client
could hold memory and sockets for nothing. Here a request line and its headers fit in 64 KiB and
arrive within 20 seconds, or the connection ends. Most requests arrive whole in one read: for these
no timer is armed, neither here nor for their body (``WHOLE_BODY``).
"""

from __future__ import annotations

import asyncio

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

MAX_HEADER_BYTES = 64 * 1024
HEADER_TIMEOUT_S = 20.0
WHOLE_BODY = "orchestrator.whole_body"
"""Key in the ASGI scope, present when the whole body has arrived."""

_TOO_LARGE = (
    b"HTTP/1.1 431 Request Header Fields Too Large\r\n"
    b"content-type: text/plain; charset=utf-8\r\ncontent-length: 33\r\nconnection: close\r\n\r\n"
    b"the request headers are too large"
)


class BoundedHttpProtocol(HttpToolsProtocol):
    """One connection. The overridden methods are the callbacks of asyncio and httptools."""

    _awaits_headers = True
    _header_bytes = 0
    _is_refused = False
    _header_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """The first request has to arrive in time."""
        super().connection_made(transport)
        self._start_header_timer()

    def connection_lost(self, exc: Exception | None) -> None:
        """No timer outlives its connection: uvicorn leaves its own to one that was reset."""
        self._stop_header_timer()
        self._unset_keepalive_if_required()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Read, unless refused: closing on unread bytes would take the answer back."""
        if self._is_refused:
            return
        awaited, before = self._awaits_headers, self.cycle
        super().data_received(data)
        if not self._awaits_headers:
            self._stop_header_timer()
        elif awaited and self.cycle is before:
            self._header_bytes += len(data)  # the headers went on through all of it
            if self._header_bytes > MAX_HEADER_BYTES:
                self._refuse()
        else:  # those of the next request have begun
            self._header_bytes = 0
            self._stop_header_timer()
            self._start_header_timer()

    def on_message_begin(self) -> None:
        """From here on the limits of this module apply."""
        super().on_message_begin()
        self._awaits_headers = True

    def on_headers_complete(self) -> None:
        """From here on the limits of the request apply."""
        self._awaits_headers = False
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """Nothing of this request has to be waited for."""
        super().on_message_complete()
        self.scope[WHOLE_BODY] = True  # type: ignore[literal-required]

    def send_400_response(self, msg: str) -> None:
        """Answer what is no HTTP."""
        self._awaits_headers = False
        super().send_400_response(msg)

    def _start_header_timer(self) -> None:
        if self._header_timer is None:
            loop = asyncio.get_running_loop()
            self._header_timer = loop.call_later(HEADER_TIMEOUT_S, self.transport.close)

    def _stop_header_timer(self) -> None:
        if self._header_timer is not None:
            self._header_timer.cancel()
            self._header_timer = None

    def _refuse(self) -> None:
        self._is_refused = True
        self.transport.write(_TOO_LARGE)
        self.transport.write_eof()  # the header timer closes what the client leaves open
