"""An HTTP server as a service has it: it says its version, and serves on a while when told to end.

``python draining_app.py PORT VERSION DRAIN_S``.
"""

from __future__ import annotations

import asyncio
import signal
import sys


async def serve(port: int, version: str, drain_s: float) -> None:
    """Serve until SIGTERM, and for ``drain_s`` longer."""
    told = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, told.set)
    body = version.encode()
    answer = b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%b"

    async def on_request(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer % (len(body), body))
        writer.close()
        await writer.wait_closed()

    async with await asyncio.start_server(on_request, "127.0.0.1", port):
        await told.wait()
        await asyncio.sleep(drain_s)


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1]), sys.argv[2], float(sys.argv[3])))
